"""The registrar's loop: take in commands, learn the policy, decide, write, announce; exactly once.

A decision is announced only after the policy that it made was read back (decision 9), so it is
written in two transactions: first facts, cases, audit and the notices that wait; then the notices
themselves. A start announces what still waits.
"""

import logging
import threading
import time
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from sharebus import SharebusError
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket import Docket
from sharebus.governance.identity import FOUNDER
from sharebus.infra.clock_tables import load_clock_rules, load_working_days
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded.secrets import key_path
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.case_fact import read_case_fact
from sharebus.schemas.filed_command import Arrival, Judged, judge
from sharebus.schemas.record import case_fact
from sharebus.stream_apps.enforcer.office import Office
from sharebus.stream_apps.in_hand import DEATHS_MIN, InHand
from sharebus.stream_apps.progress import ProgressReader
from sharebus.stream_apps.registrar import metrics, record
from sharebus.stream_apps.registrar.census import Census
from sharebus.stream_apps.registrar.intake import (
    CommandIntake,
    Position,
    arrived,
    position_in,
    topic_ids,
)
from sharebus.stream_apps.registrar.outbox import Outbox
from sharebus.stream_apps.registrar.transaction import Announcement, Transaction
from sharebus.stream_apps.transaction import SchemaIds, stopped_by, transactional_producer

log = logging.getLogger(__name__)

NAME: Final = "registrar"
TRANSACTION_BYTES_MAX: Final = 4 * 1_048_576
"""Of cases and notices, but for the last decision: a transaction must end within 5 seconds."""
_WAIT_SECONDS: Final = 0.05
_FIRST_FACTS_SECONDS: Final = 1.0


class RegistrarLoop:
    """The one registrar of a bus; ``config`` and ``facts`` are whoever's stands in for it."""

    def __init__(
        self,
        settings: Settings,
        config: ClientConfig | None = None,
        facts: FactsReader | None = None,
    ) -> None:
        config = config or client_config(settings, credentials_for(settings, NAME))
        key = bytes.fromhex(key_path(settings, "audit_key").read_text().strip())
        self._config = config
        self._digest = AuditDigest(key)
        self._log = LogReader(config)
        self._facts = facts or FactsReader(config)
        self._progress = ProgressReader(self._log)
        self._producer = transactional_producer(config, NAME)
        self._in_hand = InHand(settings.data_dir / NAME / "in_hand.json")
        self._head = WriterHead(NAME)
        self._positions: dict[str, Position] = {}
        self._docket: Docket | None = None
        self._instant_ms = 0

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises AppStopped: start again. :raises OffsetsLost: a person must look.
        """
        office = Office(self._config, NAME)
        docket = self._opened()
        intake = CommandIntake(self._config, self._log, self._positions)
        log.info("%s is ready", NAME)
        try:
            while not stop.is_set():
                office.stay()
                self._step(docket, intake)
        except SharebusError:
            raise
        except Exception:
            self._in_hand.blame()
            raise
        finally:
            office.close()
            intake.close()
            self._log.close()
            self._facts.close()

    def decide_waiting(self, topic: str) -> None:
        """Decide what waits in one topic and announce it, for whoever stands in for the registrar.

        :raises AppStopped: another one runs after all. :raises OffsetsLost: a person must look.
        """
        if self._docket is None:
            self._docket = self._opened()
        epoch = topic_ids(AdminClient(self._config, logger=librdkafka_log), [topic])[topic]
        position = position_in(self._positions, topic, epoch)
        arrivals: list[Arrival] = []
        self._log.settle(topic, 0)
        self._log.read(topic, 0, position.next_offset, lambda each: arrivals.append(arrived(each)))
        self._facts.catch_up()
        self._pass_time_if_due(self._docket, time.time_ns() // 1_000_000)
        while arrivals:
            arrivals = self._decide(self._docket, arrivals)

    def close(self) -> None:
        """Stand in no longer; the facts are whoever's they are."""
        self._log.close()
        self._producer.close()
        self._in_hand.close()

    def _opened(self) -> Docket:
        """Fence whoever was at work before, learn everything that stands, tell what waits."""
        try:
            self._producer.init_transactions(30)
        except KafkaException as error:
            raise stopped_by(error) from error
        self._progress.settle()
        self._facts.catch_up()
        self._head = self._progress.writer_head(NAME)
        docket = self._restored()
        self._positions |= self._standing()
        self._outbox = Outbox(AdminClient(self._config, logger=librdkafka_log), self._left_over())
        self._announce()
        return docket

    def _restored(self) -> Docket:
        docket = Docket(self._facts.facts, ClockTables(load_clock_rules(), load_working_days()))
        self._census = Census()
        self._log.settle(topics.FACTS_CASES, 0)

        def take(value: bytes | None) -> None:
            if value is not None:
                item = read_case_fact(case_fact().decode(value))
                docket.restore(item)
                self._census.count(item)

        self._log.read(topics.FACTS_CASES, 0, 0, lambda message: take(message.value()))
        self._census.show()
        return docket

    def _standing(self) -> dict[str, Position]:
        standing = self._progress.registrar()
        if standing is None:
            return {}
        self._instant_ms = standing["decided_ms"]
        return {
            position["topic"]: Position(position["epoch"], position["next_offset"])
            for position in standing["positions"]
        }

    def _left_over(self) -> list[Announcement]:
        return [
            Announcement(key, (waiting["topic"], waiting["key"], waiting["value"], 0, []))
            for key, waiting in self._progress.unannounced().items()
        ]

    def _step(self, docket: Docket, intake: CommandIntake) -> None:
        arrivals = intake.collect(_WAIT_SECONDS)
        # Nothing is judged by an older policy than the one now committed (decision 9).
        self._facts.catch_up()
        metrics.POLICY_VERSION.set(docket.facts.version)
        metrics.WAITING_COMMANDS.set(intake.waiting())
        intake.follow(topics.commands_topic(each) for each in (*docket.facts.agencies, FOUNDER))
        if not docket.facts.schemas:
            time.sleep(_FIRST_FACTS_SECONDS)  # a bus without a catalog: nothing can be written yet
            return
        now_ms = time.time_ns() // 1_000_000
        if arrivals:
            while arrivals:
                arrivals = self._decide(docket, arrivals)
            # What is no act moves no clock by itself, and a flood of it must not stop them.
            now_ms = self._instant_ms
        self._announce()  # whose topic was missing may be told now
        self._pass_time_if_due(docket, now_ms)

    def _decide(self, docket: Docket, arrivals: list[Arrival]) -> list[Arrival]:
        """Decide as many as one transaction bears; gives those that are left."""
        version = docket.facts.version
        judged: list[Judged] = []
        written_bytes = 0
        for arrival in arrivals:
            self._instant_ms = max(self._instant_ms, arrival.ingress_ms)
            self._in_hand.take(arrival.topic, 0, arrival.offset, arrival.offset + 1)
            judged.append(
                judge(docket, arrival, self._instant_ms, is_harmful=self._is_harmful(arrival))
            )
            written_bytes += record.bytes_of(judged[-1].outcome)
            self._in_hand.release()
            if written_bytes > TRANSACTION_BYTES_MAX:
                break
        epochs = {topic: position.epoch for topic, position in self._positions.items()}
        for each in judged:
            topic, behind = each.arrival.topic, each.arrival.offset + 1
            self._positions[topic] = self._positions[topic]._replace(next_offset=behind)
        transaction = self._begin(version)
        try:
            transaction.write_commands(judged, epochs)
            self._commit(transaction)
        except KafkaException as error:
            raise stopped_by(error) from error
        self._tell(judged)
        return arrivals[len(judged) :]

    def _pass_time_if_due(self, docket: Docket, now_ms: int) -> None:
        due_ms = docket.next_due_ms()
        if due_ms is None or due_ms > now_ms:
            return
        self._instant_ms = max(self._instant_ms, now_ms)
        version = docket.facts.version
        outcome = docket.tick(self._instant_ms)
        if not (outcome.cases or outcome.facts):
            return
        transaction = self._begin(version)
        try:
            transaction.write_tick(outcome, self._instant_ms)
            self._commit(transaction)
        except KafkaException as error:
            raise stopped_by(error) from error
        for case in outcome.cases:
            self._census.count(case)
        self._census.show()

    def _begin(self, version: int) -> Transaction:
        ids, number = SchemaIds.of_facts(self._facts.facts), self._outbox.next_number
        return Transaction(self._producer, ids, self._digest, self._head, version, number)

    def _commit(self, transaction: Transaction) -> None:
        transaction.write_position(self._instant_ms, self._positions)
        transaction.commit()
        self._head = transaction.head
        self._log.settle(topics.FACTS_POLICY, 0)
        self._facts.catch_up()
        self._outbox.put(transaction.announcements)
        self._announce()

    def _announce(self) -> None:
        announcements = self._outbox.ready()
        if not announcements:
            return
        try:
            transaction = self._begin(self._facts.facts.version)
            transaction.announce(announcements)
            transaction.commit()
        except KafkaException as error:
            raise stopped_by(error) from error
        self._outbox.told(announcements)

    def _is_harmful(self, arrival: Arrival) -> bool:
        suspect = self._in_hand.suspect
        return (
            suspect is not None
            and suspect.deaths >= DEATHS_MIN
            and (suspect.entry, suspect.start) == (arrival.topic, arrival.offset)
        )

    def _tell(self, judged: list[Judged]) -> None:
        now_ms = time.time_ns() // 1_000_000
        for each in judged:
            outcome = "refused" if each.rule else "accepted"
            if each.outcome.is_repeated:
                outcome = "duplicate"
            metrics.COMMANDS.labels(outcome, each.rule or "").inc()
            metrics.DECISION_SECONDS.observe(max(0, now_ms - each.arrival.ingress_ms) / 1000)
            for case in each.outcome.cases:
                self._census.count(case)
        self._census.show()
