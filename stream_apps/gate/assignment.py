"""Brings a lane to where its last committed transaction left it."""

import time
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from sharebus import InvalidInput
from sharebus.infra.log_reader import LogReader
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.topic import entry_of_ingress
from sharebus.stream_apps.gate.key_set import KeySet, KeySetFile
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.plan import EntryPlan, ViewPlan
from sharebus.stream_apps.gate.recent import WINDOW_OFFSETS, payload_hash
from sharebus.stream_apps.gate.release import FROM_START, ViewState
from sharebus.stream_apps.progress import ProgressReader
from sharebus.stream_apps.stopped import AppStopped, OffsetsLost

SETTLE_SECONDS_MAX: Final = 20.0
"""How long a former owner's transaction may hide its progress record from us: it is over, or
aborted by the broker, well before."""
CALL_SECONDS_MAX: Final = 15.0


class Assignment:
    """Makes lanes from what the broker holds. Keeps nothing of its own but open clients."""

    def __init__(
        self, log: LogReader, admin: AdminClient, key_sets: KeySetFile, digest: AuditDigest
    ) -> None:
        self.progress = ProgressReader(log)
        self._log = log
        self._admin = admin
        self._key_sets = key_sets
        self._digest = digest
        self._view_epochs: dict[str, str] = {}
        self._view_epochs_of: EntryPlan | None = None

    def restore(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[Lane]:
        """A lane for each partition, at its committed offset.

        :raises OffsetsLost: the group's offsets are gone, or are not those that were committed.
        :raises AppStopped: the broker did not say in time.
        """
        if not partitions:
            return []
        epochs = self._epochs({partition.topic for partition in partitions})
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            try:
                committed = consumer.committed(partitions, timeout=CALL_SECONDS_MAX)
            except KafkaException as error:
                raise AppStopped("committed offsets cannot be read", found=str(error)) from error
            self.progress.catch_up()
            doubts = [self._doubt(tp, epochs[tp.topic]) for tp in committed]
            if not any(doubts):
                break
            if time.monotonic() > deadline:
                raise next(doubt for doubt in doubts if doubt)
            time.sleep(0.2)  # a former owner's transaction may still be settling
        return [self._lane(tp, epochs[tp.topic]) for tp in committed]

    def _epochs(self, names: set[str]) -> dict[str, str]:
        futures = self._admin.describe_topics(
            TopicCollection(sorted(names)), request_timeout=CALL_SECONDS_MAX
        )
        try:
            return {name: str(future.result().topic_id) for name, future in futures.items()}
        except KafkaException as error:
            raise AppStopped("topic ids cannot be read", found=str(error)) from error

    def _recorded(self, tp: TopicPartition, epoch: str) -> dict[str, Any] | None:
        record = self.progress.partition(entry_of_ingress(tp.topic), tp.partition)
        return record if record is not None and record["epoch"] == epoch else None

    def _doubt(self, tp: TopicPartition, epoch: str) -> OffsetsLost | None:
        """Why the committed offset of a partition is not to be trusted, if it is not."""
        record = self._recorded(tp, epoch)
        expected = record["next_offset"] if record else None
        found = tp.offset if tp.offset >= 0 else None
        if expected == found:
            return None
        return OffsetsLost(
            "the gate's committed offset is not the one that the gate recorded",
            where=f"{tp.topic} partition {tp.partition}",
            expected=f"offset {expected}" if record else "none: facts.progress never saw it",
            found="none: the group's offset is gone" if found is None else f"offset {found}",
            remedy="find out who deleted or moved the offsets of group 'gate'; set them back to "
            "the expected value with the broker's tools, then start the gate again",
        )

    def _lane(self, tp: TopicPartition, epoch: str) -> Lane:
        record = self._recorded(tp, epoch)
        lane = Lane(entry_of_ingress(tp.topic), tp.partition, epoch, self._digest, record)
        if lane.next_offset > 0:
            self._refill(lane, tp)
        return lane

    def _refill(self, lane: Lane, tp: TopicPartition) -> None:
        """Remember again the ids accepted within the window before the committed offset."""
        refused = set(lane.refused_recent)
        start = max(0, lane.next_offset - WINDOW_OFFSETS)

        def take(message: Message) -> None:
            offset = message.offset() or 0
            if offset >= lane.next_offset or offset in refused:
                return
            headers: Any = message.headers() or []
            named = dict(headers)
            event_id = named.get(ce.ID)
            if event_id is not None and named.get(ce.TYPE) != ce.TYPE_DELIVERY_CLOSED.encode():
                payload = payload_hash(message.key(), message.value())
                lane.recent.remember(event_id, payload, offset)

        self._log.read(tp.topic, tp.partition, start, take, lane.next_offset - start)

    def attach(self, lane: Lane, plan: EntryPlan) -> None:
        """Give the lane what it needs to follow a new plan.

        Where another class takes what is accepted to another topic, what lies in the former one is
        moved first, and the views are filled anew from there: their cursors mean the former one.

        :raises InvalidInput: the former topic is gone, and was not moved.
        """
        # A partition without any event takes part too, so that its record says where it stands.
        lane.accepted_topic = lane.accepted_topic or plan.former_topic or plan.accepted_topic
        if lane.accepted_topic == plan.accepted_topic:
            lane.move_cursor = None
            self._attach_views(lane, plan)
            return
        if lane.accepted_topic != plan.former_topic:
            raise InvalidInput(
                "what an entry has accepted is gone, so it cannot be moved",
                where=f"entry {lane.entry}, partition {lane.partition}",
                expected=f"topic {lane.accepted_topic}, from which {plan.accepted_topic} is filled",
                found="no schema is registered for it, as if it were lost",
                remedy="restore it from a copy; or revise the entry back to the class it had",
            )
        lane.move_cursor = lane.move_cursor or 0
        lane.views, lane.recorded_views = {}, {}

    def _attach_views(self, lane: Lane, plan: EntryPlan) -> None:
        """Give the lane a state for each view of a new plan, and drop those that are no more.

        A view that was not live until now is filled from ``accepted`` first, unless nothing was
        accepted yet; so is one whose grants were revoked and came back, since it missed what was
        accepted between, and one whose topic was made anew. Called between transactions, so the
        committed end is the end.
        """
        recorded, lane.recorded_views = lane.recorded_views, {}
        states: dict[str, ViewState] = {}
        for view in plan.views:
            state = lane.views.get(view.name)
            if state is None or state.provided_at != view.provided_at:
                is_of_this_topic = view.provided_at <= lane.recorded_version
                known = recorded.get(view.name) if is_of_this_topic else None
                live, cursor = self._beginning(lane, plan, known)
                needs_key_set = view.passes_key is None or not live
                key_set = self._key_set(plan, view, lane.partition) if needs_key_set else None
                is_resumed = known is not None and known["accepted_cursor"] != FROM_START
                is_refill = not (live or is_resumed or key_set is None) and key_set.held_count() > 0
                state = ViewState(
                    live, cursor, key_set, is_refill=is_refill, provided_at=view.provided_at
                )
            states[view.name] = state
        lane.views = states

    def _beginning(
        self, lane: Lane, plan: EntryPlan, recorded: dict[str, Any] | None
    ) -> tuple[bool, int]:
        """Whether a view is live, and where its filling begins or goes on if it is not."""
        if recorded is not None and recorded["live"]:
            return True, recorded["accepted_cursor"]
        first, _ = self._log.bounds(plan.accepted_topic, lane.partition)
        cursor = max(first, recorded["accepted_cursor"]) if recorded else first
        return first == self._log.end_of_all(plan.accepted_topic, lane.partition), cursor

    def _key_set(self, plan: EntryPlan, view: ViewPlan, partition: int) -> KeySet:
        if self._view_epochs_of is not plan:  # asked once for all partitions
            self._view_epochs = self._epochs({view.topic for view in plan.views})
            self._view_epochs_of = plan
        key_set = self._key_sets.open(view.topic, partition, self._view_epochs[view.topic])
        if key_set.next_offset >= self._log.end_of_all(view.topic, partition):
            return key_set  # most new views of an entry: nothing was ever written

        def take(message: Message) -> None:
            key = message.key()
            if isinstance(key, bytes):
                (key_set.add if message.value() is not None else key_set.discard)(key)

        self._log.settle(view.topic, partition)
        end = self._log.read(view.topic, partition, key_set.next_offset, take)
        key_set.commit(end)
        return key_set
