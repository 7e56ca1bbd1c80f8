"""Each line of a log is taken once, through rotations and restarts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.stream_apps.meter.log_follower import LINE_BYTES_MAX, LogFollower, Lost, Position

KEPT = 3


class Writer:
    """Writes and rotates as log4j does with ``fileIndex=max``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0

    def write(self, count: int, end: str = "\n") -> list[str]:
        lines = [f"{self.number + n:08} {'x' * 70}" for n in range(count)]
        self.number += count
        with self.path.open("a") as file:
            file.write("".join(line + end for line in lines))
        return lines

    def rotate(self) -> None:
        if not self.path.exists():
            return
        older = [self.path.with_name(f"{self.path.name}.{n}") for n in range(1, KEPT + 1)]
        there = [path for path in older if path.exists()]
        if len(there) == KEPT:
            there[0].unlink()
            for before, after in zip(there[1:], there, strict=False):
                before.rename(after)
            there = there[:-1]
        self.path.rename(older[len(there)])


def taken(follower: LogFollower) -> list[str | Lost]:
    return list(follower.lines())


@pytest.fixture
def follow(request: pytest.FixtureRequest) -> Callable[..., LogFollower]:
    def made(path: Path, position: Position | None = None) -> LogFollower:
        follower = LogFollower(path, position or Position())
        request.addfinalizer(follower.close)
        return follower

    return made


def test_half_a_line_waits_for_its_end(tmp_path: Path, follow: Callable[..., LogFollower]) -> None:
    writer = Writer(tmp_path / "access.log")
    follower = follow(writer.path)
    assert taken(follower) == []
    whole = writer.write(2)
    half = writer.write(1, end="")
    assert taken(follower) == whole
    with writer.path.open("a") as file:
        file.write("\n")
    assert taken(follower) == half
    assert follower.unread_bytes() == 0


def test_restart_goes_on_behind_the_last_line_that_was_taken(
    tmp_path: Path, follow: Callable[..., LogFollower]
) -> None:
    writer = Writer(tmp_path / "access.log")
    lines = writer.write(5)
    follower = follow(writer.path)
    reading = follower.lines()
    first = [next(reading), next(reading)]
    position = follower.position
    follower.close()
    writer.rotate()
    later = writer.write(2)
    again = follow(writer.path, position)
    assert first + taken(again) == lines + later


def test_file_that_is_gone_is_told_once(tmp_path: Path, follow: Callable[..., LogFollower]) -> None:
    writer = Writer(tmp_path / "access.log")
    follower = follow(writer.path)
    writer.write(3)
    taken(follower)
    position = follower.position
    follower.close()
    for _ in range(KEPT + 2):
        writer.write(1)
        writer.rotate()
    last = writer.write(1)
    found = taken(follow(writer.path, position))
    assert isinstance(found[0], Lost)
    assert found[-1:] == last
    assert sum(isinstance(each, Lost) for each in found) == 1


def test_line_without_an_end_does_not_fill_the_memory(
    tmp_path: Path, follow: Callable[..., LogFollower]
) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"x" * (LINE_BYTES_MAX * 3) + b"\nlast\n")
    assert taken(follow(path))[-1] == "last"


@given(st.lists(st.sampled_from(["write", "rotate", "take", "restart"]), max_size=40))
def test_every_line_is_taken_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    writer = Writer(tmp_path_factory.mktemp("log") / "access.log")
    follower = LogFollower(writer.path, Position())
    written: list[str] = []
    found: list[str | Lost] = []
    behind = 0
    for step in steps:
        if step == "write":
            written += writer.write(3)
        elif step == "rotate" and behind < KEPT:
            writer.rotate()
            behind += 1
        elif step == "take":
            found += taken(follower)
            behind = 0
        elif step == "restart":
            follower.close()
            follower = LogFollower(writer.path, follower.position)
    found += taken(follower)
    follower.close()
    assert found == written
