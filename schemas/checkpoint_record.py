"""Records of ``audit.checkpoints``: signed checkpoints of the audit's log, and how they follow.

The key is the log's origin, the value the signed note (C2SP tlog-checkpoint). Headers say what a
checkpoint must not: Kafka's offset behind its last leaf, the id of the topic, and the checkpoint
before, so that a reader passes over a record that does not follow the one it holds.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import base64_bytes, decimal, shown, to_base64, utf8
from sharebus.ledger.hashing import EMPTY_ROOT, HASH_BYTES
from sharebus.ledger.note import Note

NEXT_OFFSET: Final = "next_offset"
TOPIC_ID: Final = "topic_id"
PREVIOUS_SIZE: Final = "previous_size"
PREVIOUS_ROOT: Final = "previous_root"

Header = tuple[str, bytes | str | None]


class CheckpointRecord(NamedTuple):
    """A signed checkpoint and its place. Nobody has verified the note's signatures yet.

    ``next_offset`` is the first offset of ``audit`` that it does not cover, ``topic_id`` Kafka's id
    of that topic; ``previous_size`` and ``previous_root`` are those of the checkpoint before.
    """

    note: Note
    next_offset: int
    topic_id: str
    previous_size: int = 0
    previous_root: bytes = EMPTY_ROOT

    @property
    def checkpoint(self) -> Checkpoint:
        """What was signed.

        :raises Malformed: it is no checkpoint.
        """
        return Checkpoint.parse(self.note.text)

    def headers(self) -> list[tuple[str, bytes]]:
        """The headers of the record; :meth:`parse` reads them."""
        return [
            (NEXT_OFFSET, b"%d" % self.next_offset),
            (TOPIC_ID, self.topic_id.encode()),
            (PREVIOUS_SIZE, b"%d" % self.previous_size),
            (PREVIOUS_ROOT, to_base64(self.previous_root)),
        ]

    @classmethod
    def parse(cls, value: bytes | None, headers: Iterable[Header] | None) -> "CheckpointRecord":
        """Read a record.

        :raises Malformed: it is none.
        """
        found = {name: content for name, content in headers or () if isinstance(content, bytes)}
        missing = {NEXT_OFFSET, TOPIC_ID, PREVIOUS_SIZE, PREVIOUS_ROOT} - found.keys()
        if missing or value is None:
            raise Malformed(
                "not a record of a checkpoint",
                expected=f"a value and the headers {NEXT_OFFSET}, {TOPIC_ID}, {PREVIOUS_SIZE}, "
                f"{PREVIOUS_ROOT}",
                found=f"without {', '.join(sorted(missing)) or 'value'}",
            )
        record = cls(
            Note.parse(value),
            decimal(found[NEXT_OFFSET], "an offset"),
            utf8(found[TOPIC_ID], "a topic id"),
            decimal(found[PREVIOUS_SIZE], "a tree size"),
            base64_bytes(found[PREVIOUS_ROOT], "a root", HASH_BYTES),
        )
        if record.checkpoint.size < 1:
            raise Malformed("the checkpoint covers nothing", found=shown(record.note.text))
        return record

    def follows(self, held: "CheckpointRecord | None") -> bool:
        """Whether this is the next checkpoint after the one that the reader holds.

        Or the same one with more signatures. Both are of one log, signed by its key.
        """
        if held is None:
            return (self.previous_size, self.previous_root) == (0, EMPTY_ROOT)
        if self.topic_id != held.topic_id:
            return False
        if self.note.text == held.note.text:
            return self.next_offset == held.next_offset
        before, after = held.checkpoint, self.checkpoint
        return (
            (self.previous_size, self.previous_root) == (before.size, before.root)
            and after.size > before.size
            and self.next_offset > held.next_offset
        )
