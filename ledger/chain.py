"""Each writer of the audit numbers and chains its own records.

A gap or a rewritten record is visible from the records alone, before any checkpoint covers them:
record *n* of a writer names *n* and the SHA-256 of that writer's record *n − 1* as written.
"""

import hashlib
from typing import Any, NamedTuple

from sharebus import NumbersDisagree


class WriterHead(NamedTuple):
    """Where a writer's chain stands: its next sequence number and its last record's digest."""

    writer: str
    next_sequence: int = 0
    last_sha256: bytes = b""

    def link(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with its place in the chain."""
        return {
            **batch,
            "writer": self.writer,
            "sequence": self.next_sequence,
            "previous_sha256": self.last_sha256,
        }

    def after(self, encoded: bytes) -> "WriterHead":
        """The head once ``encoded`` (the record's whole value) is written."""
        return WriterHead(self.writer, self.next_sequence + 1, hashlib.sha256(encoded).digest())


def verify_next(head: WriterHead, batch: dict[str, Any], encoded: bytes) -> WriterHead:
    """Check that a record read back is the next of its writer's chain; gives the new head.

    :raises NumbersDisagree: a record of this writer is missing, doubled or altered.
    """
    found = (batch["writer"], batch["sequence"], batch["previous_sha256"])
    if found != tuple(head):
        raise NumbersDisagree(
            "the audit chain of a writer is broken",
            where=f"writer {head.writer}",
            expected=f"sequence {head.next_sequence} after {head.last_sha256.hex() or 'nothing'}",
            found=f"{batch['writer']} sequence {batch['sequence']} "
            f"after {batch['previous_sha256'].hex() or 'nothing'}",
        )
    return head.after(encoded)
