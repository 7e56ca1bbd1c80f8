"""Each bad input on the real broker: refused by its rule, audited, in quarantine; others flow."""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from sharebus.governance.rule import Rule
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.framing import frame
from sharebus.schemas.partition import partition_of

from ...unit.stream_apps.gate import case
from ..world import World

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("books_balance")]

KEY = "91330200MA2000000X"
EVENT_BYTES_MAX = 100_000

Bad = Callable[[World, Any], dict[str, Any]]
"""Gives what differs from a sound event: key, value, headers, partition."""


def body_with(**changes: bytes) -> bytes:
    """A row whose fields are encoded by hand where the change is."""
    parts = {field["name"]: case.body(case.row(KEY), case.parsed([field])) for field in case.FIELDS}
    return b"".join({**parts, **changes}.values())


def varint(number: int) -> bytes:
    return case.body({"n": number}, case.parsed([{"name": "n", "type": "long"}]))


def framed(**changes: bytes) -> Bad:
    return lambda world, entry: {"value": frame(world.value_schema_id(entry), body_with(**changes))}


def header(name: str, content: bytes | None) -> Bad:
    def change(world: World, _entry: Any) -> dict[str, Any]:
        headers: Any = world.headers("bad")
        return {"headers": [(n, content if n == name else c) for n, c in headers]}

    return change


def more_headers(*more: tuple[str, bytes]) -> Bad:
    return lambda world, entry: {"headers": [*world.headers("bad"), *more]}


def without(name: str) -> Bad:
    return lambda world, entry: {
        "headers": [header for header in world.headers("bad") if header[0] != name]
    }


def raw(**changes: Any) -> Bad:
    return lambda world, entry: changes


NAN = struct.pack("<d", float("nan"))
BAD_INPUTS: dict[str, tuple[Rule, Bad]] = {
    "empty value": (Rule.FRAME_EMPTY, raw(value=b"")),
    "wrong magic byte": (Rule.FRAME_MAGIC, raw(value=b"\1" + bytes(20))),
    "unknown schema id": (
        Rule.SCHEMA_UNKNOWN, lambda w, e: {"value": frame(2**31, body_with())},
    ),
    "schema of another subject": (
        Rule.SCHEMA_FOREIGN,
        lambda w, e: {"value": frame(w.schema_id("sharebus.DeliveryReceipt"), body_with())},
    ),
    "truncated Avro": (
        Rule.VALUE_UNDECODABLE,
        lambda w, e: {"value": frame(w.value_schema_id(e), body_with()[:-1])},
    ),
    "trailing bytes": (
        Rule.VALUE_NOT_CANONICAL,
        lambda w, e: {"value": frame(w.value_schema_id(e), body_with() + b"\0")},
    ),
    "length prefix of 100 MB": (
        Rule.VALUE_UNDECODABLE, framed(name=varint(100_000_000) + b"short"),
    ),
    "array of 100 million": (
        Rule.VALUE_UNDECODABLE, framed(former_names=varint(100_000_000) + b"\0"),
    ),
    "negative block count": (
        Rule.VALUE_NOT_CANONICAL, framed(former_names=varint(-1) + varint(2) + b"\2a\0"),
    ),
    "enum index out of range": (Rule.VALUE_UNDECODABLE, framed(status=varint(2))),
    "enum index negative": (Rule.VALUE_UNDECODABLE, framed(status=varint(-1))),
    "union index out of range": (Rule.VALUE_UNDECODABLE, framed(phone=varint(2))),
    "union index negative": (Rule.VALUE_UNDECODABLE, framed(phone=varint(-1) + b"\2a")),
    "overlong varint": (Rule.VALUE_NOT_CANONICAL, framed(founded=b"\x82\x80\x00")),
    "invalid UTF-8": (Rule.VALUE_UNDECODABLE, framed(name=b"\4\xff\xfe")),
    "NaN": (Rule.VALUE_OUT_OF_RANGE, framed(capital=NAN)),
    "date out of range": (Rule.VALUE_OUT_OF_RANGE, framed(founded=varint(2**30))),
    "key of another row": (
        Rule.KEY_MISMATCH,
        lambda w, e: {"key": b"another", "partition": partition_of(b"another", e.partitions)},
    ),
    "wrong partition": (
        Rule.KEY_PARTITION,
        lambda w, e: {"partition": 1 - partition_of(KEY.encode(), e.partitions)},
    ),
    "no key": (Rule.KEY_MISSING, raw(key=None, partition=0)),
    "header missing": (Rule.HEADER_MISSING, without(ce.DATA_PERIOD)),
    "no headers": (Rule.HEADER_MISSING, raw(headers=None)),
    "header twice": (Rule.HEADER_DUPLICATE, more_headers((ce.ID, b"another"))),
    "forged source": (
        Rule.HEADER_FORGED, header(ce.SOURCE, b"/systems/agency.tax.levy"),
    ),
    "sixty thousand headers": (Rule.HEADER_TOO_MANY, more_headers(*[("x", b"")] * 60_000)),
    "null header": (Rule.HEADER_INVALID, header(ce.DELIVERY, None)),
    "schema id in a header that contradicts": (
        Rule.HEADER_CONTRADICTS, more_headers(("__value_schema_id", b"1234567")),
    ),
    "time in the future": (Rule.TIME_FUTURE, header(ce.TIME, b"2199-01-01T00:00:00Z")),
    "tombstone with the type of an upsert": (Rule.HEADER_CONTRADICTS, raw(value=None)),
    "value over the size limit": (
        Rule.RECORD_TOO_LARGE,
        lambda w, e: {"value": w.value(e, case.row(KEY, name="名" * EVENT_BYTES_MAX))},
    ),
    "deletion of a key that no row can have": (
        Rule.KEY_MISMATCH,
        lambda w, e: {
            "key": b"a|b",
            "value": None,
            "headers": w.headers("bad", event_type=ce.TYPE_DELETED),
            "partition": partition_of(b"a|b", e.partitions),
        },
    ),
}  # fmt: skip


def test_each_bad_input_is_refused_by_its_rule_while_good_events_flow(world: World) -> None:
    entry = world.entry(partitions=2, event_bytes_max=EVENT_BYTES_MAX)
    grant = world.grant(entry)
    world.apply(entry, grant)
    sent, good = {}, []
    for name, (_, bad) in BAD_INPUTS.items():
        good.append(world.upsert(entry, case.row(KEY, name=name)))
        headers = world.headers(f"bad-{len(sent)}")
        event = {
            "key": KEY.encode(),
            "value": world.value(entry, case.row(KEY)),
            "headers": headers,
        }
        event |= bad(world, entry)
        partition = event.pop("partition", partition_of(KEY.encode(), 2))
        sent[name] = world.send(entry, **event, partition=partition), event
    lines = world.decided(entry)

    assert len(lines) == 2 * len(BAD_INPUTS)
    assert {world.line_of(entry, event)["outcome"] for event in good} == {"accepted"}
    quarantined = world.quarantined(entry.id)
    found = {}
    for name, (record, event) in sent.items():
        line = world.line_of(entry, record)
        found[name] = line["rule"]
        message = quarantined.pop((record.partition, record.offset))
        named: dict[str, Any] = dict(message.headers() or [])
        value = event["value"] or b""
        assert named["sharebus_rule"].decode() == line["rule"]
        assert named["sharebus_place"].decode() == line["place"]
        assert named["sharebus_digest"] == hashlib.sha256(value).hexdigest().encode()
        assert message.value() == event["value"]
        digest = world.digest.record(event["key"] or b"", event["value"])
        assert line["digests"] == digest
    assert found == {name: rule.value for name, (rule, _) in BAD_INPUTS.items()}
    assert quarantined == {}
    for topic in (topics.accepted_topic(entry), world.view_topic(entry, grant)):
        assert len(world.records(topic, 2)) == len(good)
    assert world.discrepancies(entry) == []


def test_suspended_entry_refuses_and_serves_again_when_it_is_not(world: World) -> None:
    entry = world.entry()
    world.apply(entry.model_copy(update={"suspended": True}))
    refused = world.upsert(entry, case.row("a"), "one")
    world.decided(entry)
    world.apply(entry)
    accepted = world.upsert(entry, case.row("a"), "one")
    world.decided(entry)
    assert world.line_of(entry, refused)["rule"] == Rule.ENTRY_SUSPENDED
    assert world.line_of(entry, accepted)["outcome"] == "accepted"


def test_topic_of_no_entry_is_refused_into_the_platforms_quarantine(world: World) -> None:
    name = "made-by-hand"
    topic = topics.ingress_topic(name)
    world.broker.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    admin = Producer(world.admin_config)
    sent = world.send(name, b"k", b"v", world.headers("e"), producer=admin)
    admin.flush(60)
    world.decided(name)
    assert world.line_of(name, sent)["rule"] == Rule.ENTRY_UNKNOWN
    assert list(world.quarantined(name, agency="platform")) == [(0, sent.offset)]
