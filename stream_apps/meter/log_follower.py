"""Follows a log that its writer rotates: each whole line once, from a position on.

A rotated file keeps its inode, so a position is a file's identity and an offset in it; its first
bytes are part of the identity, for an inode may be used again.
"""

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

LINE_BYTES_MAX: Final = 1_048_576
"""A longer line is passed over: no line of ours is."""
_HEAD_BYTES: Final = 64
_CHUNK_BYTES: Final = 1_048_576


class Position(NamedTuple):
    """Behind the last whole line that was taken: ``file`` is its identity, empty before any."""

    file: str = ""
    offset: int = 0


class Lost(NamedTuple):
    """The file of the position is gone, and with it lines that were not taken."""


class LogFollower:
    """Reads the files ``path``, ``path.1``, ``path.2`` … of which ``path`` is written now.

    Of the others a higher number is newer (log4j's ``fileIndex=max``).
    """

    def __init__(self, path: Path, position: Position) -> None:
        self._path = path
        self.position = position
        self._file: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> Iterator[str | Lost]:
        """What is there to take now; the position is behind each line when it is given."""
        while True:
            file = self._file or (yield from self._open())
            if file is None:
                return
            yield from self._lines_of(file)
            if not self._has_successor():
                return
            yield from self._lines_of(file)  # what was written between the end and the rotation
            self._leave()

    def unread_bytes(self) -> int:
        """How much is in the file that is written now and not taken; more if it was rotated."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return 0
        return max(0, size - self.position.offset) if not self._has_successor() else size

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> Generator[Lost, None, BinaryIO | None]:
        """Open the file of the position, or the oldest there is."""
        files = self._files()
        if not files:
            return None
        if self.position.file not in files:
            is_lost = bool(self.position.file)
            self.position = Position(next(iter(files)))
            if is_lost:
                yield Lost()
        self._file = files[self.position.file].open("rb")
        self._file.seek(self.position.offset)
        self._rest = b""
        return self._file

    def _lines_of(self, file: BinaryIO) -> Iterator[str]:
        while chunk := file.read(_CHUNK_BYTES):
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            for line in whole:
                self.position = self.position._replace(offset=self.position.offset + len(line) + 1)
                yield line.decode(errors="replace")
            if len(self._rest) > LINE_BYTES_MAX:
                self._skip()

    def _skip(self) -> None:
        """The rest of this line does not count as one."""
        self.position = self.position._replace(offset=self.position.offset + len(self._rest))
        self._rest = b""

    def _has_successor(self) -> bool:
        files = self._files()
        return bool(files) and next(reversed(files)) != self.position.file

    def _leave(self) -> None:
        """Go on with the next newer file."""
        self.close()
        names = [*self._files()]
        if self.position.file in names[:-1]:
            self.position = Position(names[names.index(self.position.file) + 1])

    def _files(self) -> dict[str, Path]:
        """Every file by its identity, the oldest first."""
        numbered = []
        for path in self._path.parent.glob(f"{self._path.name}.*"):
            if number := re.fullmatch(r"\.(\d+)", path.name.removeprefix(self._path.name)):
                numbered.append((int(number[1]), path))
        paths = [path for _, path in sorted(numbered)]
        found = {_identity(path): path for path in (*paths, self._path)}
        found.pop("", None)
        return found


def _identity(path: Path) -> str:
    """Empty for a file that is not there, or has no whole head yet."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            inode = os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return ""
    if len(head) < _HEAD_BYTES:
        return ""
    return f"{inode}-{hashlib.sha256(head).hexdigest()[:16]}"
