"""Set-up of a clone: prerequisites, virtual environment, artifacts. Run by ``make setup``.

Run with the Python to be used and nothing installed, so it may import only the standard library.
What is done already is not done again; after an interruption the next run goes on.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
VENV: Final = PROJECT / ".venv"
LOCK_FILE: Final = PROJECT / "requirements-dev.lock"
STATE: Final = PROJECT / ".sharebus"
JAVA_AT_LEAST: Final = 17


def missing_prerequisites() -> list[str]:
    """One line for each prerequisite that is missing: what it is and how to get it."""
    missing = []
    if sys.version_info[:2] != (3, 11):
        missing.append(_line("Python 3.11", "python3.11", f"found {sys.version.split()[0]}"))
    try:
        import ensurepip  # noqa: F401  (Debian keeps it in a package of its own)
    except ImportError:
        missing.append(_line("Python's venv module", "python3.11-venv"))
    java = _java_version()
    if java is None:
        missing.append(_line(f"Java {JAVA_AT_LEAST} or later", "openjdk-17-jre-headless"))
    elif java < JAVA_AT_LEAST:
        missing.append(
            _line(f"Java {JAVA_AT_LEAST} or later", "openjdk-17-jre-headless", f"found {java}")
        )
    if shutil.which("mvn") is None:
        missing.append(_line("Maven", "maven"))
    return missing


def _line(what: str, package: str, found: str = "") -> str:
    return f"missing: {what}{f' ({found})' if found else ''}: apt-get install {package}"


def _java_version() -> int | None:
    if shutil.which("java") is None:
        return None
    result = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    return parse_java_version(result.stderr)


def parse_java_version(text: str) -> int | None:
    """Feature version in the output of ``java -version``: 17 for ``"17.0.15"``, 8 for ``"1.8.0"``.

    None when the text holds no version.
    """
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(match[1]) if match else None


def set_up_environment() -> None:
    """Virtual environment with exactly the locked packages, and this project editable in it."""
    packages = _Stamp("packages", LOCK_FILE.read_bytes())
    if not packages.is_current():
        _say("creating .venv from requirements-dev.lock")
        _run(sys.executable, "-m", "venv", "--clear", str(VENV))
        _pip("install", "--require-hashes", "-r", str(LOCK_FILE))
        packages.write()
    project = _Stamp("project", (PROJECT / "pyproject.toml").read_bytes())
    if not project.is_current():
        _pip("install", "--no-deps", "--no-build-isolation", "-e", str(PROJECT))
        project.write()


class _Stamp:
    """Remembers in the virtual environment from what it was made, and so goes with it."""

    def __init__(self, name: str, content: bytes) -> None:
        self._path = VENV / f".sharebus-{name}"
        # An environment holds absolute paths: a copied or moved clone needs a new one.
        parts = (str(PROJECT).encode(), sys.version.encode(), content)
        self._digest = hashlib.sha256(b"\0".join(parts)).hexdigest()

    def is_current(self) -> bool:
        return self._path.exists() and self._path.read_text(encoding="ascii") == self._digest

    def write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(self._digest, encoding="ascii")
        new.rename(self._path)


def fetch_artifacts() -> None:
    """Broker and registry, see ``sharebus.infra.embedded.artifacts``."""
    _run(str(VENV / "bin" / "python"), "-m", "sharebus.infra.embedded.artifacts")


def _pip(*arguments: str) -> None:
    pip = (str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(*pip, *arguments)


def _run(*command: str) -> None:
    result = subprocess.run(command, cwd=PROJECT, check=False)
    if result.returncode != 0:
        sys.exit(f"set-up failed: {' '.join(command)} ended with {result.returncode}; repeat it")


def _say(text: str) -> None:
    print(f"set-up: {text}", file=sys.stderr, flush=True)


@contextmanager
def _alone() -> Iterator[None]:
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another set-up is running; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Exit status 1 with one line for each missing prerequisite, or when a step fails."""
    missing = missing_prerequisites()
    if missing:
        sys.exit("\n".join(missing))
    # An activated environment or PYTHONPATH of another project must not leak in.
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET"):
        os.environ.pop(name, None)
    with _alone():
        set_up_environment()
        fetch_artifacts()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("set-up interrupted; repeat it to go on")
