"""What the audit says, made searchable: a local index of its lines that can be built again.

It is made of the log's bundles and holds nothing that they do not hold: pseudonyms, not keys. To
look for an event or an entity takes the audit key.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from sharebus import InvalidInput
from sharebus.consumers.oversight import read_tables
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.consumers.oversight.read_tables import ReadTables
from sharebus.consumers.oversight.topic_walk import OnProgress
from sharebus.ledger.bundle import decode_bundle
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.tiles import ENTRIES, TILE_WIDTH, tile_at
from sharebus.schemas.record import audit_batch

ROWS_MAX: Final = 1_000
_MS_MAX: Final = 2**62
_BUNDLES_A_COMMIT: Final = 8
_CACHE_KIB: Final = 128 * 1024
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS progress (leaves INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS name (id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS record (
    leaf INTEGER PRIMARY KEY, decided_ms INTEGER, writer INTEGER, sequence INTEGER, entry INTEGER,
    source INTEGER, partition INTEGER, policy_version INTEGER
);
CREATE TABLE IF NOT EXISTS line (
    leaf INTEGER, offset INTEGER, ingress_ms INTEGER, event BLOB, entity BLOB, outcome TEXT,
    rule INTEGER, place TEXT, route INTEGER
);
CREATE TABLE IF NOT EXISTS release (
    entry INTEGER, topic INTEGER, first_ms INTEGER, last_ms INTEGER, lines INTEGER
);
"""
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS line_event ON line (event) WHERE event != x'';
CREATE INDEX IF NOT EXISTS line_entity ON line (entity) WHERE entity != x'';
CREATE INDEX IF NOT EXISTS line_refused ON line (ingress_ms) WHERE outcome = 'refused';
CREATE INDEX IF NOT EXISTS release_topic ON release (topic, last_ms);
CREATE INDEX IF NOT EXISTS release_entry ON release (entry, last_ms);
"""
_FOUND: Final = """
SELECT r.leaf, r.decided_ms, w.text, r.sequence, e.text, s.text, r.partition, r.policy_version,
       l.offset, l.ingress_ms, l.outcome, u.text, l.place, t.text
FROM line l JOIN record r ON r.leaf = l.leaf JOIN name w ON w.id = r.writer
JOIN name e ON e.id = r.entry JOIN name s ON s.id = r.source JOIN name u ON u.id = l.rule
JOIN name t ON t.id = l.route
"""


class Found(NamedTuple):
    """One decision. ``topics`` are those that it released to, with spaces between them."""

    leaf: int
    decided_ms: int
    writer: str
    sequence: int
    entry: str
    source: str
    partition: int
    policy_version: int
    offset: int
    ingress_ms: int
    outcome: str
    rule: str
    place: str
    topics: str


class Released(NamedTuple):
    """How many events of an entry came to a topic, and when: the first and the last."""

    entry: str
    topic: str
    events: int
    first_ms: int
    last_ms: int


class Times(NamedTuple):
    """From one instant to another, both included, in milliseconds since 1970-01-01T00:00Z."""

    since_ms: int = 0
    until_ms: int = _MS_MAX


class SearchIndex:
    """The index in a file; delete the file and it is built again.

    :raises InvalidInput: the file is no such index.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            # What a power cut takes is built again.
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF")
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._db.executescript(_TABLES + read_tables.TABLES)
        except sqlite3.Error as error:
            raise InvalidInput(
                "The search index cannot be used.", where=str(path), found=str(error),
                remedy="Delete the file; it is built again.",
            ) from error  # fmt: skip
        self._names: dict[str, int] = dict(self._db.execute("SELECT text, id FROM name"))
        self.reads = ReadTables(self._db, self._name)
        """Who was given what, from the same log."""

    @property
    def leaves(self) -> int:
        """How many records of the log are in it."""
        row = self._db.execute("SELECT leaves FROM progress").fetchone()
        return int(row[0]) if row else 0

    def update(self, files: LogFiles, size: int, on_progress: OnProgress) -> None:
        """Take in what the log has grown by, up to ``size`` leaves; may be interrupted.

        :raises InvalidInput: the log is smaller than the index.
        """
        start = self.leaves
        if start > size:
            raise InvalidInput(
                "the search index is of another log", expected=f"at most {size} leaves",
                found=str(start), remedy="Delete its file; it is built again.",
            )  # fmt: skip
        numbers = range(start // TILE_WIDTH, -(-size // TILE_WIDTH))
        for first in range(0, len(numbers), _BUNDLES_A_COMMIT):
            self._db.execute("BEGIN")
            for number in numbers[first : first + _BUNDLES_A_COMMIT]:
                self._add(_entries(files, number, size), number * TILE_WIDTH, start)
                end = min((number + 1) * TILE_WIDTH, size)
            self._db.execute("DELETE FROM progress")
            self._db.execute("INSERT INTO progress VALUES (?)", (end,))
            self._db.execute("COMMIT")
            on_progress(end, size)
        # Made at the end: to fill an index in random order takes many times as long.
        self._db.executescript(_INDEXES + read_tables.INDEXES)

    def by_event(self, event: bytes) -> list[Found]:
        """Every decision on an event, by its pseudonym."""
        return self._find("l.event = ? AND l.event != x''", (event,))

    def by_entity(self, entity: bytes, times: Times = Times()) -> list[Found]:  # noqa: B008
        """Every decision on an entity, by its pseudonym."""
        where = "l.entity = ? AND l.entity != x'' AND l.ingress_ms BETWEEN ? AND ?"
        return self._find(where, (entity, *times))

    def refused(self, entry: str | None = None, times: Times = Times()) -> list[Found]:  # noqa: B008
        """What was refused and why, the latest first."""
        where = "l.outcome = 'refused' AND l.ingress_ms BETWEEN ? AND ?"
        values: tuple[Any, ...] = tuple(times)
        if entry is not None:
            where, values = f"{where} AND r.entry = ?", (*values, self._names.get(entry, -1))
        return self._find(where, values)

    def released(
        self,
        entry: str | None,
        topics: Iterable[str] = (),
        times: Times = Times(),  # noqa: B008
    ) -> list[Released]:
        """What came to which topic between two times, of an entry or to some topics.

        Counted by record, so up to 255 events more at each end of the time.
        """
        if entry is not None:
            wanted, column = [self._names.get(entry, -1)], "entry"
        else:
            wanted, column = [self._names.get(topic, -1) for topic in topics], "topic"
        found = [row for each in wanted for row in self._released(column, each, times)]
        return sorted(found)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _released(self, column: str, wanted: int, times: Times) -> Iterator[Released]:
        query = (
            "SELECT e.text, t.text, SUM(lines), MIN(first_ms), MAX(last_ms) FROM release "  # noqa: S608
            "JOIN name e ON e.id = release.entry JOIN name t ON t.id = release.topic "
            f"WHERE release.{column} = ? AND last_ms >= ? AND first_ms <= ? "
            "GROUP BY release.entry, release.topic"
        )
        return (Released(*row) for row in self._db.execute(query, (wanted, *times)))

    def _find(self, where: str, values: tuple[Any, ...]) -> list[Found]:
        query = f"{_FOUND} WHERE {where} ORDER BY l.ingress_ms DESC LIMIT {ROWS_MAX}"
        return [Found(*row) for row in self._db.execute(query, values)]

    def _add(self, entries: list[bytes], first: int, start: int) -> None:
        for leaf, encoded in enumerate(entries, first):
            if leaf >= start:
                self._add_record(leaf, audit_batch().decode(LeafEntry.decode(encoded).value))

    def _add_record(self, leaf: int, batch: dict[str, Any]) -> None:
        name = self._name
        entry = name(batch["entry"])
        self._db.execute(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                leaf, batch["decided_ms"], name(batch["writer"]), batch["sequence"], entry,
                name(batch["source_topic"]), batch["source_partition"], batch["policy_version"],
            ),
        )  # fmt: skip
        self.reads.add(leaf, batch)
        routes = [name(" ".join(route)) for route in batch["routes"]]
        nowhere = name("")
        spans: dict[int, list[int]] = {}
        rows = []
        for line in batch["lines"]:
            route, at_ms = line["route"], line["ingress_ms"]
            if route >= 0:
                spans.setdefault(route, []).append(at_ms)
            rows.append((
                leaf, line["offset"], at_ms, line["event"], line["entity"], line["outcome"],
                name(line["rule"]), line["place"], routes[route] if route >= 0 else nowhere,
            ))  # fmt: skip
        self._db.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany(
            "INSERT INTO release VALUES (?, ?, ?, ?, ?)",
            [
                (entry, name(topic), min(times), max(times), len(times))
                for route, times in spans.items()
                for topic in batch["routes"][route]
            ],
        )

    def _name(self, text: str) -> int:
        number = self._names.get(text)
        if number is None:
            number = len(self._names) + 1
            self._db.execute("INSERT INTO name VALUES (?, ?)", (number, text))
            self._names[text] = number
        return number


def _entries(files: LogFiles, number: int, size: int) -> list[bytes]:
    bundle = tile_at(ENTRIES, number, size)
    return decode_bundle(files.read(bundle), bundle)
