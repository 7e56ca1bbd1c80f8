"""The topic ``audit.checkpoints``: what was signed, committed by one notary at a time."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaException, Message

from sharebus.infra.audit_leaf import record_headers
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.keys import NoteKey
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.topic import AUDIT_CHECKPOINTS
from sharebus.stream_apps.transaction import (
    SchemaIds,
    Transaction,
    stopped_by,
    transactional_producer,
)

NAME: Final = "notary"
_WINDOW: Final = 256
"""Offsets at the end of the topic that a start reads; more if no checkpoint is among them."""


class Found(NamedTuple):
    """The last checkpoint, and those beside it that this log signed and that do not follow."""

    held: CheckpointRecord | None
    strays: tuple[Checkpoint, ...]


class CheckpointRegister:
    """``keys`` are those of the log: what nobody else signed is passed over."""

    def __init__(self, config: ClientConfig, origin: str, keys: Sequence[NoteKey]) -> None:
        self._log = LogReader(config)
        self._producer = transactional_producer(config, NAME)
        self._origin = origin
        self._keys = keys

    def open(self) -> None:
        """Fence whoever was the notary before; what it left open is aborted."""
        self._producer.init_transactions(30)

    def last(self) -> Found:
        """What is signed, from the end of the topic."""
        self._log.settle(AUDIT_CHECKPOINTS, 0)
        low, end = self._log.bounds(AUDIT_CHECKPOINTS, 0)
        start, window = end, _WINDOW
        signed: list[CheckpointRecord] = []
        while not signed and start > low:
            start, window = max(low, end - window), window * 2
            self._log.read(AUDIT_CHECKPOINTS, 0, start, self._taking(signed))
        return linked(signed)

    def _taking(self, signed: list[CheckpointRecord]) -> Callable[[Message], None]:
        def take(message: Message) -> None:
            try:
                record = CheckpointRecord.parse(message.value(), record_headers(message))
                open_checkpoint(record.note, self._origin, self._keys)
            except LedgerError:
                return  # an administrator's; it proves nothing
            signed.append(record)

        return take

    def commit(self, record: CheckpointRecord) -> None:
        """Commit a checkpoint as the next one.

        :raises AppStopped: another notary took over, or what became of it is not known.
        """
        try:
            transaction = Transaction(self._producer, SchemaIds({}))
            key, value = self._origin.encode(), record.note.encode()
            transaction.write([(AUDIT_CHECKPOINTS, key, value, 0, record.headers())])
            transaction.commit()
        except KafkaException as error:
            raise stopped_by(error) from error

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()


def linked(signed: Sequence[CheckpointRecord]) -> Found:
    """Follow checkpoints in the order of the topic, from the first of them on."""
    held: CheckpointRecord | None = None
    strays: list[Checkpoint] = []
    for record in signed:
        if held is None or record.follows(held):
            held = record
        else:
            strays.append(record.checkpoint)
    return Found(held, tuple(strays))
