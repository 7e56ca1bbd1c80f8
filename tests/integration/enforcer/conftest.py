"""An enforcer that runs in this process, and a reader who does all that a client can."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import Settings
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.loop import EnforcerLoop

from ..town import DEADLINE_SECONDS, Town
from ..world import World


def wait_for(what: str, holds: Callable[[], bool], seconds_max: float = DEADLINE_SECONDS) -> None:
    """Wait until a condition holds; ``what`` says which in the failure."""
    deadline = time.monotonic() + seconds_max
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds_max:g} s"
        time.sleep(0.02)


class RunningEnforcer:
    """The loop in a thread; whatever ends it is raised by :meth:`stop`."""

    def __init__(self, settings: Settings) -> None:
        self._loop = EnforcerLoop(settings)
        self._end = threading.Event()
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run(self._end)
        except BaseException as failure:
            self._failures.append(failure)

    def stop(self) -> None:
        """End it in order."""
        self._end.set()
        self._thread.join(DEADLINE_SECONDS)
        for failure in self._failures:
            raise failure


class HostileReader:
    """Reads by ``assign``, uncommitted, and parks its fetch for a minute at the broker."""

    def __init__(self, login: ClientConfig, topic: str) -> None:
        self.values: list[bytes] = []
        self._fetches = 0
        self._waiting = 0
        reading: dict[str, Any] = {
            **login,
            "group.id": "agency.nobody",
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 60_000,
            "fetch.min.bytes": 900_000,
            "socket.timeout.ms": 70_000,
            "enable.auto.commit": False,
            "statistics.interval.ms": 50,
            "stats_cb": self._see,
        }
        self._consumer = Consumer(reading, logger=librdkafka_log)
        self._consumer.assign([TopicPartition(topic, 0, 0)])

    def _see(self, statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        self._fetches = sum(broker["req"].get("Fetch", 0) for broker in brokers)
        self._waiting = sum(broker["waitresp_cnt"] for broker in brokers)

    def poll(self) -> None:
        """Take what has come."""
        message = self._consumer.poll(0.05)
        if message is not None and message.error() is None:
            self.values.append(message.value() or b"")

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        def polled() -> bool:
            self.poll()
            return holds()

        wait_for(what, polled)

    def park(self) -> None:
        """Return when its fetch waits at the broker."""
        self._until("a fetch is parked", lambda: self._fetches > 0 and self._waiting > 0)

    def until_answered(self) -> None:
        """Return when the broker has answered the parked fetch, so that the client sent another.

        That one waits unread at the broker: the quota closed the connection's ears for a while.
        """
        self._until("the parked fetch is answered", lambda: self._fetches > 1)
        self.poll()

    def close(self) -> None:
        """Leave, without waiting: the broker does not listen to this connection for a while."""
        threading.Thread(target=self._consumer.close, daemon=True).start()


@pytest.fixture
def enforcer(town: Town) -> Iterator[RunningEnforcer]:
    """An enforcer that has taken up its work."""
    town.apply()  # gives it its rights
    running = RunningEnforcer(town.settings)
    admin = AdminClient(town.admin_config, logger=librdkafka_log)
    wait_for("the enforcer is a member", lambda: office.is_held(admin))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def followed(served: World) -> Iterator[World]:
    """The world with an enforcer."""
    running = RunningEnforcer(served.settings)
    try:
        yield served
    finally:
        running.stop()
