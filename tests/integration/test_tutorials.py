"""Every command of the tutorials is run as written, and prints what the page says.

A tutorial's ``console`` blocks are run in order in one shell, in a directory that looks like a
clone. A line that begins with ``$`` is a command; those below are what it prints: each must come,
in order, ``…`` standing for anything. A command ends with 0 unless the next one is ``echo $?``. A
``python`` block whose first line is a comment with a file's name is saved there. ``sharebus up`` is
left running, as in a terminal of its own; a page that starts another one says that the one before
is ended first. ``make setup`` is what has run before these tests; here
it must only be a target.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from sharebus.infra.settings import Settings, load_settings

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).parents[2]
COMMAND_SECONDS_MAX = 90
START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 60
END_OF_COMMAND = "--- end of command, status"
_BLOCK = re.compile(r"^```(console|python|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SAVED_AS = re.compile(r"# ([\w/-]+\.(?:py|yaml))\n")
# What tables are drawn with, and where lines are broken, depends on the terminal.
_LAYOUT = re.compile(r"[\s\u2500-\u257f]+")


class Step(NamedTuple):
    """A command and the lines it must print, or a file to save."""

    command: str = ""
    printed: tuple[str, ...] = ()
    file: str = ""
    text: str = ""


def steps_of(page: str) -> list[Step]:
    steps: list[Step] = []
    for kind, text in _BLOCK.findall(page):
        if kind != "console":
            saved_as = _SAVED_AS.match(text)
            if saved_as:
                steps.append(Step(file=saved_as[1], text=text))
            continue
        for line in text.splitlines():
            if line.startswith("$ "):
                steps.append(Step(command=line[2:]))
            else:
                steps[-1] = steps[-1]._replace(printed=(*steps[-1].printed, line))
    return steps


def missing_line(printed: tuple[str, ...], output: str) -> str | None:
    """The first line that the output does not have behind the ones before it."""
    flat, at = _LAYOUT.sub(" ", output), 0
    for line in printed:
        parts = [re.escape(_LAYOUT.sub(" ", part).strip()) for part in line.split("…")]
        whole = r" ?.*? ?".join(parts)
        # Words are whole, but for what "…" stands for.
        whole = (r"(?<!\S)" if parts[0] else "") + whole + (r"(?!\S)" if parts[-1] else "")
        found = re.compile(whole).search(flat, at)
        if found is None:
            return line
        at = found.end()
    return None


class Shell:
    """One shell, whose commands are given one by one."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=directory, env=environment, text=True, start_new_session=True,
        )  # fmt: skip
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)

    def run(self, command: str) -> tuple[str, int]:
        """What the command prints, and its exit status, which ``$?`` is for the next one."""
        assert self._process.stdin
        end = f"status=$?; printf '\\n{END_OF_COMMAND} %s\\n' $status; (exit $status)"
        self._process.stdin.write(f"{{ {command}\n}} </dev/null\n{end}\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + COMMAND_SECONDS_MAX
        output = ""
        while True:
            try:
                line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no end within {COMMAND_SECONDS_MAX} s: {command}\n{output}")
            if line.startswith(END_OF_COMMAND):
                return output, int(line.removeprefix(END_OF_COMMAND))
            output += line

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            stream.close()


class Reader:
    """Somebody who follows tutorials to the letter, beginning in a clone."""

    def __init__(self, clone: Path, ports: dict[str, int]) -> None:
        shutil.copytree(PROJECT / "demo", clone / "demo")
        (clone / ".venv").symlink_to(sys.prefix)
        (clone / "Makefile").symlink_to(PROJECT / "Makefile")
        artifacts = load_settings().artifacts_dir
        environment = {
            "SHAREBUS_ARTIFACTS_DIR": str(artifacts),
            "SHAREBUS_FLUSH_EVERY_MESSAGE": "false",
            "COLUMNS": "300",  # a terminal in which no table is folded
            **{f"SHAREBUS_{name.upper()}": str(port) for name, port in ports.items()},
        }
        kept = ("HOME", "LANG", "LC_ALL", "TERM", "JAVA_HOME", "PYTHONDONTWRITEBYTECODE")
        environment |= {name: os.environ[name] for name in kept if name in os.environ}
        environment["PATH"] = f"{sys.prefix}/bin:{os.environ['PATH']}"
        self._clone = clone
        self._environment = environment
        self._ports = ports
        self._shell = Shell(clone, environment)
        self._system: subprocess.Popen[bytes] | None = None

    def follow(self, page: Path) -> None:
        steps = steps_of(self._with_own_ports(page.read_text(encoding="utf-8")))
        assert steps
        for step, following in zip(steps, [*steps[1:], Step()], strict=True):
            if step.file:
                path = self._clone / step.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text, encoding="utf-8")
            elif step.command.startswith("make "):
                target = step.command.removeprefix("make ")
                makefile = (self._clone / "Makefile").read_text(encoding="utf-8")
                assert f"\n{target}: " in makefile
            elif step.command == "sharebus up":
                if self._system:
                    assert "end it first with Ctrl-C" in page.read_text(encoding="utf-8")
                    assert self.stop_system() == 0
                self._start_system(step)
            else:
                self._run(page.name, step, fails=following.command == "echo $?")

    def _with_own_ports(self, text: str) -> str:
        for name, port in self._ports.items():
            text = text.replace(str(Settings.model_fields[name].default), str(port))
        return text

    def _run(self, page: str, step: Step, *, fails: bool) -> None:
        output, status = self._shell.run(step.command)
        assert (status != 0) == fails, f"{page}: {step.command}\nended with {status}\n{output}"
        missing = missing_line(step.printed, output)
        assert missing is None, f"{page}: {step.command}\nmissing: {missing}\nprinted:\n{output}"

    def _start_system(self, step: Step) -> None:
        exported, _ = self._shell.run("env | grep ^SHAREBUS_DATA_DIR=")
        environment = {**self._environment}
        if exported.strip():
            name, _, value = exported.strip().partition("=")
            environment[name] = value
        log = self._clone / "up.log"
        with log.open("wb") as output:
            self._system = subprocess.Popen(
                ["sharebus", "up"], cwd=self._clone, env=environment,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS_MAX
        while missing := missing_line(step.printed, log.read_text(encoding="utf-8")):
            said = log.read_text(encoding="utf-8")
            assert self._system.poll() is None, f"sharebus up ended:\n{said}"
            assert time.monotonic() < deadline, f"missing: {missing}\nprinted:\n{said}"
            time.sleep(0.1)

    def stop_system(self) -> int:
        """Ctrl-C in the other terminal; gives the exit status."""
        assert self._system
        system, self._system = self._system, None
        system.send_signal(signal.SIGINT)
        try:
            return system.wait(STOP_SECONDS_MAX)
        finally:
            system.kill()

    def close(self) -> None:
        self._shell.close()
        if self._system:
            self._system.kill()
            self._system.wait()


@contextmanager
def reader_in(clone: Path, ports: dict[str, int]) -> Iterator[Reader]:
    reader = Reader(clone, ports)
    try:
        yield reader
    finally:
        reader.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "pages",
    [
        pytest.param(
            ("tutorial-provider.md", "tutorial-supervisor.md", "tutorial-subscriber.md"),
            id="all, one after the other",
        ),
        pytest.param(("tutorial-subscriber.md",), id="subscriber"),
        pytest.param(("tutorial-governance.md",), id="governance"),
    ],
)
def test_tutorial_followed_to_the_letter_does_what_it_says(
    pages: tuple[str, ...], tmp_path: Path, other_ports: dict[str, int]
) -> None:
    with reader_in(tmp_path, other_ports) as reader:
        for page in pages:
            reader.follow(PROJECT / "docs" / page)
        assert reader.stop_system() == 0


@pytest.mark.parametrize(
    ("printed", "missing"),
    [
        (("accepted 3 events", "done"), None),
        (("accepted … events", "done"), None),
        (("│ accepted │ 3 │",), None),
        (("accepted … eve…",), None),
        (("done", "accepted 3 events"), "accepted 3 events"),
        (("accepted 30 events",), "accepted 30 events"),
        (("accepted 3 event",), "accepted 3 event"),
    ],
)
def test_line_that_was_not_printed_in_its_place_is_noticed(
    printed: tuple[str, ...], missing: str | None
) -> None:
    assert missing_line(printed, "┃ accepted ┃ 3 ┃\n events\ndone\n") == missing


def test_steps_are_commands_with_what_they_print_and_files() -> None:
    page = "# A\n```console\n$ one\n1\n…\n$ two\n```\n```python\n# x.py\npass\n```\n"
    page += "```python\nnot_saved\n```\n"
    assert steps_of(page) == [
        Step(command="one", printed=("1", "…")),
        Step(command="two"),
        Step(file="x.py", text="# x.py\npass\n"),
    ]
