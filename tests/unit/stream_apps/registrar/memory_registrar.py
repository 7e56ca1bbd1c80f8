"""The registrar's decisions in memory: its topics are lists, and no transaction fails.

What it writes is made by the parts that write it in production, so its topics can be replayed.
"""

import uuid
from collections.abc import Callable
from typing import Any

from sharebus.consumers.oversight.replay import Written, read_written
from sharebus.governance.agency import Agency, SigningKey
from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.governance.docket import Docket
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, PolicyFacts, RegisteredSchema, fact_document
from sharebus.governance.founder import Founder
from sharebus.governance.identity import FOUNDER
from sharebus.infra.facts_reader import fact_of
from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.case_fact import read_case_fact
from sharebus.schemas.command import Command, command_record, sign
from sharebus.schemas.filed_command import Arrival, Judged, judge
from sharebus.schemas.record import audit_batch, command, command_answer, platform_records
from sharebus.schemas.record import case_fact as case_fact_record
from sharebus.schemas.record import policy_fact as policy_fact_record
from sharebus.schemas.signature import ALGORITHMS
from sharebus.stream_apps.audit import Source, seal
from sharebus.stream_apps.registrar import record
from sharebus.stream_apps.registrar.intake import Position
from sharebus.stream_apps.registrar.loop import NAME
from sharebus.stream_apps.registrar.transaction import Transaction
from sharebus.stream_apps.transaction import SchemaIds

from ...governance.docket import town
from ..gate.memory_log import Stored

SCHEMA_IDS = {each.subject: number for number, each in enumerate(platform_records(), 1)}
SECOND_MS = 1_000


class MemoryBroker:
    """Topics of one partition; stands for a producer and for a ``LogReader``."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Stored]] = {}
        self.now_ms = 0
        self._open: list[tuple[str, bytes | None, bytes | None]] = []

    def topics_named(self, prefix: str) -> list[str]:
        return sorted(topic for topic in self.topics if topic.startswith(prefix))

    def append(self, topic: str, key: bytes | None, value: bytes | None) -> int:
        held = self.topics.setdefault(topic, [])
        held.append(Stored(len(held), key, value, time_ms=self.now_ms))
        return len(held) - 1

    def begin_transaction(self) -> None:
        assert not self._open

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, _partition: int, **_: Any
    ) -> None:
        self._open.append((topic, key, value))

    def flush(self, _seconds: float) -> int:
        return 0

    def commit_transaction(self, _seconds: float) -> None:
        for topic, key, value in self._open:
            self.append(topic, key, value)
        self._open.clear()

    def settle(self, _topic: str, _partition: int) -> None:
        pass

    def read(self, topic: str, _partition: int, start: int, take: Callable[[Any], None]) -> int:
        held = self.topics.get(topic, [])
        for kept in held[start:]:
            take(kept)
        return len(held)

    def close(self) -> None:
        pass


class MemoryRegistrar:
    """A town whose agencies have keys, and the registrar that decides what they send."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.digest = AuditDigest(b"k" * 32)
        self.positions: dict[str, Position] = {}
        self.judged: list[Judged] = []
        self._applied = WriterHead("enforcer")
        self._head = WriterHead(NAME)
        self._instant_ms = 0
        self.broker.now_ms = town.MORNING
        names = (*town.PARTIES, *town.OFFICES, FOUNDER)
        self.keys = {name: bytes([number]) * 32 for number, name in enumerate(names, 1)}
        schemas = (
            RegisteredSchema(
                subject=each.subject, schema_id=SCHEMA_IDS[each.subject], avro_schema={}
            )
            for each in platform_records()
        )
        self.bootstrap(Founder(name="x", keys=(self.signing_key(FOUNDER),)), *schemas)
        self.start()
        agencies = [self.agency(name) for name in (*town.PARTIES, *town.OFFICES)]
        entries = [CatalogEntry.model_validate(town.entry_document(e)) for e in town.CLASSES]
        self.take_over(*agencies, *entries)
        self.judged.clear()

    def agency(self, who: str, **changes: Any) -> Agency:
        keys = [self.signing_key(who).model_dump()]
        return Agency.model_validate(town.agency_document(who, keys=keys, **changes))

    def signing_key(self, who: str) -> SigningKey:
        public_key = ALGORITHMS["ed25519"].public_key(self.keys[who]).hex()
        return SigningKey(id="k1", algorithm="ed25519", public_key=public_key)

    def take_over(self, *documents: Agency | CatalogEntry, **how: Any) -> None:
        """Bring in reviewed files as ``catalog apply`` does."""
        lists: dict[str, list[Any]] = {"agencies": [], "entries": []}
        for document in documents:
            name = "agencies" if isinstance(document, Agency) else "entries"
            lists[name].append(fact_document(document))
        self.give(FOUNDER, "founding", FOUNDER, "take_over", documents=lists, **how)
        self.decide()

    def bootstrap(self, *facts: AnyFact) -> None:
        """Publish facts as the enforcer does, with the audit record that proves them."""
        now_ms = self.broker.now_ms
        version = len(self.broker.topics.get(topics.FACTS_POLICY, [])) - 1
        records = list(record.fact_records(facts, now_ms, SchemaIds(SCHEMA_IDS)))
        for fact in records:
            for topic, key, value, *_ in fact.outputs:
                self.broker.append(topic, key, value)
        lines = list(record.fact_lines(records, 0, now_ms, self.digest))
        source = Source("", topics.FACTS_POLICY, 0, "epoch", version, now_ms, "policy")
        sealed = seal(lines, source, self._applied, 1, self.digest.delivery)
        for value in sealed.values:
            self.broker.append(topics.AUDIT, sealed.head.writer.encode(), value)
        self._applied = sealed.head

    def start(self) -> None:
        """Begin, or begin again: everything is learnt from the topics."""
        self.facts, self._read = PolicyFacts(), 0
        self._catch_up()
        self.docket = Docket(self.facts, town.TABLES)
        for item in self.kept():
            self.docket.restore(item)

    def kept(self) -> list[Case | Answer]:
        """All that ``facts.cases`` holds, in order."""
        held = self.broker.topics.get(topics.FACTS_CASES, [])
        return [read_case_fact(case_fact_record().decode(each.value() or b"")) for each in held]

    def _catch_up(self) -> None:
        def take(kept: Any) -> None:
            self.facts.apply(fact_of(policy_fact_record().decode(kept.value())), kept.offset())

        self._read = self.broker.read(topics.FACTS_POLICY, 0, self._read, take)

    def give(
        self, who: str, kind: str, case: str, verb: str, *, signed_by: str = "", topic_of: str = "",
        seen: int | None = None, command_id: str = "", **body: Any,
    ) -> str:  # fmt: skip
        """Send one command a second after the last; gives its id."""
        standing = self.docket.cases.get((kind, case))
        unsigned = Command.model_validate(
            {
                "id": command_id or str(uuid.uuid4()), "case": case, "case_kind": kind,
                "seen_version": (standing.version if standing else 0) if seen is None else seen,
                "verb": verb, "body": body, "officer": town.OFFICER,
                "head": town.HEAD.model_dump(),
            }
        )  # fmt: skip
        signed = sign(who, unsigned, key="k1", algorithm="ed25519",
                      private_key=self.keys[signed_by or who])  # fmt: skip
        self.write(topic_of or who, command().encode(1, command_record(signed)))
        return signed.id

    def write(self, who: str, value: bytes | None) -> None:
        self.broker.now_ms += SECOND_MS
        self.broker.append(topics.commands_topic(who), b"case", value)

    def decide(self) -> list[Judged]:
        """Decide all that waits, in one transaction, and announce it."""
        arrivals: list[Arrival] = []
        for topic in [name for name in self.broker.topics if name.startswith("commands.")]:
            position = self.positions.setdefault(topic, Position(f"id of {topic}", 0))
            self.broker.read(topic, 0, position.next_offset, lambda kept, topic=topic: (
                arrivals.append(
                    Arrival(topic, kept.offset(), kept.timestamp()[1], kept.value() or b"")
                )
            ))  # fmt: skip
            self.positions[topic] = position._replace(next_offset=len(self.broker.topics[topic]))
        self._catch_up()
        version, judged = self.facts.version, []
        for arrival in sorted(arrivals, key=lambda each: each.ingress_ms):
            self._instant_ms = max(self._instant_ms, arrival.ingress_ms)
            judged.append(judge(self.docket, arrival, self._instant_ms))
        transaction = self._begin(version)
        transaction.write_commands(judged, {t: each.epoch for t, each in self.positions.items()})
        self._commit(transaction)
        self.judged += judged
        return judged

    def tick(self, at_ms: int) -> None:
        self.broker.now_ms = max(self.broker.now_ms, at_ms)
        self._catch_up()
        self._instant_ms = max(self._instant_ms, at_ms)
        version, outcome = self.facts.version, self.docket.tick(self._instant_ms)
        transaction = self._begin(version)
        transaction.write_tick(outcome, self._instant_ms)
        self._commit(transaction)

    def _begin(self, version: int) -> Transaction:
        return Transaction(self.broker, SchemaIds(SCHEMA_IDS), self.digest, self._head, version)  # type: ignore[arg-type]

    def _commit(self, transaction: Transaction) -> None:
        transaction.write_position(self._instant_ms, self.positions)
        transaction.commit()
        self._head = transaction.head
        self._catch_up()
        announcing = self._begin(self.facts.version)
        announcing.announce(transaction.announcements)
        announcing.commit()

    def answers(self, who: str) -> list[dict[str, Any]]:
        """What the agency was answered, in order."""
        return [
            command_answer().decode(each.value() or b"")
            for each in self.broker.topics.get(topics.notices_topic(who), [])
            if (each.key() or b"").startswith(b"@answer/")
        ]

    def lines(self) -> list[dict[str, Any]]:
        """The registrar's lines of the audit, in order, with their routes by name."""
        found = []
        for each in self.broker.topics[topics.AUDIT]:
            batch = audit_batch().decode(each.value() or b"")
            is_ours = batch["source_topic"] != topics.commands_topic(FOUNDER)
            for line in batch["lines"] if batch["writer"] == NAME and is_ours else ():
                route = batch["routes"][line["route"]] if line["route"] >= 0 else []
                found.append({**line, "route": route, "kind": batch["kind"]})
        return found

    def written(self, monkeypatch: Any) -> Written:
        """Everything as a replay reads it."""
        monkeypatch.setattr(
            "sharebus.consumers.oversight.replay.LogReader", lambda _config: self.broker
        )
        return read_written({}, self.digest)
