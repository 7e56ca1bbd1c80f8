"""Reads one partition from an offset to its committed end, without a consumer group."""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from sharebus import Unavailable
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log

READ_SECONDS_MAX: Final = 30.0
"""Without any progress for so long, a read gives up: the broker is gone or a transaction hangs."""
UNKNOWN_SECONDS_MAX: Final = 3.0

UNREADABLE_CODES: Final = frozenset(
    {KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG, KafkaError.INVALID_MSG}
)
"""What librdkafka says of bytes that it cannot unpack; it would ask for them for ever."""
_PASSING_CODES: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
"""A broker that starts again, or a connection that was closed meanwhile: asked again."""
_AWAY_CODES: Final = _PASSING_CODES | {KafkaError._TIMED_OUT}
_UNREADABLE_RUN_MAX: Final = 5_000


def unreachable(address: str, problem: str, error: KafkaError) -> Unavailable:
    """What a user is told when the broker is away: its address and what to do, no code's name."""
    if error.code() not in _AWAY_CODES:
        return Unavailable(problem, found=error.str())
    return Unavailable(
        "the broker does not answer, or is not ready yet",
        where=f"{address}; {problem}",
        remedy="See that it runs (`sharebus status`) and that the address is right; then run the "
        "same command again.",
    )


class LogReader:
    """One consumer that reads whatever partition it is asked for, by ``assign``."""

    def __init__(self, config: ClientConfig) -> None:
        common: ClientConfig = {
            **config,
            # Not used, but librdkafka asks the broker for its coordinator, so it is a name within
            # the rights of whoever reads.
            "group.id": f"{config.get('sasl.username', 'unused')}.log-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 5,  # how late the end is told
            "socket.timeout.ms": 10_000,
        }
        self._address = str(config.get("bootstrap.servers", ""))
        self._consumer = Consumer(
            {**common, "isolation.level": "read_committed"}, logger=librdkafka_log
        )
        self._uncommitted = Consumer(
            {**common, "isolation.level": "read_uncommitted"}, logger=librdkafka_log
        )

    def topics_named(self, prefix: str) -> list[str]:
        """The topics that this principal may know of whose name begins so.

        :raises Unavailable: the broker does not say.
        """
        try:
            found = self._consumer.list_topics(timeout=READ_SECONDS_MAX).topics
        except KafkaException as error:
            raise unreachable(self._address, "its topics are not known", error.args[0]) from error
        return sorted(topic for topic in found if topic.startswith(prefix))

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept and committed end of a partition.

        :raises Unavailable: the broker does not say, or this principal may not know.
        """
        return self._watermarks(self._consumer, topic, partition)

    def end_of_all(self, topic: str, partition: int) -> int:
        """End of a partition, open transactions included.

        A commit is answered before its marker stands in every partition, so the committed end may
        for a moment lie before records that are committed; this one never does.
        """
        return self._watermarks(self._uncommitted, topic, partition)[1]

    def settle(self, topic: str, partition: int) -> None:
        """Wait until every transaction that is open in a partition now has ended.

        :raises Unavailable: one stayed open for ``READ_SECONDS_MAX``.
        """
        deadline = time.monotonic() + READ_SECONDS_MAX
        end = self.end_of_all(topic, partition)
        while self.bounds(topic, partition)[1] < end:
            if time.monotonic() > deadline:
                raise Unavailable(f"a transaction stays open in {topic} partition {partition}")
            time.sleep(0.02)

    def _watermarks(self, consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
        deadline = time.monotonic() + READ_SECONDS_MAX
        while True:
            try:
                low, high = consumer.get_watermark_offsets(
                    TopicPartition(topic, partition), timeout=READ_SECONDS_MAX
                )
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if cause.code() == KafkaError._UNKNOWN_PARTITION:  # new, or there is none
                    deadline = min(deadline, time.monotonic() + UNKNOWN_SECONDS_MAX)
                if cause.code() not in _PASSING_CODES or time.monotonic() > deadline:
                    problem = f"the ends of topic {topic} cannot be read"
                    raise unreachable(self._address, problem, cause) from error
                time.sleep(0.2)
            else:
                return low, high

    def read(
        self,
        topic: str,
        partition: int,
        start: int,
        take: Callable[[Message], None],
        count_max: int | None = None,
        on_unreadable: Callable[[int], None] = lambda offset: None,
    ) -> int:
        """Give every committed record from ``start`` to the present end to ``take``, in order.

        Gives the next offset to read, which lies behind control records too. Records that cannot
        be unpacked are passed over, when ``on_unreadable`` was told the first one's offset. With
        ``count_max`` it stops after so many records.

        :raises Unavailable: there was no progress for ``READ_SECONDS_MAX``.
        """
        low, end = self.bounds(topic, partition)
        next_offset = max(start, low)
        if next_offset >= end:
            return next_offset
        self._consumer.assign([TopicPartition(topic, partition, next_offset)])
        deadline = time.monotonic() + READ_SECONDS_MAX
        left = count_max
        while next_offset < end and left != 0:
            # A count above what is there would be waited for until the time is over.
            messages = self._consumer.consume(1, timeout=0.1)
            if messages and left != 1:
                messages += self._consumer.consume(min(left or 1000, 1000) - 1, timeout=0)
            for message in messages:
                deadline = time.monotonic() + READ_SECONDS_MAX
                error = message.error()
                if error is None:
                    take(message)
                    next_offset = (message.offset() or 0) + 1
                    left = None if left is None else left - 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    next_offset = max(next_offset, message.offset() or 0)
                elif error.code() in UNREADABLE_CODES:
                    bad = max(next_offset, message.offset() or 0)
                    on_unreadable(bad)
                    next_offset = self.unreadable_end(topic, partition, bad)
                    self._consumer.assign([TopicPartition(topic, partition, next_offset)])
                    break
                elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                    # librdkafka asks for the group's coordinator even where no group is used.
                    raise unreachable(self._address, f"topic {topic} cannot be read", error)
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"topic {topic} was not read to its end",
                    expected=f"offset {end} of partition {partition}",
                    found=f"offset {next_offset}, and nothing new for {READ_SECONDS_MAX:g} s",
                )
        self._consumer.unassign()
        return next_offset

    def unreadable_end(
        self, topic: str, partition: int, offset: int, count_max: int = _UNREADABLE_RUN_MAX
    ) -> int:
        """The first offset, from ``offset`` on, that is not in the batch that cannot be unpacked.

        That is ``offset`` itself if it can be, and at most ``offset + count_max``. librdkafka says
        only where the batch begins, so the end is searched for: a bomb may hold many records.

        :raises Unavailable: the broker does not answer.
        """

        def is_inside(position: int) -> bool:
            beginning = self._unreadable_beginning(topic, partition, position)
            return beginning is not None and beginning <= offset

        if not is_inside(offset):
            return offset
        inside, outside = offset, offset + 1
        while outside < offset + count_max and is_inside(outside):
            inside, outside = outside, offset + 2 * (outside - offset)
        outside = min(outside, offset + count_max)
        while outside - inside > 1:
            middle = (inside + outside) // 2
            if is_inside(middle):
                inside = middle
            else:
                outside = middle
        return outside

    def _unreadable_beginning(self, topic: str, partition: int, position: int) -> int | None:
        """Where the batch begins that holds a position, if it cannot be unpacked."""
        self._consumer.assign([TopicPartition(topic, partition, position)])
        deadline = time.monotonic() + READ_SECONDS_MAX
        while time.monotonic() < deadline:
            for message in self._consumer.consume(1, timeout=0.1):
                error = message.error()
                if error is not None and error.code() in UNREADABLE_CODES:
                    return message.offset() or 0
                if error is None or error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                    return None
        raise Unavailable(
            f"topic {topic} cannot be read", found=f"nothing for {READ_SECONDS_MAX:g} s"
        )

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
        self._uncommitted.close()
