"""Applies a catalog: checks, publishes the facts, and sees that the broker comes to match them."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sharebus import NumbersDisagree
from sharebus.governance.collection import NO_DOCUMENTS
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.local_time import LOCAL_TIME
from sharebus.governance.public_form import as_published
from sharebus.governance.takeover import check_documents, merged_facts
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.catalog_files import CatalogFiles, InvalidCatalog
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.topic import FACTS_POLICY
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import SubjectSchema, desired_broker, platform_state
from sharebus.stream_apps.enforcer.difference import LiveState, Plan, difference
from sharebus.stream_apps.enforcer.founder import FounderDesk, found
from sharebus.stream_apps.enforcer.plan import FactChanges, fact_changes, plan_of_change
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher
from sharebus.stream_apps.enforcer.revocation import ReaderHold
from sharebus.stream_apps.enforcer.standing import StandingFacts
from sharebus.stream_apps.enforcer.subjects import Subjects

PRINCIPAL: Final = "admin"
_ENFORCED_SECONDS_MAX: Final = 60.0


def local_date() -> date:
    """Today where the law counts days: terms of grants are local dates (law.md, Clocks)."""
    return datetime.now(LOCAL_TIME).date()


@dataclass(frozen=True)
class Applied:
    """What was done, or in a dry run would be; ``version`` is the policy version afterwards.

    A dry run cannot name the facts of schemas that have no id yet.
    """

    plan: Plan
    facts: FactChanges
    version: int

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to do."""
        return self.plan.is_empty and self.facts.is_empty


def apply_catalog(
    settings: Settings,
    files: CatalogFiles | None = None,
    *,
    is_dry_run: bool = False,
    today: date | None = None,
) -> Applied:
    """Put the documents in force, as founder; without any, make the broker match the facts.

    Facts lead (decision 0017): documents become facts by the founder's commands (decision 0020),
    then the broker is made to match, by the enforcer where one runs and else here, and then the
    schemas are published, with which the gate serves. More rights than ``rights_removed_max`` of
    the settings are not taken away. May be interrupted and repeated at any point: what is done is
    not done twice.

    :raises InvalidCatalog: the documents contradict each other or what is in force.
    :raises InvalidInput: a schema or a partition count cannot change like this.
    :raises Refused: too many rights would be taken away, or the registrar refuses the documents.
    :raises Unavailable: broker, registry or registrar do not answer; the next application, or the
        enforcer, finishes what was begun.
    """
    with ExitStack() as stack:
        application = _Application(settings, today or local_date(), stack)
        application.begin(files or CatalogFiles(NO_DOCUMENTS, {}))
        if is_dry_run:
            return application.planned()
        return application.left() or application.carry_out()


def close_founding(settings: Settings, reason: str) -> None:
    """End the founding: from then on the reviewed files change nothing (decision 0020).

    :raises Refused: it is closed already, or has never begun.
    :raises Unavailable: broker or registrar do not answer.
    """
    with ExitStack() as stack:
        application = _Application(settings, local_date(), stack)
        application.begin(CatalogFiles(NO_DOCUMENTS, {}))
        application.founder.file("close", {"reason": reason})


class _Application:
    """One application of a catalog, in its steps."""

    def __init__(self, settings: Settings, today: date, stack: ExitStack) -> None:
        self._settings = settings
        self._today = today
        self._stack = stack
        self._factor = settings.replication_factor
        self._config = client_config(settings, credentials_for(settings, PRINCIPAL))
        self._subjects = Subjects(stack.enter_context(SchemaRegistry(settings)))
        self._admin = connect_admin(self._config)
        hold = ReaderHold(self._config, self._admin)
        self._broker = BrokerState(self._admin, self._subjects, hold, self._factor)
        self._standing = StandingFacts(self._config, self._broker.topic_names(), stack)
        self.founder = FounderDesk(settings, self._config, self._admin, self._standing.policy)
        stack.callback(self.founder.close)

    def begin(self, files: CatalogFiles) -> None:
        """Judge the documents beside what is in force, and see what would be in force with them.

        :raises InvalidCatalog: they cannot stand.
        """
        self._standing.catch_up()
        if self._standing.in_force.founder is not None:
            self.founder.look()
            self._standing.catch_up()  # nothing is judged by what stood before that look
        in_force = self._standing.in_force
        if problems := check_documents(in_force, files.collection):
            raise InvalidCatalog([files.placed(problem) for problem in problems])
        self._documents = files.collection
        self._merged = merged_facts(in_force, files.collection, self._today)

    def planned(self) -> Applied:
        """All that would be done."""
        plan, live = self._look(self._merged)
        self._subjects.check(plan)
        changes = self._standing.changes(self._merged, live.schema_ids)
        return Applied(plan, changes, self._standing.in_force.version)

    def left(self) -> Applied | None:
        """Leave the broker to the enforcer, if one runs; what the change comes to, for people."""
        in_force = self._standing.in_force
        if in_force.founder is None or not office.is_held(self._admin):
            return None
        plan = plan_of_change(in_force, self._merged, self._today, self._factor)
        self._check(plan)
        # What is in force is in ``shared.catalog`` too: an enforcer and a registrar see to it.
        changes = fact_changes(in_force, as_published(in_force), self._merged, {})
        self.founder.take_over(self._documents)
        self._standing.settle()
        version = self._standing.in_force.version
        office.wait_until_standing(self._config, version, _ENFORCED_SECONDS_MAX)
        self._standing.catch_up()
        return Applied(plan, changes, self._standing.in_force.version)

    def carry_out(self) -> Applied:
        """Do everything here."""
        plan, live = self._look(self._merged)
        self._check(plan)
        in_force = self._standing.in_force
        missing = self._standing.changes(self._merged, live.schema_ids)
        if in_force.founder is not None and plan.is_empty and missing.is_empty:
            return Applied(plan, missing, in_force.version)
        changes = self._standing.changes(self._merged, {})
        # Another application that does the same fails from here on.
        publisher = self._stack.enter_context(_publisher(self._settings, self._config))
        first = plan.only(platform_state(self._factor))
        ids = {**live.schema_ids, **self._broker.carry_out(first).registered}
        platform = self._publish(publisher, _of_platform(ids), ids)
        self.founder.take_over(self._documents)
        self._standing.settle()
        rest = plan.without(first)
        if not self._standing.is_as(self._merged):
            # The registrar knows of cases; and somebody else may have been given a command.
            rest, live = self._look(self._standing.in_force)
            self._check(rest)
            ids |= live.schema_ids
        ids |= self._broker.carry_out(rest).registered
        check_one_id_per_text(ids)
        schemas = self._publish(publisher, ids, ids)
        self._broker.release()
        published = platform.joined(changes).joined(schemas)
        return Applied(plan, published, self._standing.in_force.version)

    def _look(self, facts: PolicyFacts) -> tuple[Plan, LiveState]:
        desired = desired_broker(facts, self._today, self._factor)
        live = self._broker.read(desired, self._standing.in_force)
        return difference(desired, live), live

    def _check(self, plan: Plan) -> None:
        plan.require_possible({entry.id for entry in self._documents.entries})
        plan.require_within(self._settings.rights_removed_max)
        self._subjects.check(plan)

    def _publish(
        self,
        publisher: FactsPublisher,
        published: Mapping[SubjectSchema, int],
        known: Mapping[SubjectSchema, int],
    ) -> FactChanges:
        """Publish schemas, and with the first ones the founder, and read them back."""
        standing = self._standing
        changes = standing.changes(standing.in_force, published)
        if standing.in_force.founder is None:
            changes = changes._replace(policy=(found(self._settings), *changes.policy))
        if not changes.is_empty:
            version = standing.in_force.version
            epoch = self._broker.topic_id(FACTS_POLICY)
            genesis = self._broker.genesis() if version < 0 else None
            publisher.publish(changes, platform_ids(known), version, epoch, genesis=genesis)
            standing.wait_for(published)
        return changes


def _publisher(settings: Settings, config: ClientConfig) -> FactsPublisher:
    return FactsPublisher(config, audit_digest(settings), CATALOG)


def platform_ids(schema_ids: Mapping[SubjectSchema, int]) -> dict[str, int]:
    """Ids of the platform's own records, by subject."""
    return {schema.subject: number for schema, number in _of_platform(schema_ids).items()}


def _of_platform(schema_ids: Mapping[SubjectSchema, int]) -> dict[SubjectSchema, int]:
    own = set(platform_state().schemas)
    return {schema: number for schema, number in schema_ids.items() if schema in own}


def check_one_id_per_text(schema_ids: Mapping[SubjectSchema, int]) -> None:
    """Accepted bytes are passed on with the id that they have, so it must hold in every subject.

    :raises NumbersDisagree: a schema has two ids.
    """
    ids: dict[str, int] = {}
    for schema, schema_id in schema_ids.items():
        if ids.setdefault(schema.text, schema_id) != schema_id:
            raise NumbersDisagree(
                "The registry gives two ids to one schema.",
                where=f"subject {schema.subject}",
                expected=str(ids[schema.text]),
                found=str(schema_id),
            )
