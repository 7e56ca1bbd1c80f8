"""The checkpoints of ``audit.checkpoints`` that the log's key signed, in order."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import Message

from sharebus.consumers.oversight.alarm import Place, Since, Truncated
from sharebus.infra.audit_leaf import record_headers
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.keys import NoteKey
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.topic import AUDIT_CHECKPOINTS

_AT_ONCE: Final = 2_000


class Signed(NamedTuple):
    """A checkpoint that the log's key signed, and where and when it came."""

    checkpoint: Checkpoint
    record: CheckpointRecord
    offset: int
    seen_ms: int

    @property
    def since(self) -> Since:
        """For an alarm."""
        return Since(self.checkpoint, self.seen_ms)


class CheckpointFeed:
    """Those that are in the topic now. A record that the key did not sign proves nothing.

    :raises Truncated: the topic ends before ``start``.
    """

    def __init__(self, config: ClientConfig, keys: Sequence[NoteKey], start: int) -> None:
        self._keys = keys
        self._origin = keys[0].name
        self._next_offset = start
        self._waiting: deque[Signed] = deque()
        self._log = LogReader(config)
        self.passed_over = 0
        """Records that were no checkpoint which this log signed."""
        self._log.settle(AUDIT_CHECKPOINTS, 0)
        _, self._end = self._log.bounds(AUDIT_CHECKPOINTS, 0)
        if self._end < start:
            raise Truncated(
                "checkpoints that were seen are not there any more",
                Place(offset=self._end, topic=AUDIT_CHECKPOINTS),
                expected=f"records up to offset {start - 1}", found=f"the end at {self._end}",
            )  # fmt: skip

    def head(self) -> Signed | None:
        """The next checkpoint; None at the end."""
        while not self._waiting and self._next_offset < self._end:
            self._next_offset = self._log.read(
                AUDIT_CHECKPOINTS, 0, self._next_offset, self._take, _AT_ONCE
            )
        return self._waiting[0] if self._waiting else None

    def advance(self) -> None:
        """Go on behind the head."""
        self._waiting.popleft()

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()

    def _take(self, message: Message) -> None:
        offset = message.offset() or 0
        if offset >= self._end:  # written since; of records that may not have been read
            return
        try:
            record = CheckpointRecord.parse(message.value(), record_headers(message))
            checkpoint = open_checkpoint(record.note, self._origin, self._keys)
        except LedgerError:
            self.passed_over += 1
            return
        self._waiting.append(Signed(checkpoint, record, offset, message.timestamp()[1]))
