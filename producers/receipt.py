"""Receipts: what the gate made of a closed delivery, with the audit position that proves it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from confluent_kafka import Message

from sharebus.infra.log_reader import LogReader
from sharebus.schemas.record import delivery_receipt
from sharebus.schemas.topic import notices_topic

WAIT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.05

PartitionOutcome = Literal["complete", "incomplete", "no_change"]


@dataclass(frozen=True, slots=True)
class PartitionReceipt:
    """What the gate made of one partition of a delivery.

    ``declared`` is what the provider said it sent. ``audit_writer`` and ``audit_sequence`` name
    the audit record in which the closing is a line; ``source_offset`` is the closing's own place.
    """

    partition: int
    declared: int
    accepted: int
    refused: int
    duplicate: int
    outcome: PartitionOutcome
    source_offset: int
    audit_writer: str
    audit_sequence: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gate made of a delivery, as far as its receipts have come."""

    entry: str
    delivery: str
    period: str
    partition_count: int
    partitions: tuple[PartitionReceipt, ...]

    @property
    def outcome(self) -> Literal["complete", "incomplete", "no_change", "awaited"]:
        """``awaited`` until every partition has its receipt; ``complete`` when all was accepted."""
        if len(self.partitions) < self.partition_count:
            return "awaited"
        outcomes = {partition.outcome for partition in self.partitions}
        if len(outcomes) == 1:
            return outcomes.pop()
        return "incomplete" if "incomplete" in outcomes else "complete"

    @property
    def declared(self) -> int:
        """Events that the provider said it sent."""
        return sum(partition.declared for partition in self.partitions)

    @property
    def accepted(self) -> int:
        """Events that the gate let through."""
        return sum(partition.accepted for partition in self.partitions)

    @property
    def refused(self) -> int:
        """Events that lie in quarantine."""
        return sum(partition.refused for partition in self.partitions)

    @property
    def duplicate(self) -> int:
        """Events that had come before with the same id and content; not delivered again."""
        return sum(partition.duplicate for partition in self.partitions)


class ReceiptReader:
    """Reads the receipts of one agency about one entry.

    Begins at the notices' present end, or ``from_start``. Raises Unavailable when they cannot be
    read.
    """

    def __init__(
        self, log: LogReader, agency: str, entry: str, *, from_start: bool = False
    ) -> None:
        self._log = log
        self._topic = notices_topic(agency)
        self._entry = entry
        low, end = log.bounds(self._topic, 0)
        self._next_offset = low if from_start else end
        self._receipts: dict[str, dict[int, dict[str, Any]]] = {}
        self._decided_offsets: dict[int, int] = {}

    def catch_up(self) -> None:
        """Take in everything up to the present end."""
        self._next_offset = self._log.read(self._topic, 0, self._next_offset, self._take)

    def decided_offset(self, partition: int) -> int:
        """Offset of the last closing in the ingress partition that has a receipt; -1 without."""
        return self._decided_offsets.get(partition, -1)

    def receipt(self, delivery: str, period: str, partition_count: int) -> Receipt:
        """What is known of a delivery now."""
        by_partition = self._receipts.get(delivery, {})
        return Receipt(
            self._entry, delivery, period, partition_count,
            tuple(_partition_receipt(record) for _, record in sorted(by_partition.items())),
        )  # fmt: skip

    def wait(
        self, delivery: str, period: str, partitions: Iterable[int], wait_seconds: float
    ) -> Receipt:
        """The receipt of a delivery as soon as it is whole, or what there is after the wait."""
        wanted = set(partitions)
        deadline = time.monotonic() + wait_seconds
        while True:
            self.catch_up()
            is_whole = wanted <= self._receipts.get(delivery, {}).keys()
            if is_whole or time.monotonic() >= deadline:
                return self.receipt(delivery, period, len(wanted))
            time.sleep(_PAUSE_SECONDS)

    def _take(self, message: Message) -> None:
        # The key tells whose it is, so that notices of other kinds need not be understood.
        key = message.key() or b""
        value = message.value()
        if not key.startswith(self._entry.encode() + b"/") or value is None:
            return
        record = delivery_receipt().decode(value)
        partition = int(record["partition"])
        self._receipts.setdefault(record["delivery"], {})[partition] = record
        self._decided_offsets[partition] = max(
            self.decided_offset(partition), record["source_offset"]
        )


def _partition_receipt(record: dict[str, Any]) -> PartitionReceipt:
    names = PartitionReceipt.__dataclass_fields__
    return PartitionReceipt(**{name: record[name] for name in names})
