"""What a batch of the gate adds to its transaction: progress of lanes, receipts, offsets."""

from typing import Any

from confluent_kafka import Consumer, TopicPartition

from sharebus.schemas.record import delivery_announced, delivery_receipt
from sharebus.stream_apps import transaction
from sharebus.stream_apps.audit import Sealed, Source
from sharebus.stream_apps.gate.lane import Closing, Lane
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.progress import partition_key
from sharebus.stream_apps.transaction import COMMIT_SECONDS_MAX


class Transaction(transaction.Transaction):
    """Writes into one open transaction of the gate's producer."""

    def write_lane(self, lane: Lane, policy_version: int) -> None:
        """How far the lane has come, and what it remembers."""
        record: dict[str, Any] = {"partition": lane.progress(policy_version)}
        self.write_progress(partition_key(lane.entry, lane.partition), record)

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

    def commit_with(self, consumer: Consumer, offsets: list[TopicPartition]) -> bool:
        """Commit records and offsets together; see ``commit``."""

        def send_offsets() -> None:
            self._producer.send_offsets_to_transaction(
                offsets, consumer.consumer_group_metadata(), COMMIT_SECONDS_MAX
            )

        return self.commit(send_offsets)
