"""What a log asks of a witness: the body of C2SP tlog-witness's ``add-checkpoint``.

The errors of this room are the witness's answers: ``Malformed`` is 400, ``Untrusted`` 403 and
``Unproven`` 422. An unknown origin (404) and another old size than the stored one (409) are the
witness's to see.
"""

from typing import Final, NamedTuple

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import decimal, shown
from sharebus.ledger.note import Note
from sharebus.ledger.proofs import parse_proof_lines, proof_lines

_OLD: Final = b"old "


class AddCheckpoint(NamedTuple):
    """A signed checkpoint, and the proof that it extends the log of ``old_size`` leaves."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> bytes:
        """The body of the request.

        :raises Malformed: the checkpoint cannot be written as a note.
        """
        head = _OLD + b"%d\n" % self.old_size + proof_lines(self.proof)
        return head + b"\n" + self.checkpoint.encode()

    @classmethod
    def parse(cls, data: bytes) -> "AddCheckpoint":
        """Read the body of a request; nothing in it is verified.

        :raises Malformed: it is none.
        """
        head, empty_line, checkpoint = data.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        if not first.startswith(_OLD) or not empty_line:
            raise Malformed(
                "not a request to cosign a checkpoint", expected="old <size>", found=shown(data)
            )
        old_size = decimal(first.removeprefix(_OLD), "the old tree size")
        return cls(old_size, parse_proof_lines(lines), Note.parse(checkpoint))
