"""Who was given what and refused what, as meters have it: tables beside those of the decisions."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

ROWS_MAX: Final = 1_000
TABLES: Final = """
CREATE TABLE IF NOT EXISTS given (
    leaf INTEGER, topic INTEGER, partition INTEGER, first INTEGER, behind INTEGER,
    is_exact INTEGER, principal INTEGER, minute_ms INTEGER, bytes INTEGER
);
CREATE TABLE IF NOT EXISTS denied (
    leaf INTEGER, principal INTEGER, minute_ms INTEGER, operation TEXT, resource TEXT,
    request TEXT, rule TEXT, times INTEGER
);
CREATE TABLE IF NOT EXISTS gap (leaf INTEGER, from_ms INTEGER, to_ms INTEGER, why TEXT);
"""
INDEXES: Final = """
CREATE INDEX IF NOT EXISTS given_topic ON given (topic, partition, behind);
CREATE INDEX IF NOT EXISTS given_principal ON given (principal, minute_ms);
CREATE INDEX IF NOT EXISTS denied_principal ON denied (principal, minute_ms);
"""
_GIVEN: Final = """
SELECT g.leaf, p.text, t.text, g.partition, g.first, g.behind, g.is_exact, g.minute_ms, g.bytes
FROM given g JOIN name p ON p.id = g.principal JOIN name t ON t.id = g.topic
"""


class Given(NamedTuple):
    """Offsets that a principal was given within a minute; at most these, unless exact."""

    leaf: int
    principal: str
    topic: str
    partition: int
    first_offset: int
    end_offset: int
    is_exact: bool
    minute_ms: int
    given_bytes: int


class Denied(NamedTuple):
    """What the broker refused a principal within a minute, and by which of its rules."""

    leaf: int
    principal: str
    minute_ms: int
    operation: str
    resource: str
    request: str
    rule: str
    times: int


class Unknown(NamedTuple):
    """A stretch of time in which somebody may have been given what no meter has seen."""

    leaf: int
    from_ms: int
    to_ms: int
    why: str


class ReadTables:
    """``name`` gives the number of a text, and makes one for a new text."""

    def __init__(self, db: sqlite3.Connection, name: Callable[[str], int]) -> None:
        self._db = db
        self._name = name

    def add(self, leaf: int, batch: Mapping[str, Any]) -> None:
        """Take in one record of the audit."""
        name = self._name
        self._db.executemany(
            "INSERT INTO given VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    leaf, name(each["topic"] or each["topic_id"]), each["partition"],
                    each["first_offset"], each["end_offset"], each["is_exact"],
                    name(each["principal"]), each["minute_ms"], each["given_bytes"],
                )
                for each in batch["reads"]
            ],
        )  # fmt: skip
        self._db.executemany(
            "INSERT INTO denied VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    leaf, name(each["principal"]), each["minute_ms"], each["operation"],
                    each["resource"], each["request"], each["rule"], each["count"],
                )
                for each in batch["refusals"]
            ],
        )  # fmt: skip
        self._db.executemany(
            "INSERT INTO gap VALUES (?, ?, ?, ?)",
            [(leaf, each["from_ms"], each["to_ms"], each["why"]) for each in batch["gaps"]],
        )

    def receivers(self, topic: str, partition: int, offset: int) -> list[Given]:
        """Who was given a record, the first one first."""
        where = "t.text = ? AND g.partition = ? AND g.behind > ? AND g.first <= ?"
        return self._given(where, (topic, partition, offset, offset), "ASC")

    def given_to(self, principal: str, since_ms: int, until_ms: int) -> list[Given]:
        """What a principal was given between two instants, the latest first."""
        where = "p.text = ? AND g.minute_ms BETWEEN ? AND ?"
        return self._given(where, (principal, since_ms, until_ms), "DESC")

    def denied_to(self, principal: str, since_ms: int, until_ms: int) -> list[Denied]:
        """What a principal was refused between two instants, the latest first."""
        rows = self._db.execute(
            "SELECT d.leaf, p.text, d.minute_ms, operation, resource, request, rule, times "
            "FROM denied d JOIN name p ON p.id = d.principal WHERE p.text = ? "
            "AND d.minute_ms BETWEEN ? AND ? ORDER BY d.minute_ms DESC LIMIT ?",
            (principal, since_ms, until_ms, ROWS_MAX),
        )
        return [Denied(*row) for row in rows]

    def gaps(self, since_ms: int, until_ms: int) -> list[Unknown]:
        """Stretches between two instants of which nobody knows all."""
        rows = self._db.execute(
            "SELECT leaf, from_ms, to_ms, why FROM gap WHERE to_ms >= ? AND from_ms <= ?",
            (since_ms, until_ms),
        )
        return [Unknown(*row) for row in rows]

    def _given(self, where: str, values: tuple[Any, ...], order: str) -> list[Given]:
        query = f"{_GIVEN} WHERE {where} ORDER BY g.minute_ms {order} LIMIT {ROWS_MAX}"
        rows = self._db.execute(query, values)
        return [
            Given(leaf, who, topic, partition, first, behind, bool(is_exact), minute_ms, given)
            for leaf, who, topic, partition, first, behind, is_exact, minute_ms, given in rows
        ]
