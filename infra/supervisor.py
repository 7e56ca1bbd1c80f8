"""One supervisor for broker, registry and apps: start in order, restart, report, stop in order.

Each part is a child process that ends with the supervisor, however that ends.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FrameType
from typing import Final, Self

from sharebus import Unavailable
from sharebus.infra import child_process
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.part import OnChange, Part
from sharebus.infra.settings import Settings, environment_of
from sharebus.infra.supervision import PartStatus, only_supervisor, write_status

START_TIMEOUT_SECONDS: Final = 120.0
APP_STOP_TIMEOUT_SECONDS: Final = 15.0
SERVICE_STOP_TIMEOUT_SECONDS: Final = 30.0
_TICK_SECONDS: Final = 0.2
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class App:
    """A process of the platform. ``environment`` is added to the settings' own variables."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


class _AppProcess:
    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._log_path = settings.data_dir / "logs" / f"{app.name}.log"
        self.name = app.name
        self.address = app.address
        self.log = str(self._log_path)

    def launch(self) -> subprocess.Popen[bytes]:
        child_process.rotate(self._log_path)
        environment = {**os.environ, **environment_of(self._settings), **self._app.environment}
        # Every app is a principal of its own, never the person who started the supervisor.
        for name in ("SHAREBUS_USERNAME", "SHAREBUS_PASSWORD", "SHAREBUS_PASSWORD_FILE"):
            if name not in self._app.environment:
                environment.pop(name, None)
        return child_process.start(self._app.argv, log=self._log_path, environment=environment)

    def is_ready(self) -> bool:
        return True

    def last_words(self) -> str:
        return child_process.last_lines(self._log_path)


class Supervisor:
    """Broker and registry (when embedded) and apps of one data directory, as a context manager.

    Entering returns when every part runs; leaving stops them in reverse order. In between call
    `tend` a few times a second. Enter and leave from the main thread: the children end when the
    thread that started them ends.
    """

    def __init__(
        self,
        settings: Settings,
        apps: Sequence[App],
        *,
        before_apps: Callable[[], None] = lambda: None,
        on_change: OnChange = lambda _: None,
    ) -> None:
        self._settings = settings
        self._before_apps = before_apps
        self._on_change = on_change
        services = (EmbeddedKafka(settings), EmbeddedRegistry(settings))
        self._services = [
            Part(service, SERVICE_STOP_TIMEOUT_SECONDS, self._changed)
            for service in services
            if settings.embedded
        ]
        self._apps = [
            Part(_AppProcess(app, settings), APP_STOP_TIMEOUT_SECONDS, self._changed)
            for app in apps
        ]
        self._exit_stack = ExitStack()

    @property
    def parts(self) -> tuple[PartStatus, ...]:
        """The state of each part, in the order of their start."""
        return tuple(part.status for part in (*self._services, *self._apps))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(only_supervisor(self._settings))
            write_status(self._settings, self.parts)
            stack.callback(self._stop)
            for service in self._services:
                self._start(service)
            self._before_apps()
            self.tend()
            self._exit_stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    def tend(self) -> None:
        """Restart what has ended; takes at most a few seconds."""
        for service in self._services:
            service.tend()
            if service.status.state not in ("running", "failing"):
                break  # the next one needs it
        for app in self._apps:
            app.tend()

    def _start(self, service: Part) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while service.status.state != "running":
            service.tend()
            # At the first start somebody is looking on: say it rather than try again.
            failed = service.status.state in ("restarting", "failed")
            if failed or time.monotonic() > deadline:
                raise Unavailable(
                    f"The embedded {service.status.name} does not serve.",
                    where=service.status.log,
                    found=service.status.message or f"no answer within {START_TIMEOUT_SECONDS:g} s",
                )
            time.sleep(_TICK_SECONDS / 2)

    def _stop(self) -> None:
        for part in reversed((*self._services, *self._apps)):
            part.stop()

    def _changed(self, status: PartStatus) -> None:
        write_status(self._settings, self.parts)
        self._on_change(status)


class _Stopped(BaseException):
    """A signal to stop came; not an error, and nobody's ``except Exception`` may swallow it."""


def run_until_stopped(
    settings: Settings,
    apps: Sequence[App],
    on_change: OnChange = lambda _: None,
    *,
    before_apps: Callable[[], None] = lambda: None,
) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP, then stop apps, registry and broker.

    ``before_apps`` runs when broker and registry serve: it provisions what the apps need.
    ``on_change`` is called with each change of a part. Raises Refused when another supervisor has
    the data directory, InvalidInput when a port is taken, Unavailable when broker or registry do
    not start.
    """
    before = {number: signal.signal(number, _raise_stopped) for number in _STOP_SIGNALS}
    try:
        with Supervisor(settings, apps, before_apps=before_apps, on_change=on_change) as running:
            while True:
                running.tend()
                time.sleep(_TICK_SECONDS)
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_stopped(_number: int, _frame: FrameType | None) -> None:
    # One signal is enough; a second must not interrupt the clean shutdown.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise _Stopped
