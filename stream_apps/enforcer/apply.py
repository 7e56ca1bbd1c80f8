"""Applies a catalog: checks, publishes the facts, and sees that the broker comes to match them."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sharebus import NumbersDisagree, Refused
from sharebus.governance.collection import Collection
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.takeover import check_documents, merged_facts
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.catalog_files import CatalogFiles, InvalidCatalog
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for, read_private
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.topic import FACTS_POLICY, SHARED_CATALOG
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import SubjectSchema, desired_broker, platform_state
from sharebus.stream_apps.enforcer.difference import Plan, difference, too_many
from sharebus.stream_apps.enforcer.plan import FactChanges, fact_changes
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher
from sharebus.stream_apps.enforcer.revocation import ReaderHold
from sharebus.stream_apps.enforcer.subjects import Subjects

PRINCIPAL: Final = "admin"
_READ_BACK_SECONDS_MAX: Final = 15.0
_READ_BACK_PAUSE_SECONDS: Final = 0.02
_ENFORCED_SECONDS_MAX: Final = 60.0
LOCAL_TIME: Final = ZoneInfo("Asia/Shanghai")
"""Terms of grants are local dates (law.md, Clocks)."""


def local_date() -> date:
    """Today where the law counts days."""
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
    rights_removed_max: int | None = None,
    is_by_hand: bool = False,
) -> Applied:
    """Put the documents in force, as administrator; without any, make the broker match the facts.

    Facts lead (decision 0017): they are published first, then the broker is made to match, by the
    enforcer where one runs and else here, and then the schemas are published, with which the gate
    serves. With ``is_by_hand`` it is done here though an enforcer runs: for what it leaves to a
    person. More rights than ``rights_removed_max`` (of the settings, unless given) are
    not taken away. May be interrupted and repeated at any point: what is done is not done twice.

    :raises InvalidCatalog: the documents contradict each other or what is in force.
    :raises InvalidInput: a schema or a partition count cannot change like this.
    :raises Refused: too many rights would be taken away.
    :raises Unavailable: broker or registry do not answer; the next application, or the enforcer,
        finishes what was begun.
    """
    files = files or CatalogFiles(Collection(), {})
    today = today or local_date()
    config = client_config(settings, credentials_for(settings, PRINCIPAL))
    with ExitStack() as stack:
        subjects = Subjects(stack.enter_context(SchemaRegistry(settings)))
        admin = connect_admin(config)
        hold = ReaderHold(config, admin)
        broker = BrokerState(admin, subjects, hold, settings.replication_factor)
        standing = _StandingFacts(config, broker.topic_names(), stack)
        publisher = None if is_dry_run else stack.enter_context(_publisher(settings, config))
        standing.catch_up()
        if problems := check_documents(standing.in_force, files.collection):
            raise InvalidCatalog([files.placed(problem) for problem in problems])
        merged = merged_facts(standing.in_force, files.collection, today)
        desired = desired_broker(merged, today, settings.replication_factor)
        live = broker.read(desired, standing.in_force)
        plan = difference(desired, live)
        if not is_dry_run:
            plan.require_possible()
        limit = settings.rights_removed_max if rights_removed_max is None else rights_removed_max
        if len(plan.revoke) > limit and not is_dry_run:
            conflict = too_many(len(plan.revoke), limit)
            raise Refused(conflict.problem, **conflict.details)
        subjects.check(plan)
        changes = standing.changes(merged, live.schema_ids)
        if publisher is None:
            return Applied(plan, changes, standing.in_force.version)
        application = _Application(broker, standing, publisher)
        first = plan.only(platform_state(settings.replication_factor))
        ids = {**live.schema_ids, **broker.carry_out(first).registered}
        documents = application.publish(merged, _of_platform(ids), ids)
        if plan.is_empty and not documents.policy:
            return Applied(plan, documents, standing.in_force.version)
        if not is_by_hand and office.is_held(admin):
            office.wait_until_standing(config, standing.in_force.version, _ENFORCED_SECONDS_MAX)
            standing.catch_up()
            return Applied(plan, documents, standing.in_force.version)
        ids |= broker.carry_out(plan.without(first)).registered
        check_one_id_per_text(ids)
        schemas = application.publish(merged, ids, ids)
        broker.release()
        return Applied(plan, documents.joined(schemas), standing.in_force.version)


class _Application:
    """Publishes what an application brings, in its two steps."""

    def __init__(
        self,
        broker: BrokerState,
        standing: "_StandingFacts",
        publisher: FactsPublisher,
    ) -> None:
        self._broker = broker
        self._standing = standing
        self._publisher = publisher

    def publish(
        self,
        merged: PolicyFacts,
        published: Mapping[SubjectSchema, int],
        known: Mapping[SubjectSchema, int],
    ) -> FactChanges:
        """Publish the facts, with those of the ``published`` schemas, and read them back."""
        changes = self._standing.changes(merged, published)
        if not changes.is_empty:
            version = self._standing.in_force.version
            epoch = self._broker.topic_id(FACTS_POLICY)
            genesis = self._broker.genesis() if version < 0 else None
            self._publisher.publish(changes, platform_ids(known), version, epoch, genesis=genesis)
            self._standing.wait_for(merged, published)
        return changes


class _StandingFacts:
    """The facts in force, and those that ``shared.catalog`` shows to every agency."""

    def __init__(self, config: ClientConfig, topics: frozenset[str], stack: ExitStack) -> None:
        self._policy = FactsReader(config, FACTS_POLICY)
        self._catalog = FactsReader(config, SHARED_CATALOG)
        stack.callback(self._policy.close)
        stack.callback(self._catalog.close)
        self._is_first_application = FACTS_POLICY not in topics

    @property
    def in_force(self) -> PolicyFacts:
        return self._policy.facts

    def catch_up(self) -> None:
        if not self._is_first_application:
            self._policy.catch_up()
            self._catalog.catch_up()

    def changes(self, merged: PolicyFacts, schema_ids: Mapping[SubjectSchema, int]) -> FactChanges:
        return fact_changes(self.in_force, self._catalog.facts, merged, schema_ids)

    def wait_for(self, merged: PolicyFacts, schema_ids: Mapping[SubjectSchema, int]) -> None:
        """A commit is answered before its marker is in every partition: read until all is there."""
        self._is_first_application = False
        deadline = time.monotonic() + _READ_BACK_SECONDS_MAX
        while True:
            self.catch_up()
            left = self.changes(merged, schema_ids)
            if left.is_empty:
                return
            if time.monotonic() > deadline:
                raise NumbersDisagree(
                    "The facts that were published are not those that are read back.",
                    expected=f"no difference within {_READ_BACK_SECONDS_MAX:g} s",
                    found=f"{len(left.policy)} of policy, {len(left.catalog)} of the catalog",
                    remedy="Another application of the catalog may have run; apply again.",
                )
            time.sleep(_READ_BACK_PAUSE_SECONDS)


def _publisher(settings: Settings, config: ClientConfig) -> FactsPublisher:
    return FactsPublisher(config, audit_digest(settings), CATALOG)


def audit_digest(settings: Settings) -> AuditDigest:
    """The keyed digests of the audit, under this installation's key."""
    key = read_private(key_path(settings, "audit_key"), what="audit key")
    return AuditDigest(bytes.fromhex(key.strip()))


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
