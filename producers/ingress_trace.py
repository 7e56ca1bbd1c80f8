"""What earlier runs left in the ingress topic, which its provider may read.

A run that was killed is resumed from what the broker holds, not from local state: which rows of
the file are there, how many events each partition has, where the delivery is closed already.
"""

import hashlib
import re
from dataclasses import dataclass, field

from confluent_kafka import Message

from sharebus.governance.entry import CatalogEntry
from sharebus.infra.log_reader import LogReader
from sharebus.producers.delivery import SentBefore
from sharebus.producers.progress import RECORDS_PER_PROGRESS, Progress
from sharebus.producers.row_set import RowSet
from sharebus.schemas import cloudevent
from sharebus.schemas.topic import ingress_topic

_CLOSED = cloudevent.TYPE_DELIVERY_CLOSED.encode()
_DELETION = "d-"
_KEY_DIGEST_CHARS = 16
_ROW_DIGITS_MAX = 9  # a billion rows: an id that only looks like a row must not fill the memory


def content_name(digest: str, *, is_snapshot: bool) -> str:
    """What a delivery holds of a file: its rows, or, as a snapshot, what differs from the bus."""
    return f"snapshot-{digest}" if is_snapshot else digest


def default_delivery(period: str, content: str) -> str:
    """The id of the delivery of one file for one period, when none is given."""
    return f"{period}-{content}"


def next_delivery(base: str, run: int) -> str:
    """The id of the ``run``-th delivery (from 1) of the same file for the same period."""
    return base if run == 1 else f"{base}-{run}"


def event_id_prefix(delivery: str, content: str) -> str:
    """What the event ids of one file in one delivery begin with; the row number follows."""
    return f"{delivery}-" if content in delivery else f"{delivery}-{content}-"


def deletion_id(prefix: str, key: bytes) -> str:
    """The id of the event by which a snapshot deletes an entity."""
    return f"{prefix}{_DELETION}{hashlib.sha256(key).hexdigest()[:_KEY_DIGEST_CHARS]}"


@dataclass
class DeliveryTrace:
    """What the ingress topic holds of one delivery.

    An event counts once, however often it was sent. ``rows`` are the numbers of the file's rows
    that are there; ``deleted_count`` entities were deleted because the file does not have them;
    ``foreign_count`` events are of neither kind: another file's, or another program's.
    """

    delivery: str
    sent: SentBefore
    rows: RowSet = field(default_factory=RowSet)
    deleted_count: int = 0
    foreign_count: int = 0
    _other_ids: set[int] = field(default_factory=set)

    @property
    def is_closed(self) -> bool:
        """Whether every partition holds the closing."""
        return len(self.sent.closed_partitions) == len(self.sent.counts)

    @property
    def is_begun(self) -> bool:
        """Whether anything of it was sent."""
        return bool(self.sent.closed_partitions) or any(self.sent.counts)

    def holds(self, event_id: str) -> bool:
        """Whether an event that is not a row of the file is there."""
        return hash(event_id.encode()) in self._other_ids

    def take_event(self, event_id: bytes, partition: int, prefix: bytes) -> None:
        """Count a change event."""
        rest = event_id.removeprefix(prefix)
        if rest != event_id and rest.isdigit() and len(rest) <= _ROW_DIGITS_MAX:
            row = int(rest)
            if row in self.rows:
                return
            self.rows.add(row)
        else:
            if hash(event_id) in self._other_ids:
                return
            self._other_ids.add(hash(event_id))
            if rest != event_id and rest.startswith(_DELETION.encode()):
                self.deleted_count += 1
            else:
                self.foreign_count += 1
        self.sent.counts[partition] += 1


class IngressTrace:
    """The traces of ``base`` and of its further runs (``base-2``, …), for one ``content``.

    ``last`` is the last record of each partition that has any.
    """

    def __init__(self, partition_count: int, base: str, content: str) -> None:
        self.last: dict[int, Message] = {}
        self._partition_count = partition_count
        self._base = base
        self._content = content
        self._is_run = re.compile(rf"{re.escape(base)}(?:-[0-9]{{1,6}})?".encode()).fullmatch
        self._deliveries: dict[str, DeliveryTrace] = {}

    def of(self, delivery: str) -> DeliveryTrace:
        """The trace of one delivery; empty if nothing of it was sent."""
        if delivery not in self._deliveries:
            sent = SentBefore([0] * self._partition_count)
            self._deliveries[delivery] = DeliveryTrace(delivery, sent)
        return self._deliveries[delivery]

    def latest(self) -> DeliveryTrace:
        """The run that the same command means.

        That is the last closed one as long as nothing was sent after it: the command only asks
        again. Otherwise the first that is not closed everywhere, to go on with, or a new one.
        """
        run, before = 1, None
        while (trace := self.of(next_delivery(self._base, run))).is_closed:
            run, before = run + 1, trace
        return before if before is not None and self.is_last(before) else trace

    def is_last(self, trace: DeliveryTrace) -> bool:
        """Whether the last record of every partition is one of this delivery."""
        delivery = trace.delivery.encode()
        return all(
            dict(message.headers() or ()).get(cloudevent.DELIVERY) == delivery
            for message in self.last.values()
        )

    def take(self, message: Message) -> None:
        """Take in one record of the ingress topic."""
        partition = message.partition() or 0
        self.last[partition] = message
        headers = dict(message.headers() or ())
        delivery = headers.get(cloudevent.DELIVERY)
        if not isinstance(delivery, bytes) or not self._is_run(delivery):
            return
        trace = self.of(delivery.decode())
        event_id = headers.get(cloudevent.ID)
        if headers.get(cloudevent.TYPE) == _CLOSED:
            trace.sent.closed_partitions.add(partition)
        elif isinstance(event_id, bytes):
            prefix = event_id_prefix(trace.delivery, self._content).encode()
            trace.take_event(event_id, partition, prefix)


def trace_ingress(
    log: LogReader, entry: CatalogEntry, trace: IngressTrace, progress: Progress
) -> None:
    """Read the whole ingress topic, which holds 30 days, into ``trace``."""
    topic = ingress_topic(entry.id)
    count = 0

    def take(message: Message) -> None:
        nonlocal count
        count += 1
        trace.take(message)
        if count % RECORDS_PER_PROGRESS == 0:
            progress("reading what was sent before", count, None)

    for partition in range(entry.partitions):
        low, _ = log.bounds(topic, partition)
        log.read(topic, partition, low, take)
