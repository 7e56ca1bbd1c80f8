"""Verifies the audit from its files, a directory or a web server, without the broker.

The entries of the bundles are hashed again and must give every tile and the root that was signed.
"""

import time
from dataclasses import dataclass, field

from sharebus import Unavailable
from sharebus.consumers.oversight.alarm import Altered, Forked, Frozen, Place, Removed, Since
from sharebus.consumers.oversight.log_files import LogFiles, public_checkpoint
from sharebus.consumers.oversight.topic_walk import OnProgress
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.consumers.oversight.writer_chains import WriterChains
from sharebus.ledger.bundle import decode_bundle
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.edge import Edge
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.hashing import EMPTY_ROOT, HASH_BYTES, leaf_hash
from sharebus.ledger.note import Note
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN
from sharebus.ledger.proofs import range_root
from sharebus.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, tile_at, tile_nodes


def verify_files(
    files: LogFiles,
    trust: Trust,
    held: VerifiedLog | None,
    *,
    is_full: bool = False,
    on_progress: OnProgress = lambda _done, _end: None,
) -> Verification:
    """Verify the files behind what is held, or all of them.

    With ``is_full`` what is held must still be found in them.

    :raises AuditAlarm: something is wrong; the subclass says what.
    :raises Untrusted: the policy does not accept the checkpoint.
    :raises Malformed: a file is not in its format.
    :raises Unavailable: there is no checkpoint, or nobody serves it.
    """
    note, witnessed_seconds = _accepted(files, trust)
    checkpoint = Checkpoint.parse(note.text)
    since = held.since if held else None
    if held is not None:
        _check_extends(held, checkpoint, since)
    if witnessed_seconds:
        _check_age(witnessed_seconds, checkpoint, trust, since)
    start = None if is_full else held
    good = start.range if start else CompactRange()
    reading = _Reading(files, checkpoint, since, good)
    chains = WriterChains(start.heads if start else ())
    anchor = held.checkpoint if held and is_full else None
    reading.run(chains, anchor, on_progress)
    reading.judge()
    if chains.broken:
        broken = chains.broken
        raise broken.kind(
            broken.problem, broken.place, since, expected=broken.expected, found=broken.found
        )
    seen_ms = witnessed_seconds * 1000 or time.time_ns() // 1_000_000
    if held is not None and held.checkpoint == checkpoint and not witnessed_seconds:
        seen_ms = held.seen_ms  # it was seen then already
    log = VerifiedLog(note, seen_ms, reading.edge.compact_range(), chains.heads)
    return Verification(log, checkpoint.size - good.size, 0)


def _accepted(files: LogFiles, trust: Trust) -> tuple[Note, int]:
    """The public checkpoint, and when a witness last saw it; 0 where none is asked for."""
    note = public_checkpoint(files)
    latest_seconds = int(time.time()) + CLOCK_SECONDS_FORGIVEN
    witnessed = trust.policy.accept(note, latest_seconds)
    return note, max(witnessed.seconds_by_witness.values(), default=0)


def _check_extends(held: VerifiedLog, checkpoint: Checkpoint, since: Since | None) -> None:
    before = held.checkpoint
    if checkpoint.size < before.size:
        raise Frozen(
            "the checkpoint is older than one that was verified before", Place(file="checkpoint"),
            since, expected=f"tree size {before.size} or more", found=f"{checkpoint.size}",
        )  # fmt: skip
    if checkpoint.size == before.size and checkpoint.root != before.root:
        raise Forked(
            "two checkpoints of one size are signed; keep both", Place(file="checkpoint"), since,
            expected=f"root {before.root.hex()}", found=checkpoint.root.hex(),
        )  # fmt: skip


def _check_age(seconds: int, checkpoint: Checkpoint, trust: Trust, since: Since | None) -> None:
    age_seconds = time.time() - seconds
    if age_seconds > trust.checkpoint_seconds_max:
        raise Frozen(
            "the witnesses saw the checkpoint long ago",
            Place(checkpoint.size - 1, file="checkpoint"), since,
            expected=f"at most {trust.checkpoint_seconds_max:g} s", found=f"{age_seconds:.0f} s",
        )  # fmt: skip


@dataclass
class _Reading:
    """What the files say, bundle by bundle: the first of each kind that does not agree."""

    files: LogFiles
    checkpoint: Checkpoint
    since: Since | None
    good: CompactRange
    edge: Edge = field(default_factory=Edge)
    by_tiles: CompactRange = field(default_factory=CompactRange)
    wrong_leaf: int | None = None
    wrong_tile: str = ""
    is_rewritten: bool = False

    def run(self, chains: WriterChains, anchor: Checkpoint | None, on_progress: OnProgress) -> None:
        size, first = self.checkpoint.size, self.good.size
        self.by_tiles = self.good
        if first:
            self.edge = self._edge_before(self.good)
        for number in range(first // TILE_WIDTH, -(-size // TILE_WIDTH)):
            leaves = self._leaves_of(number, chains)
            if anchor and self.edge.size <= anchor.size <= self.edge.size + len(leaves):
                before = self.edge.compact_range().extend(leaves[: anchor.size - self.edge.size])
                self.is_rewritten = before.root() != anchor.root
            self.edge, full = self.edge.extend(leaves)
            self._compare_tiles(full)
            on_progress(self.edge.size, size)
        self._compare_tiles(self.edge.partial_tiles())

    def _edge_before(self, good: CompactRange) -> Edge:
        try:
            return Edge.read(good.size, good.root(), self._read_beginning)
        except LedgerError as error:
            size = self.checkpoint.size
            if range_root(0, size, tile_nodes(size, self._read)) == self.checkpoint.root:
                raise self._forked(
                    "another history was signed than the one that was verified before"
                ) from error
            raise Altered(
                "the tiles do not have the root that was verified before",
                Place(file=tile_at(0, (good.size - 1) // TILE_WIDTH, good.size).path()),
                self.since, expected=error.expected, found=error.found or error.problem,
            ) from error  # fmt: skip

    def _read_beginning(self, tile: Tile) -> bytes:
        """A tile of a smaller tree out of that of this one, which every server has."""
        now = tile_at(tile.level, tile.number, self.checkpoint.size)
        return self._read(now)[: tile.width * HASH_BYTES]

    def _read(self, tile: Tile) -> bytes:
        try:
            return self.files.read(tile)
        except Unavailable as error:
            leaf = tile.number * TILE_WIDTH if tile.level in (0, ENTRIES) else None
            raise Removed(
                "a file of the log is missing", Place(leaf, file=tile.path()), self.since
            ) from error

    def _leaves_of(self, number: int, chains: WriterChains) -> list[bytes]:
        """The leaf hashes of a bundle that are new, held against the tile of the same number."""
        size = self.checkpoint.size
        bundle, tile = tile_at(ENTRIES, number, size), tile_at(0, number, size)
        skipped = max(0, self.good.size - number * TILE_WIDTH)
        first = number * TILE_WIDTH + skipped
        hashes = tile.split(self._read(tile))[skipped:]
        self.by_tiles = self.by_tiles.extend(hashes)
        try:
            entries = decode_bundle(self._read(bundle), bundle)[skipped:]
        except LedgerError as error:
            raise Altered(
                error.problem, Place(first, file=bundle.path()), self.since,
                expected=error.expected, found=error.found,
            ) from error  # fmt: skip
        found = []
        file = bundle.path()
        for leaf, (encoded, expected) in enumerate(zip(entries, hashes, strict=True), first):
            found.append(leaf_hash(encoded))
            if found[-1] != expected and self.wrong_leaf is None:
                self.wrong_leaf = leaf
            try:
                entry = LeafEntry.decode(encoded)
            except LedgerError:
                entry = LeafEntry(None, b"")
            chains.take(entry.key, entry.value, Place(leaf, file=file))
        return found

    def _compare_tiles(self, tiles: list[tuple[Tile, bytes]]) -> None:
        for tile, data in tiles:
            if not self.wrong_tile and self._read(tile) != data:
                self.wrong_tile = tile.path()

    def judge(self) -> None:
        """Say which file is wrong: that which does not lead to the signed root."""
        root = self.checkpoint.root
        size = self.checkpoint.size
        by_entries = self.edge.compact_range().root() if size else EMPTY_ROOT
        if by_entries == root:
            if self.is_rewritten:
                raise self._forked("another history was signed than the one verified before")
            if self.wrong_tile:
                raise Altered(
                    "the tile does not have the hashes of the leaves",
                    Place(file=self.wrong_tile), self.since,
                )  # fmt: skip
        elif self.by_tiles.root() == root and self.wrong_leaf is not None:
            bundle = tile_at(ENTRIES, self.wrong_leaf // TILE_WIDTH, size)
            raise Altered(
                "the record in the bundle is not the one that was signed",
                Place(self.wrong_leaf, file=bundle.path()), self.since,
            )  # fmt: skip
        else:
            raise self._forked("neither the records nor the tiles have the root that was signed")

    def _forked(self, problem: str) -> Forked:
        return Forked(
            problem, Place(self.wrong_leaf, file="checkpoint"), self.since,
            found=f"root {self.checkpoint.root.hex()} at tree size {self.checkpoint.size}",
        )  # fmt: skip
