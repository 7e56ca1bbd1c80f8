"""What the work on the broker makes known: schemas as facts, what happened for the audit, and which
policy version stands."""

import time
from collections.abc import Iterable
from contextlib import ExitStack

from sharebus import Unavailable
from sharebus.governance.facts import AnyFact, PolicyFacts, RegisteredSchema
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.settings import Settings
from sharebus.schemas.topic import FACTS_POLICY, SHARED_CATALOG, value_subject
from sharebus.stream_apps.enforcer.apply import check_one_id_per_text, platform_ids
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import DesiredBroker
from sharebus.stream_apps.enforcer.difference import LiveState
from sharebus.stream_apps.enforcer.plan import FactChanges, fact_changes
from sharebus.stream_apps.enforcer.publish import BrokerEvent, FactsPublisher, Standing
from sharebus.stream_apps.enforcer.rights import ENFORCER
from sharebus.stream_apps.stopped import AppStopped

WRITTEN_BY_PLAN = ("accepted.", "shared.", "view.")
"""The gate writes these while their schemas are facts."""


def now_ms() -> int:
    """Milliseconds since 1970-01-01T00:00Z."""
    return time.time_ns() // 1_000_000


class Publication:
    """Publishes as one writer; methods raise AppStopped when it is not known what was committed.

    ``untold`` are events that wait for the next publication, whatever fails before it.
    """

    def __init__(
        self,
        settings: Settings,
        config: ClientConfig,
        writer: str,
        broker: BrokerState,
        stack: ExitStack,
    ) -> None:
        self.untold: list[BrokerEvent] = []
        self._broker = broker
        self._catalog = FactsReader(config, SHARED_CATALOG)
        stack.callback(self._catalog.close)
        self._settings, self._config = settings, config
        self._writer = writer
        self._stack = stack
        self._begun: FactsPublisher | None = None
        self._platform_ids: dict[str, int] = {}

    def tell(self, rule: str, name: str, topic: str) -> None:
        """Let the next publication say what happened now."""
        self.untold.append(BrokerEvent(rule, name, topic, now_ms()))

    def provided(
        self, facts: PolicyFacts, desired: DesiredBroker, live: LiveState, shown: PolicyFacts
    ) -> FactChanges:
        """What is to be a fact when ``live`` is there of what is desired.

        The schemas of topics that are there; those of lost ones are withdrawn. ``shown`` are the
        agencies and entries to be seen in ``shared.catalog``.
        """
        missing = {topic.name for topic in desired.topics} - live.topics.keys()
        unwritable = set(map(value_subject, missing))
        ids = {
            schema: live.schema_ids[schema]
            for schema in desired.schemas
            if schema in live.schema_ids and schema.subject not in unwritable
        }
        check_one_id_per_text(ids)
        self._platform_ids = self._platform_ids or platform_ids(ids)
        self._catalog.catch_up()
        changes = fact_changes(facts, self._catalog.facts, shown, ids)
        return changes._replace(policy=(*changes.policy, *withdrawn(facts, missing)))

    def publish(self, changes: FactChanges, version: int) -> None:
        """Write the changes and all that is untold; the enforcer says that ``version`` stands."""
        standing = Standing(version, now_ms()) if self._writer == ENFORCER else None
        epoch = self._broker.topic_id(FACTS_POLICY)
        try:
            self._publisher().publish(
                changes, self._platform_ids, version, epoch, self.untold, standing
            )
        except Unavailable as failed:
            # After a failure the client may be wrong about what became of its transaction.
            raise AppStopped("the facts cannot be published", found=str(failed)) from failed
        self.untold = []

    def _publisher(self) -> FactsPublisher:
        # Not before it is needed: to begin fences whoever writes under the same name.
        if self._begun is None:
            publisher = FactsPublisher(self._config, audit_digest(self._settings), self._writer)
            self._begun = self._stack.enter_context(publisher)
        return self._begun


def withdrawn(facts: PolicyFacts, topics: Iterable[str]) -> tuple[AnyFact, ...]:
    """The facts that say of topics that the gate is to write them no more.

    An ingress topic keeps its schemas: events under any of them stand in other topics.
    """
    return tuple(
        RegisteredSchema(
            subject=subject, schema_id=schema_id, avro_schema=avro_schema, withdrawn=True
        )
        for topic in sorted(topics)
        if topic.startswith(WRITTEN_BY_PLAN) and topic != SHARED_CATALOG
        for subject in [value_subject(topic)]
        for schema_id, avro_schema in facts.schemas.get(subject, {}).items()
    )
