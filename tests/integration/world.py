"""A gate as it runs in production, on a real broker, and what the tests need around it.

The gate is a process of its own; entries come into force through the catalog; providers write with
their own credentials through plain librdkafka producers, so that they can send anything.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sharebus.consumers.oversight.books import read_books
from sharebus.consumers.oversight.reconciliation import Discrepancy, reconcile
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.framing import frame
from sharebus.schemas.partition import PARTITIONER, partition_of
from sharebus.schemas.record import audit_batch, delivery_closed, delivery_receipt
from sharebus.stream_apps.enforcer.apply import apply_catalog

from ..unit.stream_apps.gate import case
from .app_process import DEADLINE_SECONDS, AppProcess, wait_until

TIME = "2020-01-05T08:00:00+08:00"
PROVIDER, OTHER_PROVIDER, SUBSCRIBER = "register", "archive", "levy"


class Sent:
    """One record on its way: where the broker put it, or why it did not."""

    def __init__(self) -> None:
        self.error: KafkaError | None = None
        self.partition = self.offset = -1

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        self.error = error
        if error is None:
            self.partition, self.offset = message.partition() or 0, message.offset() or 0


class World:
    """A broker, a registry, the gate, and a catalog that grows with each test."""

    def __init__(self, broker: Any, settings: Settings) -> None:
        self.broker = broker
        self.settings = settings
        self.gate = AppProcess(settings)
        self.tag = uuid.uuid4().hex[:6]
        self.provider, self.subscriber = f"market-{self.tag}", f"tax-{self.tag}"
        self.admin_config: ClientConfig = broker.client_config("admin")
        self.reader = LogReader(self.admin_config)
        self.facts = FactsReader(self.admin_config)
        key = key_path(settings, "audit_key").read_text().strip()
        self.digest = AuditDigest(bytes.fromhex(key))
        self._batches: list[tuple[dict[str, Any], bytes]] = []
        self._lines = defaultdict[str, list[dict[str, Any]]](list)
        self._audit_offset = 0
        self._producers: dict[str, Producer] = {}
        self.apply(*self.agencies())

    def close(self) -> None:
        self.gate.stop()
        for producer in self._producers.values():
            producer.close()
        self.reader.close()
        self.facts.close()

    # The catalog

    def agencies(self, **changes: Any) -> tuple[Agency, Agency]:
        systems = [
            {"id": name, "name": name, "roles": ["provider"]} for name in (PROVIDER, OTHER_PROVIDER)
        ]
        reads = [{"id": SUBSCRIBER, "name": SUBSCRIBER, "roles": ["subscriber"]}]
        code = f"TEST-{self.tag.upper()}"
        return (
            case.agency(self.provider, code=f"{code}-P", systems=systems, **changes),
            case.agency(self.subscriber, code=f"{code}-S", systems=reads),
        )

    def entry(self, **changes: Any) -> CatalogEntry:
        """A conditional entry of the provider, under an id that no other test has."""
        return case.entry(f"persons-{uuid.uuid4().hex[:8]}", **self._ours(changes))

    def unconditional(self, **changes: Any) -> CatalogEntry:
        return case.unconditional(f"divisions-{uuid.uuid4().hex[:8]}", **self._ours(changes))

    def _ours(self, changes: dict[str, Any]) -> dict[str, Any]:
        officer = {"name": "王某", "title": "处长"}
        provider = {"agency": self.provider, "system": PROVIDER, "officer": officer}
        return {"provider": provider, **changes}

    def grant(self, entry: CatalogEntry, **changes: Any) -> Grant:
        """A grant to the subscriber; revoked and changed grants keep their id."""
        grant_id = changes.pop("grant_id", f"g-{uuid.uuid4().hex[:8]}")
        system = f"{self.subscriber}.{SUBSCRIBER}"
        return case.grant(grant_id, entry.id, system=system, agreement="示例协议", **changes)

    def apply(self, *documents: Agency | CatalogEntry | Grant) -> int:
        """Put documents in force as ``sharebus catalog apply`` does; gives the policy version."""
        kinds: tuple[type, ...] = (Agency, CatalogEntry, Grant)
        collection = Collection(
            *(tuple(d for d in documents if isinstance(d, kind)) for kind in kinds)
        )
        return apply_catalog(self.settings, CatalogFiles(collection, {})).version

    def facts_now(self) -> PolicyFacts:
        """The facts committed up to now."""
        self.facts.catch_up()
        return self.facts.facts

    def view_topic(self, entry: CatalogEntry, grant: Grant) -> str:
        return topics.view_topic(entry.id, view_of_grant(entry, grant).name)

    def schema_id(self, subject: str) -> int:
        """The id under which a subject's schema is registered."""
        if subject not in self.facts.facts.schemas:
            self.facts.catch_up()
        return max(self.facts.facts.schemas[subject])

    def value_schema_id(self, entry: CatalogEntry) -> int:
        return self.schema_id(topics.value_subject(topics.ingress_topic(entry.id)))

    # Sending

    def principal(self, system: str = PROVIDER) -> str:
        return f"agency.{self.provider}.{system}"

    def producer(self, system: str = PROVIDER, **options: Any) -> Producer:
        """A plain producer with a provider's own credentials."""
        name = f"{system}{sorted(options.items())}"
        if name not in self._producers:
            config = {
                **self.broker.client_config(self.principal(system)),
                "partitioner": PARTITIONER,
                "linger.ms": 1,
                **options,
            }
            self._producers[name] = Producer(config, logger=librdkafka_log)
        return self._producers[name]

    def headers(self, event_id: str, **changes: Any) -> ce.Headers:
        return case.headers(
            event_id, **{"time": TIME, "source": f"/systems/{self.principal()}", **changes}
        )

    def value(self, entry: CatalogEntry, row: dict[str, Any]) -> bytes:
        return frame(self.value_schema_id(entry), case.body(row))

    def send(
        self,
        entry: CatalogEntry | str,
        key: bytes | None,
        value: bytes | None,
        headers: Any,
        *,
        partition: int | None = None,
        producer: Producer | None = None,
    ) -> Sent:
        """Give one record to the producer; ``flush`` before looking at what became of it."""
        if partition is None:
            count = 1 if isinstance(entry, str) else entry.partitions
            partition = partition_of(key, count) if key else 0
        topic = topics.ingress_topic(entry if isinstance(entry, str) else entry.id)
        sent = Sent()
        producer = producer or self.producer()
        while True:
            try:
                producer.produce(
                    topic, value, key, partition, on_delivery=sent.delivered, headers=headers
                )
            except BufferError:
                producer.poll(0.1)
            else:
                producer.poll(0)
                return sent

    def upsert(
        self, entry: CatalogEntry, row: dict[str, Any], event_id: str = "", **header: Any
    ) -> Sent:
        event_id = event_id or uuid.uuid4().hex
        key = str(row["code"]).encode()
        return self.send(entry, key, self.value(entry, row), self.headers(event_id, **header))

    def delete(self, entry: CatalogEntry, code: str, event_id: str = "", **header: Any) -> Sent:
        header = {"event_type": ce.TYPE_DELETED, **header}
        headers = self.headers(event_id or uuid.uuid4().hex, **header)
        return self.send(entry, code.encode(), None, headers)

    def close_delivery(
        self,
        entry: CatalogEntry,
        counts: Iterable[int],
        *,
        no_change: bool = False,
        delivery: str = case.DELIVERY,
        event_id: str = "",
        producer: Producer | None = None,
    ) -> list[Sent]:
        """Close a delivery; ``counts`` says how many events each partition was sent."""
        counts = list(counts)
        schema_id = self.schema_id(delivery_closed().subject)
        sent = []
        for partition, count in enumerate(counts):
            record = {
                "events_in_partition": count, "events_total": sum(counts),
                "partition_count": len(counts), "no_change": no_change,
            }  # fmt: skip
            headers = self.headers(
                event_id or uuid.uuid4().hex,
                event_type=ce.TYPE_DELIVERY_CLOSED,
                delivery=delivery,
            )
            value = delivery_closed().encode(schema_id, record)
            key = delivery.encode()
            sent.append(
                self.send(entry, key, value, headers, partition=partition, producer=producer)
            )
        return sent

    def flush(self) -> None:
        for producer in self._producers.values():
            left = producer.flush(DEADLINE_SECONDS)
            assert left == 0, f"{left} records were not delivered"

    # Looking

    def records(self, topic: str, partition_count: int = 1) -> list[Message]:
        """Everything committed in a topic."""
        found: list[Message] = []
        for partition in range(partition_count):
            self.reader.read(topic, partition, 0, found.append)
        return found

    def audit(self) -> list[tuple[dict[str, Any], bytes]]:
        """All audit records, decoded and as bytes."""
        self._audit_offset = self.reader.read(topics.AUDIT, 0, self._audit_offset, self._take_batch)
        return self._batches

    def _take_batch(self, message: Message) -> None:
        value = message.value() or b""
        batch = audit_batch().decode(value)
        self._batches.append((batch, value))
        self._lines[batch["source_topic"]] += [
            {
                **line,
                "partition": batch["source_partition"],
                "route": batch["routes"][line["route"]] if line["route"] >= 0 else [],
            }
            for line in batch["lines"]
        ]

    def lines(self, entry: CatalogEntry | str) -> list[dict[str, Any]]:
        """The audit lines of an entry's events, each with its partition and its route spelt out."""
        self.audit()
        topic = topics.ingress_topic(entry if isinstance(entry, str) else entry.id)
        return self._lines[topic].copy()

    def decided(self, entry: CatalogEntry | str, seconds: float = DEADLINE_SECONDS) -> list[Any]:
        """The audit lines of an entry, once everything that was sent is decided."""
        self.flush()
        name = entry if isinstance(entry, str) else entry.id
        count = 1 if isinstance(entry, str) else entry.partitions
        ends = [self.reader.bounds(topics.ingress_topic(name), p)[1] for p in range(count)]

        def all_decided() -> list[Any]:
            self.gate.tend()
            lines = self.lines(name)
            return lines if len(lines) >= sum(ends) else []

        try:
            lines: list[Any] = wait_until(all_decided, f"{name} is decided up to {ends}", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.gate.last_words()}") from None
        return lines

    def line_of(self, entry: CatalogEntry | str, sent: Sent) -> dict[str, Any]:
        """The one audit line of one record."""
        assert sent.error is None, sent.error
        (line,) = [
            line
            for line in self.lines(entry)
            if (line["partition"], line["offset"]) == (sent.partition, sent.offset)
        ]
        return line

    def discrepancies(self, *entries: CatalogEntry) -> list[Discrepancy]:
        """What does not add up in these entries, or in the whole world, when nobody writes."""
        self.flush()
        self.facts.catch_up()
        names = [entry.id for entry in entries] or self.facts.facts.entries
        return reconcile(read_books(self.admin_config, self.digest, names))

    def receipts(self, entry: CatalogEntry) -> list[dict[str, Any]]:
        # The key tells whose it is: there are notices of other kinds too.
        prefix = f"{entry.id}/".encode()
        return [
            delivery_receipt().decode(record.value() or b"")
            for record in self.records(topics.notices_topic(self.provider))
            if (record.key() or b"").startswith(prefix)
        ]

    def quarantined(self, entry_id: str, agency: str = "") -> dict[tuple[int, int], Message]:
        """Quarantine records of an entry, by partition and offset of the event."""
        found = {}
        for record in self.records(topics.quarantine_topic(agency or self.provider)):
            named: dict[str, Any] = dict(record.headers() or [])
            if named["sharebus_entry"] == entry_id.encode():
                place = (int(named["sharebus_partition"]), int(named["sharebus_offset"]))
                assert place not in found, "one event is in quarantine twice"
                found[place] = record
        return found


def refused_by_broker(config: ClientConfig, topic: str) -> KafkaError | None:
    """The broker's answer to one record of this client; None when it took it."""
    sent = Sent()
    producer = Producer({**config, "message.timeout.ms": 60_000}, logger=librdkafka_log)
    try:
        producer.produce(topic, b"x", b"k", on_delivery=sent.delivered)
        producer.flush(DEADLINE_SECONDS)
    except KafkaException as error:
        refusal: KafkaError = error.args[0]
        return refusal
    return sent.error
