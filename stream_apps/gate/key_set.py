"""Which keys a filtered view holds, on disk: a projection of the view's own topic.

When a row leaves a filter, or is deleted, its key is tombstoned in the view if and only if the
view holds it: an entity that was never released leaves no trace. Only views whose filter looks at
other than key fields need this.

Changes are staged in memory while a transaction is open and written after it has committed. The
file also keeps the view offset up to which it is right; whoever takes the partition over reads the
view from there to its end, which brings it to the committed state whatever was lost.
"""

import sqlite3
from hashlib import blake2b
from pathlib import Path
from typing import Final

_KEY_DIGEST_BYTES: Final = 16
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS held (
    view TEXT NOT NULL, partition INTEGER NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY (view, partition, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
    view TEXT NOT NULL, partition INTEGER NOT NULL, epoch TEXT NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (view, partition)) WITHOUT ROWID;
"""


class KeySetFile:
    """The file that holds the key sets of every view of one gate."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # The topic is the truth: what a power cut takes from this file is read again.
        self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)

    def open(self, topic: str, partition: int, epoch: str) -> "KeySet":
        """The key set of one partition of a view; empty if the topic was made anew."""
        row = self._database.execute(
            "SELECT epoch FROM position WHERE view=? AND partition=?", (topic, partition)
        ).fetchone()
        if row is not None and row[0] != epoch:
            for table in ("held", "position"):
                self._database.execute(
                    f"DELETE FROM {table} WHERE view=? AND partition=?",  # noqa: S608 - constants
                    (topic, partition),
                )
        return KeySet(self._database, topic, partition, epoch)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class KeySet:
    """The keys that one partition of a view holds."""

    def __init__(
        self, database: sqlite3.Connection, topic: str, partition: int, epoch: str
    ) -> None:
        self._database = database
        self._topic = topic
        self._partition = partition
        self._epoch = epoch
        self._staged: dict[bytes, bool] = {}

    def __contains__(self, key: bytes) -> bool:
        digest = _digest(key)
        staged = self._staged.get(digest)
        if staged is not None:
            return staged
        return self._is_stored(digest)

    def _is_stored(self, digest: bytes) -> bool:
        found = self._database.execute(
            "SELECT 1 FROM held WHERE view=? AND partition=? AND key=?",
            (self._topic, self._partition, digest),
        ).fetchone()
        return found is not None

    def add(self, key: bytes) -> None:
        """Stage: the view holds the key."""
        self._staged[_digest(key)] = True

    def discard(self, key: bytes) -> None:
        """Stage: the view no longer holds the key."""
        self._staged[_digest(key)] = False

    def held_count(self) -> int:
        """How many keys the view holds, what is staged included."""
        (count,) = self._database.execute(
            "SELECT COUNT(*) FROM held WHERE view=? AND partition=?",
            (self._topic, self._partition),
        ).fetchone()
        for digest, held in self._staged.items():
            stored = self._is_stored(digest)
            count += int(held and not stored) - int(stored and not held)
        return int(count)

    @property
    def next_offset(self) -> int:
        """The view offset from which reading brings the set to the present."""
        row = self._database.execute(
            "SELECT next_offset FROM position WHERE view=? AND partition=?",
            (self._topic, self._partition),
        ).fetchone()
        return int(row[0]) if row else 0

    def commit(self, next_offset: int | None = None) -> None:
        """Write what is staged; ``next_offset`` says how much of the view the set now covers."""
        with self._database:
            self._database.execute("BEGIN")
            for digest, held in self._staged.items():
                self._database.execute(
                    "INSERT OR IGNORE INTO held VALUES (?,?,?)"
                    if held
                    else "DELETE FROM held WHERE view=? AND partition=? AND key=?",
                    (self._topic, self._partition, digest),
                )
            if next_offset is not None:
                self._database.execute(
                    "INSERT OR REPLACE INTO position VALUES (?,?,?,?)",
                    (self._topic, self._partition, self._epoch, next_offset),
                )
        self._staged.clear()


def _digest(key: bytes) -> bytes:
    return blake2b(key, digest_size=_KEY_DIGEST_BYTES).digest()
