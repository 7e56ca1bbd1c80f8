"""A child process that ends when its parent ends, however the parent ends.

``subprocess`` gives no such promise: after ``kill -9`` of a supervisor its children go on, hold
the ports and write to the data directory. Here the child asks the kernel for a SIGKILL at the
death of its parent, by running this file before it becomes the wanted program. That costs about
15 ms and, unlike ``preexec_fn``, is safe in a process with threads.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_EXIT_NOT_STARTED = 127
_FRAME = re.compile(r"\s+(at [\w.$/<>-]+\(|\.\.\. \d+ more)")


def start(
    argv: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ``argv`` in a session of its own, its output appended to ``log``.

    Call it from a thread that lives as long as the child is to live: the kernel watches the
    thread that started the child, not the process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    wrapper = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*wrapper, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, timeout_seconds: float) -> bool:
    """Ask the process to end; after the timeout, end it and whatever it has started.

    Returns whether it ended by itself.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_seconds)
        clean = True
    except subprocess.TimeoutExpired:
        clean = False
    kill_group(process)
    return clean


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and to everything it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def last_lines(log: Path, *, count: int = 5, at_most_bytes: int = 16_384) -> str:
    """The end of a log, for an error message, without blank lines and Java's stack frames.

    Empty when there is no log.
    """
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - at_most_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    lines = [line for line in text.splitlines() if line.strip() and not _FRAME.match(line)]
    return "\n".join(lines[-count:])


def rotate(log: Path, *, above_bytes: int = 10_000_000) -> None:
    """Move a large log aside, in place of the one moved aside before."""
    if log.exists() and log.stat().st_size > above_bytes:
        log.replace(log.with_name(f"{log.name}.1"))


def _become(parent: int, argv: list[str]) -> None:
    if sys.platform == "linux":  # elsewhere the child can outlive a parent that is killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", flush=True)
        sys.exit(_EXIT_NOT_STARTED)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
