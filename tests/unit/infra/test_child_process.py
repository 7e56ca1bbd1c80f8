"""Child processes end when asked, when told, and when their parent ends."""

import signal
import subprocess
import sys
import time

import pytest

from sharebus.infra import child_process

DEADLINE_SECONDS = 10


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pid: int) -> bool:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not running(pid)


def test_child_ends_when_its_parent_is_killed(tmp_path):
    program = (
        "from pathlib import Path; from sharebus.infra import child_process; import time\n"
        f"print(child_process.start(['sleep', '600'], log=Path({str(tmp_path / 'log')!r})).pid,"
        " flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with parent:
        child = int(parent.stdout.readline())
        assert running(child)
        parent.kill()
    assert ended(child)


def test_child_keeps_its_arguments_output_and_environment(tmp_path):
    log = tmp_path / "logs" / "log"
    child = child_process.start(
        ["sh", "-c", 'echo "$NAME" "$1" >&2; exit 3', "sh", "a b"],
        log=log, environment={"NAME": "value", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert child.wait(DEADLINE_SECONDS) == 3
    assert log.read_text() == "value a b\n"


def test_child_that_listens_ends_cleanly_and_one_that_does_not_is_killed(tmp_path):
    polite = child_process.start(["sleep", "600"], log=tmp_path / "log")
    assert child_process.stop(polite, timeout_seconds=DEADLINE_SECONDS)
    assert polite.returncode == -signal.SIGTERM

    log = tmp_path / "deaf"
    deaf = child_process.start(
        ["sh", "-c", "trap '' TERM; echo on; sleep 600 & wait; wait"], log=log
    )
    while not log.read_text():
        time.sleep(0.01)
    assert not child_process.stop(deaf, timeout_seconds=0.2)
    assert deaf.returncode == -signal.SIGKILL


def test_program_that_does_not_exist_is_told_in_the_log(tmp_path):
    child = child_process.start(["no-such-program"], log=tmp_path / "log")
    assert child.wait(DEADLINE_SECONDS) == 127
    assert (
        child_process.last_lines(tmp_path / "log") == "no-such-program: No such file or directory"
    )


def test_last_lines_are_the_last_that_say_something(tmp_path):
    log = tmp_path / "log"
    assert child_process.last_lines(log) == ""
    frames = (
        b"\tat kafka.server.KafkaRaftServer$.<init>(KafkaRaftServer.scala:142)\n\t... 18 more\n"
    )
    log.write_bytes(b"first\n" * 10_000 + b"\xff\n\nlast\n\n" + frames)
    assert child_process.last_lines(log, count=2) == "�\nlast"


@pytest.mark.parametrize(("size", "moved"), [(10, False), (11, True)])
def test_large_log_is_moved_aside(tmp_path, size, moved):
    log = tmp_path / "log"
    log.write_bytes(b"x" * size)
    (tmp_path / "log.1").write_bytes(b"older")
    child_process.rotate(log, above_bytes=10)
    assert log.exists() is not moved
    assert (tmp_path / "log.1").read_bytes() == (b"x" * size if moved else b"older")
