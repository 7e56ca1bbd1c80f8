"""A power cut: what a process had not made durable when it was killed is taken from its files.

`kill -9` alone loses nothing, since the kernel still writes what a process has written. The
preloaded `power_cut.c` notes each fsync; `PowerCut.cut` then leaves of every file what the last
one had covered, and no file without one. A rename stands once anything was synced after it, as on
a journaling file system; later ones are undone. What is mapped into memory (Kafka's indexes)
counts as lost unless it is synced.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).with_name("power_cut.c")
REQUIRE = "SHAREBUS_REQUIRE_CC"


class Loss(NamedTuple):
    """A file that a cut has shortened, or removed: what it had and what is left, in bytes."""

    path: Path
    before: int
    left: int


class PowerCut:
    """Cuts the files below some roots to what the processes watched have made durable.

    ``environment`` makes a process that starts with it a watched one; ``directory`` is new, and on
    the file system of the roots. What stands below the roots by now counts as synced.
    """

    def __init__(self, directory: Path, *roots: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            assert os.environ.get(REQUIRE) != "1", f"there is no C compiler and {REQUIRE} is 1"
            pytest.skip("there is no C compiler")
        self._directory, self._roots = directory, roots
        directory.mkdir()
        library = directory / "power_cut.so"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True, timeout=60
        )
        self.environment = {"LD_PRELOAD": str(library), "POWER_CUT_DIRECTORY": str(directory)}
        self._synced = {info.st_ino: info.st_size for _, info in self._files()}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Whatever starts within is watched."""
        with pytest.MonkeyPatch.context() as environment:
            for name, value in self.environment.items():
                environment.setenv(name, value)
            yield

    def cut(self) -> list[Loss]:
        """Leave what was durable, once; the processes must be dead."""
        renames = self._read_ledger()
        for old, new, replaced in reversed(renames):
            Path(new).rename(old)
            if replaced:
                Path(replaced).rename(new)
        lost = []
        for path, info in self._files():
            left = min(self._synced.get(info.st_ino, -1), info.st_size)
            if left < 0:
                path.unlink()
            elif left < info.st_size:
                os.truncate(path, left)
            else:
                continue
            lost.append(Loss(path, info.st_size, max(left, 0)))
        return lost

    def _read_ledger(self) -> list[list[str]]:
        """Takes in what was synced; gives the renames after which nothing was."""
        renames: list[list[str]] = []
        for line in (self._directory / "ledger").read_text(encoding="utf-8").splitlines():
            kind, *fields = line.split("\t")
            if kind == "R":
                renames.append(fields)
                continue
            inode, size = map(int, fields)
            self._synced[inode] = size
            renames.clear()
        return renames

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in sorted(path for root in self._roots for path in root.rglob("*")):
            if path.is_file():
                yield path, path.stat()
