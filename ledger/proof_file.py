"""Proof files: C2SP tlog-proof, also called spicy signatures; usually named ``*.tlog-proof``.

One file shows offline that an entry is in a log: its index, the inclusion proof, and the signed
checkpoint. The entry itself is not in it, nor anything of its neighbours but hashes.
"""

from typing import Final, NamedTuple

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import base64_bytes, decimal, shown, to_base64
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy, Witnessed
from sharebus.ledger.proofs import parse_proof_lines, proof_lines, verify_inclusion

_FIRST_LINE: Final = b"c2sp.org/tlog-proof@v1"


class ProofFile(NamedTuple):
    """An inclusion proof with its checkpoint.

    ``extra`` is whatever the writer adds; nothing vouches for it.
    """

    leaf_index: int
    proof: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The bytes of the file.

        :raises Malformed: the checkpoint cannot be written as a note.
        """
        extra = b"" if self.extra is None else b"extra " + to_base64(self.extra) + b"\n"
        head = _FIRST_LINE + b"\n" + extra + b"index %d\n" % self.leaf_index
        return head + proof_lines(self.proof) + b"\n" + self.checkpoint.encode()

    @classmethod
    def parse(cls, data: bytes) -> "ProofFile":
        """Read a proof file; nothing in it is verified.

        :raises Malformed: it is none.
        """
        head, empty_line, checkpoint = data.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        if first != _FIRST_LINE or not empty_line:
            raise Malformed("not a proof file", expected=_FIRST_LINE.decode(), found=shown(data))
        extra = None
        if lines and lines[0].startswith(b"extra "):
            extra = base64_bytes(lines.pop(0).removeprefix(b"extra "), "the extra data of a proof")
        if not lines or not lines[0].startswith(b"index "):
            raise Malformed("the proof file has no index line", found=shown(data))
        index = decimal(lines[0].removeprefix(b"index "), "the index of a proof")
        return cls(index, parse_proof_lines(lines[1:]), Note.parse(checkpoint), extra)

    def verify(self, leaf_hash: bytes, policy: Policy, latest_seconds: int) -> Witnessed:
        """Prove that the entry with this leaf hash is in a log that the policy trusts.

        ``latest_seconds``: see :meth:`sharebus.ledger.policy.Policy.accept`.

        :raises Untrusted: the policy does not accept the checkpoint.
        :raises Unproven: the proof does not lead from the leaf to the checkpoint's root.
        :raises Malformed: there is no such leaf, or what was signed is no checkpoint.
        """
        witnessed = policy.accept(self.checkpoint, latest_seconds)
        checkpoint = witnessed.checkpoint
        verify_inclusion(leaf_hash, self.leaf_index, checkpoint.size, self.proof, checkpoint.root)
        return witnessed
