"""Numbers the lines of the audit: bounded records, chained per writer (design, decision 2)."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sharebus.ledger.chain import WriterHead
from sharebus.schemas.record import audit_batch

LINES_MAX: Final = 256
RECORD_BYTES_MAX: Final = 48 * 1024
_LINE_BYTES_FIXED: Final = 96
"""An upper bound of a line without its rule, place and digests."""

Line = dict[str, Any]


class Source(NamedTuple):
    """Where the decided events came from, and under which policy version."""

    entry: str
    topic: str
    partition: int
    epoch: str
    policy_version: int
    decided_ms: int


class Sealed(NamedTuple):
    """Encoded audit records in order, the chain's new head, and each line's sequence number."""

    values: list[bytes]
    head: WriterHead
    sequence_by_offset: dict[int, int]


def seal(
    lines: list[Line], source: Source, head: WriterHead, schema_id: int, delivery_digest: Any
) -> Sealed:
    """Make audit records of the lines of one partition in one transaction.

    A line's ``route`` is a tuple of topics and its ``delivery`` a pair (period, delivery) or None;
    both become indexes into tables of their record. ``delivery_digest`` gives the pseudonym of a
    delivery id.
    """
    chunks = list(_chunks(lines))
    values: list[bytes] = []
    sequences: dict[int, int] = {}
    for part, chunk in enumerate(chunks, start=1):
        routes: dict[tuple[str, ...], int] = {}
        deliveries: dict[tuple[str, str], int] = {}
        for line in chunk:
            route, delivery = line["route"], line["delivery"]
            line["route"] = routes.setdefault(route, len(routes)) if route else -1
            line["delivery"] = (
                -1 if delivery is None else deliveries.setdefault(delivery, len(deliveries))
            )
            if line["outcome"] == "closed":
                sequences[line["offset"]] = head.next_sequence
        batch = head.link(
            {
                "decided_ms": source.decided_ms,
                "kind": "gate",
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
            }
        )
        value = audit_batch().encode(schema_id, batch)
        head = head.after(value)
        values.append(value)
    return Sealed(values, head, sequences)


def _chunks(lines: list[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    routes: set[tuple[str, ...]] = set()
    size = 0
    for line in lines:
        added = _LINE_BYTES_FIXED + len(line["place"]) * 4 + len(line["digests"])
        if line["route"] not in routes:
            added += sum(len(topic) + 2 for topic in line["route"])
        if chunk and (len(chunk) == LINES_MAX or size + added > RECORD_BYTES_MAX - 1024):
            yield chunk
            chunk, size = [], 0
            routes.clear()
        routes.add(line["route"])
        chunk.append(line)
        size += added
    if chunk:
        yield chunk
