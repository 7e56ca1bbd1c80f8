"""The gate's loop: consume a batch, learn the policy, decide, write, commit; exactly once."""

import logging
import threading
import time
from collections import Counter
from typing import Any, Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import UNREADABLE_CODES, LogReader
from sharebus.infra.settings import Settings
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import INGRESS_PREFIX, entry_of_ingress, ingress_topic
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.assignment import Assignment
from sharebus.stream_apps.gate.audit import Line, Source, seal
from sharebus.stream_apps.gate.clients import consumer_config, producer_config
from sharebus.stream_apps.gate.fill import fill_view, is_filling
from sharebus.stream_apps.gate.judge import NOT_TEXT
from sharebus.stream_apps.gate.key_set import KeySetFile
from sharebus.stream_apps.gate.lane import UNREADABLE, Arrival, Lane
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.gate.policy import Policy
from sharebus.stream_apps.gate.release import Output
from sharebus.stream_apps.gate.stopped import GateStopped, OffsetsLost
from sharebus.stream_apps.gate.transaction import Transaction, stopped_by

log = logging.getLogger(__name__)

BATCH_RECORDS_MAX: Final = 5_000
IDLE_SECONDS: Final = 0.2
"""How long to wait for a first event before looking at the policy again."""
LINGER_SECONDS: Final = 0.01
"""How long to collect events once there is one: a transaction costs milliseconds."""

NOTE_SECONDS: Final = 60.0

Place = tuple[str, int]
"""Ingress topic and partition."""


class GateLoop:
    """One gate process. ``instance`` names it among several; each has a chain of its own."""

    def __init__(self, settings: Settings, instance: int = 0) -> None:
        self.name = f"gate-{instance}"
        config = client_config(settings, credentials_for(settings, "gate"))
        digest_key = bytes.fromhex(key_path(settings, "audit_key").read_text().strip())
        view_key = bytes.fromhex(key_path(settings, "view_key").read_text().strip())
        self._digest = AuditDigest(digest_key)
        self._log_reader = LogReader(config)
        self._policy = Policy(config, view_key)
        key_sets = KeySetFile(settings.data_dir / self.name / "key_sets.sqlite")
        admin = AdminClient(config, logger=librdkafka_log)
        self._assignment = Assignment(self._log_reader, admin, key_sets, self._digest)
        self._producer = Producer(producer_config(config, self.name), logger=librdkafka_log)
        self._consumer = Consumer(
            consumer_config(config, settings.gate_session_timeout_ms), logger=librdkafka_log
        )
        self._lanes: dict[Place, Lane] = {}
        self._lane_plans: dict[Place, EntryPlan] = {}
        self._next_note = time.monotonic() + NOTE_SECONDS
        self._turn = 0

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises GateStopped: start again. :raises OffsetsLost: a person must look.
        """
        self._producer.init_transactions(30)
        self._assignment.progress.settle()
        self._head = self._assignment.progress.writer_head(self.name)
        self._policy.learn()
        self._consumer.subscribe(
            [f"^{INGRESS_PREFIX.replace('.', chr(92) + '.')}.*"],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )
        log.info("%s is ready", self.name)
        try:
            while not stop.is_set():
                self._step()
        finally:
            self._consumer.close()
            self._log_reader.close()
            self._policy.close()

    def _step(self) -> None:
        batch = self._collect()
        self._policy.learn()
        for place in batch:
            self._plan_for(place)
        filling = self._next_filling()
        if filling is not None:
            batch.setdefault(filling, [])
        self._note_key_sets()
        if not batch:
            return
        with metrics.TRANSACTION_SECONDS.time():
            self._transact(batch, filling)
        metrics.TRANSACTIONS.inc()

    def _collect(self) -> dict[Place, list[Arrival]]:
        idle = not any(is_filling(lane) for lane in self._lanes.values())
        messages = self._consumer.consume(1, IDLE_SECONDS if idle else 0)
        if messages:
            messages += self._consumer.consume(BATCH_RECORDS_MAX - 1, LINGER_SECONDS)
        batch: dict[Place, list[Arrival]] = {}
        for message in messages:
            place: Any = (message.topic(), message.partition())
            error = message.error()
            if error is not None and error.code() not in UNREADABLE_CODES:
                _check_error(message, error)
                continue
            lane = self._lanes.get(place)
            if lane is None:
                continue
            arrivals = batch.setdefault(place, [])
            position = arrivals[-1][0] + 1 if arrivals else lane.next_offset
            offset: Any = message.offset()
            if error is not None:
                arrivals += self._unreadable(place, max(position, offset))
            elif offset >= position:
                arrivals.append(_arrival(message))
        return {place: arrivals for place, arrivals in batch.items() if arrivals}

    def _unreadable(self, place: Place, offset: int) -> list[Arrival]:
        """An arrival for each offset of a batch that cannot be unpacked; reading goes on after it.

        There are none if the error was told before and the batch is passed already.
        """
        end = self._log_reader.unreadable_end(*place, offset, BATCH_RECORDS_MAX)
        self._consumer.seek(TopicPartition(*place, end))
        return [(bad, 0, None, None, UNREADABLE) for bad in range(offset, end)]

    def _plan_for(self, place: Place) -> EntryPlan | None:
        lane = self._lanes[place]
        plan = self._policy.plan_of(lane.entry)
        if plan is not None and self._lane_plans.get(place) is not plan:
            self._assignment.attach_views(lane, plan)
            self._lane_plans[place] = plan
        return plan

    def _next_filling(self) -> Place | None:
        """The partition whose turn it is to fill a view; one a step, so that the others flow.

        A partition without events learns of a new plan here, also one a step.
        """
        for place, lane in self._lanes.items():
            plan = self._policy.plan_of(lane.entry)
            if plan is not None and self._lane_plans.get(place) is not plan:
                self._plan_for(place)
                break
        filling = [place for place, lane in self._lanes.items() if is_filling(lane)]
        metrics.FILLING_PARTITIONS.set(len(filling))
        metrics.PARTITIONS.set(len(self._lanes))
        self._turn += 1
        return filling[self._turn % len(filling)] if filling else None

    def _transact(self, batch: dict[Place, list[Arrival]], filling: Place | None) -> None:
        version = self._policy.version
        head, audit_id = self._head, self._policy.ids.of(audit_batch().subject)
        filled_outputs, filled_lines = self._fill(filling)
        transaction = Transaction(self._producer, self._policy.ids)
        decided: Counter[tuple[str, str, str]] = Counter()
        try:
            for place, arrivals in batch.items():
                lane = self._lanes[place]
                plan = self._plan_for(place)
                source = Source(
                    lane.entry, place[0], lane.partition, lane.epoch, version,
                    time.time_ns() // 1_000_000,
                )  # fmt: skip
                if place == filling and plan is not None:
                    transaction.write(filled_outputs)
                    filled = source._replace(topic=plan.accepted_topic)
                    sealed = seal(filled_lines, filled, head, audit_id, self._digest.delivery)
                    transaction.write_audit(sealed)
                    head = sealed.head
                decision = lane.decide(plan, arrivals)
                decided.update((lane.entry, x["outcome"], x["rule"]) for x in decision.lines)
                transaction.write(decision.outputs)
                sealed = seal(decision.lines, source, head, audit_id, self._digest.delivery)
                transaction.write_audit(sealed)
                head = sealed.head
                for closing in decision.closings:
                    assert plan is not None  # noqa: S101 - only a planned entry closes
                    transaction.write_closing(plan, source, closing, sealed)
                transaction.write_progress(lane, version)
            transaction.write_head(head)
            offsets = [TopicPartition(*place, self._lanes[place].next_offset) for place in batch]
        except KafkaException as error:
            raise stopped_by(error) from error
        transaction.commit(self._consumer, offsets)
        self._head = head
        for labels, count in decided.items():
            metrics.EVENTS.labels(*labels).inc(count)
        for place in batch:
            self._keep_key_sets(self._lanes[place])

    def _fill(self, filling: Place | None) -> tuple[list[Output], list[Line]]:
        """Read a chunk for a view that is being filled, before the transaction's clock runs."""
        plan = self._lane_plans.get(filling) if filling else None
        if filling is None or plan is None:
            return [], []
        return fill_view(self._lanes[filling], plan, self._log_reader, self._digest)

    def _keep_key_sets(self, lane: Lane) -> None:
        for state in lane.views.values():
            if state.key_set is not None:
                state.key_set.commit()

    def _note_key_sets(self) -> None:
        """From time to time note how much of the views the key sets cover: restarts read less."""
        if time.monotonic() < self._next_note:
            return
        self._next_note = time.monotonic() + NOTE_SECONDS
        for place, plan in self._lane_plans.items():
            lane = self._lanes[place]
            for view in plan.views:
                key_set = lane.views[view.name].key_set
                if key_set is not None:
                    key_set.commit(self._log_reader.bounds(view.topic, lane.partition)[1])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        lanes = self._assignment.restore(consumer, partitions)
        for lane in lanes:
            self._lanes[ingress_topic(lane.entry), lane.partition] = lane
        consumer.incremental_assign(
            [TopicPartition(ingress_topic(x.entry), x.partition, x.next_offset) for x in lanes]
        )
        for tp in partitions:
            log.info("serving %s partition %d", entry_of_ingress(tp.topic), tp.partition)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # The loop is in consume(), so no transaction is open and nothing is half done.
        for tp in partitions:
            self._lanes.pop((tp.topic, tp.partition), None)
            self._lane_plans.pop((tp.topic, tp.partition), None)
        consumer.incremental_unassign(partitions)


def _arrival(message: Message) -> Arrival:
    headers: Any
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):  # confluent_kafka, of names that are not UTF-8
        headers = NOT_TEXT
    fields: Any = (
        message.offset(), message.timestamp()[1], message.key(), message.value(), headers,
    )  # fmt: skip
    arrival: Arrival = fields
    return arrival


def _check_error(message: Message, error: KafkaError) -> None:
    """Stop for an error that does not pass."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        raise OffsetsLost(
            "an offset to read from is not in the topic any more",
            where=f"{message.topic()} partition {message.partition()}",
            found=error.str(),
            remedy="events may have left the topic unread; compare with the audit",
        )
    if error.fatal():
        raise GateStopped("the consumer cannot go on", found=str(error))
    log.warning("consumer: %s", error)
