"""One transaction of the gate: everything a batch decides, or nothing of it."""

import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.record import delivery_announced, delivery_receipt, progress
from sharebus.stream_apps.gate.audit import Sealed, Source
from sharebus.stream_apps.gate.lane import Closing, Lane
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.gate.progress import partition_key, writer_key
from sharebus.stream_apps.gate.release import Output
from sharebus.stream_apps.gate.stopped import GateStopped

COMMIT_SECONDS_MAX: Final = 8.0
"""The broker aborts a transaction after 5 s and a scan each second: waiting longer is of no use."""
QUEUE_WAIT_SECONDS: Final = 0.05
_REBALANCED: Final = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS})


class SchemaIds:
    """Registered ids of the platform's own records, found in the facts."""

    def __init__(self, by_subject: dict[str, int]) -> None:
        self._by_subject = by_subject

    def of(self, subject: str) -> int:
        """The id under which a subject is written; 0 before it was ever registered."""
        return self._by_subject.get(subject, 0)


class Transaction:
    """Writes into one open transaction of the producer."""

    def __init__(self, producer: Producer, ids: SchemaIds) -> None:
        self._producer = producer
        self._ids = ids
        producer.begin_transaction()

    def write(self, outputs: list[Output]) -> None:
        """Queue records; waits when the client's queue is full."""
        produce = self._producer.produce
        for topic, key, value, partition, headers in outputs:
            while True:
                try:
                    produce(topic, value, key, partition, headers=headers)  # type: ignore[arg-type]
                    break
                except BufferError:
                    self._producer.poll(QUEUE_WAIT_SECONDS)

    def write_audit(self, sealed: Sealed) -> None:
        """The decision's audit records."""
        key = sealed.head.writer.encode()
        self.write([(topics.AUDIT, key, value, 0, []) for value in sealed.values])

    def write_progress(self, lane: Lane, policy_version: int) -> None:
        """How far the lane has come, and what it remembers."""
        record: dict[str, Any] = {"partition": lane.progress(policy_version), "writer": None}
        self._write_progress(partition_key(lane.entry, lane.partition), record)

    def write_head(self, head: WriterHead) -> None:
        """Where the audit chain of this writer stands."""
        record: dict[str, Any] = {
            "partition": None,
            "writer": {
                "writer": head.writer,
                "next_sequence": head.next_sequence,
                "last_sha256": head.last_sha256,
            },
        }
        self._write_progress(writer_key(head.writer), record)

    def _write_progress(self, key: bytes, record: dict[str, Any]) -> None:
        value = progress().encode(self._ids.of(progress().subject), record)
        self.write([(topics.FACTS_PROGRESS, key, value, 0, [])])

    def write_closing(
        self, plan: EntryPlan, source: Source, closing: Closing, sealed: Sealed
    ) -> None:
        """The provider's receipt, and the announcement to the entry's readers."""
        period, delivery = closing.name
        announced = {
            "entry": source.entry,
            "delivery": delivery,
            "period": period,
            "partition": source.partition,
            "partition_count": closing.partition_count,
            "outcome": closing.outcome,
            "closed_ms": closing.ingress_ms,
        }
        receipt = {
            **announced,
            "declared": closing.declared,
            "accepted": closing.accepted,
            "refused": closing.refused,
            "duplicate": closing.duplicate,
            "source_offset": closing.offset,
            "audit_writer": sealed.head.writer,
            "audit_sequence": sealed.sequence_by_offset[closing.offset],
        }
        key = f"{source.entry}/{delivery}/{source.partition}".encode()
        for topic, record, values in (
            (plan.notices_topic, delivery_receipt(), receipt),
            (plan.deliveries_topic, delivery_announced(), announced),
        ):
            value = record.encode(self._ids.of(record.subject), values)
            self.write([(topic, key, value, 0, [])])

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> bool:
        """Commit records and offsets together; False if a rebalance came between.

        The group may be in a new generation before its member knows, and then takes no offsets of
        the old one. Nothing stands then, and the caller decides again from what is committed.

        :raises GateStopped: it did not work, or whether it did is not known.
        """
        try:
            # With every record acknowledged nothing can be sent again after an abort.
            if self._producer.flush(COMMIT_SECONDS_MAX):
                raise GateStopped("records are not acknowledged in time")
            metadata = consumer.consumer_group_metadata()
            _persist(
                lambda: self._producer.send_offsets_to_transaction(
                    offsets, metadata, COMMIT_SECONDS_MAX
                )
            )
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


def stopped_by(error: KafkaException) -> GateStopped:
    """Any other fault within a transaction ends the process; the next start fences and aborts.

    Aborting and going on in the same process is not safe while records may be under way: librdkafka
    has no KIP-890, so the producer's epoch stays, and records of the aborted transaction that it
    sends again after the broker came back stand in the next one (seen: the broker killed under
    load, fourteen records accepted twice).
    """
    return GateStopped("the transaction cannot be ended", found=str(error.args[0]))


def _persist(call: Callable[[], object]) -> None:
    """Repeat a call that the client says may be repeated; a time-out ends the gate instead."""
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
