"""One process over its restarts.

A part that ends by itself is started again, after 1 s, then 2, 4 … 30 s; the count starts anew when
it has run for a minute. Exit status 78 (sysexits.h: configuration error) says that a person is
needed: such a part is left alone, and its last words are shown. A part that keeps ending is
``failing`` even while it runs, since nobody is served by it.
"""

import subprocess
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from sharebus import SharebusError
from sharebus.infra import child_process
from sharebus.infra.supervision import PartStatus, State

EXIT_NEEDS_A_PERSON: Final = 78
RESTART_DELAYS_SECONDS: Final = (1, 2, 4, 8, 16, 30)
SETTLED_AFTER_SECONDS: Final = 60.0
LOOP_ENDS: Final = 3
"""A part that has ended so often …"""
LOOP_SECONDS: Final = 300.0
"""… within so long is in a loop."""

OnChange = Callable[[PartStatus], None]


class Process(Protocol):
    """What the supervisor needs to know of a broker, a registry or an app."""

    name: str

    @property
    def address(self) -> str:
        """Where it serves; empty if nowhere."""
        ...

    @property
    def log(self) -> str:
        """Its log file."""
        ...

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it. Raises SharebusError when what it needs is not there."""
        ...

    def is_ready(self) -> bool:
        """Whether it serves."""
        ...

    def last_words(self) -> str:
        """The end of its log."""
        ...


class Part:
    """One process over its restarts. ``report`` hears of each change."""

    def __init__(self, process: Process, stop_timeout_seconds: float, report: OnChange) -> None:
        self._process = process
        self._stop_timeout_seconds = stop_timeout_seconds
        self._report = report
        self._child: subprocess.Popen[bytes] | None = None
        self._quick_ends = 0
        self._last_ends: deque[float] = deque(maxlen=LOOP_ENDS)
        self._next_start = 0.0
        self._started = 0.0
        self.status = PartStatus(
            name=process.name, state="waiting", since_ms=_now_ms(), address=process.address,
            log=process.log,
        )  # fmt: skip

    def tend(self) -> None:
        """Do what is due now: start, notice readiness, notice an end."""
        if self.status.state == "failed":
            return
        if self._child is None:
            if time.monotonic() >= self._next_start:
                self._launch()
        elif self._child.poll() is not None:
            self._ended(self._child)
        elif self.status.state == "starting" and self._process.is_ready():
            self._become("failing" if self._is_looping() else "running", pid=self._child.pid)
        else:
            if time.monotonic() - self._started > SETTLED_AFTER_SECONDS:
                self._quick_ends = 0
            if self.status.state == "failing" and not self._is_looping():
                self._become("running", pid=self._child.pid)

    def stop(self) -> None:
        """End it and whatever it has started."""
        if self._child:
            self._become("stopping", pid=self._child.pid)
            clean = child_process.stop(self._child, timeout_seconds=self._stop_timeout_seconds)
            self._child = None
            self._become("stopped", message="" if clean else "did not end when asked; was killed")

    def _launch(self) -> None:
        try:
            self._child = self._process.launch()
        except SharebusError as error:
            if self.status.restarts == 0:
                raise
            # What was free or present at the first start is so no longer; it may come back.
            self._later(f"{error}")
            return
        self._started = time.monotonic()
        self._become("starting", pid=self._child.pid)

    def _ended(self, child: subprocess.Popen[bytes]) -> None:
        child_process.kill_group(child)
        self._child = None
        words = self._process.last_words()
        if child.returncode == EXIT_NEEDS_A_PERSON:
            self._become("failed", message=words)
        elif child.returncode < 0:  # its last words are of something else
            self._later(f"killed by signal {-child.returncode}")
        else:
            self._later(f"ended with status {child.returncode}\n{words}")

    def _later(self, message: str) -> None:
        last = len(RESTART_DELAYS_SECONDS) - 1
        delay_seconds = RESTART_DELAYS_SECONDS[min(self._quick_ends, last)]
        self._quick_ends += 1
        self._next_start = time.monotonic() + delay_seconds
        self._last_ends.append(time.monotonic())
        state: State = "failing" if self._is_looping() else "restarting"
        self._become(state, message=message, restarts=self.status.restarts + 1)

    def _is_looping(self) -> bool:
        ends = self._last_ends
        return len(ends) == LOOP_ENDS and time.monotonic() - ends[0] < LOOP_SECONDS

    def _become(
        self,
        state: State,
        *,
        pid: int | None = None,
        message: str = "",
        restarts: int | None = None,
    ) -> None:
        self.status = self.status.model_copy(update={
            "state": state,
            "since_ms": _now_ms(),
            "pid": pid,
            # Why it was restarted stays readable while it runs.
            "message": message or ("" if state == "stopped" else self.status.message),
            "restarts": self.status.restarts if restarts is None else restarts,
        })  # fmt: skip
        self._report(self.status)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
