"""Finds entity keys that stand in more than one row of a file, in bounded memory.

SQLite keeps the keys' digests in a temporary file of its own, which nobody else can open, and sorts
them there.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from types import TracebackType
from typing import Final, NamedTuple, Self

from sharebus import Unavailable

SHOWN_MAX: Final = 20
"""Repeated keys kept for showing."""
_DIGEST_BYTES: Final = 16
_ROWS_PER_WRITE: Final = 10_000


class RepeatedKey(NamedTuple):
    """A key that stands in ``row_count`` rows: the lines of the first and of the last of them."""

    first_line: int
    last_line: int
    row_count: int


class KeyTable:
    """The keys of a file's rows; use it as a context. Raises Unavailable when the disk is full."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # a temporary file without a name
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE row (key BLOB, line INTEGER)")
        self._waiting: list[tuple[bytes, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def add(self, key: bytes, line: int) -> None:
        """Note a row; lines must rise."""
        self._waiting.append((blake2b(key, digest_size=_DIGEST_BYTES).digest(), line))
        if len(self._waiting) == _ROWS_PER_WRITE:
            self._write()

    def repeated(self) -> tuple[int, list[RepeatedKey]]:
        """How many keys stand in several rows, and those of them that come first in the file."""
        self._write()
        with _room():
            found = self._database.execute(
                "SELECT min(line), max(line), count(*) FROM row GROUP BY key HAVING count(*) > 1 "
                "ORDER BY 1"
            )
            shown = [RepeatedKey(*row) for row in found.fetchmany(SHOWN_MAX)]
            return len(shown) + sum(1 for _ in found), shown

    def _write(self) -> None:
        with _room(), self._database:
            self._database.executemany("INSERT INTO row VALUES (?, ?)", self._waiting)
        self._waiting.clear()


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(
            "The keys of the file cannot be compared in a temporary file.",
            found=str(error),
            remedy="Make room in the temporary folder, or name another one with SQLITE_TMPDIR.",
        ) from error
