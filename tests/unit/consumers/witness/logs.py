"""Logs that a witness is asked about: leaves, checkpoints and proofs of any size."""

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.hashing import leaf_hash, subtree_root
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.ledger.proofs import consistency_proof
from sharebus.ledger.witness_request import AddCheckpoint

ORIGIN = "sharebus.test/audit"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
COSIGNER = Cosigner.from_seed("witness.test/w1", bytes(range(32)))
STRANGER = NoteSigner.from_seed("stranger.test/audit", bytes(range(32)))


class Log:
    """A log of numbered leaves; ``fork_at`` changes all from that leaf on."""

    def __init__(self, fork_at: int | None = None, signer: NoteSigner = SIGNER) -> None:
        self._fork_at = fork_at
        self._signer = signer

    def leaf(self, number: int) -> bytes:
        is_forked = self._fork_at is not None and number >= self._fork_at
        return leaf_hash(f"{'forked ' if is_forked else ''}{number}".encode())

    def nodes(self, level: int, index: int) -> bytes:
        first = index << level
        return subtree_root([self.leaf(first + each) for each in range(1 << level)])

    def checkpoint(self, size: int) -> Checkpoint:
        root = CompactRange().extend(map(self.leaf, range(size))).root()
        return Checkpoint(self._signer.key.name, size, root)

    def note(self, size: int) -> Note:
        return Note(self.checkpoint(size).body()).signed_by(self._signer)

    def proof(self, old_size: int, new_size: int) -> list[bytes]:
        return consistency_proof(old_size, new_size, self.nodes)

    def request(self, old_size: int, new_size: int) -> bytes:
        proof = self.proof(old_size, new_size) if old_size <= new_size else []
        return AddCheckpoint(old_size, tuple(proof), self.note(new_size)).encode()
