"""What was verified of the audit's log so far: an overseer keeps it on a disk of its own."""

from pathlib import Path
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from sharebus import InvalidInput
from sharebus.consumers.oversight.alarm import Since
from sharebus.infra.embedded.secrets import write_private
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.note import Note


class VerifiedLog(NamedTuple):
    """The log up to a checkpoint whose signatures were verified, all leaves of it hashed.

    ``next_offset`` is the first offset of ``audit`` behind it, and ``checkpoint_offset`` that of
    ``audit.checkpoints``; both are 0 when the log was read as files. ``seen_ms`` is when the
    checkpoint came.
    """

    note: Note
    seen_ms: int
    range: CompactRange
    heads: tuple[WriterHead, ...]
    topic_id: str = ""
    next_offset: int = 0
    checkpoint_offset: int = 0

    @property
    def checkpoint(self) -> Checkpoint:
        """The last checkpoint that agreed with the leaves."""
        return Checkpoint.parse(self.note.text)

    @property
    def since(self) -> Since:
        """For an alarm."""
        return Since(self.checkpoint, self.seen_ms)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read what :meth:`save` wrote; None if there is nothing yet.

        :raises InvalidInput: the file is no such state, or of a log of another kind.
        """
        try:
            state = _State.model_validate_json(path.read_bytes())
            verified = cls(
                Note.parse(state.note.encode()),
                state.seen_ms,
                CompactRange.from_bytes(bytes.fromhex(state.range)),
                tuple(
                    WriterHead(writer, sequence, bytes.fromhex(digest))
                    for writer, sequence, digest in state.heads
                ),
                state.topic_id,
                state.next_offset,
                state.checkpoint_offset,
            )
            checkpoint = verified.checkpoint
        except FileNotFoundError:
            return None
        except (OSError, ValidationError, ValueError, LedgerError) as error:
            raise InvalidInput(
                "What was verified before cannot be read.", where=str(path), found=str(error),
                remedy="Restore the file; without it only a run with --full proves anything.",
            ) from error  # fmt: skip
        if (checkpoint.size, checkpoint.root) != (verified.range.size, verified.range.root()):
            raise InvalidInput("What was verified before contradicts itself.", where=str(path))
        return verified

    def save(self, path: Path) -> None:
        """Keep it; a reader sees the old state or the new, also after a power cut."""
        state = _State(
            note=self.note.encode().decode(),
            seen_ms=self.seen_ms,
            range=self.range.to_bytes().hex(),
            heads=[
                (each.writer, each.next_sequence, each.last_sha256.hex()) for each in self.heads
            ],
            topic_id=self.topic_id,
            next_offset=self.next_offset,
            checkpoint_offset=self.checkpoint_offset,
        )
        write_private(path, state.model_dump_json(indent=1).encode())


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str
    seen_ms: int
    range: str
    heads: list[tuple[str, int, str]]
    topic_id: str
    next_offset: int
    checkpoint_offset: int
