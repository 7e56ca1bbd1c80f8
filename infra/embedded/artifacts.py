"""The Java programs of the embedded broker and registry: fetched once, verified, found again.

Maven fetches what ``pom.xml`` names; ``artifacts.sha256`` says what the bytes must be. The
directory of a set of artifacts is named after these two files and appears by one rename, so it is
whole or it is not there; two set-ups at once wait for each other.
"""

import argparse
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sharebus import InvalidInput, SharebusError, Unavailable
from sharebus.infra.settings import load_settings

_HERE = Path(__file__).parent
DIGESTS = _HERE / "artifacts.sha256"
POM = _HERE / "pom.xml"
_FETCH_TIMEOUT_SECONDS = 1800


def directory(artifacts_dir: Path) -> Path:
    """Where the artifacts that this version of sharebus needs are, once fetched."""
    wanted = POM.read_bytes() + DIGESTS.read_bytes()
    return artifacts_dir / hashlib.sha256(wanted).hexdigest()[:12]


def kafka_class_path(artifacts_dir: Path) -> str:
    """Class path of the broker. Raises Unavailable when set-up has not run."""
    return str(_fetched(artifacts_dir) / "kafka" / "*")


def registry_jar(artifacts_dir: Path) -> Path:
    """The registry's runnable jar. Raises Unavailable when set-up has not run."""
    [jar] = (_fetched(artifacts_dir) / "registry").glob("apicurio-registry-app-*-runner.jar")
    return jar


def fetch(artifacts_dir: Path) -> Path:
    """Fetch, verify and unpack the artifacts unless they are there; returns their directory.

    Raises Unavailable when Maven cannot fetch them, InvalidInput naming the file whose bytes are
    not the ones of ``artifacts.sha256``.
    """
    target = directory(artifacts_dir)
    artifacts_dir.mkdir(parents=True, exist_ok=True)
    with _lock(artifacts_dir / ".lock"):
        if target.is_dir():
            return target
        for abandoned in artifacts_dir.glob(".fetching-*"):
            shutil.rmtree(abandoned)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=artifacts_dir) as temporary:
            new = Path(temporary) / "new"
            _run_maven(new)
            verify(new, DIGESTS.read_text(encoding="ascii"))
            for archive in (new / "registry").glob("*.tar.gz"):
                with tarfile.open(archive) as tar:
                    tar.extractall(new / "registry", filter="data")
                archive.unlink()
            new.rename(target)
    return target


def verify(fetched: Path, digests: str) -> None:
    """Compare every file below ``fetched`` with ``digests``, lines of ``sha256sum``.

    Raises InvalidInput naming the file that differs, is missing or should not be there.
    """
    expected = {name: digest for digest, name in (line.split() for line in digests.splitlines())}
    digests_found = _digests(fetched)
    for name in sorted(expected.keys() | digests_found.keys()):
        if digests_found.get(name) != expected.get(name):
            raise InvalidInput(
                f"The artifact {name} is not the one that was reviewed.",
                where=name,
                expected=expected.get(name, "no such file"),
                found=digests_found.get(name, "no such file"),
                remedy="Do not use it. Remove it from the local Maven repository and fetch again.",
            )


def _digests(directory: Path) -> dict[str, str]:
    digests = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            digests[path.relative_to(directory).as_posix()] = digest
    return digests


def _fetched(artifacts_dir: Path) -> Path:
    target = directory(artifacts_dir)
    if not target.is_dir():
        raise Unavailable(
            "The embedded broker and registry have not been fetched.",
            where=str(artifacts_dir),
            remedy="Run `make setup`, or `python -m sharebus.infra.embedded.artifacts`.",
        )
    return target


def _run_maven(output: Path) -> None:
    output.mkdir()
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("Maven is missing.", remedy="Install the Debian package maven.")
    # Maven writes beside the pom it reads, which may be a read-only installation.
    pom = shutil.copy(POM, output.parent)
    command = [maven, "-B", "-q", "-ntp", "-f", pom, f"-Dfetch.directory={output}", "package"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_FETCH_TIMEOUT_SECONDS
    )
    if result.returncode != 0:
        errors = [line for line in result.stdout.splitlines() if "ERROR" in line]
        raise Unavailable(
            "Maven could not fetch the broker and the registry.",
            found=errors[0] if errors else f"exit {result.returncode}",
            remedy="Check the network or the mirror in ~/.m2/settings.xml; then repeat.",
        )


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another set-up holds {path}; waiting", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _print_digests() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        new = Path(temporary) / "new"
        _run_maven(new)
        for name, digest in _digests(new).items():
            print(f"{digest}  {name}")


def main() -> None:
    """``python -m sharebus.infra.embedded.artifacts [--print-digests]``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--print-digests", action="store_true", help="what Maven fetches today")
    try:
        if parser.parse_args().print_digests:
            _print_digests()
        else:
            fetch(load_settings().artifacts_dir)
    except SharebusError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
