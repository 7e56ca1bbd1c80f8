"""Applies a catalog: checks, plans, makes broker and registry match, publishes the facts last."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sharebus import NumbersDisagree
from sharebus.governance.collection import Collection
from sharebus.governance.facts import PolicyFacts
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.catalog_files import CatalogFiles, InvalidCatalog
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for, read_private
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.record import platform_records
from sharebus.schemas.topic import FACTS_POLICY, SHARED_CATALOG
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import SubjectSchema, desired_broker
from sharebus.stream_apps.enforcer.plan import (
    FactChanges,
    Plan,
    check_documents,
    difference,
    fact_changes,
    merged_facts,
)
from sharebus.stream_apps.enforcer.publish import FactsPublisher

PRINCIPAL: Final = "admin"
_READ_BACK_SECONDS_MAX: Final = 15.0
_READ_BACK_PAUSE_SECONDS: Final = 0.02
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
) -> Applied:
    """Put the documents in force, as administrator; without any, make the broker match the facts.

    May be interrupted and repeated at any point: what is done is not done twice.

    :raises InvalidCatalog: the documents contradict each other or what is in force.
    :raises InvalidInput: a schema or a partition count cannot change like this.
    :raises Unavailable: broker or registry do not answer; facts are then as before.
    """
    files = files or CatalogFiles(Collection(), {})
    today = today or local_date()
    config = client_config(settings, credentials_for(settings, PRINCIPAL))
    with ExitStack() as stack:
        registry = stack.enter_context(SchemaRegistry(settings))
        broker = BrokerState(connect_admin(config), registry, settings.replication_factor)
        standing = _StandingFacts(config, broker.topic_names(), stack)
        publisher = None if is_dry_run else stack.enter_context(_publisher(settings, config))
        standing.catch_up()
        if problems := check_documents(standing.in_force, files.collection):
            raise InvalidCatalog([files.placed(problem) for problem in problems])
        merged = merged_facts(standing.in_force, files.collection, today)
        desired = desired_broker(merged, today, settings.replication_factor)
        live = broker.read(desired, standing.in_force)
        plan = difference(desired, live)
        broker.check(plan)
        if publisher is None:
            changes = standing.changes(merged, live.schema_ids)
            return Applied(plan, changes, standing.in_force.version)
        registered = broker.carry_out(plan)
        schema_ids = {
            schema: live.schema_ids.get(schema, registered.get(schema, -1))
            for schema in desired.schemas
        }
        _check_one_id_per_text(schema_ids)
        changes = standing.changes(merged, schema_ids)
        if not changes.is_empty:
            version, epoch = standing.in_force.version, broker.topic_id(FACTS_POLICY)
            publisher.publish(changes, _platform_ids(schema_ids), version, epoch)
            standing.wait_for(merged, schema_ids)
        return Applied(plan, changes, standing.in_force.version)


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
    key = read_private(key_path(settings, "audit_key"), what="audit key")
    return FactsPublisher(config, AuditDigest(bytes.fromhex(key.strip())))


def _platform_ids(schema_ids: Mapping[SubjectSchema, int]) -> dict[str, int]:
    subjects = {record.subject for record in platform_records()}
    return {
        schema.subject: schema_id
        for schema, schema_id in schema_ids.items()
        if schema.subject in subjects
    }


def _check_one_id_per_text(schema_ids: Mapping[SubjectSchema, int]) -> None:
    # The gate passes accepted bytes on unchanged, so their id must hold in both subjects.
    ids: dict[str, int] = {}
    for schema, schema_id in schema_ids.items():
        if ids.setdefault(schema.text, schema_id) != schema_id:
            raise NumbersDisagree(
                "The registry gives two ids to one schema.",
                where=f"subject {schema.subject}",
                expected=str(ids[schema.text]),
                found=str(schema_id),
            )
