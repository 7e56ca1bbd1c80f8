"""One delivery: the change events of one data period, closed with their counts."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from sharebus import InvalidInput
from sharebus.governance.data_period import parse_period
from sharebus.producers.event import EventEncoder
from sharebus.producers.outbox import Outbox
from sharebus.producers.receipt import WAIT_SECONDS, Receipt, ReceiptReader
from sharebus.producers.scalar_values import Mismatch
from sharebus.schemas import cloudevent
from sharebus.schemas.record import delivery_closed

_DELIVERY_ID: Final = re.compile(
    rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{cloudevent.DELIVERY_CHARS_MAX - 1}}}"
)
_EVENT_ID: Final = re.compile(rf"[!-~]{{1,{cloudevent.ID_CHARS_MAX}}}")


@dataclass
class SentBefore:
    """What earlier runs already sent of a delivery: events per partition, partitions closed."""

    counts: list[int]
    closed_partitions: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Channel:
    """What all deliveries of a provider share: how to encode, where to send, who sends."""

    encoder: EventEncoder
    outbox: Outbox
    source: str
    closing_schema_id: int
    open_receipts: Callable[[bool], ReceiptReader]
    """Makes a reader of receipts, from the start of the notices or from now on."""


class Delivery:
    """Sends events and closes; made by :meth:`Provider.delivery`.

    Leaving the ``with`` block closes the delivery; leaving it by an exception leaves the delivery
    open, so that it is never declared complete by accident. Events are ordered per entity. Not for
    use from several threads.

    ``receipt`` is None until the delivery is closed.
    """

    def __init__(
        self, channel: Channel, period: str, delivery: str, sent_before: SentBefore | None = None
    ) -> None:
        self.period = parse_period(period).text
        self.id = delivery
        self.receipt: Receipt | None = None
        if not _DELIVERY_ID.fullmatch(delivery):
            raise InvalidInput(
                "this cannot be the id of a delivery",
                expected=f"letters, digits and . _ : -, at most {cloudevent.DELIVERY_CHARS_MAX}",
                found=repr(delivery[:80]),
            )
        partition_count = channel.encoder.entry.partitions
        before = sent_before or SentBefore([0] * partition_count)
        self._channel = channel
        self._counts = list(before.counts)
        self._closed_partitions = set(before.closed_partitions)
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self.receipt is None:
            self.close()

    def upsert(
        self,
        row: Mapping[str, Any],
        *,
        event_id: str | None = None,
        changed_at: datetime | None = None,
        corrects: str | None = None,
    ) -> None:
        """Send a row as it is now; waits while the queue to the broker is full.

        ``row`` has exactly the entry's fields, in Python's types (``date``, ``Decimal``, …).
        ``event_id`` must be the same when the same event is sent again; without it the delivery's
        id and a number. ``changed_at``, with offset, is when the change happened; without it, now.
        ``corrects`` is the id of the event that this one corrects.

        :raises InvalidInput: a field is not of its type, or the event is too large.
        :raises Unavailable: the broker did not confirm an earlier event.
        """
        encoder = self._channel.encoder
        stored = encoder.stored(row)
        try:
            key, value = encoder.key(stored), encoder.value(stored)
        except Mismatch as mismatch:
            raise InvalidInput(
                f"this row of entry '{encoder.entry.id}' cannot be sent",
                expected=mismatch.expected,
            ) from None
        self.send(key, value, event_id=event_id, changed_at=changed_at, corrects=corrects)

    def upsert_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Send many rows, in order."""
        for row in rows:
            self.upsert(row)

    def delete(
        self,
        key: Mapping[str, Any] | str | int | bytes,
        *,
        event_id: str | None = None,
        changed_at: datetime | None = None,
    ) -> None:
        """Say that an entity is no more.

        ``key`` is a row (of which only the key fields count), or the value of the only key field,
        or the Kafka key itself in bytes. For the rest see :meth:`upsert`.
        """
        encoder = self._channel.encoder
        if isinstance(key, str | int):
            names = encoder.entry.key_fields
            if len(names) > 1:
                raise InvalidInput(
                    "one value does not name the entity", expected=f"a row with {', '.join(names)}"
                )
            key = {names[0]: key}
        key_bytes = key if isinstance(key, bytes) else encoder.key_of(key)
        self.send(key_bytes, None, event_id=event_id, changed_at=changed_at)

    def send(
        self,
        key: bytes,
        value: bytes | None,
        *,
        event_id: str | None = None,
        changed_at: datetime | None = None,
        corrects: str | None = None,
        was_sent: bool = False,
    ) -> None:
        """Send an event that is already encoded; ``value`` None deletes.

        ``was_sent`` says that the same event is among those ``sent_before``: it counts once.
        """
        self._require_open()
        self._number += 1
        event_id = event_id or f"{self.id}-{self._number}"
        if not _EVENT_ID.fullmatch(event_id):
            raise InvalidInput(
                "this cannot be the id of an event",
                expected=f"visible ASCII characters, at most {cloudevent.ID_CHARS_MAX}",
                found=repr(event_id[:160]),
            )
        kind = cloudevent.TYPE_DELETED if value is None else cloudevent.TYPE_UPSERTED
        headers = self._headers(event_id, kind, changed_at)
        if corrects is not None:
            headers.append((cloudevent.CORRECTS, corrects.encode()))
        partition = self._channel.encoder.partition(key)
        self._channel.outbox.send(key, value, headers, partition)
        self._counts[partition] += not was_sent

    def flush(self) -> None:
        """Wait until the broker has confirmed every event sent so far.

        :raises Unavailable: it did not confirm some; the delivery cannot be closed.
        """
        self._channel.outbox.flush()

    def close(self, wait_seconds: float = WAIT_SECONDS, *, no_change: bool = False) -> Receipt:
        """Declare the delivery complete, and wait for the gate's receipt.

        ``no_change`` states that nothing changed in the data period; then nothing may have been
        sent. If the receipt is not whole in time its outcome is ``awaited``: the delivery is
        closed all the same.

        :raises Unavailable: an event or the closing was not confirmed by the broker.
        """
        self._require_open()
        if no_change and any(self._counts):
            raise InvalidInput(
                "a delivery with events cannot state that nothing changed",
                where=f"delivery {self.id}",
                found=f"{sum(self._counts)} events",
            )
        self.flush()
        receipts = self._channel.open_receipts(bool(self._closed_partitions))
        partitions = range(len(self._counts))
        for partition in partitions:
            if partition not in self._closed_partitions:
                self._send_closing(partition, no_change)
        self._channel.outbox.flush()
        self.receipt = receipts.wait(self.id, self.period, partitions, wait_seconds)
        return self.receipt

    def _send_closing(self, partition: int, no_change: bool) -> None:
        value = delivery_closed().encode(
            self._channel.closing_schema_id,
            {
                "events_in_partition": self._counts[partition],
                "events_total": sum(self._counts),
                "partition_count": len(self._counts),
                "no_change": no_change,
            },
        )
        headers = self._headers(
            f"{self.id}-close-{partition}", cloudevent.TYPE_DELIVERY_CLOSED, None
        )
        self._channel.outbox.send(self.id.encode(), value, headers, partition)

    def _headers(
        self, event_id: str, event_type: str, changed_at: datetime | None
    ) -> cloudevent.Headers:
        return cloudevent.change_headers(
            event_id=event_id,
            source=self._channel.source,
            event_type=event_type,
            time=_time_text(changed_at),
            data_period=self.period,
            delivery=self.id,
        )

    def _require_open(self) -> None:
        if self.receipt is not None:
            raise InvalidInput("this delivery is closed", where=f"delivery {self.id}")


def _time_text(moment: datetime | None) -> str:
    if moment is None:
        moment = datetime.now(UTC)
    elif moment.tzinfo is None:
        raise InvalidInput("the time of a change has no offset from UTC", found=str(moment))
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
