"""A part that keeps ending is failing, whether it happens to run or not."""

from types import SimpleNamespace
from typing import Any

import pytest

from sharebus.infra import part
from sharebus.infra.part import LOOP_SECONDS, RESTART_DELAYS_SECONDS, Part
from sharebus.infra.supervision import PartStatus, Status


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time_ns(self) -> int:
        return int(self.now * 1e9)


class FakeProcess:
    name, address, log = "gate", "", ""

    def __init__(self) -> None:
        self.child: Any = None

    def launch(self) -> Any:
        self.child = SimpleNamespace(pid=42, returncode=None, poll=lambda: self.child.returncode)
        return self.child

    def is_ready(self) -> bool:
        return True

    def last_words(self) -> str:
        return "why"


class Watched:
    """A part with its process and clock, and the states it went through."""

    def __init__(self, clock: Clock) -> None:
        self.states: list[str] = []
        self._clock = clock
        self._process = FakeProcess()
        self._part = Part(self._process, 1, self._note)

    def _note(self, status: PartStatus) -> None:
        self.states.append(status.state)

    @property
    def is_ready(self) -> bool:
        return Status(alive=True, parts=(self._part.status,)).ready

    def run_for(self, seconds: float) -> None:
        """Start it, when that is due, and let it run."""
        self._clock.now += max(RESTART_DELAYS_SECONDS)
        self._part.tend()
        self._part.tend()
        self._clock.now += seconds
        self._part.tend()

    def end(self) -> None:
        self._process.child.returncode = 1
        self._part.tend()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    clock = Clock()
    monkeypatch.setattr(part, "time", clock)
    monkeypatch.setattr(part.child_process, "kill_group", lambda _child: None)
    return Watched(clock)


@pytest.mark.parametrize("seconds", [0.1, 70])
def test_part_that_ended_three_times_within_minutes_is_failing_while_it_runs(
    watched: Watched, seconds: float
) -> None:
    for _ in range(3):
        watched.run_for(seconds)
        assert watched.is_ready
        watched.end()
    watched.run_for(1)
    assert not watched.is_ready
    assert watched.states == [
        "starting", "running", "restarting",
        "starting", "running", "restarting",
        "starting", "running", "failing",
        "starting", "failing",
    ]  # fmt: skip


def test_failing_part_that_runs_on_is_running_again(watched: Watched) -> None:
    for _ in range(3):
        watched.run_for(0.1)
        watched.end()
    watched.run_for(LOOP_SECONDS)
    assert watched.states[-2:] == ["failing", "running"]


def test_part_that_ends_now_and_then_is_not_failing(watched: Watched) -> None:
    for _ in range(6):
        watched.run_for(LOOP_SECONDS / 2)
        watched.end()
    assert "failing" not in watched.states
