"""A new view is filled from what is accepted, in bounded steps, and then goes on live."""

from pathlib import Path

import pytest

from sharebus.stream_apps.enforcer.publication import withdrawn
from sharebus.stream_apps.gate import fill
from sharebus.stream_apps.gate.fill import is_filling

from . import case
from .memory_gate import MemoryGate
from .memory_log import MemoryLog

ENTRY = case.entry()
GRANT = case.grant("names", fields=["code", "name"])
VIEW = "view.legal-persons." + case.plan_of(ENTRY, GRANT).views[0].name


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryGate:
    """A gate that has accepted seven rows before the grant, and copies two in a transaction."""
    monkeypatch.setattr(fill, "CHUNK_RECORDS", 2)
    gate = MemoryGate(MemoryLog(), ENTRY, case.facts_of(ENTRY), tmp_path / "keys.sqlite")
    for number in range(7):
        send(gate, number)
    gate.transact()
    return gate


def send(gate: MemoryGate, number: int) -> None:
    _, time_ms, key, value, headers = case.upsert(number, case.row(f"k{number}"))
    gate.log.append(gate.ingress, key, value, headers=headers, time_ms=time_ms)


def keys(gate: MemoryGate) -> list[bytes | None]:
    return [record.key() for record in gate.log.of(VIEW)]


def test_fill_copies_a_bounded_chunk_in_each_transaction(gate: MemoryGate) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    lengths = []
    while not lengths or is_filling(gate.lane):
        gate.transact()
        lengths.append(len(keys(gate)))
    assert lengths == [2, 4, 6, 7]


def test_fill_with_live_events_meanwhile_has_each_row_once_and_in_order(gate: MemoryGate) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    for number in range(7, 10):
        send(gate, number)
        gate.transact()
    while is_filling(gate.lane):
        gate.transact()
    send(gate, 10)
    gate.transact()
    assert keys(gate) == [b"k%d" % number for number in range(11)]


def test_fill_goes_on_where_it_was_after_a_crash(gate: MemoryGate) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    gate.transact()
    gate.decide()
    gate.crash()
    gate.attach()
    while is_filling(gate.lane):
        gate.transact()
    assert keys(gate) == [b"k%d" % number for number in range(7)]


def test_fill_with_nothing_accepted_yet_is_live_at_once(tmp_path: Path) -> None:
    facts = case.facts_of(ENTRY, GRANT)
    gate = MemoryGate(MemoryLog(), ENTRY, facts, tmp_path / "keys.sqlite")
    gate.attach()
    assert not is_filling(gate.lane)


def test_fill_of_a_view_that_is_granted_again_brings_it_up_to_date(gate: MemoryGate) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    for _ in range(4):
        gate.transact()
    gate.learn(case.facts_of(ENTRY, GRANT.model_copy(update={"revoked": True})))
    _, time_ms, key, _, headers = case.delete(7, "k3")
    gate.log.append(gate.ingress, key, None, headers=headers, time_ms=time_ms)
    gate.transact()
    gate.learn(case.facts_of(ENTRY, GRANT))
    gate.attach()
    while is_filling(gate.lane):
        gate.transact()
    gate.log.compact(VIEW)
    assert sorted(map(bytes, filter(None, keys(gate)))) == [b"k%d" % i for i in (0, 1, 2, 4, 5, 6)]


def test_fill_lines_name_the_accepted_topic_and_no_delivery(gate: MemoryGate) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    gate.attach()
    gate.decide()
    lines = gate._copied.lines
    assert [line["offset"] for line in lines] == [0, 1]
    assert all(line["delivery"] is None and line["route"] == (VIEW,) for line in lines)


@pytest.mark.parametrize("crashes", [False, True])
def test_fill_of_a_view_whose_topic_was_made_anew_begins_at_the_start(
    gate: MemoryGate, crashes: bool
) -> None:
    gate.learn(case.facts_of(ENTRY, GRANT))
    for _ in range(4):
        gate.transact()
    assert len(keys(gate)) == 7
    facts = case.facts_of(ENTRY, GRANT)
    for gone in withdrawn(facts, [VIEW]):
        facts.apply(gone, facts.version + 1)
        facts.apply(gone.model_copy(update={"withdrawn": False}), facts.version + 1)
    gate.log.of(VIEW).clear()
    gate.log.epochs[VIEW] = "another"
    gate.learn(facts)
    if crashes:  # what it recorded last says that the view is live, and is of the old topic
        gate.crash()
    gate.attach()
    while is_filling(gate.lane):
        gate.transact()
    assert keys(gate) == [b"k%d" % number for number in range(7)]
