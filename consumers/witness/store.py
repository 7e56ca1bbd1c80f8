"""What a witness must never forget: the last checkpoint of each log that it cosigned."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sharebus import InvalidInput
from sharebus.ledger.hashing import EMPTY_ROOT

_LOCK_SECONDS: Final = 10.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS cosigned (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
) STRICT
"""


class Cosigned(NamedTuple):
    """A tree that was cosigned, and the note as it was cosigned; empty before the first."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""


class Turn:
    """One request's turn: what is held of its log, and the place to put what follows."""

    def __init__(self, connection: sqlite3.Connection, origin: str) -> None:
        self._connection = connection
        self._origin = origin

    def held(self) -> Cosigned:
        """The last checkpoint of the log that was cosigned."""
        row = self._connection.execute(
            "SELECT size, root, note FROM cosigned WHERE origin = ?", (self._origin,)
        ).fetchone()
        return Cosigned(*row) if row else Cosigned()

    def keep(self, cosigned: Cosigned) -> None:
        """Hold this from now on. It is on disk when the turn has ended, not before."""
        self._connection.execute(
            "INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?, ?)", (self._origin, *cosigned)
        )


class WitnessStore:
    """A file, for one witness. Threads and processes that share it take turns.

    :raises InvalidInput: the file is no such store, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                connection.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            raise InvalidInput(
                "The state of the witness cannot be used.", where=str(path), found=str(error)
            ) from error

    @contextmanager
    def turn(self, origin: str) -> Iterator[Turn]:
        """Nobody else reads or writes meanwhile; an exception takes back what was kept.

        When it ends the disk has it: whoever answers afterwards has persisted before.
        """
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(connection, origin)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_LOCK_SECONDS, isolation_level=None)
        # EXTRA flushes the directory too, so that a power cut brings back no older state.
        connection.execute("PRAGMA synchronous = EXTRA")
        return connection
