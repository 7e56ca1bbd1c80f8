"""Options of the test run, and how `make test` shares the tests between two workers.

The tests of a directory that share a broker stay on one worker, in their order; all others go to
whichever worker is free. Tests marked `alone` measure time: the other worker waits for them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

SHARED = ("app_broker", "broker", "bus")
"""Fixtures that start a broker for many tests; those with the longest tests come first."""
ROOM = Path(__file__)
"""A file to lock: workers share it, or one that must be alone has it."""
DOOR = ROOM.with_name("integration") / "conftest.py"
"""Another: whoever wants into the room waits at the door, so one who wants it alone gets it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_one_cluster = (
        bool(os.environ.get("SHAREBUS_TEST_BROKERS")) or config.getoption("--broker") != "embedded"
    )

    def rank(item: pytest.Item) -> int:
        used = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        if not used:
            # Many short ones at the end keep both workers busy to the end.
            return len(SHARED) + (item.get_closest_marker("integration") is None)
        group = "cluster" if is_one_cluster else f"{used[0]} {item.path.parent.name}"
        item.add_marker(pytest.mark.xdist_group(group))
        return SHARED.index(used[0])

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
