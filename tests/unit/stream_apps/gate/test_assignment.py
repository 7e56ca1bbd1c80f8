"""A lane is made again as its last commit left it, or the gate stops with a clear word."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus.stream_apps.gate import assignment as assignment_module
from sharebus.stream_apps.gate.lane import Arrival
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON, OffsetsLost

from . import case, test_lane
from .memory_gate import MemoryGate
from .memory_log import MemoryLog

ENTRY = case.entry()
INGRESS = "ingress.legal-persons"


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryGate:
    """A gate that has committed one event."""
    monkeypatch.setattr(assignment_module, "SETTLE_SECONDS_MAX", 0.0)
    gate = MemoryGate(MemoryLog(), ENTRY, case.facts_of(ENTRY), tmp_path / "keys.sqlite")
    send(gate, case.upsert(0, case.row()))
    gate.transact()
    return gate


def send(gate: MemoryGate, *arrivals: Arrival) -> None:
    for _, time_ms, key, value, headers in arrivals:
        gate.log.append(INGRESS, key, value, headers=headers, time_ms=time_ms)


def test_restore_after_a_commit_goes_on_behind_it(gate: MemoryGate) -> None:
    gate.crash()
    assert gate.lane.next_offset == 1


def test_restore_of_a_topic_never_seen_begins_at_its_start(tmp_path: Path) -> None:
    log = MemoryLog()
    log.append(INGRESS, b"k", b"v")
    gate = MemoryGate(log, ENTRY, case.facts_of(ENTRY), tmp_path / "keys.sqlite")
    assert gate.lane.next_offset == 0


@pytest.mark.parametrize("offset", [None, 0, 5], ids=["deleted", "moved back", "moved on"])
def test_restore_with_offsets_that_were_not_committed_stops_for_a_person(
    gate: MemoryGate, offset: int | None
) -> None:
    gate.log.offsets.pop((INGRESS, 0))
    if offset is not None:
        gate.log.offsets[INGRESS, 0] = offset
    with pytest.raises(OffsetsLost) as lost:
        gate.crash()
    assert lost.value.exit_code == EXIT_NEEDS_PERSON
    assert INGRESS in str(lost.value)
    assert "offset 1" in lost.value.expected


def test_restore_of_a_topic_made_anew_does_not_trust_the_old_record(gate: MemoryGate) -> None:
    gate.log.epochs[INGRESS] = "another"
    with pytest.raises(OffsetsLost, match="not the one"):
        gate.crash()
    gate.log.offsets.clear()
    gate.crash()
    assert gate.lane.next_offset == 0


def test_restore_waits_for_a_transaction_that_is_settling(
    gate: MemoryGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment_module, "SETTLE_SECONDS_MAX", 60.0)
    late = gate.log.offsets.pop((INGRESS, 0))

    def settle(_seconds: float) -> None:
        gate.log.offsets[INGRESS, 0] = late

    monkeypatch.setattr(assignment_module.time, "sleep", settle)
    gate.crash()
    assert gate.lane.next_offset == 1


events = st.lists(st.tuples(st.sampled_from(test_lane.KINDS), st.integers(0, 4)), max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(kinds=events, cut=st.integers(0, 30), more=events)
def test_lane_made_again_decides_as_the_one_that_ran_on(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[tuple[str, int]],
    cut: int,
    more: list[tuple[str, int]],
) -> None:
    path = tmp_path_factory.mktemp("gate")
    decided: list[Any] = []
    arrivals = test_lane.arrivals_of(kinds + more)
    for name in ("runs on", "dies"):
        facts = case.facts_of(ENTRY)
        gate = MemoryGate(MemoryLog(), ENTRY, facts, path / f"{name}.sqlite")
        send(gate, *arrivals[: min(cut, len(arrivals))])
        gate.transact()
        if name == "dies":
            gate.crash()
        send(gate, *arrivals[min(cut, len(arrivals)) :])
        decided.append((vars(gate.transact()), gate.lane.progress(0)))
    assert decided[0] == decided[1]


def test_restore_asks_the_epochs_of_all_topics_at_once(tmp_path: Path) -> None:
    log: Any = MemoryLog()
    asked: list[list[str]] = []
    describe = log.describe_topics
    log.describe_topics = lambda names, **options: (
        asked.append(list(names.topic_names)) or describe(names, **options)
    )
    keys: Any = None
    made = assignment_module.Assignment(log, log, keys, case.DIGEST)
    lanes = made.restore(log, [TopicPartition(f"ingress.e{i}", 0) for i in range(50)])
    assert len(lanes) == 50
    assert len(asked) == 1
