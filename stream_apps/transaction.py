"""One transaction of an app that decides: everything a batch decides, or nothing of it."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from sharebus.governance.facts import PolicyFacts
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.partition import PARTITIONER
from sharebus.schemas.record import platform_records, progress
from sharebus.stream_apps.audit import Sealed
from sharebus.stream_apps.progress import writer_key
from sharebus.stream_apps.stopped import AppStopped

COMMIT_SECONDS_MAX: Final = 8.0
"""The broker aborts a transaction after 5 s and a scan each second: waiting longer is of no use."""
QUEUE_WAIT_SECONDS: Final = 0.05
_REBALANCED: Final = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS})

Output = tuple[str, bytes | None, bytes | None, int, Any]
"""Topic, key, value, partition, headers of a record to write."""


def transactional_producer(config: ClientConfig, name: str) -> Producer:
    """The one producer of an app; ``name``, its transactional id, fences its former self."""
    return Producer(
        {
            **config,
            "transactional.id": name,
            "transaction.timeout.ms": 5_000,  # a dead app holds readers of the audit no longer
            "partitioner": PARTITIONER,
            "compression.type": "lz4",
            "linger.ms": 5,
            "batch.size": 1_000_000,
            "message.max.bytes": 1_048_576 * 2,
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 65_536,
            "retry.backoff.ms": 5,  # the offsets call retries while the last commit settles
        },
        logger=librdkafka_log,
    )


class SchemaIds:
    """Registered ids of the platform's own records, found in the facts."""

    def __init__(self, by_subject: dict[str, int]) -> None:
        self._by_subject = by_subject

    @classmethod
    def of_facts(cls, facts: PolicyFacts) -> Self:
        """The latest id of each platform record that is registered."""
        return cls(
            {
                record.subject: max(facts.schemas[record.subject])
                for record in platform_records()
                if facts.schemas.get(record.subject)
            }
        )

    def of(self, subject: str) -> int:
        """The id under which a subject is written; 0 before it was ever registered."""
        return self._by_subject.get(subject, 0)


class Transaction:
    """Writes into one open transaction of the producer."""

    def __init__(self, producer: Producer, ids: SchemaIds) -> None:
        self._producer = producer
        self._ids = ids
        producer.begin_transaction()

    def write(self, outputs: Iterable[Output]) -> None:
        """Queue records; waits when the client's queue is full."""
        produce = self._producer.produce
        for topic, key, value, partition, headers in outputs:
            while True:
                try:
                    produce(topic, value, key, partition, headers=headers)
                    break
                except BufferError:
                    self._producer.poll(QUEUE_WAIT_SECONDS)

    def write_audit(self, sealed: Sealed) -> None:
        """The decision's audit records."""
        key = sealed.head.writer.encode()
        self.write([(topics.AUDIT, key, value, 0, []) for value in sealed.values])

    def write_head(self, head: WriterHead) -> None:
        """Where the audit chain of this writer stands."""
        self.write_progress(writer_key(head.writer), {"writer": head._asdict()})

    def write_progress(self, key: bytes, record: dict[str, Any]) -> None:
        """What the app has done, for its next start; one branch of a record of progress."""
        value = progress().encode(self._ids.of(progress().subject), record)
        self.write([(topics.FACTS_PROGRESS, key, value, 0, [])])

    def commit(self, send_offsets: Callable[[], None] | None = None) -> bool:
        """Commit what was written and, by ``send_offsets``, a group's offsets with it.

        False if the group rebalanced meanwhile: it may be in a new generation before its member
        knows, and then takes no offsets of the old one. Nothing stands then, and the caller decides
        again from what is committed.

        :raises AppStopped: it did not work, or whether it did is not known.
        """
        try:
            # With every record acknowledged nothing can be sent again after an abort.
            if self._producer.flush(COMMIT_SECONDS_MAX):
                raise AppStopped("records are not acknowledged in time")
            if send_offsets is not None:
                _persist(send_offsets)
            _persist(lambda: self._producer.commit_transaction(COMMIT_SECONDS_MAX))
        except KafkaException as error:
            if error.args[0].code() not in _REBALANCED:
                raise stopped_by(error) from error
            self._abort()
            return False
        return True

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction(COMMIT_SECONDS_MAX)
        except KafkaException as error:
            raise stopped_by(error) from error


def stopped_by(error: KafkaException) -> AppStopped:
    """Any other fault within a transaction ends the process; the next start fences and aborts.

    Aborting and going on in the same process is not safe while records may be under way: librdkafka
    has no KIP-890, so the producer's epoch stays, and records of the aborted transaction that it
    sends again after the broker came back stand in the next one (seen: the broker killed under
    load, fourteen records accepted twice).
    """
    return AppStopped("the transaction cannot be ended", found=str(error.args[0]))


def _persist(call: Callable[[], object]) -> None:
    """Repeat a call that the client says may be repeated; a time-out ends the app instead."""
    deadline = time.monotonic() + COMMIT_SECONDS_MAX
    while True:
        try:
            call()
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            is_late = time.monotonic() > deadline or cause.code() == KafkaError._TIMED_OUT
            if is_late or not cause.retriable():
                raise
            time.sleep(0.05)
        else:
            return
