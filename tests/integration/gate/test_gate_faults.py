"""What the gate cannot do, it does not do to others: one event, or one entry, is set aside.

Faults are put into the gate from outside, by a ``sitecustomize`` module that spoils one function.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import World

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("books_balance")]

SPOILED = """
import os
from sharebus.stream_apps.gate import judge, plan

read, compile = judge.read_value, plan.compile_plan


def read_value(value, schema_id, reader):
    if b"DEADLY" in value:
        os.abort()
    if b"GREEDY" in value:
        held = bytearray(6 << 30)
        os.abort()
    if b"FAULTY" in value:
        raise RuntimeError("a fault of the gate's own")
    return read(value, schema_id, reader)


def compile_plan(facts, entry, view_key):
    if entry.name == "UNPLANNABLE":
        raise plan.InvalidInput("the facts are not complete")
    return compile(facts, entry, view_key)


# Spoilt before anything is imported that binds these two by name.
judge.read_value, plan.compile_plan = read_value, compile_plan
from sharebus.stream_apps.gate.transaction import Transaction

close = Transaction.write_closing


def write_closing(self, plan, *rest):
    if plan.entry.name == "UNCLOSABLE":
        raise RuntimeError("a fault that no single event has")
    close(self, plan, *rest)


Transaction.write_closing = write_closing
"""


@pytest.fixture
def spoiled(served: World, tmp_path: Path) -> Iterator[World]:
    """The world with a gate that has faults."""
    (tmp_path / "sitecustomize.py").write_text(SPOILED)
    served.gate.stop()
    served.gate.environment["PYTHONPATH"] = str(tmp_path)
    served.gate.start()
    try:
        yield served
    finally:
        del served.gate.environment["PYTHONPATH"]
        served.gate.stop()


def test_event_of_which_the_gate_dies_is_set_aside_by_position_and_the_rest_flows(
    spoiled: World,
) -> None:
    entry, other = spoiled.unconditional(), spoiled.unconditional()
    spoiled.apply(entry, other)
    sent = {
        code: spoiled.upsert(entry, case.row(code, name=name))
        for code, name in (
            ("a", "sound"), ("b", "DEADLY"), ("c", "sound"), ("d", "GREEDY"), ("e", "FAULTY"),
            ("f", "sound"),
        )
    }  # fmt: skip
    spoiled.upsert(other, case.row("a"))
    spoiled.decided(entry)
    spoiled.decided(other)
    rules = {code: spoiled.line_of(entry, sent[code])["rule"] for code in sent}
    harmful = {"b", "d", "e"}
    assert rules == {code: "record.harmful" if code in harmful else "" for code in sent}
    assert set(spoiled.quarantined(entry.id)) == {(0, sent[code].offset) for code in harmful}
    assert len(spoiled.records(topics.accepted_topic(entry))) == 3
    assert spoiled.discrepancies(entry, other) == []


def test_entry_that_cannot_be_planned_is_held_back_alone_until_the_policy_changes(
    spoiled: World,
) -> None:
    entry, other = spoiled.unconditional(name="UNPLANNABLE"), spoiled.unconditional()
    spoiled.apply(entry, other)
    waiting = spoiled.upsert(entry, case.row("a"))
    spoiled.upsert(other, case.row("a"))
    spoiled.decided(other)
    assert spoiled.lines(entry) == []
    assert f"entry {entry.id} is held back" in spoiled.gate.log.read_text()

    spoiled.apply(entry.model_copy(update={"name": "plannable"}))
    spoiled.decided(entry)
    assert spoiled.line_of(entry, waiting)["outcome"] == "accepted"
    assert spoiled.discrepancies(entry, other) == []


def test_entry_at_which_the_gate_fails_though_no_event_does_is_held_back_and_stays_so(
    spoiled: World,
) -> None:
    entry, other = spoiled.unconditional(name="UNCLOSABLE"), spoiled.unconditional()
    spoiled.apply(entry, other)
    spoiled.close_delivery(entry, [0], no_change=True)
    spoiled.flush()

    def is_held() -> bool:
        spoiled.gate.tend()
        return f"entry {entry.id} is held back" in spoiled.gate.log.read_text()

    wait_until(is_held, "the entry is held back")
    pid = spoiled.gate.pid
    for code in "abc":
        spoiled.upsert(other, case.row(code))
        spoiled.decided(other)
    assert spoiled.gate.pid == pid
    assert spoiled.lines(entry) == []
