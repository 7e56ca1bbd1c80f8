"""The enforcer's loop: wake with a new fact, make the broker match, say since when; look for drift.

What one change asks for is computed from the facts that changed and from the last look at the
broker; every few seconds it looks at all of the broker, and what differs then nobody decided.
"""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from typing import Final

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.scram import remove_users, users
from sharebus.infra.settings import Settings
from sharebus.schemas.topic import FACTS_POLICY, SHARED_CATALOG
from sharebus.stream_apps.enforcer import metrics
from sharebus.stream_apps.enforcer.apply import (
    audit_digest,
    check_one_id_per_text,
    local_date,
    platform_ids,
)
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import DesiredBroker, DesiredState
from sharebus.stream_apps.enforcer.difference import Conflict, LiveState, Plan, difference
from sharebus.stream_apps.enforcer.office import Office
from sharebus.stream_apps.enforcer.plan import fact_changes
from sharebus.stream_apps.enforcer.publish import BrokerEvent, FactsPublisher, Standing
from sharebus.stream_apps.enforcer.revocation import AGENCIES, ReaderHold
from sharebus.stream_apps.enforcer.rights import ENFORCER
from sharebus.stream_apps.enforcer.subjects import Subjects
from sharebus.stream_apps.stopped import AppStopped

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
_PAUSE_PER_LOOK: Final = 9
"""A look at a city takes seconds: it takes a tenth of the time at most, the rest is for changes."""
_AGAIN_SECONDS: Final = 1.0
_RELEASED: Final = ("accepted.", "shared.", "view.", "deliveries.")


class EnforcerLoop:
    """The one enforcer of a bus; a second one waits until the first is gone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._config = client_config(settings, credentials_for(settings, ENFORCER))
        self._desired = DesiredState(settings.replication_factor)
        self._live: LiveState | None = None
        self._standing = -1
        self._day = date.min
        self._next_look = 0.0
        self._conflicts: tuple[Conflict, ...] = ()

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises AppStopped: start again; the next start goes on where this one ended.
        """
        with ExitStack() as stack:
            office = Office(self._config)
            stack.callback(office.close)
            while not office.is_ours():
                if stop.is_set():
                    return
            self._facts = FactsReader(self._config)
            stack.callback(self._facts.close)
            self._catalog = FactsReader(self._config, SHARED_CATALOG)
            stack.callback(self._catalog.close)
            self._subjects = Subjects(stack.enter_context(SchemaRegistry(self._settings)))
            self._admin = admin = connect_admin(self._config)
            self._hold = ReaderHold(self._config, admin)
            factor = self._settings.replication_factor
            self._broker = BrokerState(admin, self._subjects, self._hold, factor)
            self._publisher = FactsPublisher(self._config, audit_digest(self._settings), ENFORCER)
            stack.enter_context(self._publisher)
            log.info("%s is ready", ENFORCER)
            while not stop.is_set():
                office.wait_for_fact()
                self._step()

    def _step(self) -> None:
        try:
            self._facts.catch_up()
            if not self._facts.facts.schemas:
                time.sleep(_AGAIN_SECONDS)  # a bus without a catalog: nothing can be written yet
                return
            today = local_date()
            if self._facts.facts.version != self._standing or today != self._day:
                self._follow(today)
            elif time.monotonic() > self._next_look:
                self._look(today)
        except (Unavailable, Refused) as problem:
            # What was begun is looked at again, and finished.
            self._live, self._standing = None, -1
            metrics.UNAVAILABLE.inc()
            log.warning("it will be tried again\n%s", problem)
            time.sleep(_AGAIN_SECONDS)

    def _follow(self, today: date) -> None:
        """Make the broker match facts that are new."""
        started = time.monotonic()
        version = self._facts.facts.version
        desired = self._desired.of(self._facts.facts, today)
        if self._live is None:
            self._live = self._first_look(desired)
        else:
            self._live = self._broker.look.new(desired, self._facts.facts, self._live)
        ended = self._match(desired, difference(desired, self._live), version)
        self._standing, self._day = version, today
        metrics.POLICY_VERSION.set(version)
        metrics.STEP_SECONDS.observe(time.monotonic() - started)
        log.info("policy version %d stands; rights ended: %d", version, ended)
        self._broker.release()

    def _first_look(self, desired: DesiredBroker) -> LiveState:
        names = (topic.name for topic in desired.topics if topic.name.startswith(_RELEASED))
        if held := self._hold.resume(names):
            log.warning("a revocation was interrupted; it is finished for %s", ", ".join(held))
        return self._broker.read(desired, self._facts.facts)

    def _look(self, today: date) -> None:
        """See whether the broker is still as it was made."""
        started = time.monotonic()
        desired = self._desired.of(self._facts.facts, today)
        self._live = self._broker.read(desired, self._facts.facts)
        plan = difference(desired, self._live).within(self._settings.rights_removed_max)
        now_ms = time.time_ns() // 1_000_000
        strangers = self._remove_strangers()
        repairs = [*_repairs(plan), *((stranger, "") for stranger in strangers)]
        events = [BrokerEvent("drift.repaired", *found, now_ms) for found in repairs]
        events += [
            BrokerEvent("drift.raised", conflict.topic, conflict.topic, now_ms)
            for conflict in plan.conflicts
            if conflict not in self._conflicts
        ]
        for event in events:
            metrics.DRIFT.labels(event.rule.removeprefix("drift.")).inc()
            log.warning("%s: %s %s", event.rule, event.name, event.topic)
        if events:
            self._match(desired, plan, self._standing, events)
            self._broker.release()
        else:
            self._tell_conflicts(plan.conflicts)
        now = time.monotonic()
        self._next_look = now + max(LOOK_SECONDS, _PAUSE_PER_LOOK * (now - started))

    def _remove_strangers(self) -> list[str]:
        """End the passwords of systems that are in no agency: of those that left, or never were."""
        agencies = self._facts.facts.agencies.values()
        known = {system.principal for agency in agencies for system in agency.system_names()}
        named = {user for user in users(self._admin) if user.startswith(AGENCIES)}
        strangers = sorted(named - known)
        remove_users(self._admin, strangers)
        return strangers

    def _match(
        self,
        desired: DesiredBroker,
        plan: Plan,
        version: int,
        events: Sequence[BrokerEvent] = (),
    ) -> int:
        """Carry out what may be done unasked, and publish it; gives how many rights have ended."""
        assert self._live is not None  # noqa: S101 - the caller has looked
        plan = self._subjects.possible(plan.within(self._settings.rights_removed_max))
        done = self._broker.carry_out(plan)
        self._live = self._live.after(plan, done.registered)
        self._tell_conflicts(plan.conflicts)
        ended = [
            BrokerEvent("right.ended", rule.who, rule.name, done.ended_ms) for rule in plan.revoke
        ]
        metrics.RIGHTS_ENDED.inc(len(ended))
        known = self._live.schema_ids
        ids = {schema: known[schema] for schema in desired.schemas if schema in known}
        check_one_id_per_text(ids)
        self._catalog.catch_up()
        changes = fact_changes(self._facts.facts, self._catalog.facts, self._facts.facts, ids)
        standing = Standing(version, time.time_ns() // 1_000_000)
        epoch = self._broker.topic_id(FACTS_POLICY)
        try:
            self._publisher.publish(
                changes, platform_ids(ids), version, epoch, [*ended, *events], standing
            )
        except Unavailable as failed:
            # After a failure the client may be wrong about what became of its transaction.
            raise AppStopped("the facts cannot be published", found=str(failed)) from failed
        return len(ended)

    def _tell_conflicts(self, conflicts: tuple[Conflict, ...]) -> None:
        for conflict in conflicts:
            if conflict not in self._conflicts:
                log.critical("%s", InvalidInput(conflict.problem, **conflict.details))
        self._conflicts = conflicts
        metrics.CONFLICTS.set(len(conflicts))


def _repairs(plan: Plan) -> list[tuple[str, str]]:
    """Whose or what the differences are that will be repaired, and on which topic."""
    rules = [(rule.who, rule.name) for rule in (*plan.revoke, *plan.allow)]
    topics = [topic.name for topic in plan.create] + [change.topic for change in plan.alter]
    return rules + [(name, name) for name in topics]
