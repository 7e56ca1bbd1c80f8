"""``sharebus subscribe`` as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sharebus.infra.settings import environment_of

pytestmark = pytest.mark.integration
DEADLINE_SECONDS = 60

ROWS = [{"code": f"3302{number:02}", "name": f"海曙 {number}"} for number in range(1, 9)]
CODES = [row["code"] for row in ROWS]


@pytest.fixture
def entry(make_entry: Callable[[], Any]) -> Any:
    entry = make_entry()
    entry.topic = entry.create_view()
    entry.grant(entry.topic, entry.create_notices())
    entry.write(entry.topic, ROWS)
    return entry


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the command as a user's shell would; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(entry: Any, *options: str) -> subprocess.Popen[bytes]:
        sharebus = Path(sys.executable).with_name("sharebus")
        process = subprocess.Popen(
            # A suite that runs in a shell's background would hand on that SIGINT is ignored.
            [
                "env",
                "--default-signal=INT",
                sharebus,
                "subscribe",
                entry.id,
                "--as",
                entry.system,
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment_of(entry.settings), "PYTHONFAULTHANDLER": "1"},
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        assert process.stdout
        assert process.stderr
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def assert_only_the_grant_was_told(said: str, entry: Any) -> None:
    (line,) = said.splitlines()
    assert line.startswith(f"{entry.system} reads {entry.id} under grant auto-")


def finish(process: subprocess.Popen[bytes], exit_code: int = 0) -> tuple[list[Any], str]:
    """The objects that a process printed until it ended, and what it said on standard error."""
    try:
        output, said = process.communicate(timeout=DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # it then says where it stands
        pytest.fail(process.communicate()[1].decode())
    assert process.returncode == exit_code, said.decode()
    return [json.loads(line) for line in output.splitlines()], said.decode()


def codes(events: list[Any]) -> list[str]:
    return sorted(event["key"][0] for event in events)


def test_subscribe_until_the_end_prints_each_event_once_over_two_runs(
    entry: Any, start: Callable[..., Any]
) -> None:
    first, _ = finish(start(entry, "--until-end", "--max", "3"))
    second, said = finish(start(entry, "--until-end"))
    third, _ = finish(start(entry, "--until-end"))
    assert len(first) == 3
    assert codes(first + second) == CODES
    assert third == []
    assert_only_the_grant_was_told(said, entry)


def test_subscribe_prints_utf_8_and_every_attribute(entry: Any, start: Callable[..., Any]) -> None:
    process = start(entry, "--until-end")
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert "海曙 1".encode() in output
    event = next(e for e in map(json.loads, output.splitlines()) if e["key"] == ["330201"])
    assert event["row"] == {"code": "330201", "name": "海曙 1", "since": None}
    assert (event["kind"], event["data_period"]) == ("upserted", "2026-11-22")
    assert event["source"] == "/systems/agency.mapping.register"


def test_subscribe_stopped_by_ctrl_c_ends_with_130_and_has_acknowledged_its_lines(
    entry: Any, start: Callable[..., Any]
) -> None:
    process = start(entry, "--follow")
    lines = [process.stdout.readline() for _ in ROWS]
    process.send_signal(signal.SIGINT)
    rest, said = finish(process, exit_code=130)
    assert rest == []
    assert_only_the_grant_was_told(said, entry)
    assert codes([json.loads(line) for line in lines]) == CODES
    assert finish(start(entry, "--until-end"))[0] == []


def test_subscribe_that_is_killed_loses_no_event(entry: Any, start: Callable[..., Any]) -> None:
    process = start(entry, "--follow")
    before = [json.loads(process.stdout.readline())]
    process.kill()
    before += [json.loads(line) for line in process.stdout.read().splitlines()]
    after, _ = finish(start(entry, "--until-end"))
    assert {*codes(before), *codes(after)} == set(CODES)


def test_subscribe_whose_reader_goes_away_ends_without_a_word(
    entry: Any, start: Callable[..., Any]
) -> None:
    process = start(entry, "--follow")
    for _ in ROWS:
        process.stdout.readline()
    process.stdout.close()
    entry.write(entry.topic, ROWS, period="2026-11-23")
    process.wait(DEADLINE_SECONDS)
    assert process.returncode == 1
    assert_only_the_grant_was_told(process.stderr.read().decode(), entry)
    # What nobody can have read is not acknowledged.
    again, _ = finish(start(entry, "--until-end"))
    assert [event["data_period"] for event in again] == ["2026-11-23"] * len(ROWS)


def test_subscribe_from_start_prints_all_again(entry: Any, start: Callable[..., Any]) -> None:
    finish(start(entry, "--until-end"))
    assert codes(finish(start(entry, "--until-end", "--from-start"))[0]) == CODES


def test_subscribe_without_a_grant_exits_4_and_says_what_to_do(
    make_entry: Callable[[], Any], start: Callable[..., Any]
) -> None:
    entry = make_entry()
    entry.grant()
    events, said = finish(start(entry), exit_code=4)
    assert events == []
    assert f"may not read entry '{entry.id}'" in said
    assert "remedy:" in said
    assert "Traceback" not in said


def test_subscribe_whose_right_is_revoked_exits_4_by_itself(
    entry: Any, start: Callable[..., Any]
) -> None:
    process = start(entry, "--follow")
    for _ in ROWS:
        process.stdout.readline()
    entry.revoke(entry.topic)
    _, said = finish(process, exit_code=4)
    assert "may not read" in said
    assert "Traceback" not in said


def test_subscribe_periods_prints_the_closed_deliveries(
    entry: Any, start: Callable[..., Any]
) -> None:
    deliveries = entry.create_deliveries()
    entry.grant(deliveries)
    for partition in (0, 1):
        entry.announce(deliveries, "2026-11-22", partition)
    periods, _ = finish(start(entry, "--periods"))
    assert periods == [
        {"entry": entry.id, "period": "2026-11-22", "delivery": "d-2026-11-22",
         "outcome": "complete", "closed_ms": 1}
    ]  # fmt: skip
