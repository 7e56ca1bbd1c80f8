"""The records that a decision of the registrar is written as, and its lines in the audit."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from sharebus.governance.agency import Agency
from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.governance.docket import Notice, Outcome
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import (
    AnyFact,
    Calendar,
    ClockRuleTable,
    NotSharedListing,
    fact_to_json,
)
from sharebus.governance.public_form import public_form
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.case_fact import case_fact, case_fact_body, case_fact_key
from sharebus.schemas.record import case_fact as case_fact_record
from sharebus.schemas.record import case_notice, command_answer, policy_fact
from sharebus.stream_apps.audit import Line
from sharebus.stream_apps.transaction import Output, SchemaIds

PLACE_CHARS_MAX: Final = 64
_ANSWERED: Final = (
    "command", "case_kind", "case", "verb", "outcome", "state", "version", "basis", "problem",
    "where", "expected", "found", "remedy", "decided_ms",
)  # fmt: skip


class FactRecord(NamedTuple):
    """A fact of policy as it is written, and to which topics."""

    key: bytes
    value: bytes
    route: tuple[str, ...]

    @property
    def outputs(self) -> list[Output]:
        """The same record for each topic."""
        return [(topic, self.key, self.value, 0, []) for topic in self.route]


def fact_records(
    facts: Iterable[AnyFact], recorded_ms: int, ids: SchemaIds
) -> Iterator[FactRecord]:
    """Facts for ``facts.policy``; what every agency may know for ``shared.catalog`` as well."""

    def record(fact: AnyFact, *route: str) -> FactRecord:
        content = {
            "kind": fact.kind, "id": fact.id, "body": fact_to_json(fact),
            "recorded_ms": recorded_ms,
        }  # fmt: skip
        value = policy_fact().encode(ids.of(policy_fact().subject), content)
        return FactRecord(f"{fact.kind}/{fact.id}".encode(), value, route)

    for fact in facts:
        public = public_form(fact)
        if not _is_public(fact):
            yield record(fact, topics.FACTS_POLICY)
        elif public == fact:
            yield record(fact, topics.FACTS_POLICY, topics.SHARED_CATALOG)
        else:
            yield record(fact, topics.FACTS_POLICY)
            yield record(public, topics.SHARED_CATALOG)


def _is_public(fact: AnyFact) -> bool:
    if isinstance(fact, CatalogEntry):
        return fact.sharing_class != "not_shared"
    return isinstance(fact, Agency | NotSharedListing | ClockRuleTable | Calendar)


def case_outputs(
    items: Iterable[Case | Answer], recorded_ms: int, ids: SchemaIds
) -> Iterator[Output]:
    """Cases and answers for ``facts.cases``."""
    schema_id = ids.of(case_fact_record().subject)
    for item in items:
        value = case_fact_record().encode(schema_id, case_fact(item, recorded_ms))
        yield topics.FACTS_CASES, case_fact_key(item), value, 0, []


def answer_output(answer: Answer, proof: dict[str, Any], ids: SchemaIds) -> Output:
    """The answer for its author; ``proof`` names the audit record."""
    content = {name: getattr(answer, name) for name in _ANSWERED} | proof
    value = command_answer().encode(ids.of(command_answer().subject), content)
    key = f"@answer/{answer.command}".encode()
    return topics.notices_topic(answer.agency), key, value, 0, []


def notice_output(notice: Notice, at_ms: int, proof: dict[str, Any], ids: SchemaIds) -> Output:
    """A version of a case for an agency that takes part in it or is told of it."""
    case = notice.case
    content = {
        "case_kind": case.case_kind, "case": case.id, "version": case.version, "state": case.state,
        "verb": notice.verb, "basis": notice.basis, "author": notice.author,
        "body": case_fact_body(case), "decided_ms": at_ms, **proof,
    }  # fmt: skip
    value = case_notice().encode(ids.of(case_notice().subject), content)
    key = f"@case/{case.case_kind}/{case.id}".encode()
    return topics.notices_topic(notice.agency), key, value, 0, []


def decision_line(
    offset: int, ingress_ms: int, *, outcome: str, rule: str = "", place: str = "",
    event: bytes = b"", entity: bytes = b"", digests: bytes = b"",
) -> Line:  # fmt: skip
    """One line of the audit about a command, or about time that passed."""
    return {
        "offset": offset, "ingress_ms": ingress_ms, "event": event, "entity": entity,
        "delivery": None, "outcome": outcome, "rule": rule, "place": place[:PLACE_CHARS_MAX],
        "route": (), "digests": digests,
    }  # fmt: skip


def fact_lines(
    records: Iterable[FactRecord], offset: int, ingress_ms: int, digest: AuditDigest
) -> Iterator[Line]:
    """A line for each fact that follows from a decision."""
    for record in records:
        line = decision_line(
            offset, ingress_ms, outcome="accepted", place=record.key.decode(),
            entity=digest.entity(record.key),
            digests=digest.record(record.key, record.value) * len(record.route),
        )  # fmt: skip
        yield {**line, "route": record.route}


def kept(outcome: Outcome) -> list[Case | Answer]:
    """What of an outcome stands in ``facts.cases``."""
    answers = [outcome.answer] if outcome.answer and not outcome.is_repeated else []
    return [*outcome.cases, *answers]


def bytes_of(outcome: Outcome) -> int:
    """About how much an outcome writes: a notice is written twice, first as one that waits.

    Measured on the text that will be written, so that what cannot be is found out here.
    """
    told = 2 * sum(len(case_fact_body(notice.case)) for notice in outcome.notices)
    return told + sum(len(case_fact_body(case)) for case in outcome.cases)
