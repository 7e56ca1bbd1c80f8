"""Clients of other makes: fetched once, by digest, and run."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from sharebus.infra.embedded import artifacts

PROJECT = Path(__file__).parents[2]
FOREIGN = PROJECT / "tests" / "foreign"
DEADLINE_SECONDS = 60
FETCH_SECONDS_MAX = 240


def fetched(lock: Path, fetch: Callable[[Path], None]) -> Path:
    """What ``fetch`` puts into a directory, once for each content of ``lock``."""
    directory = PROJECT / ".sharebus" / "foreign"
    target = directory / f"{lock.parent.name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not target.is_dir():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=directory) as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            fetch(new)
            new.rename(target)
    return target


def run(
    *command: str | Path,
    environment: dict[str, str] | None = None,
    timeout_seconds: float = DEADLINE_SECONDS,
) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False,
        timeout=timeout_seconds, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    assert result.returncode == 0, f"{result.stdout[-2000:]}\n{result.stderr[-2000:]}"
    return result.stdout


def _fetch_console_consumer(directory: Path) -> None:
    pom = shutil.copy(FOREIGN / "console" / "pom.xml", directory.parent)
    command = ("mvn", "-B", "-q", "-ntp", "-f", pom, f"-Dfetch.directory={directory}", "package")
    run(*command, timeout_seconds=FETCH_SECONDS_MAX)
    artifacts.verify(directory, (FOREIGN / "console" / "artifacts.sha256").read_text("ascii"))


def console_consumer() -> list[str | Path]:
    """The command of Kafka's own console consumer, a client in Java."""
    jars = fetched(FOREIGN / "console" / "artifacts.sha256", _fetch_console_consumer)
    return ["java", "-cp", jars / "*", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
