"""One topic read as a member of a consumer group: raw records, positions, commits."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from sharebus import SharebusError, Unavailable
from sharebus.consumers.broker_error import error_for_reader
from sharebus.consumers.readable_topic import METADATA_SECONDS_MAX, partition_counts
from sharebus.governance.identity import SystemName
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log

SESSION_TIMEOUT_MS: Final = 10_000
"""After a crash, another process of the group has the partitions within this time."""

# The partition went to another process of the group, which delivers the event again.
_MOVED_ON: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)

_log = logging.getLogger(__name__)


class GroupReader:
    """Records of one topic, without those of aborted transactions, from where the group stands.

    A record counts as read when :meth:`poll` gave it, and stays so for the group after
    :meth:`commit`. Every method raises Refused or Unavailable as :func:`error_for_reader` says; an
    error that ends the reading is raised again by every later :meth:`poll`.
    """

    def __init__(self, config: ClientConfig, system: SystemName, group: str) -> None:
        self._system, self._group = system, group
        self.topic = ""
        self.positions: dict[int, int] = {}
        """Offset behind the last record given, or behind the control records that follow it."""
        self._ended: SharebusError | None = None
        self._held: Message | None = None
        self._assigned: set[int] | None = None
        self._starts: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._config = config
        self._admin: AdminClient | None = None
        self._consumer = Consumer(
            {
                **config,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                # How long the broker waits for a first event, and so how late the end is told.
                "fetch.wait.max.ms": 100,
                "error_cb": self._fail_on,
            },
            logger=librdkafka_log,
        )

    def topics(self) -> dict[str, int]:
        """Every topic that the system may know of, with its number of partitions."""
        return partition_counts(self._consumer)

    def subscribe(self, topic: str, starts: Mapping[int, int]) -> None:
        """Join the group. A partition in ``starts`` begins there, not where the group stands."""
        self.topic, self._starts = topic, dict(starts)
        self._consumer.subscribe(
            [topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def poll(self, timeout_seconds: float) -> Message | None:
        """The next record, or None when none came."""
        if self._ended is not None:
            raise self._ended
        message, self._held = self._held, None
        if message is None:
            message = self._consumer.poll(timeout_seconds)
        if message is None:
            return None
        error, offset = message.error(), message.offset() or 0
        if error is None:
            self.positions[message.partition() or 0] = offset + 1
            return message
        if error.code() == KafkaError._PARTITION_EOF:
            self.positions[message.partition() or 0] = offset
        else:
            self._fail_on(error)
        return None

    def put_back(self, message: Message) -> None:
        """Let the next :meth:`poll` give the record that the last one gave."""
        self._held = message
        self.positions[message.partition() or 0] = message.offset() or 0

    def has_reached(self, ends: dict[int, int]) -> bool:
        """Whether the partitions that this process has are read to ``ends``.

        An end that is not there yet is filled in with what is written now, committed or not: a
        transaction that is decided is not yet visible in all of its partitions, and whoever saw
        it in one must find it in the others.
        """
        if self._assigned is None:
            return False
        ends |= self._ends_of(self._assigned - ends.keys())
        return all(
            self.positions.get(partition, -1) >= ends[partition] for partition in self._assigned
        )

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Let the group stand there; returns when the broker holds it.

        It never moves a partition back, and leaves out partitions that are another process's.
        """
        offsets = [
            TopicPartition(self.topic, partition, offset)
            for partition, offset in next_offsets.items()
            if partition in (self._assigned or ()) and offset > self._committed.get(partition, 0)
        ]
        if not offsets:
            return
        try:
            committed = self._consumer.commit(offsets=offsets, asynchronous=False)
            errors = [partition.error for partition in committed if partition.error]
        except KafkaException as failure:
            errors = [failure.args[0]]
        for error in errors:
            if error.code() in _MOVED_ON:
                _log.info("not committed, and will be delivered again: %s", error.str())
                continue
            self._fail_on(error)
            raise Unavailable(
                f"the broker did not take an acknowledgement of {self.topic}",
                found=error.str(),
                remedy="Acknowledge again; otherwise the events are delivered again.",
            )
        if not errors:
            self._committed |= {offset.partition: offset.offset for offset in offsets}

    def rewind(self, starts: Mapping[int, int]) -> None:
        """Go on from ``starts``; partitions that are not in it go on where they are."""
        self._starts = dict(starts)
        if self._assigned is not None:
            self._begin(
                TopicPartition(self.topic, partition, self.positions.get(partition, OFFSET_INVALID))
                for partition in sorted(self._assigned)
            )

    def close(self) -> None:
        """Leave the group, so that another process can go on at once."""
        self._consumer.close()

    def _ends_of(self, partitions: set[int]) -> dict[int, int]:
        if not partitions:
            return {}
        if self._admin is None:
            self._admin = AdminClient(self._config, logger=librdkafka_log)
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        futures = self._admin.list_offsets(
            {TopicPartition(self.topic, number): latest for number in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=METADATA_SECONDS_MAX,
        )
        try:
            return {place.partition: future.result().offset for place, future in futures.items()}
        except KafkaException as failure:
            if failure.args[0].code() == KafkaError.FENCED_LEADER_EPOCH:
                self._admin = None  # it keeps what it knew before the broker started again
                return self._ends_of(partitions)
            self._fail_on(failure.args[0])
            raise Unavailable(
                f"the end of {self.topic} cannot be read", found=str(failure.args[0])
            ) from failure

    def _fail_on(self, error: KafkaError) -> None:
        # librdkafka reports a lost right once and then only waits: silence would look like peace.
        ended = error_for_reader(error, self._system, self.topic, self._group)
        if ended is not None:
            self._ended = ended
            raise ended
        _log.info("%s", error.str())

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned = {partition.partition for partition in partitions}
        self._begin(partitions)

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned = set()
        self._forget(partition.partition for partition in partitions)

    def _begin(self, partitions: Iterable[TopicPartition]) -> None:
        assignment = list(partitions)
        for partition in assignment:
            if partition.partition in self._starts:
                partition.offset = self._starts.pop(partition.partition)
                self._forget([partition.partition])
        self._consumer.assign(assignment)

    def _forget(self, partitions: Iterable[int]) -> None:
        self._held = None
        for partition in partitions:
            self.positions.pop(partition, None)
            self._committed.pop(partition, None)
