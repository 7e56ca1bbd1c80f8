"""What the notary does with leaves: keep them, sign them, publish what is signed. No Kafka here.

The order of the steps is that of Sunlight's: files on disk, then the commit of the checkpoint, then
its publication. Each can be repeated, and a death between any two leaves what the next start needs.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from sharebus import Unavailable
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.errors import LedgerError, Malformed
from sharebus.ledger.hashing import EMPTY_ROOT
from sharebus.ledger.keys import NoteKey, NoteSigner
from sharebus.ledger.note import Note, Signature
from sharebus.ledger.policy import Policy
from sharebus.ledger.proofs import consistency_proof, range_root, verify_consistency
from sharebus.ledger.tiles import Tile, tile_nodes
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.growth import File, Growth

_WAITING_BYTES_MAX: Final = 16 * 1_048_576
"""Of full files that wait for the next checkpoint; more are put on disk before."""


class Leaf(NamedTuple):
    """A committed record of ``audit``: its offset there, and the entry that is hashed."""

    offset: int
    entry: bytes


class Files(Protocol):
    """Where tiles, bundles and the public checkpoint are kept; see ``TileWriter``."""

    def read(self, tile: Tile) -> bytes:
        """Raises Unavailable when it is not there."""
        ...

    def write(self, files: Iterable[File]) -> None:
        """Returns when the disk has them. Raises Unproven when one is there with other content."""
        ...

    def read_checkpoint(self) -> bytes | None:
        """The public checkpoint."""
        ...

    def publish(self, note: bytes) -> None:
        """Make this the public checkpoint."""
        ...


class Register(Protocol):
    """Where signed checkpoints are committed, in order, by one notary at a time."""

    def commit(self, record: CheckpointRecord) -> None:
        """Raises AppStopped when it is not committed, or not known to be."""
        ...


class Notary:
    """One log. ``held`` is the last checkpoint that was committed; None before the first."""

    def __init__(
        self, signer: NoteSigner, policy: Policy, topic_id: str, files: Files, register: Register
    ) -> None:
        self.origin: Final = signer.key.name
        self.policy: Final = policy
        self.keys: Final[Sequence[NoteKey]] = [
            log.key for log in policy.logs if log.key.name == self.origin
        ] or [signer.key]
        self.held: CheckpointRecord | None = None
        self.next_offset = 0
        self._signer = signer
        self.topic_id: Final = topic_id
        self._files = files
        self._register = register
        self._growth = Growth()
        self._waiting: list[File] = []
        self._waiting_bytes = 0

    @property
    def size(self) -> int:
        """How many leaves the files hold, or will with the next checkpoint."""
        return self._growth.size

    @property
    def signed_size(self) -> int:
        """How many leaves the last checkpoint covers."""
        return self.held.checkpoint.size if self.held else 0

    @property
    def is_restoring(self) -> bool:
        """Whether leaves are taken in that were signed before."""
        return self.size < self.signed_size

    def resume(self, held: CheckpointRecord | None) -> None:
        """Take up the log at its last checkpoint; :attr:`next_offset` is where to read on.

        If the files do not hold its end they are made again, from the first leaf on.
        """
        self.held = held
        if held is None:
            return
        if held.topic_id != self.topic_id:
            raise Contradiction(
                "the topic is not the one whose records were signed",
                where="topic audit", expected=f"topic id {held.topic_id}", found=self.topic_id,
            )  # fmt: skip
        checkpoint = held.checkpoint
        try:
            self._growth = Growth.resume(checkpoint.size, checkpoint.root, self._files.read)
        except (Unavailable, LedgerError):
            self._growth = Growth()
        else:
            self.next_offset = held.next_offset

    def last_leaf(self) -> bytes:
        """The hash of the last leaf that is held; there must be one."""
        return tile_nodes(self.size, self._files.read)(0, self.size - 1)

    def take(self, leaves: Sequence[Leaf]) -> None:
        """Take in the next leaves.

        :raises Contradiction: they are not those that were signed before.
        """
        if self.is_restoring:
            signed, leaves = self._parted(leaves)
            self._extend(signed)
            if self.is_restoring and not self._is_past_what_is_held():
                return
            self._check_restored()
        self._extend(leaves)

    def _extend(self, leaves: Sequence[Leaf]) -> None:
        if leaves:
            full = self._growth.extend(leaf.entry for leaf in leaves)
            self.next_offset = leaves[-1].offset + 1
            self._waiting += full
            self._waiting_bytes += sum(len(data) for _, data in full)
        if self._waiting_bytes > _WAITING_BYTES_MAX:
            self._write([])

    def _write(self, tail: list[File]) -> None:
        """Put on disk what became full, and the partial files behind it."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._files.write([*waiting, *tail])

    def _parted(self, leaves: Sequence[Leaf]) -> tuple[Sequence[Leaf], Sequence[Leaf]]:
        count = self.signed_size - self.size
        return leaves[:count], leaves[count:]

    def _is_past_what_is_held(self) -> bool:
        """Whether records are missing: as many offsets as were signed, and fewer leaves."""
        return self.held is not None and self.next_offset >= self.held.next_offset

    def _check_restored(self) -> None:
        held = self.held
        assert held is not None  # noqa: S101 - else nothing is restored
        files, root = self._growth.tail()
        if root != held.checkpoint.root or self.next_offset != held.next_offset:
            raise Contradiction(
                "the records of the topic are not those that were signed",
                where=f"topic audit, offsets below {held.next_offset}",
                expected=f"{held.checkpoint.size} records, root {held.checkpoint.root.hex()}",
                found=f"{self.size} records up to offset {self.next_offset - 1}, root {root.hex()}",
                remedy="`sharebus audit verify` names the first record that is wrong.",
            )
        self._write(files)

    def require_same_history(self, other: Checkpoint, where: str) -> None:
        """A checkpoint that was signed, wherever it was found, must be of the log that is held.

        :raises Contradiction: it is larger, or has another root.
        """
        if other.size > self.signed_size:
            raise Contradiction(
                "a checkpoint is larger than the last one of audit.checkpoints: records were "
                "lost, or signed elsewhere",
                where=where, expected=f"tree size {self.signed_size} at most",
                found=f"tree size {other.size}",
            )  # fmt: skip
        try:
            root = range_root(0, other.size, tile_nodes(self.signed_size, self._files.read))
        except (Unavailable, Malformed) as missing:
            raise Contradiction(
                "the files of the log are not complete", where=missing.where, found=missing.problem,
                remedy="Move the directory away: all of it is made again from the topic.",
            ) from missing  # fmt: skip
        if root != other.root:
            raise Contradiction(
                "two histories of the log are signed", where=where,
                expected=f"root {root.hex()} at tree size {other.size}", found=other.root.hex(),
                remedy="Keep both checkpoints: together they prove that records were changed.",
            )  # fmt: skip

    def check_public(self) -> None:
        """The public checkpoint must be of this log.

        :raises Contradiction: it is not.
        """
        data = self._files.read_checkpoint()
        if data is None:
            return
        where = "the public checkpoint in the log's directory"
        try:
            public = open_checkpoint(Note.parse(data), self.origin, self.keys)
        except LedgerError as wrong:
            raise Contradiction(
                "the directory holds a checkpoint that this log did not sign", where=where,
                found=str(wrong),
            ) from wrong  # fmt: skip
        self.require_same_history(public, where)

    def seal(self) -> bool:
        """Sign what is new and commit it; gives whether there was anything.

        :raises Unproven: the root is not certain; nothing was signed.
        :raises AppStopped: the checkpoint is not committed, or not known to be.
        """
        if self.is_restoring or self.size == self.signed_size:
            return False
        files, root = self._growth.tail()
        self._write(files)
        before = self.held.checkpoint if self.held else Checkpoint(self.origin, 0, EMPTY_ROOT)
        checkpoint = Checkpoint(self.origin, self.size, root)
        self._require_extension(before, checkpoint)
        note = Note(checkpoint.body()).signed_by(self._signer)
        note.verify(self.keys)
        record = CheckpointRecord(note, self.next_offset, self.topic_id, before.size, before.root)
        self._register.commit(record)
        self.held = record
        return True

    def _require_extension(self, before: Checkpoint, after: Checkpoint) -> None:
        """What is about to be signed must extend what was signed, by the files on disk."""
        proof = self.proof(before.size, after.size)
        verify_consistency(before.size, before.root, after.size, after.root, proof)

    def proof(self, old_size: int, new_size: int) -> list[bytes]:
        """That the log of the new size extends that of the old, made of the files."""
        return consistency_proof(old_size, new_size, tile_nodes(new_size, self._files.read))

    def publish(self) -> None:
        """Make the last checkpoint the public one, where no witness is asked for."""
        if self.held and not self.policy.witnesses:
            self._publish(self.held.note)

    def cosign(self, signatures: Iterable[Signature], latest_seconds: int) -> None:
        """Add the witnesses' signatures to the last checkpoint, commit and publish it.

        :raises Untrusted: they are not a quorum, or one is wrong; nothing was published.
        """
        held = self.held
        assert held is not None  # noqa: S101 - what witnesses signed was committed
        note = held.note.with_signatures(signatures)
        self.policy.accept(note, latest_seconds)
        if note != held.note:
            self.held = held._replace(note=note)
            self._register.commit(self.held)
        self._publish(note)

    def _publish(self, note: Note) -> None:
        data = note.encode()
        public = self._files.read_checkpoint()
        # A notary that was paused after its commit must not put an older one back.
        if public is None or Checkpoint.parse(Note.parse(public).text).size <= self.signed_size:
            self._files.publish(data)
