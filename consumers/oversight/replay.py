"""Decides every command again, in the order and at the instants of the audit, and compares.

The registrar's facts and cases must be, byte for byte, those that follow from the agencies' signed
commands. So a fact that somebody wrote by hand, a case that was changed, and a command that no
agency signed are found, though the one who did it may write to every topic.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from confluent_kafka import Message

from sharebus.consumers.oversight.reconciliation import Discrepancy
from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket import RULES, Docket, Outcome
from sharebus.governance.facts import (
    AnyFact,
    DocketRules,
    PolicyFacts,
    RegisteredSchema,
    fact_to_json,
)
from sharebus.governance.founder import Founder
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import fact_of
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.audit_digest import DIGEST_BYTES, AuditDigest
from sharebus.schemas.case_fact import case_fact_body, case_fact_key
from sharebus.schemas.filed_command import Arrival, CommandRule, judge
from sharebus.schemas.genesis import KIND as GENESIS
from sharebus.schemas.record import audit_batch, case_fact, policy_fact
from sharebus.schemas.topic import AUDIT, COMMANDS_PREFIX, FACTS_CASES, FACTS_POLICY

WRITER: Final = "registrar"
_WAITING_MS_MAX: Final = 600_000
"""Of a command in one topic, while those of others are decided."""


@dataclass
class Written:
    """What was read back: the audit in order, the facts in order, the cases as they stand.

    ``facts`` are (offset, digest of the record, content); ``commands`` the records of the topics of
    commands, by topic and offset, and ``received_ms`` when the broker took them in.
    """

    digest: AuditDigest
    batches: list[dict[str, Any]] = field(default_factory=list)
    facts: list[tuple[int, bytes, dict[str, Any]]] = field(default_factory=list)
    cases: dict[bytes, str] = field(default_factory=dict)
    commands: dict[tuple[str, int], bytes] = field(default_factory=dict)
    received_ms: dict[tuple[str, int], int] = field(default_factory=dict)


def read_written(config: ClientConfig, digest: AuditDigest) -> Written:
    """Read everything that a replay needs, as somebody who may read it.

    :raises Unavailable: the broker does not answer, or a transaction stays open.
    """
    written = Written(digest)
    log = LogReader(config)

    def take_fact(message: Message) -> None:
        key, value = bytes(message.key() or b""), message.value()
        if value is not None:
            content = policy_fact().decode(value)
            written.facts.append((message.offset() or 0, digest.record(key, value), content))

    def take_case(message: Message) -> None:
        value = message.value()
        if value is not None:
            written.cases[bytes(message.key() or b"")] = case_fact().decode(value)["body"]

    try:
        for topic in (AUDIT, FACTS_POLICY, FACTS_CASES):
            log.settle(topic, 0)
        log.read(FACTS_POLICY, 0, 0, take_fact)
        log.read(FACTS_CASES, 0, 0, take_case)
        log.read(
            AUDIT, 0, 0, lambda m: written.batches.append(audit_batch().decode(m.value() or b""))
        )
        for topic in log.topics_named(COMMANDS_PREFIX):
            log.read(topic, 0, 0, partial(_take_command, written, topic))
    finally:
        log.close()
    return written


def _take_command(written: Written, topic: str, message: Message) -> None:
    place = (topic, message.offset() or 0)
    written.commands[place] = message.value() or b""
    _, written.received_ms[place] = message.timestamp()


def replay(written: Written, founder: Founder | None = None) -> list[Discrepancy]:
    """Everything in which facts and cases differ from what follows; nothing when all is well.

    ``founder`` is who founded the bus, as it was told when it did; without, whom the first fact
    names. But for that fact and the schemas, every fact must follow from a command.
    """
    tables = _first_tables(written)
    if tables is None:
        if not any(batch["writer"] == WRITER for batch in written.batches):
            return []
        expected = "clock rules and a calendar, by which the registrar decides"
        return [Discrepancy(FACTS_POLICY, expected, "none: nothing can be decided again")]
    again = _Replay(written, tables, founder)
    again.run()
    return [*again.found, *again.passed_over(), *again.compare()]


class _Replay:
    def __init__(self, written: Written, tables: ClockTables, founder: Founder | None) -> None:
        self.found: list[Discrepancy] = []
        self._written = written
        self._founder = founder
        self._facts = PolicyFacts()
        self._docket = Docket(self._facts, tables)
        self._promised, self._by_registrar = _promised(written.batches)
        self._next_fact = 0
        self._instant_ms = 0
        self._decided: set[tuple[str, int]] = set()
        self._made: list[str] = []
        self._cases: dict[bytes, str] = {}

    def run(self) -> None:
        for batch in self._written.batches:
            if batch["writer"] != WRITER or batch["kind"] == GENESIS:
                continue
            self._learn(batch["policy_version"])
            for line in _decisions(batch["lines"]):
                self._instant_ms = max(self._instant_ms, line["ingress_ms"])
                if batch["kind"] == "tick":
                    self._keep(self._docket.tick(self._instant_ms))
                else:
                    self._decide(batch["source_topic"], line)
        self._learn(None)

    def _learn(self, version: int | None) -> None:
        """Take in the facts up to a policy version, as the registrar did before it decided."""
        facts = self._written.facts
        while self._next_fact < len(facts):
            offset, digest, content = facts[self._next_fact]
            if version is not None and offset > version:
                return
            self._next_fact += 1
            fact = fact_of(content)
            expected = self._expected(fact, digest)
            self._promised[digest] -= 1
            if expected:
                where = f"{FACTS_POLICY} offset {offset}, {content['kind']} {content['id']}"
                self.found.append(Discrepancy(where, expected, "one that somebody wrote"))
            else:
                self._facts.apply(fact, offset)
                self._check_rules(fact, offset)

    def _check_rules(self, fact: AnyFact, offset: int) -> None:
        if isinstance(fact, DocketRules) and fact.version != RULES:
            self.found.append(
                Discrepancy(
                    f"{FACTS_POLICY} offset {offset}, rules of the docket",
                    f"rules {RULES}, by which this replay decides",
                    f"rules {fact.version}: what follows is for a release that has them",
                )
            )

    def _expected(self, fact: AnyFact, digest: bytes) -> str:
        """What should stand in the place of a fact; empty if the fact may."""
        if self._promised[digest] <= 0:
            return "a fact that the audit knows"
        if isinstance(fact, Founder):
            is_first = self._next_fact == 1 and fact == (self._founder or fact)
            return "" if is_first else "the one founder, as the first fact"
        if self._next_fact == 1:
            return "the one founder, as the first fact"
        is_made = isinstance(fact, RegisteredSchema) or digest in self._by_registrar
        return "" if is_made else "a fact that follows from a command"

    def _decide(self, topic: str, line: Mapping[str, Any]) -> None:
        place = (topic, line["offset"])
        where = f"{topic} offset {line['offset']}"
        if place in self._decided:
            self.found.append(Discrepancy(where, "a command decided once", "decided again"))
        self._decided.add(place)
        value = self._written.commands.get(place)
        if self._written.digest.record(b"", value) != line["digests"]:
            found = "nothing" if value is None else "another"
            self.found.append(Discrepancy(where, "the command that was decided", found))
        received_ms = self._written.received_ms.get(place, line["ingress_ms"])
        if received_ms != line["ingress_ms"]:
            received = f"received at {received_ms}"
            self.found.append(Discrepancy(where, received, f"decided as of {line['ingress_ms']}"))
        arrival = Arrival(topic, line["offset"], line["ingress_ms"], value)
        is_harmful = line["rule"] == CommandRule.HARMFUL
        judged = judge(self._docket, arrival, self._instant_ms, is_harmful=is_harmful)
        if value is not None and (judged.rule or "") != line["rule"]:
            self.found.append(
                Discrepancy(where, judged.rule or "accepted", line["rule"] or "accepted")
            )
        self._keep(judged.outcome)

    def _keep(self, outcome: Outcome) -> None:
        self._made += [_text_of(fact) for fact in outcome.facts]
        answers: list[Case | Answer] = [outcome.answer] if outcome.answer else []
        for item in () if outcome.is_repeated else (*outcome.cases, *answers):
            self._cases[case_fact_key(item)] = case_fact_body(item)

    def passed_over(self) -> Iterator[Discrepancy]:
        """Commands that were not decided though later ones were: of their topic, or of any other
        so much later that no order in which topics are read explains it."""
        last: dict[str, int] = {}
        for topic, offset in self._decided:
            last[topic] = max(last.get(topic, -1), offset)
        for place in sorted(self._written.commands.keys() - self._decided):
            topic, offset = place
            waited_ms = self._instant_ms - self._written.received_ms.get(place, self._instant_ms)
            if offset < last.get(topic, -1) or waited_ms > _WAITING_MS_MAX:
                yield Discrepancy(f"{topic} offset {offset}", "a decision", "none")

    def compare(self) -> Iterator[Discrepancy]:
        """The registrar's facts in their order, and every case and answer."""
        stands = [
            f"{content['kind']} {content['id']} {content['body']}"
            for _, digest, content in self._written.facts
            if digest in self._by_registrar
        ]
        for number, (made, found) in enumerate(zip(self._made, stands, strict=False)):
            if made != found:
                yield _unlike(f"fact {number} of the registrar", made, found)
                break
        if len(self._made) != len(stands):
            yield Discrepancy(
                "facts of the registrar", f"{len(self._made)} facts", f"{len(stands)} facts"
            )
        for key in sorted(self._cases.keys() | self._written.cases.keys()):
            made_case, found_case = self._cases.get(key), self._written.cases.get(key)
            if made_case != found_case:
                where = f"{FACTS_CASES} {key.decode(errors='replace')}"
                yield _unlike(where, made_case, found_case)


def _unlike(where: str, made: str | None, found: str | None) -> Discrepancy:
    """Two texts of which the words are for those who take part: only where they part is told."""
    pairs = enumerate(zip(made or "", found or "", strict=False))
    shorter = min(len(made or ""), len(found or ""))
    alike = next((number for number, (one, other) in pairs if one != other), shorter)
    expected, stands = (
        "nothing" if text is None else f"{len(text)} characters, the first {alike} alike"
        for text in (made, found)
    )
    return Discrepancy(where, expected, stands)


def _text_of(fact: AnyFact) -> str:
    return f"{fact.kind} {fact.id} {fact_to_json(fact)}"


def _decisions(lines: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The lines of commands and ticks, without those of the facts that follow from them."""
    return (line for line in lines if line["route"] < 0)


def _promised(batches: Iterable[dict[str, Any]]) -> tuple[Counter[bytes], frozenset[bytes]]:
    """Digests of the facts of policy that the audit names, and which of them the registrar made."""
    promised: Counter[bytes] = Counter()
    by_registrar: set[bytes] = set()
    for batch in batches:
        for line in batch["lines"]:
            route = batch["routes"][line["route"]] if line["route"] >= 0 else ()
            for number, topic in enumerate(route):
                if topic == FACTS_POLICY:
                    start = number * DIGEST_BYTES
                    digest = line["digests"][start : start + DIGEST_BYTES]
                    promised[digest] += 1
                    if batch["writer"] == WRITER:
                        by_registrar.add(digest)
    return promised, frozenset(by_registrar)


def _first_tables(written: Written) -> ClockTables | None:
    """The tables with which the registrar began: it made them facts at its first tick."""
    facts = PolicyFacts()
    for offset, _, content in written.facts:
        fact = fact_of(content)
        if facts.standing(fact) is None:
            facts.apply(fact, offset)
        if facts.clock_rules and facts.calendar:
            return ClockTables(
                facts.clock_rules.table, facts.calendar.table, facts.calendar.corrections
            )
    return None
