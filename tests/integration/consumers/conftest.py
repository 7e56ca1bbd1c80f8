"""An entry as the gate leaves it on the broker, made by hand."""

import time
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)
from fastavro import parse_schema, schemaless_writer

from sharebus.governance.identity import SystemName, parse_system
from sharebus.infra.registry import SchemaRegistry
from sharebus.infra.settings import Settings
from sharebus.schemas.cloudevent import TYPE_DELETED, TYPE_UPSERTED, change_headers
from sharebus.schemas.framing import frame
from sharebus.schemas.partition import partition_of
from sharebus.schemas.record import delivery_announced
from sharebus.schemas.topic import deliveries_topic, notices_topic, value_subject, view_topic

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Division",
    "namespace": "sharebus.test",
    "fields": [
        {"name": "code", "type": "string"},
        {"name": "name", "type": "string"},
        {"name": "since", "type": ["null", {"type": "int", "logicalType": "date"}]},
    ],
}
_PARSED = parse_schema(SCHEMA)
_TRANSACTION = {"linger.ms": 1, "transaction.timeout.ms": 10_000, "log_level": 2}


class EntryOnBroker:
    """Topics, rights and records of one entry with a name of its own."""

    def __init__(self, broker: Any, settings: Settings) -> None:
        self.broker, self.settings = broker, settings
        self.id = f"divisions-{uuid.uuid4().hex[:8]}"
        self.agency = f"planning-{uuid.uuid4().hex[:8]}"
        self.system = f"{self.agency}.gis"
        self.partition_count = 2
        self.avro_schema = SCHEMA

    @property
    def name(self) -> SystemName:
        return parse_system(self.system)

    def create_view(self, view: str = "shared") -> str:
        """The view's topic, with its schema registered."""
        topic = view_topic(self.id, view)
        self._create_topic(topic)
        with SchemaRegistry(self.settings) as registry:
            self.schema_id = registry.register(value_subject(topic), SCHEMA)
        return topic

    def create_deliveries(self) -> str:
        topic = deliveries_topic(self.id)
        self._create_topic(topic)
        return topic

    def create_notices(self) -> str:
        """Where its agency is told of its grants; nothing is in it."""
        topic = notices_topic(self.agency)
        self._create_topic(topic)
        return topic

    def _create_topic(self, topic: str) -> None:
        new = NewTopic(topic, num_partitions=self.partition_count, replication_factor=1)
        self.broker.admin.create_topics([new])[topic].result(30)

    def grant(self, *topics: str, system: SystemName | None = None) -> None:
        """Rights as the enforcer gives them to a subscriber; also makes its user."""
        system = system or self.name
        self.broker.client_config(system.principal)
        bindings = [self._binding(ResourceType.TOPIC, topic, system) for topic in topics]
        bindings.append(self._binding(ResourceType.GROUP, system.group_prefix, system))
        for future in self.broker.admin.create_acls(bindings).values():
            future.result(30)

    def revoke(self, topic: str) -> None:
        principal = f"User:{self.name.principal}"
        literal = ResourcePatternType.LITERAL
        rights = AclBindingFilter(
            ResourceType.TOPIC, topic, literal, principal, "*", AclOperation.ANY,
            AclPermissionType.ANY,
        )  # fmt: skip
        for future in self.broker.admin.delete_acls([rights]).values():
            assert future.result(30), "no right was taken away"

    def _binding(self, kind: ResourceType, name: str, system: SystemName) -> AclBinding:
        pattern = (
            ResourcePatternType.PREFIXED
            if kind is ResourceType.GROUP
            else ResourcePatternType.LITERAL
        )
        return AclBinding(
            kind, name, pattern, f"User:{system.principal}", "*", AclOperation.READ,
            AclPermissionType.ALLOW,
        )  # fmt: skip

    def write(
        self,
        topic: str,
        rows: list[dict[str, Any]],
        *,
        period: str = "2026-11-22",
        abort: bool = False,
    ) -> None:
        """One transaction of changes; a row of a code alone is a deletion."""
        self._end(self.begin(topic, rows, period), topic, abort=abort)

    def begin(self, topic: str, rows: list[dict[str, Any]], period: str = "2026-11-22") -> Producer:
        """A transaction of changes that is under way: in the log, and not committed."""
        producer = self._transaction(topic)
        for row in rows:
            deleted = set(row) == {"code"}
            key = row["code"].encode()
            headers = change_headers(
                event_id=f"{row['code']}-{period}",
                source="/systems/agency.mapping.register",
                event_type=TYPE_DELETED if deleted else TYPE_UPSERTED,
                time="2026-11-22T08:00:00+08:00",
                data_period=period,
                delivery=f"d-{period}",
            )
            producer.produce(
                topic,
                key=key,
                value=None if deleted else self._encode(row),
                headers=headers,
                partition=partition_of(key, self.partition_count),
            )
        producer.flush(30)
        return producer

    def announce(self, topic: str, period: str, partition: int, outcome: str = "complete") -> None:
        record = {
            "entry": self.id, "delivery": f"d-{period}", "period": period, "partition": partition,
            "partition_count": self.partition_count, "outcome": outcome, "closed_ms": partition,
        }  # fmt: skip
        producer = self._transaction(topic)
        producer.produce(topic, delivery_announced().encode(0, record), partition=partition)
        self._end(producer, topic, abort=False)

    def _encode(self, row: dict[str, Any]) -> bytes:
        body = BytesIO()
        schemaless_writer(body, _PARSED, {"since": None, **row})
        return frame(self.schema_id, body.getvalue())

    def _transaction(self, topic: str) -> Producer:
        config = self.broker.client_config("admin")
        producer = Producer({**config, "transactional.id": f"test.{topic}", **_TRANSACTION})
        producer.init_transactions(30)
        producer.begin_transaction()
        return producer

    def _end(self, producer: Producer, topic: str, *, abort: bool) -> None:
        if abort:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
        # The answer comes before the markers are in every partition.
        deadline = time.monotonic() + 30
        while self._ends(topic, committed=True) != self._ends(topic, committed=False):
            assert time.monotonic() < deadline, f"a transaction hangs on {topic}"
            time.sleep(0.01)

    def _ends(self, topic: str, *, committed: bool) -> list[int]:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        partitions = [TopicPartition(topic, number) for number in range(self.partition_count)]
        request = dict.fromkeys(partitions, OffsetSpec.latest())
        answers = self.broker.admin.list_offsets(request, isolation_level=level)
        return [answers[partition].result(30).offset for partition in partitions]


@pytest.fixture
def make_entry(broker: Any, registry: Settings) -> Iterator[Callable[[], EntryOnBroker]]:
    def make() -> EntryOnBroker:
        return EntryOnBroker(broker, registry)

    return make
