"""What the embedded broker and the embedded registry have in common: a Java process that serves."""

import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, Self

from sharebus import InvalidInput, Unavailable
from sharebus.infra import child_process
from sharebus.infra.settings import Settings

START_TIMEOUT_SECONDS: Final = 120.0
STOP_TIMEOUT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.1

# The collector with the least overhead and the compiler with the quickest start: these processes
# share a machine with everything else.
JVM: Final = (
    "java",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)


class EmbeddedService(ABC):
    """A service of one data directory, run as a child process that ends with its parent."""

    name: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.directory = settings.data_dir / self.name
        self.log_path = settings.data_dir / "logs" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Path of its log."""
        return str(self.log_path)

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients find it."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write what the process reads; returns its command line.

        Raises InvalidInput when a port is taken, Unavailable when something it needs is missing.
        """

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers a real request now; takes at most a few seconds."""

    @property
    def _output_path(self) -> Path:
        return self.log_path.with_name(f"{self.name}-output.log")

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it to serve."""
        for directory in (self.settings.data_dir, self.directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        argv = self.prepare()
        # What it says before its own log begins, and when the JVM itself fails; never long.
        self._output_path.unlink(missing_ok=True)
        self.process = child_process.start(argv, log=self._output_path)
        return self.process

    def start(self, *, timeout_seconds: float = START_TIMEOUT_SECONDS) -> Self:
        """Start it and wait until it serves.

        Raises InvalidInput when a port is taken, Unavailable with the end of the log when it ends
        or does not answer in time.
        """
        process = self.launch()
        deadline = time.monotonic() + timeout_seconds
        try:
            while not self.is_ready():
                if process.poll() is not None:
                    raise self.unavailable(f"it ended with status {process.returncode}")
                if time.monotonic() > deadline:
                    raise self.unavailable(f"no answer within {timeout_seconds:g} s")
                time.sleep(_POLL_SECONDS)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, *, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> None:
        """Shut down in order; the data stays."""
        if self.process:
            child_process.stop(self.process, timeout_seconds=timeout_seconds)
            self.process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        if self.process:
            child_process.kill_group(self.process)
            self.process = None

    def last_words(self) -> str:
        """The end of its log, or of its output when it never came to log."""
        return child_process.last_lines(self.log_path) or child_process.last_lines(
            self._output_path
        )

    def unavailable(self, found: str) -> Unavailable:
        """The error that says why it does not serve, with the end of its log."""
        return Unavailable(
            f"The embedded {self.name} does not serve.",
            where=str(self.log_path),
            found=f"{found}\n{self.last_words()}",
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def require_free_port(host: str, setting: str, port: int) -> None:
    """Raises InvalidInput naming the setting when ``port`` is taken."""
    with _socket(host) as probe:
        # As the JVM does: a port whose last connections are in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                f"Port {port} cannot be used.",
                where=f"{setting} (SHAREBUS_{setting.upper()})",
                expected=f"a free port on {host}",
                found=error.strerror or str(error),
                remedy="Stop what uses it, or choose another port.",
            ) from error


def port_answers(host: str, port: int) -> bool:
    """True when somebody listens on ``port``."""
    with _socket(host) as probe:
        probe.settimeout(1)
        # Without a port of its own the probe may be given the very port it asks for, connect to
        # itself and so keep the service from binding it (seen with ports above 32768).
        probe.bind((host, 0))
        if probe.getsockname()[1] == port:
            return False
        try:
            probe.connect((host, port))
        except OSError:
            return False
        return True


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
