"""What is withheld has no influence on what is released, and stands nowhere else either.

Two providers send histories that differ only in withheld fields, well-formed or not. Whatever a
grantee may read is the same, byte for byte; and no withheld value is in an audit record, in the
gate's progress, a log line, a metric, or the text of an error.
"""

import logging
import traceback
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from sharebus.governance.grant import Grant
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.entity_key import compile_entity_key
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.judge import Refusal, read_value, reader_of

from ..stream_apps.gate import case
from ..stream_apps.gate.memory_gate import MemoryGate
from ..stream_apps.gate.memory_log import MemoryLog, Stored
from . import town

PUBLIC, SECRET = ("code", "district"), ("name", "phone")
FIELDS = [{"name": name, "type": "string"} for name in (*PUBLIC, *SECRET)]
MARKS = {"name": "commercial_secret", "phone": "personal"}
GRANTS = [
    town.grant(["code", "district"], "g-all"),
    town.grant(["district"], "g-keyless"),
    town.grant(["code"], "g-rows", conditions=[town.IN_HAISHU]),
    town.grant(["code", "district"], "g-keys", conditions=[{"field": "code", "one_of": ["c1"]}]),
]
OWN = ("ingress.", "accepted.", "quarantine.")
"""Topics of the provider and the gate, which hold all fields."""

secrets = st.text("abé官", max_size=5).map("CANARY-{}".format)
contents = st.fixed_dictionaries(
    {
        "code": st.sampled_from(["c1", "c2"]),
        "district": st.sampled_from(["330203", "330205"]),
        **dict.fromkeys(SECRET, st.tuples(secrets, secrets)),
    }
)
KINDS = (
    "upsert", "upsert", "upsert", "delete", "surplus byte", "cut short", "not UTF-8", "other key",
    "no headers", "close", "commit", "die",
)  # fmt: skip
steps = st.tuples(st.sampled_from(KINDS), contents)


class Seen(NamedTuple):
    """What a run left behind."""

    log: MemoryLog
    announced: list[Any]


def run(path: Any, grants: list[Grant], kind: str, history: list[Any], side: int) -> Seen:
    fields = [field["name"] for field in FIELDS]
    entry = town.entry(kind, fields, MARKS)
    facts = town.facts_of(town.provider(), town.reader(), entry, *grants)
    town.register(facts, desired_broker(facts, town.DURING))
    ids = facts.schemas[topics.value_subject(topics.ingress_topic(entry.id))]
    log, announced = MemoryLog(), []
    gate = MemoryGate(log, entry, facts, path)
    for number, (step, content) in enumerate(history):
        if step in ("commit", "die"):
            decision = gate.transact()
            announced += [(each.name, each.outcome, each.offset) for each in decision.closings]
            if step == "die":
                gate.crash()
            continue
        row = {name: content[name] for name in PUBLIC}
        row |= {name: content[name][side] for name in SECRET}
        _, time_ms, key, value, headers = town.event(number, row, max(ids), ("code",))
        match step:
            case "delete":
                value = None
                headers = case.headers(f"e-{number}", event_type=ce.TYPE_DELETED)
            case "close":
                closed = case.closing(number, number % 3)
                key, value, headers = closed[2:]
                value = value[:1] + gate.plan.closing_schema_id.to_bytes(4, "big") + value[5:]
            case "surplus byte":
                value += b"\0"
            case "cut short":
                value = value[:-1]
            case "not UTF-8":
                value = value[:-1] + b"\xff"
            case "other key":
                key = b"c3"
            case "no headers":
                headers = []
        log.append(gate.ingress, key, value, headers=headers, time_ms=time_ms)
    decision = gate.transact()
    announced += [(each.name, each.outcome, each.offset) for each in decision.closings]
    for line in decision.lines:
        metrics.EVENTS.labels(entry.id, line["outcome"], line["rule"]).inc()
    return Seen(log, announced)


def told(record: Stored) -> bytes:
    headers = b"\0".join(content for _, content in record.headers() or [])
    return b"\0".join([record.key() or b"", record.value() or b"", headers])


def released(seen: Seen) -> dict[str, list[Any]]:
    return {
        topic: [(each.key(), each.value(), each.headers(), each.timestamp()) for each in records]
        for (topic, _), records in seen.log.appended.items()
        if topic.startswith(("view.", "shared."))
    }


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(["open", "conditional"]),
    history=st.lists(steps, min_size=10, max_size=25),
)
def test_withheld_fields_have_no_influence_and_stand_nowhere(
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    history: list[Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path_factory.mktemp("key-sets")
    one, other = (run(folder / f"{side}.sqlite", GRANTS, kind, history, side) for side in (0, 1))
    assert released(one) == released(other)
    assert one.announced == other.announced
    for seen in (one, other):
        for (topic, _), records in seen.log.appended.items():
            if not topic.startswith(OWN):
                assert not any(b"CANARY-" in told(record) for record in records), topic
    assert "CANARY-" not in caplog.text
    assert b"CANARY-" not in generate_latest()


def test_grantees_read_views_announcements_and_their_own_notices_alone() -> None:
    fields = [field["name"] for field in FIELDS]
    facts = town.facts_of(
        town.provider(), town.reader(), town.entry("conditional", fields, MARKS), *GRANTS
    )
    names = town.readable(desired_broker(facts, town.DURING), town.SYSTEM)
    views = {name for name in names if name.startswith("view.persons.v-")}
    assert len(views) == len(GRANTS)
    assert names - views == {"deliveries.persons", "notices.tax", "shared.catalog"}


@pytest.mark.parametrize("damage", ["cut", "surplus", "flip"])
def test_error_about_a_damaged_value_does_not_tell_it(damage: str) -> None:
    row = {"code": "CANARY-1", "district": "CANARY-2", "name": "CANARY-3", "phone": "CANARY-4"}
    value = case.value_under(FIELDS, row)
    reader = reader_of(case.schema(FIELDS))
    assert compile_entity_key(["code"])(read_value(value, 1, reader).row) == b"CANARY-1"
    refusals = []
    for place in range(5, len(value)):
        harmed = {
            "cut": value[:place],
            "surplus": value[:place] + b"\x02" + value[place:],
            "flip": value[:place] + bytes([value[place] ^ 0x80]) + value[place + 1 :],
        }[damage]
        try:
            read_value(harmed, 1, reader)
        except Refusal as refusal:
            refusals.append(refusal)
    assert len(refusals) > len(row)
    for refusal in refusals:
        assert "CANARY" not in "".join(traceback.format_exception(refusal))
        assert "CANARY" not in refusal.place
