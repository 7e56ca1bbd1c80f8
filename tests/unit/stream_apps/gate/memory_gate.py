"""The gate without a broker: the parts that its loop calls, in the loop's order, on a memory log.

What the loop does with a transaction (all or nothing) is done here by ``transact``, and what
``kill -9`` does to a process by ``crash``: everything but the log and the key set file is gone.
The gate stands for its own producer, whose transactions are always committed.
"""

from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.record import progress
from sharebus.stream_apps.audit import Sealed, Source, seal
from sharebus.stream_apps.gate.assignment import Assignment
from sharebus.stream_apps.gate.fill import Copied, copy_chunk, is_filling
from sharebus.stream_apps.gate.key_set import KeySetFile
from sharebus.stream_apps.gate.lane import Decision
from sharebus.stream_apps.gate.plan import EntryPlan, compile_plan
from sharebus.stream_apps.gate.release import Output
from sharebus.stream_apps.gate.transaction import Transaction
from sharebus.stream_apps.progress import partition_key
from sharebus.stream_apps.transaction import SchemaIds

from . import case
from .memory_log import MemoryLog


class MemoryGate:
    """One gate that serves one entry of one partition."""

    def __init__(self, log: MemoryLog, entry: CatalogEntry, facts: PolicyFacts, path: Path) -> None:
        self.log = log
        self.entry = entry
        self.ingress = topics.ingress_topic(entry.id)
        self.head = WriterHead("gate-0")
        self._path = path
        self.learn(facts)
        self._start()

    def _start(self) -> None:
        log: Any = self.log
        self._key_sets = KeySetFile(self._path)
        self._assignment = Assignment(log, log, self._key_sets, case.DIGEST)
        (self.lane,) = self._assignment.restore(log, [TopicPartition(self.ingress, 0)])
        self._attached: EntryPlan | None = None

    def learn(self, facts: PolicyFacts) -> None:
        """Facts that were published since."""
        self.entry = facts.entries[self.entry.id]
        self.plan = compile_plan(facts, self.entry, case.VIEW_KEY)
        self._version = facts.version

    def crash(self) -> None:
        """Die and be started again."""
        self._key_sets.close()
        self._start()

    def attach(self) -> None:
        if self._attached is not self.plan:
            self._assignment.attach(self.lane, self.plan)
            self._attached = self.plan

    def decide(self) -> tuple[list[Output], Decision]:
        """Decide what has arrived, without committing it; fills come first."""
        self.attach()
        log: Any = self.log
        is_next = is_filling(self.lane)
        self._was_moving = self.lane.is_moving
        nothing = Copied(self.plan.accepted_topic, [], [])
        self._copied = copy_chunk(self.lane, self.plan, log, case.DIGEST) if is_next else nothing
        pending = self.log.of(self.ingress)[self.lane.next_offset :] if not self._was_moving else []
        decision = self.lane.decide(self.plan, [record.arrival() for record in pending])
        return self._copied.outputs, decision

    def commit(self, decision: Decision, *, key_sets: bool = True) -> None:
        """Make it true; without ``key_sets``, die before the file of key sets is written."""
        copied = self._copied
        for topic, key, value, partition, headers in [*copied.outputs, *decision.outputs]:
            self.log.append(topic, key, value, partition, headers)
        self._seal(copied.lines, copied.topic)
        source, sealed = self._seal(decision.lines, self.ingress)
        producer: Any = self
        transaction = Transaction(producer, SchemaIds({}))
        for closing in decision.closings:
            transaction.write_closing(self.plan, source, closing, sealed)
        record = {"partition": self.lane.progress(self._version), "writer": None}
        key = partition_key(self.entry.id, 0)
        self.log.append(topics.FACTS_PROGRESS, key, progress().encode(0, record))
        self.log.offsets[self.ingress, 0] = self.lane.next_offset
        for state in self.lane.views.values():
            if key_sets and state.key_set is not None:
                state.key_set.commit()
        if self._was_moving and not self.lane.is_moving:
            self._attached = None

    def begin_transaction(self) -> None:
        """What is written stands at once."""

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, partition: int, headers: Any
    ) -> None:
        self.log.append(topic, key, value, partition, headers)

    def _seal(self, lines: list[Any], topic: str) -> tuple[Source, Sealed]:
        source = Source(
            self.entry.id, topic, 0, self.lane.epoch, self._version, decided_ms=case.NOON_MS
        )
        sealed = seal(lines, source, self.head, 1, case.DIGEST.delivery)
        self.head = sealed.head
        for value in sealed.values:
            self.log.append(topics.AUDIT, b"gate-0", value)
        return source, sealed

    def transact(self) -> Decision:
        _, decision = self.decide()
        self.commit(decision)
        return decision
