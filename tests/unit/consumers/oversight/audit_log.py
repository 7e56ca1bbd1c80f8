"""An audit as writers, notary and broker make it, to be tampered with: no broker is needed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sharebus.consumers.oversight.checkpoint_feed import Signed
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.consumers.oversight.topic_walk import TopicWalk
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.infra.tile_directory import TileDirectory, TileWriter
from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.edge import Edge
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy
from sharebus.ledger.tiles import ENTRIES, Tile, tiles_of_level
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT

ORIGIN = "sharebus.test/audit"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
POLICY = Policy.parse(f"log {SIGNER.key.vkey()}\nquorum none\n".encode())
TOPIC_ID = "topic-id"
WRITERS = ("enforcer", "gate-0", "gate-1")


@dataclass(frozen=True)
class Record:
    """A record of the topic, as far as librdkafka's Message is asked for it."""

    offset_: int
    key_: bytes | None
    value_: bytes | None
    headers_: tuple[tuple[str, bytes | None], ...] = ()
    time_ms: int = 0

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def headers(self) -> list[tuple[str, bytes | None]]:
        return list(self.headers_)

    def timestamp(self) -> tuple[int, int]:
        return 2, self.time_ms

    def topic(self) -> str:
        return AUDIT

    def leaf(self) -> bytes:
        assert self.value_ is not None
        return LeafEntry(self.key_, self.value_).encode()


def batch_of(number: int, lines: int = 1) -> dict[str, Any]:
    line = {
        "offset": 0, "ingress_ms": 0, "event": b"", "entity": b"", "delivery": -1,
        "outcome": "accepted", "rule": "", "place": f"record {number}", "route": -1, "digests": b"",
    }  # fmt: skip
    return {
        "decided_ms": 0, "kind": "gate", "entry": "e", "source_topic": "ingress.e",
        "source_partition": 0, "source_epoch": "x", "policy_version": 0, "part": 1, "parts": 1,
        "deliveries": [], "routes": [],
        "lines": [{**line, "offset": number * 1000 + each} for each in range(lines)],
    }  # fmt: skip


def records_of(count: int, version: str = "") -> list[Record]:
    """Genesis, then records of three writers; every fifth offset is that of a marker."""
    heads = {writer: WriterHead(writer) for writer in WRITERS}
    records: list[Record] = []
    for number in range(count):
        writer = WRITERS[number % len(WRITERS)]
        batch = batch_of(number)
        batch["source_epoch"] += version
        if number == 0:
            batch = Genesis("cluster", AUDIT, TOPIC_ID).batch(0)
        value = audit_batch().encode(1, heads[writer].link(batch))
        heads[writer] = heads[writer].after(value)
        now_ms = int(time.time() * 1000)
        records.append(Record(number + number // 4, writer.encode(), value, (), now_ms))
    return records


def leaf_hashes(records: Sequence[Record]) -> list[bytes]:
    return [leaf_hash(record.leaf()) for record in records]


@dataclass
class Audit:
    """A topic, what was signed of it, and the files; each can be changed by itself."""

    records: list[Record]
    signed: list[Signed] = field(default_factory=list)
    low: int = 0
    topic_id: str = TOPIC_ID

    @classmethod
    def of(cls, count: int, *sizes: int, version: str = "") -> "Audit":
        audit = cls(records_of(count, version))
        for size in sizes:
            audit.sign(size)
        return audit

    @property
    def end(self) -> int:
        return self.records[-1].offset_ + 2 if self.records else 0

    def checkpoint(self, size: int) -> Checkpoint:
        root = CompactRange().extend(leaf_hashes(self.records[:size])).root()
        return Checkpoint(ORIGIN, size, root)

    def sign(self, size: int) -> Signed:
        checkpoint = self.checkpoint(size)
        before = self.signed[-1].checkpoint if self.signed else None
        previous = (before.size, before.root) if before else ()
        note = Note(checkpoint.body()).signed_by(SIGNER)
        next_offset = self.records[size - 1].offset_ + 1
        record = CheckpointRecord(note, next_offset, self.topic_id, *previous)
        offset = 2 * len(self.signed)
        self.signed.append(Signed(checkpoint, record, offset, int(time.time() * 1000)))
        return self.signed[-1]

    def write_files(self, directory: Path, size: int) -> TileDirectory:
        writer = TileWriter(directory)
        writer.open()
        records = self.records[:size]
        edge, full = Edge().extend(leaf_hashes(records))
        writer.write(full + edge.partial_tiles())
        for tile in tiles_of_level(ENTRIES, size):
            first = tile.number * 256
            writer.write([(tile, bundle_of(records[first : first + tile.width]))])
        writer.publish(Note(self.checkpoint(size).body()).signed_by(SIGNER).encode())
        return writer

    def verify(
        self,
        held: VerifiedLog | None = None,
        *,
        is_full: bool = False,
        files: LogFiles | None = None,
        policy: Policy = POLICY,
    ) -> Verification:
        topic: Any = _Topic(self)
        walk = TopicWalk(topic, self.topic_id, Trust(policy), held, is_full, files, lambda *_: None)
        feed: Any = _Feed([each for each in self.signed if each.offset >= walk.checkpoint_offset])
        walk.feed = feed
        return walk.run()


def bundle_of(records: Sequence[Record]) -> bytes:
    return encode_bundle([record.leaf() for record in records])


class _Topic:
    """What the walk asks of the LogReader."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def settle(self, topic: str, partition: int) -> None:
        pass

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return self._audit.low, self._audit.end

    def read(
        self, topic: str, partition: int, start: int, take: Callable[[Any], None], **_: Any
    ) -> int:
        for record in self._audit.records:
            if record.offset_ >= start:
                take(record)
        return self._audit.end


class _Feed:
    def __init__(self, signed: Sequence[Signed]) -> None:
        self._signed = list(signed)

    def head(self) -> Signed | None:
        return self._signed[0] if self._signed else None

    def advance(self) -> None:
        self._signed.pop(0)


def tile_path(directory: Path, tile: Tile) -> Path:
    return directory / tile.path()
