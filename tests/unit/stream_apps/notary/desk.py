"""A notary without disk and broker: both in memory, and both can fail at any step."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sharebus import Unavailable
from sharebus.ledger.bundle import decode_bundle
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.policy import Log, Policy
from sharebus.ledger.proofs import consistency_proof, verify_consistency
from sharebus.ledger.tiles import ENTRIES, Tile, tile_nodes, tiles_of_level
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.stream_apps.notary.notary import Leaf, Notary
from sharebus.stream_apps.notary.register import linked

from ...ledger import naive_tree

SIGNER = NoteSigner.from_seed("audit.example/log", bytes(range(32)))
TOPIC_ID = "topic-1"
POLICY = Policy(logs=[Log(SIGNER.key, b"")])


class Crash(Exception):
    """The process dies here."""


class Weather:
    """Lets the ``fatal``-th step fail: before it has taken effect, or behind."""

    def __init__(self) -> None:
        self.steps = 0
        self.fatal = -1
        self.is_persisted = False

    @contextmanager
    def step(self) -> Iterator[None]:
        is_fatal = self.steps == self.fatal
        self.steps += 1
        if is_fatal and not self.is_persisted:
            raise Crash
        yield
        if is_fatal:
            raise Crash


class MemoryFiles:
    """What a :class:`TileWriter` keeps; every file is a step of its own."""

    def __init__(self, weather: Weather) -> None:
        self.files: dict[Tile, bytes] = {}
        self.public: bytes | None = None
        self._weather = weather

    def read(self, tile: Tile) -> bytes:
        try:
            return self.files[tile]
        except KeyError:
            raise Unavailable("a file of the log is missing", where=tile.path()) from None

    def write(self, files: Iterable[tuple[Tile, bytes]]) -> None:
        for tile, data in files:
            with self._weather.step():
                assert self.files.setdefault(tile, data) == data, f"{tile} changes"

    def read_checkpoint(self) -> bytes | None:
        return self.public

    def publish(self, note: bytes) -> None:
        with self._weather.step():
            self.public = note


class MemoryRegister:
    """The topic of checkpoints."""

    def __init__(self, weather: Weather) -> None:
        self.records: list[CheckpointRecord] = []
        self._weather = weather

    def commit(self, record: CheckpointRecord) -> None:
        with self._weather.step():
            self.records.append(record)


class Desk:
    """A topic of entries, a disk and a register; notaries come and go."""

    def __init__(self, entries: Iterable[bytes], policy: Policy = POLICY) -> None:
        self.leaves = [
            Leaf(offset * 2, LeafEntry(b"k", entry).encode())  # a marker behind each
            for offset, entry in enumerate(entries)
        ]
        self.weather = Weather()
        self.files = MemoryFiles(self.weather)
        self.register = MemoryRegister(self.weather)
        self.policy = policy
        self.topic_id = TOPIC_ID

    def notary(self) -> Notary:
        """One that starts now, as the loop does it."""
        notary = Notary(SIGNER, self.policy, self.topic_id, self.files, self.register)
        found = linked(self.register.records)
        notary.resume(found.held)
        while notary.is_restoring:
            before = notary.size
            notary.take(self.ahead(notary, 100))
            assert notary.size > before, "the topic ends before what was signed"
        notary.check_public()
        for stray in found.strays:
            notary.require_same_history(stray, "a stray")
        return notary

    def ahead(self, notary: Notary, count: int) -> list[Leaf]:
        return [leaf for leaf in self.leaves if leaf.offset >= notary.next_offset][:count]

    def work(self, portions: Iterable[int]) -> None:
        """Take in and sign the whole topic, so many leaves at a time."""
        notary = self.notary()
        notary.publish()
        for count in portions:
            notary.take(self.ahead(notary, count))
            if notary.seal():
                notary.publish()

    def checkpoints(self) -> list[Checkpoint]:
        """All that were ever committed, verified."""
        return [
            open_checkpoint(record.note, SIGNER.key.name, [SIGNER.key])
            for record in self.register.records
        ]

    def check(self) -> None:
        """Everything that must be true of the log, whatever happened: against the naive tree."""
        entries = tuple(leaf.entry for leaf in self.leaves)
        checkpoints = self.checkpoints()
        assert not linked(self.register.records).strays
        for one in checkpoints:
            assert one.root == naive_tree.mth(entries[: one.size])
        last = checkpoints[-1]
        nodes = tile_nodes(last.size, self.files.read)
        for one in checkpoints:
            proof = consistency_proof(one.size, last.size, nodes)
            verify_consistency(one.size, one.root, last.size, last.root, proof)
        kept: list[bytes] = []
        for bundle in tiles_of_level(ENTRIES, last.size):
            kept += decode_bundle(self.files.read(bundle), bundle)
        assert tuple(kept) == entries[: last.size]
