"""Checkpoints: C2SP tlog-checkpoint, what a log signs to commit to all its leaves.

The origin is the log's identity. A reader pins it together with the log's keys and takes neither
from a server.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.fields import base64_bytes, decimal, shown, to_base64, utf8
from sharebus.ledger.hashing import HASH_BYTES
from sharebus.ledger.note import Note, Verifier

_LINES_MIN: Final = 3


class Checkpoint(NamedTuple):
    """The root of a log at a size.

    ``extensions`` are further lines that a log may sign. Ours never has any: nobody audits them.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> bytes:
        """The text of the note.

        :raises Malformed: a value that no checkpoint can have.
        """
        lines = [self.origin, str(self.size), to_base64(self.root).decode(), *self.extensions]
        try:
            body = "".join(f"{line}\n" for line in lines).encode()
        except UnicodeEncodeError as error:
            raise Malformed("the checkpoint is not text", found=repr(self)) from error
        if Checkpoint.parse(body) != self:
            raise Malformed("a line of the checkpoint holds a newline", found=repr(self))
        return body

    @classmethod
    def parse(cls, body: bytes) -> "Checkpoint":
        """Read the text of a note as a checkpoint.

        :raises Malformed: it is none.
        """
        lines = body.split(b"\n")
        if lines.pop() or len(lines) < _LINES_MIN or not all(lines):
            raise Malformed(
                "the text is not a checkpoint",
                expected="three or more lines, none empty: origin, tree size, root",
                found=shown(body),
            )
        origin, size, root, *extensions = lines
        return cls(
            utf8(origin, "the origin of a checkpoint"),
            decimal(size, "the tree size of a checkpoint"),
            base64_bytes(root, "the root of a checkpoint", HASH_BYTES),
            tuple(utf8(line, "an extension line of a checkpoint") for line in extensions),
        )


def open_checkpoint(note: Note, origin: str, log_keys: Iterable[Verifier]) -> Checkpoint:
    """The checkpoint in a note that a pinned log signed.

    :raises Untrusted: none of the log's keys signed it, a signature of one is wrong, or it is the
        checkpoint of another log.
    :raises Malformed: what was signed is no checkpoint.
    """
    note.verify(log_keys)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != origin:
        raise Untrusted(
            "the checkpoint is of another log",
            expected=origin,
            found=shown(checkpoint.origin.encode()),
        )
    return checkpoint
