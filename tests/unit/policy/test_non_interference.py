"""What is withheld has no influence on what is released, and stands nowhere else either.

Two providers send histories that differ only in withheld fields, well-formed or not, while grants
come and go, views are filled and filled again, topics are compacted and the gate dies. Whatever a
grantee may read is the same, byte for byte; and no withheld value is in an announcement, a receipt,
an audit record, the gate's progress, what quarantine says of an event, a log line, a metric, or the
text of an error.
"""

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from sharebus.governance.view import view_of_grant
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.entity_key import compile_entity_key
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.fill import is_filling
from sharebus.stream_apps.gate.judge import Refusal, read_value, reader_of
from sharebus.stream_apps.gate.release import replaced

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
    town.grant(
        ["code"],
        "g-told",
        conditions=[{"field": "name", "starts_with": ["CANARY-a"]}],
        agreement="安全保密协议 1",
    ),
]
"""The last chooses rows by a field that it withholds: how that begins is told, and nothing else."""
OWN = ("ingress.", "accepted.", "quarantine.")
"""Topics of the provider and the gate, which hold all fields."""

secrets = st.text("abé官", max_size=5)
contents = st.fixed_dictionaries(
    {
        "code": st.sampled_from(["c1", "c2"]),
        "district": st.sampled_from(["330203", "330205"]),
        **dict.fromkeys(SECRET, st.tuples(st.sampled_from("ab"), st.tuples(secrets, secrets))),
        "grant": st.sampled_from(GRANTS),
    }
)
KINDS = (
    "upsert", "upsert", "upsert", "delete", "surplus byte", "cut short", "not UTF-8", "other key",
    "no headers", "close", "commit", "die", "grant or revoke", "grant or revoke", "compact",
)  # fmt: skip
steps = st.tuples(st.sampled_from(KINDS), contents)


def content(code: str, district: str, initial: str, grant: int = 0) -> dict[str, Any]:
    secret = dict.fromkeys(SECRET, (initial, ("1", "another")))
    return {"code": code, "district": district, **secret, "grant": GRANTS[grant]}


HAISHU, BEILUN = content("c1", "330203", "a"), content("c1", "330205", "b")
TURNS = [("grant or revoke", content("c1", "330203", "a", grant)) for grant in (2, 4)]
HISTORY = [
    ("upsert", HAISHU), ("commit", HAISHU), ("upsert", content("c2", "330205", "b")),
    ("close", HAISHU), ("surplus byte", HAISHU), ("upsert", BEILUN), ("die", HAISHU),
    ("upsert", HAISHU), ("commit", HAISHU), *TURNS, ("delete", HAISHU),
    ("upsert", content("c2", "330203", "a")), ("die", HAISHU), ("compact", HAISHU), *TURNS,
]  # fmt: skip
"""An entity leaves two views and comes back; they end, and are filled again after its deletion."""


class Run:
    """One provider's history, decided by the parts of the gate in memory."""

    def __init__(self, path: Path, kind: str, side: int) -> None:
        self.side = side
        fields = [field["name"] for field in FIELDS]
        self.entry = town.entry(kind, fields, MARKS)
        self.facts = town.facts_of(town.provider(), town.reader(), self.entry, *GRANTS)
        self.register()
        self.log = MemoryLog()
        self.gate = MemoryGate(self.log, self.entry, self.facts, path)
        ids = self.facts.schemas[topics.value_subject(topics.ingress_topic(self.entry.id))]
        self.schema_id = max(ids)
        self.closed = 0

    def register(self) -> None:
        town.register(self.facts, desired_broker(self.facts, town.DURING))

    def of(self, history: list[Any]) -> MemoryLog:
        for number, (step, content) in enumerate(history):
            match step:
                case "commit" | "die":
                    self.transact()
                    if step == "die":
                        self.gate.crash()
                case "grant or revoke":
                    standing = self.facts.grants[content["grant"].id]
                    grant = standing.model_copy(update={"revoked": not standing.revoked})
                    self.facts = town.applied(self.facts, [grant], town.DURING)
                    self.register()
                    self.gate.learn(self.facts)
                case "compact":
                    self.log.compact(self.gate.plan.accepted_topic)
                case _:
                    self.send(number, step, content)
        self.transact()
        while is_filling(self.gate.lane):
            self.transact()
        return self.log

    def transact(self) -> None:
        for line in self.gate.transact().lines:
            metrics.EVENTS.labels(self.entry.id, line["outcome"], line["rule"]).inc()

    def send(self, number: int, step: str, content: dict[str, Any]) -> None:
        row = {name: content[name] for name in PUBLIC}
        for name in SECRET:
            initial, rest = content[name]
            row[name] = f"CANARY-{initial}{rest[self.side]}"
        _, time_ms, key, value, headers = town.event(number, row, self.schema_id, ("code",))
        headers = replaced(headers, ce.DELIVERY, f"d-{self.closed}".encode())
        match step:
            case "delete":
                value = None
                headers = replaced(headers, ce.TYPE, ce.TYPE_DELETED.encode())
            case "close":
                closing = case.closing(number, number % 3, delivery=f"d-{self.closed}")
                key, value, headers = closing[2:]
                value = value[:1] + self.gate.plan.closing_schema_id.to_bytes(4, "big") + value[5:]
                self.closed += number % 2  # else what follows is for a delivery that is closed
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
        self.log.append(self.gate.ingress, key, value, headers=headers, time_ms=time_ms)


def told(record: Stored) -> bytes:
    headers = b"\0".join(content for _, content in record.headers() or [])
    return b"\0".join([record.key() or b"", record.value() or b"", headers])


def told_by_quarantine(record: Stored) -> bytes:
    """What the gate says of a refused event, beside the event itself."""
    headers = record.headers() or []
    return b"\0".join(content for name, content in headers if name.startswith("sharebus_"))


def released(log: MemoryLog) -> dict[str, list[Any]]:
    return {
        topic: [(each.key(), each.value(), each.headers(), each.timestamp()) for each in records]
        for (topic, _), records in log.appended.items()
        if topic.startswith(("view.", "shared.", "deliveries."))
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
@example(kind="open", history=HISTORY)
@example(kind="conditional", history=HISTORY)
def test_withheld_fields_have_no_influence_and_stand_nowhere(
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    history: list[Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path_factory.mktemp("key-sets")
    logs = [Run(folder / f"{side}.sqlite", kind, side).of(history) for side in (0, 1)]
    assert released(logs[0]) == released(logs[1])
    for log in logs:
        for (topic, _), records in log.appended.items():
            tell = told_by_quarantine if topic.startswith("quarantine.") else told
            if topic.startswith("quarantine.") or not topic.startswith(OWN):
                assert not any(b"CANARY-" in tell(record) for record in records), topic
    assert "CANARY-" not in caplog.text
    assert b"CANARY-" not in generate_latest()


def test_history_above_has_leavers_and_views_that_are_filled_again(tmp_path: Path) -> None:
    run = Run(tmp_path / "key-sets.sqlite", "conditional", 0)
    log = run.of(HISTORY)
    for grant in (GRANTS[2], GRANTS[4]):
        topic = topics.view_topic("persons", view_of_grant(run.entry, grant).name)
        seen = [(each.key(), each.value() is None) for each in log.appended[topic, 0]]
        there, gone = (b"c1", False), (b"c1", True)
        assert seen == [there, gone, there, (b"c2", False), gone]
    kinds = {name.partition(".")[0] for name, _ in log.appended}
    assert kinds >= {"view", "deliveries", "notices", "quarantine", "audit", "facts"}


def test_grantees_read_views_announcements_and_their_own_notices_alone() -> None:
    fields = [field["name"] for field in FIELDS]
    facts = town.facts_of(
        town.provider(), town.reader(), town.entry("conditional", fields, MARKS), *GRANTS
    )
    names = town.readable(desired_broker(facts, town.DURING), town.SYSTEM)
    views = {name for name in names if name.startswith("view.persons.v-")}
    assert len(views) == len(GRANTS)
    assert names - views == {
        "audit.checkpoints", "deliveries.persons", "notices.tax", "shared.catalog",
    }  # fmt: skip


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
