"""The gate's loop: consume a batch, learn the policy, decide, write, commit; exactly once."""

import logging
import threading
import time
from collections import Counter
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from sharebus import SharebusError
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.audit import Line, Sealed, Source, seal
from sharebus.stream_apps.fault import fault_text
from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.gate.assignment import Assignment
from sharebus.stream_apps.gate.clients import consumer_config
from sharebus.stream_apps.gate.fill import Copied, copy_chunk, is_filling
from sharebus.stream_apps.gate.intake import Intake
from sharebus.stream_apps.gate.key_set import KeySetFile
from sharebus.stream_apps.gate.lane import Arrival, Decision, Lane
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.gate.policy import Policy
from sharebus.stream_apps.gate.probe import find_harmful
from sharebus.stream_apps.gate.serving import Place, Serving
from sharebus.stream_apps.gate.transaction import Transaction
from sharebus.stream_apps.in_hand import DEATHS_MIN, Harmful, InHand
from sharebus.stream_apps.transaction import stopped_by, transactional_producer

log = logging.getLogger(__name__)

NOTE_SECONDS: Final = 60.0


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
        self._producer = transactional_producer(config, self.name)
        self._consumer = Consumer(
            consumer_config(config, settings.gate_session_timeout_ms), logger=librdkafka_log
        )
        self._serving = Serving(self._consumer, self._assignment, self._policy)
        self._in_hand = InHand(settings.data_dir / self.name / "in_hand.json")
        self._probe_log = settings.data_dir / self.name / "probe.log"
        self._next_note = time.monotonic() + NOTE_SECONDS

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises AppStopped: start again. :raises OffsetsLost: a person must look.
        """
        self._producer.init_transactions(30)
        self._assignment.progress.settle()
        self._head = self._assignment.progress.writer_head(self.name)
        self._new_head = self._head
        self._policy.learn()
        intake = Intake(self._consumer, self._serving, self._log_reader, self._look_at_suspect())
        self._serving.subscribe()
        log.info("%s is ready", self.name)
        try:
            while not stop.is_set():
                self._step(intake)
        except SharebusError:
            raise
        except Exception:
            self._in_hand.blame()
            raise
        finally:
            self._consumer.close()
            self._log_reader.close()
            self._policy.close()

    def _look_at_suspect(self) -> Harmful | None:
        """Find out what former processes died of, if they died twice over the same batch."""
        suspect = self._in_hand.suspect
        if suspect is None or suspect.deaths < DEATHS_MIN:
            return None
        log.critical("two processes died over one batch; looking at each event: %s", suspect)
        harmful = find_harmful(suspect, self._probe_log)
        log.critical("harmful: %s", harmful)
        if suspect.is_fault and not harmful.offsets:
            self._serving.hold(suspect.entry, "the gate fails at it, and not at one event alone")
        return harmful

    def _step(self, intake: Intake) -> None:
        serving = self._serving
        is_filling_any = any(is_filling(lane) for lane in serving.lanes.values())
        is_idle = not (is_filling_any or serving.is_awaiting)
        batch = intake.collect(is_idle=is_idle)
        serving.learn()
        batch = {place: x for place, x in batch.items() if serving.is_servable(place)}
        filling = serving.next_filling()
        copied = self._copy(filling)
        if filling is not None:
            batch.setdefault(filling, [])
        batch = {place: x for place, x in batch.items() if place in serving.lanes}
        self._note_key_sets()
        if not batch:
            return
        with metrics.TRANSACTION_SECONDS.time():
            self._transact(batch, filling, copied)

    def _transact(
        self, batch: dict[Place, list[Arrival]], filling: Place | None, copied: Copied | None
    ) -> None:
        version, lanes = self._policy.version, self._serving.lanes
        transaction = Transaction(self._producer, self._policy.ids)
        self._new_head = self._head
        decided: Counter[tuple[str, str, str]] = Counter()
        try:
            for place, arrivals in batch.items():
                lane, plan = lanes[place], self._serving.plan_for(place)
                source = Source(
                    lane.entry, place[0], lane.partition, lane.epoch, version,
                    time.time_ns() // 1_000_000,
                )  # fmt: skip
                if place == filling and copied is not None:
                    transaction.write(copied.outputs)
                    self._seal(transaction, copied.lines, source._replace(topic=copied.topic))
                decision = self._decide(transaction, lane, plan, source, arrivals)
                decided.update((lane.entry, x["outcome"], x["rule"]) for x in decision.lines)
                transaction.write_lane(lane, version)
            transaction.write_head(self._new_head)
            offsets = [TopicPartition(*place, lanes[place].next_offset) for place in batch]
        except KafkaException as error:
            self._in_hand.release()
            raise stopped_by(error) from error
        if not transaction.commit_with(self._consumer, offsets):
            self._serving.rewind(list(batch))
            return
        self._head = self._new_head
        metrics.TRANSACTIONS.inc()
        for labels, count in decided.items():
            metrics.EVENTS.labels(*labels).inc(count)
        for place in batch:
            self._keep_key_sets(lanes[place])
        if filling is not None:
            self._serving.finish_move(filling)

    def _decide(
        self,
        transaction: Transaction,
        lane: Lane,
        plan: EntryPlan | None,
        source: Source,
        arrivals: list[Arrival],
    ) -> Decision:
        end = arrivals[-1][0] + 1 if arrivals else lane.next_offset
        self._in_hand.take(lane.entry, lane.partition, lane.next_offset, end)
        decision = lane.decide(plan, arrivals)
        transaction.write(decision.outputs)
        sealed = self._seal(transaction, decision.lines, source)
        for closing in decision.closings:
            assert plan is not None  # noqa: S101 - only a planned entry closes
            transaction.write_closing(plan, source, closing, sealed)
        self._in_hand.release()
        return decision

    def _seal(self, transaction: Transaction, lines: list[Line], source: Source) -> Sealed:
        audit_id = self._policy.ids.of(audit_batch().subject)
        sealed = seal(lines, source, self._new_head, audit_id, self._digest.delivery)
        transaction.write_audit(sealed)
        self._new_head = sealed.head
        return sealed

    def _copy(self, filling: Place | None) -> Copied | None:
        """Read a chunk of what is to be copied, before the transaction's clock runs."""
        plan = self._serving.plans.get(filling) if filling else None
        if filling is None or plan is None:
            return None
        lane = self._serving.lanes[filling]
        try:
            return copy_chunk(lane, plan, self._log_reader, self._digest)
        except SharebusError:
            raise
        except Exception as fault:
            self._serving.hold(lane.entry, f"a view cannot be filled\n{fault_text(fault)}")
            return None

    def _keep_key_sets(self, lane: Lane) -> None:
        for state in lane.views.values():
            if state.key_set is not None:
                state.key_set.commit()

    def _note_key_sets(self) -> None:
        """From time to time note how much of the views the key sets cover: restarts read less."""
        if time.monotonic() < self._next_note:
            return
        self._next_note = time.monotonic() + NOTE_SECONDS
        for place, plan in self._serving.plans.items():
            lane = self._serving.lanes[place]
            for view in plan.views:
                key_set = lane.views[view.name].key_set
                if key_set is not None:
                    key_set.commit(self._log_reader.bounds(view.topic, lane.partition)[1])
