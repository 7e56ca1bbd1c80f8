from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sharebus import InvalidInput, Refused, SharebusError, Unavailable
from sharebus.governance.entry import CatalogEntry
from sharebus.producers.delivery import Channel, Delivery, SentBefore
from sharebus.producers.event import EventEncoder
from sharebus.producers.outbox import Outbox, producer_config
from sharebus.producers.receipt import Receipt
from sharebus.schemas.partition import partition_of
from sharebus.schemas.record import delivery_closed

from .conftest import make_entry

OnDelivery = Callable[[KafkaError | None, Message | None], None]


class Record(NamedTuple):
    key: bytes
    value: bytes | None
    partition: int
    headers: dict[str, str]


class FakeProducer:
    """A queue of limited length before a broker that confirms on poll, or fails."""

    def __init__(self, room: int = 10, error: KafkaError | None = None) -> None:
        self.records: list[Record] = []
        self.longest_queue = 0
        self._room = room
        self._error = error
        self._waiting: list[OnDelivery] = []

    def produce(
        self, _topic: str, value: bytes | None, key: bytes, partition: int, **options: Any
    ) -> None:
        if len(self._waiting) == self._room:
            raise BufferError
        headers = {name: content.decode() for name, content in options["headers"]}
        self.records.append(Record(key, value, partition, headers))
        self._waiting.append(options["on_delivery"])
        self.longest_queue = max(self.longest_queue, len(self._waiting))

    def poll(self, _seconds: float) -> int:
        for confirm in self._waiting:
            confirm(self._error, None)
        self._waiting.clear()
        return 0

    flush = poll


class FakeReceipts:
    def wait(self, delivery: str, period: str, partitions: range, _wait_seconds: float) -> Receipt:
        return Receipt("sample", delivery, period, len(partitions), ())


def delivery_to(
    producer: FakeProducer, entry: CatalogEntry, sent_before: SentBefore | None = None
) -> Delivery:
    channel = Channel(
        encoder=EventEncoder(entry, 1),
        outbox=Outbox(producer, "ingress.sample"),  # type: ignore[arg-type]
        source="/systems/agency.agency-a.register",
        closing_schema_id=9,
        open_receipts=lambda _from_start: FakeReceipts(),  # type: ignore[arg-type, return-value]
    )
    return Delivery(channel, "2026-11", "d1", sent_before)


def row(code: str) -> dict[str, Any]:
    return {"code": code, "name": None, "count": 1}


def test_delivery_closes_every_partition_with_its_own_counts(entry: CatalogEntry) -> None:
    producer = FakeProducer()
    with delivery_to(producer, entry) as delivery:
        delivery.upsert_all(row(code) for code in "abcdefgh")
        delivery.delete("a")
    events, closings = producer.records[:9], producer.records[9:]
    expected = [0, 0, 0]
    for event in events:
        assert event.partition == partition_of(event.key, 3)
        expected[event.partition] += 1
    assert [event.headers["ce_id"] for event in events] == [f"d1-{n}" for n in range(1, 10)]
    assert [closing.partition for closing in closings] == [0, 1, 2]
    for closing in closings:
        assert closing.key == b"d1"
        assert closing.headers["ce_id"] == f"d1-close-{closing.partition}"
        assert closing.headers["ce_type"] == "sharebus.delivery.closed"
        assert delivery_closed().decode(closing.value or b"") == {
            "events_in_partition": expected[closing.partition],
            "events_total": 9,
            "partition_count": 3,
            "no_change": False,
        }


def test_event_has_exactly_the_headers_of_the_binding(entry: CatalogEntry) -> None:
    producer = FakeProducer()
    moment = datetime(2026, 11, 22, 8, tzinfo=timezone(timedelta(hours=8)))
    delivery_to(producer, entry).upsert(row("a"), event_id="e1", changed_at=moment, corrects="e0")
    assert producer.records[0].headers == {
        "ce_specversion": "1.0",
        "ce_id": "e1",
        "ce_source": "/systems/agency.agency-a.register",
        "ce_type": "sharebus.record.upserted",
        "ce_time": "2026-11-22T00:00:00.000Z",
        "ce_dataperiod": "2026-11",
        "ce_delivery": "d1",
        "ce_corrects": "e0",
    }


def test_deletion_is_a_null_value_under_the_same_key(entry: CatalogEntry) -> None:
    producer = FakeProducer()
    delivery = delivery_to(producer, entry)
    for key in ("a", row("a"), b"a"):
        delivery.delete(key)
    assert {(record.key, record.value) for record in producer.records} == {(b"a", None)}
    assert producer.records[0].headers["ce_type"] == "sharebus.record.deleted"


def test_deletion_by_one_value_needs_one_key_field() -> None:
    entry = make_entry(key_fields=["code", "count"])
    delivery = delivery_to(FakeProducer(), entry)
    with pytest.raises(InvalidInput, match="does not name the entity"):
        delivery.delete("a")
    delivery.delete({"code": "a", "count": 1})


def test_exception_leaves_the_delivery_open(entry: CatalogEntry) -> None:
    producer = FakeProducer()

    def interrupted() -> None:
        with delivery_to(producer, entry) as delivery:
            delivery.upsert(row("a"))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert [record.headers["ce_type"] for record in producer.records] == [
        "sharebus.record.upserted"
    ]


def test_resumed_delivery_counts_what_was_sent_and_closes_what_is_open(
    entry: CatalogEntry,
) -> None:
    producer = FakeProducer()
    delivery_to(producer, entry, SentBefore([5, 0, 7], {2})).close()
    assert [record.partition for record in producer.records] == [0, 1]
    closing = delivery_closed().decode(producer.records[0].value or b"")
    assert (closing["events_in_partition"], closing["events_total"]) == (5, 12)


def test_event_sent_again_counts_once(entry: CatalogEntry) -> None:
    producer = FakeProducer()
    delivery = delivery_to(producer, entry, SentBefore([1, 1, 1]))
    delivery.send(b"a", None, event_id="e1", was_sent=True)
    delivery.close()
    closing = delivery_closed().decode(producer.records[-1].value or b"")
    assert closing["events_total"] == 3


def test_no_change_is_refused_after_events(entry: CatalogEntry) -> None:
    delivery = delivery_to(FakeProducer(), entry)
    delivery.upsert(row("a"))
    with pytest.raises(InvalidInput, match="nothing changed"):
        delivery.close(no_change=True)


def test_closed_delivery_takes_nothing_more(entry: CatalogEntry) -> None:
    delivery = delivery_to(FakeProducer(), entry)
    delivery.close()
    with pytest.raises(InvalidInput, match="closed"):
        delivery.upsert(row("a"))
    with pytest.raises(InvalidInput, match="closed"):
        delivery.close()


def test_full_queue_makes_the_sender_wait_and_loses_nothing(entry: CatalogEntry) -> None:
    producer = FakeProducer(room=3)
    with delivery_to(producer, entry) as delivery:
        delivery.upsert_all(row(str(number)) for number in range(100))
    assert producer.longest_queue == 3
    keys = [record.key for record in producer.records[:100]]
    assert keys == [str(number).encode() for number in range(100)]
    assert len(producer.records) == 103


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (KafkaError._MSG_TIMED_OUT, Unavailable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Refused),
        (KafkaError.MSG_SIZE_TOO_LARGE, InvalidInput),
    ],
)
def test_unconfirmed_event_stops_flush_and_close_and_whatever_is_sent_next(
    entry: CatalogEntry, code: int, error: type[SharebusError]
) -> None:
    producer = FakeProducer(room=2, error=KafkaError(code))
    delivery = delivery_to(producer, entry)
    delivery.upsert_all([row("a"), row("b")])
    for go_on in (delivery.flush, delivery.close, lambda: delivery.upsert_all([row("c")] * 4)):
        with pytest.raises(error):
            go_on()
    kinds = {record.headers["ce_type"] for record in producer.records}
    assert kinds == {"sharebus.record.upserted"}


def test_record_that_the_client_refuses_is_told(entry: CatalogEntry) -> None:
    class Refusing(FakeProducer):
        def produce(self, *_args: Any, **_options: Any) -> None:
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))

    with pytest.raises(InvalidInput, match="too large"):
        delivery_to(Refusing(), entry).upsert(row("a"))


@pytest.mark.parametrize("delivery_id", ["", "-a", "a b", "中", "x" * 65])
def test_id_that_the_gate_would_refuse_is_refused_here(
    entry: CatalogEntry, delivery_id: str
) -> None:
    channel: Any = delivery_to(FakeProducer(), entry)._channel
    with pytest.raises(InvalidInput, match="id of a delivery"):
        Delivery(channel, "2026-11", delivery_id)


@pytest.mark.parametrize("event_id", ["a b", "中", "x" * 129])
def test_event_id_that_the_gate_would_refuse_is_refused_here(
    entry: CatalogEntry, event_id: str
) -> None:
    delivery = delivery_to(FakeProducer(), entry)
    with pytest.raises(InvalidInput, match="id of an event"):
        delivery.upsert(row("a"), event_id=event_id)


def test_time_without_offset_is_refused(entry: CatalogEntry) -> None:
    delivery = delivery_to(FakeProducer(), entry)
    with pytest.raises(InvalidInput, match="offset"):
        delivery.upsert(row("a"), changed_at=datetime(2026, 11, 22))
    delivery.upsert(row("a"), changed_at=datetime(2026, 11, 22, tzinfo=UTC))


def test_period_that_is_none_is_refused(entry: CatalogEntry) -> None:
    channel: Any = delivery_to(FakeProducer(), entry)._channel
    with pytest.raises(InvalidInput, match="数据期"):
        Delivery(channel, "2026-13", "d1")


def test_producer_config_is_accepted_by_the_client_and_has_no_transactional_id() -> None:
    config = producer_config({"bootstrap.servers": "127.0.0.1:1"})
    assert "transactional.id" not in config
    assert (config["acks"], config["enable.idempotence"]) == ("all", True)
    Producer({**config, "log_level": 0})
