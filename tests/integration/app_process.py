"""An app as a process, and waiting for what it does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sharebus.infra import child_process
from sharebus.infra.settings import Settings, environment_of
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON

DEADLINE_SECONDS = 90.0
PAUSE_SECONDS = 0.02


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """What the condition gives once it is true; a failure says what was waited for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(PAUSE_SECONDS)
    return found


class AppProcess:
    """``faust -A sharebus.stream_apps.<app>.app worker``, started again as a supervisor would."""

    def __init__(self, settings: Settings, app: str = "gate", name: str = "gate-0") -> None:
        self.app, self.name = app, name
        self.log = settings.data_dir / f"{app}.log"
        self.environment = {**os.environ, **environment_of(settings)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, is_ready: bool = True) -> None:
        """Start it, and wait until it serves."""
        assert self._process is None
        argv = [
            sys.executable,
            "-m",
            "faust",
            "-A",
            f"sharebus.stream_apps.{self.app}.app",
            "worker",
        ]
        seen = self.log.stat().st_size if self.log.exists() else 0
        self._process = child_process.start(
            [*argv, "-l", "info", "--without-web"], log=self.log, environment=self.environment
        )
        if is_ready:
            wait_until(partial(self._says_ready, seen), f"the {self.app} is ready")

    def _says_ready(self, seen: int) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"the {self.app} ended with status {code}\n{self.last_words()}"
        with self.log.open("rb") as log:
            log.seek(seen)
            return f"{self.name} is ready".encode() in log.read()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status, if it has ended."""
        return self._process.poll() if self._process else None

    def tend(self) -> None:
        """Start it again if it has ended, unless it says that only a person can help."""
        code = self.poll()
        if code is None:
            return
        assert code != EXIT_NEEDS_PERSON, f"the {self.app} asks for a person\n{self.last_words()}"
        self._process = None
        self.start(is_ready=False)

    def run(self) -> None:
        """Start it unless it runs; whatever an earlier test has done to it."""
        if self.poll() is not None:
            self._process = None
        if self._process is None:
            self.start()

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        assert self._process is not None
        child_process.kill_group(self._process)
        self._process = None

    def stop(self) -> int:
        """Ask it to end, which it must do by itself; gives its exit status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        clean = child_process.stop(process, timeout_seconds=DEADLINE_SECONDS)
        assert clean, f"the {self.app} did not end when asked\n{self.last_words()}"
        return process.returncode

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit status, when it ends by itself."""
        assert self._process is not None
        process, self._process = self._process, None
        try:
            return process.wait(seconds)
        finally:
            child_process.kill_group(process)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def last_words(self) -> str:
        """The end of its log, for the message of a failure."""
        return child_process.last_lines(self.log, count=30)
