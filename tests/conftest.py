"""Options of the test run, and how `make test` shares the tests between two workers.

The tests of a directory that share a broker stay on one worker, in their order; all others go to
whichever worker is free. Tests marked `alone` measure time: the other worker waits for them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = ("app_broker", "broker")
"""Fixtures that start a broker for many tests; those with the longest tests come first."""
ROOM = Path(__file__)
"""A file to lock: workers share it, or one that must be alone has it."""
DOOR = ROOM.with_name("integration") / "conftest.py"
"""Another: whoever wants into the room waits at the door, so one who wants it alone gets it."""


class ByBroker(LoadScopeScheduling):
    """Gives a directory of integration tests, one integration test or a file of unit tests."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        if "integration" not in path.parts:
            return str(path)
        if (
            os.environ.get("SHAREBUS_TEST_BROKERS")
            or self.config.getoption("--broker") != "embedded"
        ):
            return "one cluster for all"
        return nodeid if path.parent.name == "integration" else str(path.parent)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByBroker:
    config.option.loadscopereorder = False
    return ByBroker(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        for number, name in enumerate(SHARED):
            if name in getattr(item, "fixturenames", ()):
                return number
        # Many short ones at the end keep both workers busy to the end.
        return len(SHARED) + (item.get_closest_marker("integration") is None)

    items.sort(key=rank)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    wanted = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with ROOM.open() as room:
        with DOOR.open() as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            fcntl.flock(room, wanted)
        return (yield)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=["embedded", "testcontainers"],
        default="embedded",
        help="where the integration tests find a broker, unless SHAREBUS_TEST_BROKERS names one",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--broker") == "testcontainers":
        _require_docker()


def _require_docker() -> None:
    import docker

    try:
        with closing(docker.from_env()) as client:
            client.ping()
    except docker.errors.DockerException as error:
        raise pytest.UsageError("--broker=testcontainers: no Docker engine answers") from error
