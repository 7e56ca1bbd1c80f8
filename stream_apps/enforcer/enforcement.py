"""Makes the broker match the facts, as the enforcer does all the time and an administrator by hand.

What one change asks for is computed from the agencies and entries that it concerns and from the
last look at the broker. A look at everything goes in steps, so that a change never waits for more
than one of them; what differs then nobody decided.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from typing import Final

from sharebus import InvalidInput
from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.topic import FACTS_POLICY
from sharebus.stream_apps.enforcer import metrics
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.concern import Concern, concerned_by
from sharebus.stream_apps.enforcer.desired import DesiredBroker, DesiredState, joined
from sharebus.stream_apps.enforcer.difference import (
    Conflict,
    LiveState,
    Plan,
    difference,
    difference_within,
)
from sharebus.stream_apps.enforcer.drift import DriftLook, foreign_names
from sharebus.stream_apps.enforcer.look import Seen
from sharebus.stream_apps.enforcer.publication import Publication
from sharebus.stream_apps.enforcer.publish import BrokerEvent
from sharebus.stream_apps.enforcer.revocation import ReaderHold
from sharebus.stream_apps.enforcer.subjects import Subjects
from sharebus.stream_apps.enforcer.topic_end import TopicEnds
from sharebus.stream_apps.enforcer.view_end import UnusedView, ViewEnds

log = logging.getLogger(__name__)

RELEASED: Final = ("accepted.", "shared.", "view.", "deliveries.")
_CHANGES_FEW: Final = 50
"""So many facts are followed by what they concern; more, by everything."""


class Enforcement:
    """The facts, the broker as last seen, and the steps from one to the other.

    Methods raise Unavailable when broker or registry do not answer, Refused when they refuse, and
    AppStopped when it cannot be known what was published; after any of these :meth:`forget`.
    """

    def __init__(
        self, settings: Settings, config: ClientConfig, writer: str, stack: ExitStack
    ) -> None:
        self._settings = settings
        self.rights_removed_max = settings.rights_removed_max
        self.conflicts: tuple[Conflict, ...] = ()
        """What differs and is not ours to change, as of the last look."""
        self._ends = ViewEnds()
        self._news: list[AnyFact] = []
        self._reader = FactsReader(config, FACTS_POLICY, self._learn)
        stack.callback(self._reader.close)
        registry = stack.enter_context(SchemaRegistry(settings))
        admin = connect_admin(config)
        self._subjects = Subjects(registry)
        self._hold = ReaderHold(config, admin)
        self._broker = BrokerState(admin, self._subjects, self._hold, settings.replication_factor)
        self._drift = DriftLook(config, admin, registry, self._hold)
        self._publication = Publication(settings, config, writer, self._broker, stack)
        self._topic_ends = TopicEnds(
            config, self._reader, self._ends, self._broker, self._publication, self._subjects
        )
        self._desired = DesiredState(settings.replication_factor)
        self._touched = DesiredBroker()
        self.forget()

    def forget(self) -> None:
        """Look at everything again with the next step: what was begun is finished then."""
        self._live: LiveState | None = None
        self._standing, self._day = -1, date.min

    @property
    def facts(self) -> PolicyFacts:
        """As of the last :meth:`catch_up`."""
        return self._reader.facts

    def catch_up(self) -> None:
        """Read the facts up to their committed end."""
        self._reader.catch_up()

    def _learn(self, before: AnyFact | None, fact: AnyFact, instant_ms: int) -> None:
        self._news.append(fact)
        self._ends.learn(self.facts, before, fact, instant_ms)

    def is_behind(self, today: date) -> bool:
        """Whether the broker was not yet made to match the facts, or the day."""
        return self.facts.version != self._standing or today != self._day

    def follow(self, today: date) -> None:
        """Make the broker match facts that are new."""
        started = time.monotonic()
        facts, version = self.facts, self.facts.version
        news, self._news = self._news, []
        if self._live is None or today != self._day or len(news) > _CHANGES_FEW:
            desired, shown = self._desired.of(facts, today), facts
            self._live = self._look_at_all(desired)
            plan = difference(desired, self._live)
        else:
            concern = concerned_by(facts, news)
            before, desired = self._desired.changed(facts, concern, today)
            self._touched = joined([self._touched, before, desired])
            self._live = self._broker.look.new(desired, facts, self._live)
            plan, shown = difference_within(before, desired, self._live), _only(facts, concern)
        plan = self._subjects.possible(plan.within(self.rights_removed_max))
        names = {topic.name for topic in desired.topics}
        others = tuple(one for one in self.conflicts if one.topic not in names)
        self._keep((*others, *plan.conflicts))
        self._match(desired, shown, plan, version)
        self._standing, self._day = version, today
        metrics.POLICY_VERSION.set(version)
        metrics.STEP_SECONDS.observe(time.monotonic() - started)
        log.info("policy version %d stands; rights ended: %d", version, len(plan.revoke))
        self._broker.release()

    @property
    def _seen(self) -> LiveState:
        assert self._live is not None  # noqa: S101 - the caller has looked
        return self._live

    def _look_at_all(self, desired: DesiredBroker) -> LiveState:
        self._touched = desired
        if self._live is not None:
            return self._broker.look.new(desired, self.facts, self._live)
        held = self._hold.resume(_released(desired))
        live = self._broker.read(desired, self.facts)
        for user in held:
            log.warning("a revocation was interrupted; it is finished for %s", user)
            # Of which topics the dead one took its rights, and did not live to tell, is not known.
            self._publication.tell("right.ended", user, "")
        return live

    def look(self, today: date) -> Iterator[None]:
        """See whether the broker is still as it was made, put right what is safe, tell the rest.

        Between the steps facts may be followed; what they concern is not looked at this time.
        """
        self._touched = DesiredBroker()
        desired = self._desired.of(self.facts, today)
        repaired: list[tuple[str, str]] = []
        seen = yield from self._broker.look.steps(desired, self.facts)
        for names in self._drift.subjects(desired, self.facts):
            repaired += ((name, name.removesuffix("-value")) for name in names)
            yield
        found = (self._drift.strangers(self.facts), self._drift.quotas(_released(desired)))
        repaired += ((name, "") for one in found for name in one.repaired)
        desired = self._desired.of(self.facts, today)
        self._live = seen.live.replaced(self._touched, self._seen.part(self._touched))
        plan = difference(desired, self._live).within(self.rights_removed_max)
        plan = self._subjects.possible(plan)
        unused = self._unused(seen, desired)
        known = (*(view.topic for view in unused), *(topic.name for topic in self._touched.topics))
        conflicts = (
            *plan.conflicts,
            *(conflict for one in found for conflict in one.conflicts),
            *self._drift.foreign_versions(),
            *foreign_names(seen, desired, self.facts, known),
        )
        self._tell_drift([*_repairs(plan), *repaired], conflicts)
        self._keep(conflicts)
        if self._publication.untold or not plan._replace(conflicts=()).is_empty:
            self._match(desired, PolicyFacts(), plan, self._standing)
            self._broker.release()
        metrics.VIEWS_UNUSED.set(len(unused))
        yield
        self.delete_due(unused)

    def planned(self, today: date) -> tuple[Plan, tuple[UnusedView, ...]]:
        """What differs, and the views that no grant asks for; nothing is done."""
        desired = self._desired.of(self.facts, today)
        seen = self._broker.look.all(desired, self.facts)
        return difference(desired, seen.live), self._unused(seen, desired)

    def remake(self, topic: str, today: date) -> None:
        """Make a topic anew, empty, that is lost. Everything is looked at again with the next step.

        The facts were followed before, so that its schemas are withdrawn: they become facts anew,
        and the gate fills a view from its beginning.

        :raises InvalidInput: it is not lost.
        """
        desired = self._desired.of(self.facts, today)
        wanted = next((one for one in desired.topics if one.name == topic), None)
        if wanted is None or self._broker.look.partition_counts([topic]):
            raise InvalidInput(
                "The topic is not lost.",
                expected="a topic of the catalog that is gone: `sharebus broker plan` names it",
                found=topic,
            )
        self._broker.provide(Plan(create=(wanted,)))
        self._publication.tell("topic.remade", topic, topic)

    def _unused(self, seen: Seen, desired: DesiredBroker) -> tuple[UnusedView, ...]:
        # The subject of a view whose deletion was interrupted may be all that is left of it.
        present = seen.topics | {subject.removesuffix("-value") for subject in seen.subjects}
        wanted = {topic.name for topic in desired.topics}
        return self._ends.unused(present, wanted, self._settings.view_kept_days)

    def delete_due(self, views: Iterable[UnusedView]) -> None:
        """Delete some of the views that are due, and of the copies that their entries have left."""
        kept_days = self._settings.view_kept_days
        self._gone(self._topic_ends.delete_views(views, kept_days, self._standing))
        self._gone(self._topic_ends.delete_copies(self._standing))

    def _gone(self, topics: Sequence[str]) -> None:
        if topics:
            self._live = self._seen.without(topics)

    def _match(self, desired: DesiredBroker, shown: PolicyFacts, plan: Plan, version: int) -> None:
        """Carry the steps out and publish what follows, of the ``shown`` facts to everybody."""
        ended_ms = self._broker.revoke(plan.revoke)
        metrics.RIGHTS_ENDED.inc(len(plan.revoke))
        self._publication.untold += (
            BrokerEvent("right.ended", rule.who, rule.name, ended_ms)
            for rule in plan.revoke
            if rule.permission == "ALLOW"
        )
        registered = self._broker.provide(plan)
        self._live = self._seen.after(plan, registered)
        changes = self._publication.provided(self.facts, desired, self._live, shown)
        self._publication.publish(changes, version)

    def _tell_drift(
        self, repaired: Sequence[tuple[str, str]], conflicts: Sequence[Conflict]
    ) -> None:
        raised = [
            (conflict.topic, conflict.topic)
            for conflict in conflicts
            if conflict not in self.conflicts
        ]
        for rule, found in (("drift.repaired", repaired), ("drift.raised", raised)):
            metrics.DRIFT.labels(rule.removeprefix("drift.")).inc(len(found))
            for name, topic in found:
                log.warning("%s: %s %s", rule, name, topic)
                self._publication.tell(rule, name, topic)

    def _keep(self, conflicts: tuple[Conflict, ...]) -> None:
        for conflict in conflicts:
            if conflict not in self.conflicts:
                log.critical("%s", InvalidInput(conflict.problem, **conflict.details))
        self.conflicts = conflicts
        metrics.CONFLICTS.set(len(conflicts))


def _released(desired: DesiredBroker) -> list[str]:
    return [topic.name for topic in desired.topics if topic.name.startswith(RELEASED)]


def _only(facts: PolicyFacts, concern: Concern) -> PolicyFacts:
    """The agencies and entries alone that are concerned."""
    few = PolicyFacts()
    for agency in concern.agencies:
        few.apply(facts.agencies[agency], facts.version)
    for entry in concern.entries:
        few.apply(facts.entries[entry], facts.version)
    return few


def _repairs(plan: Plan) -> list[tuple[str, str]]:
    """Whose or what the differences are that will be repaired, and on which topic."""
    rules = [(rule.who, rule.name) for rule in (*plan.revoke, *plan.allow)]
    topics = [topic.name for topic in plan.create] + [change.topic for change in plan.alter]
    return rules + [(name, name) for name in topics]
