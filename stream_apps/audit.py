"""Numbers the lines of the audit: bounded records, chained per writer (design, decision 2)."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sharebus.ledger.chain import WriterHead
from sharebus.schemas.record import audit_batch

LINES_MAX: Final = 256
RECORD_BYTES_MAX: Final = 48 * 1024
_LINE_BYTES_FIXED: Final = 96
"""An upper bound of a line without its place and digests."""
_CLOSING_BYTES_MAX: Final = 40
_DELIVERY_BYTES_MAX: Final = 32
_HEADER_BYTES_MAX: Final = 1024
_CLOSING_OUTCOMES: Final = frozenset({"closed", "duplicate"})
"""Of a closing, and of one that is sent again."""

Line = dict[str, Any]


class Source(NamedTuple):
    """Where the decided events came from, and under which policy version."""

    entry: str
    topic: str
    partition: int
    epoch: str
    policy_version: int
    decided_ms: int
    kind: str = "gate"


class Sealed(NamedTuple):
    """Encoded audit records in order, the chain's new head, and where each closing stands."""

    values: list[bytes]
    head: WriterHead
    sequence_by_offset: dict[int, int]


def seal(
    lines: list[Line], source: Source, head: WriterHead, schema_id: int, delivery_digest: Any
) -> Sealed:
    """Make audit records of the lines of one partition in one transaction.

    A line's ``route`` is a tuple of topics and its ``delivery`` a pair (period, delivery) or None;
    both become indexes into tables of their record; the counts of a ``closing`` stand beside the
    lines. ``delivery_digest`` gives the pseudonym of a delivery id.
    """
    chunks = list(_chunks(lines))
    values: list[bytes] = []
    sequences: dict[int, int] = {}
    for part, chunk in enumerate(chunks, start=1):
        routes: dict[tuple[str, ...], int] = {}
        deliveries: dict[tuple[str, str], int] = {}
        closings: list[dict[str, int]] = []
        for line in chunk:
            route, delivery = line["route"], line["delivery"]
            line["route"] = routes.setdefault(route, len(routes)) if route else -1
            line["delivery"] = (
                -1 if delivery is None else deliveries.setdefault(delivery, len(deliveries))
            )
            if line["outcome"] in _CLOSING_OUTCOMES:
                sequences[line["offset"]] = head.next_sequence
            if counts := line.pop("closing", None):
                closings.append({"offset": line["offset"], **counts})
        batch = head.link(
            {
                "decided_ms": source.decided_ms,
                "kind": source.kind,
                "entry": source.entry,
                "source_topic": source.topic,
                "source_partition": source.partition,
                "source_epoch": source.epoch,
                "policy_version": source.policy_version,
                "part": part,
                "parts": len(chunks),
                "deliveries": [
                    {"period": period, "delivery": delivery_digest(delivery)}
                    for period, delivery in deliveries
                ],
                "routes": [list(route) for route in routes],
                "lines": chunk,
                "closings": closings,
            }
        )
        value = audit_batch().encode(schema_id, batch)
        head = head.after(value)
        values.append(value)
    return Sealed(values, head, sequences)


def _chunks(lines: list[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    named: set[object] = set()
    size = 0
    for line in lines:
        added = _LINE_BYTES_FIXED + len(line["place"]) * 4 + len(line["digests"])
        added += _CLOSING_BYTES_MAX if "closing" in line else 0
        names = _bytes_of_names(line, named)
        is_full = len(chunk) == LINES_MAX or (
            size + added + names > RECORD_BYTES_MAX - _HEADER_BYTES_MAX
        )
        if chunk and is_full:
            yield chunk
            chunk, size = [], 0
            named.clear()
            names = _bytes_of_names(line, named)
        named.add(line["route"])
        named.add(line["delivery"])
        chunk.append(line)
        size += added + names
    if chunk:
        yield chunk


def _bytes_of_names(line: Line, named: set[object]) -> int:
    """What a line adds to the tables of routes and deliveries of its record."""
    size = 0
    if line["delivery"] not in named:
        size += _DELIVERY_BYTES_MAX
    if line["route"] not in named:
        size += 4 + sum(len(topic) + 2 for topic in line["route"])
    return size
