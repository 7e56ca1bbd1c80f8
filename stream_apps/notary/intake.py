"""Reads the committed records of ``audit`` as leaves, and watches that it stays the same topic."""

import time
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from sharebus.infra.admin_client import read_topic_id
from sharebus.infra.audit_leaf import leaf_entry
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import UNREADABLE_CODES, LogReader
from sharebus.ledger.errors import Malformed
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.notary import Leaf
from sharebus.stream_apps.stopped import AppStopped

BATCH_MAX: Final = 1_000
_FIRST_SECONDS_MAX: Final = 30.0
_UNKNOWN_SECONDS_MAX: Final = 3.0
_PASSING_CODES: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        # librdkafka asks for the group's coordinator even where no group is used.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)


class AuditIntake:
    """One reader of partition 0; ``topic_id`` is that of the topic whose records are signed."""

    def __init__(self, config: ClientConfig, admin: AdminClient, topic_id: str) -> None:
        self._admin = admin
        self._topic_id = topic_id
        self._log = LogReader(config)
        self._consumer = Consumer(
            {
                **config,
                "group.id": "notary",  # asked for by the client, and never used
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "check.crcs": True,
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 16_384,
                "fetch.queue.backoff.ms": 10,  # as shipped it pauses for a second when that is full
                "socket.timeout.ms": 10_000,
            },
            logger=librdkafka_log,
        )
        self.end = 0
        self.oldest_ms = 0
        """When the first record of the last batch came to the broker."""
        self._committed_end = -1
        self._stands_since = time.monotonic()

    def watch(self, next_offset: int) -> None:
        """See that the topic is the same, begins at its beginning and holds what was read.

        :raises Contradiction: it does not.
        :raises Unavailable: the broker does not answer.
        """
        topic_id = self._read_topic_id()
        if topic_id != self._topic_id:
            raise Contradiction(
                "the topic is not the one whose records were signed: it was deleted",
                where=f"topic {AUDIT}", expected=f"topic id {self._topic_id}",
                found=f"topic id {topic_id}" if topic_id else "no such topic",
            )  # fmt: skip
        low, committed_end = self._log.bounds(AUDIT, 0)
        self.end = self._log.end_of_all(AUDIT, 0)
        if low:
            raise Contradiction(
                "the beginning of the topic was deleted", where=f"topic {AUDIT}",
                expected="records from offset 0 on", found=f"nothing below offset {low}",
                remedy="The bundles in the log's directory still hold what was deleted.",
            )  # fmt: skip
        if self.end < next_offset:
            raise Contradiction(
                "the end of the topic was cut off", where=f"topic {AUDIT}",
                expected=f"records up to offset {next_offset - 1}, which were read",
                found=f"the end at offset {self.end}",
                remedy="The bundles in the log's directory still hold what was signed.",
            )  # fmt: skip
        if committed_end != self._committed_end or committed_end == self.end:
            self._committed_end, self._stands_since = committed_end, time.monotonic()

    def _read_topic_id(self) -> str | None:
        """Asked again when it is not ours: a broker that has just started may not know it yet."""
        deadline = time.monotonic() + _UNKNOWN_SECONDS_MAX
        while True:
            topic_id = read_topic_id(self._admin, AUDIT)
            if topic_id == self._topic_id or time.monotonic() > deadline:
                return topic_id
            time.sleep(0.2)

    @property
    def open_seconds(self) -> float:
        """For how long an open transaction has held back every reader of committed records."""
        is_open = self._committed_end < self.end
        return time.monotonic() - self._stands_since if is_open else 0.0

    @property
    def committed_end(self) -> int:
        """As of the last :meth:`watch`."""
        return self._committed_end

    def start(self, offset: int) -> None:
        """Read from this offset on."""
        self._consumer.assign([TopicPartition(AUDIT, 0, offset)])

    def first(self) -> Leaf:
        """The first leaf from the start on, which is there.

        :raises AppStopped: it does not come.
        """
        deadline = time.monotonic() + _FIRST_SECONDS_MAX
        while time.monotonic() < deadline:
            if leaves := self._leaves(self._consumer.consume(1, 0.5)):
                return leaves[0]
        raise AppStopped(
            f"topic {AUDIT} cannot be read", found=f"nothing in {_FIRST_SECONDS_MAX:g} s"
        )

    def collect(self, wait_seconds: float) -> list[Leaf]:
        """The next leaves; waits for the first of them.

        :raises Contradiction: a record can be no leaf, or is not in the topic any more.
        :raises AppStopped: the topic cannot be read.
        """
        messages = self._consumer.consume(1, wait_seconds)
        if messages:
            messages += self._consumer.consume(BATCH_MAX - 1, 0)
        return self._leaves(messages)

    def _leaves(self, messages: list[Message]) -> list[Leaf]:
        leaves: list[Leaf] = []
        for message in messages:
            error = message.error()
            if error is None:
                if not leaves:
                    self.oldest_ms = message.timestamp()[1]
                leaves.append(leaf_of(message))
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise Contradiction(
                    "records that were not signed yet are not in the topic any more",
                    where=f"topic {AUDIT}", found=error.str(),
                )  # fmt: skip
            elif error.code() in UNREADABLE_CODES:
                raise Contradiction(
                    "a record was damaged, or written by somebody who may not",
                    where=f"topic {AUDIT}, offset {message.offset()}", found=error.str(),
                )  # fmt: skip
            elif error.code() not in _PASSING_CODES:
                raise AppStopped(f"topic {AUDIT} cannot be read", found=error.str())
        return leaves

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
        self._log.close()


def leaf_of(message: Message) -> Leaf:
    """The leaf that a record is.

    :raises Contradiction: no app of the platform writes such a record.
    """
    offset = message.offset() or 0
    try:
        return Leaf(offset, leaf_entry(message).encode())
    except Malformed as malformed:
        raise Contradiction(
            "a record can be no leaf of the log", where=f"topic {AUDIT}, offset {offset}",
            expected=malformed.expected, found=malformed.found or str(malformed),
        ) from malformed  # fmt: skip
