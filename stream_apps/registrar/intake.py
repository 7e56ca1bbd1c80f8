"""Takes in commands from the topics of all agencies, from where the registrar stands.

The topics are assigned, not subscribed: there is one registrar, fenced by its transactional id, and
where it stands is in its own progress. So a new agency costs the others no rebalance.
"""

import time
from collections.abc import Iterable
from typing import Final, NamedTuple

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import UNREADABLE_CODES, LogReader
from sharebus.schemas.filed_command import Arrival
from sharebus.stream_apps.registrar.turns import Turns
from sharebus.stream_apps.stopped import AppStopped, OffsetsLost

_TRY_AGAIN_SECONDS: Final = 0.5
_TAKEN_IN_AT_ONCE: Final = 100
_CALL_SECONDS_MAX: Final = 15.0
_PASSING_CODES: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        # librdkafka asks for the group's coordinator even where no group is used.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)


def topic_ids(admin: AdminClient, names: Iterable[str]) -> dict[str, str]:
    """The ids of those topics that are there."""
    futures = admin.describe_topics(
        TopicCollection(sorted(names)), request_timeout=_CALL_SECONDS_MAX
    )
    found = {}
    for topic, future in futures.items():
        try:
            found[topic] = str(future.result().topic_id)
        except KafkaException:
            continue  # the enforcer has not made it yet, or the broker is away
    return found


class Position(NamedTuple):
    """The next command of a topic; ``epoch`` is the topic's id."""

    epoch: str
    next_offset: int


def position_in(positions: dict[str, Position], topic: str, epoch: str) -> Position:
    """Where the registrar stands in a topic; at its beginning if it never stood there.

    :raises OffsetsLost: the topic is not the one in which the position was recorded.
    """
    position = positions.setdefault(topic, Position(epoch, 0))
    if position.epoch != epoch:
        raise OffsetsLost(
            "a topic of commands was deleted and made anew", where=topic,
            expected=f"topic id {position.epoch}", found=epoch,
            remedy="See docs/operating.md, When the registrar stops itself.",
        )  # fmt: skip
    return position


def arrived(message: Message) -> Arrival:
    """A record of a topic of commands."""
    _, ingress_ms = message.timestamp()
    return Arrival(message.topic() or "", message.offset() or 0, ingress_ms, message.value() or b"")


class CommandIntake:
    """``positions`` are those of the last committed decision, by topic; the loop moves them on."""

    def __init__(
        self, config: ClientConfig, log: LogReader, positions: dict[str, Position]
    ) -> None:
        self.positions = positions
        self._log = log
        self._admin = AdminClient(config, logger=librdkafka_log)
        self._turns = Turns()
        self._followed: set[str] = set()
        self._paused: set[str] = set()
        self._next_try = 0.0
        self._consumer = Consumer(
            {
                **config,
                "group.id": "registrar",  # asked for by the client, and never used
                "enable.auto.commit": False,
                "auto.offset.reset": "error",  # a lost position is a person's to look at
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 100,
                "socket.timeout.ms": 10_000,
            },
            logger=librdkafka_log,
        )

    def follow(self, wanted: Iterable[str]) -> None:
        """Take up those topics that are new; one that is not there yet is asked for again.

        :raises OffsetsLost: a topic is not the one in which a position was recorded.
        """
        missing = [topic for topic in wanted if topic not in self._followed]
        if not missing or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + _TRY_AGAIN_SECONDS
        found = []
        for topic, epoch in topic_ids(self._admin, missing).items():
            position = position_in(self.positions, topic, epoch)
            found.append(TopicPartition(topic, 0, position.next_offset))
            self._followed.add(topic)
        if found:
            self._consumer.incremental_assign(found)

    def collect(self, wait_seconds: float) -> list[Arrival]:
        """A portion of what has come, in which all agencies have a part; waits for the first.

        :raises OffsetsLost: a position is not in its topic any more.
        :raises AppStopped: a topic cannot be read.
        """
        wait_seconds = wait_seconds if self._turns.is_empty() else 0
        if not self._followed:
            time.sleep(wait_seconds)
            return []
        messages = self._consumer.consume(1, wait_seconds)
        while messages:
            for message in messages:
                self._take_in(message)
            self._hold_back()
            messages = self._consumer.consume(_TAKEN_IN_AT_ONCE, 0)
        portion = self._turns.take()
        self._go_on()
        return portion

    def _take_in(self, message: Message) -> None:
        topic, error = message.topic() or "", message.error()
        if error is None:
            self._turns.put(arrived(message))
        elif error.code() in UNREADABLE_CODES:
            self._pass_over(topic)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise OffsetsLost(
                "commands that were not decided are no longer there", where=topic,
                expected=f"offset {self.positions[topic].next_offset}", found=error.str(),
                remedy="See docs/operating.md, When the registrar stops itself.",
            )  # fmt: skip
        elif error.code() not in _PASSING_CODES:
            raise AppStopped("commands cannot be read", where=topic, found=error.str())

    def _hold_back(self) -> None:
        """Let those wait at the broker of whom enough is here: behind theirs are the others'."""
        full = {topic for topic in self._followed - self._paused if self._turns.is_full(topic)}
        if full:
            self._paused |= full
            self._consumer.pause([TopicPartition(topic, 0) for topic in full])

    def _go_on(self) -> None:
        low = {topic for topic in self._paused if self._turns.is_low(topic)}
        if low:
            self._paused -= low
            self._consumer.resume([TopicPartition(topic, 0) for topic in low])

    def _pass_over(self, topic: str) -> None:
        """The offsets of a batch that no client can unpack; reading goes on behind it."""
        start = max(self.positions[topic].next_offset, self._turns.next_offset(topic))
        end = self._log.unreadable_end(topic, 0, start)
        if end > start:
            self._consumer.incremental_unassign([TopicPartition(topic, 0)])
            self._consumer.incremental_assign([TopicPartition(topic, 0, end)])
            self._paused.discard(topic)
        for offset in range(start, end):
            self._turns.put(Arrival(topic, offset, 0, None))

    def waiting(self) -> int:
        """How many commands are known to be in the topics and not decided."""
        count = 0
        for topic in self._followed:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)
            count += max(0, end - self.positions[topic].next_offset)
        return count

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
