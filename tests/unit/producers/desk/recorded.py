"""Notices as the registrar writes them, in memory: what a docket tells an agency, in order."""

from collections.abc import Callable
from typing import Any

from sharebus.governance.docket import Outcome
from sharebus.schemas.case_fact import case_fact_body
from sharebus.schemas.record import case_notice, command_answer

PROOF = {"audit_writer": "registrar", "audit_sequence": 7}


class Record:
    """As much of a Kafka message as a reader of notices looks at."""

    def __init__(self, key: bytes, value: bytes | None) -> None:
        self._key, self._value = key, value

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def replace(self, value: bytes) -> None:
        self._value = value


class RecordedLog:
    """The notices of one agency; ``reads`` counts how many records were given out."""

    def __init__(self, agency: str) -> None:
        self.agency = agency
        self.records: list[Record] = []
        self.reads = 0

    def read(self, topic: str, partition: int, start: int, take: Callable[[Any], None]) -> int:
        assert (topic, partition) == (f"notices.{self.agency}", 0)
        for record in self.records[start:]:
            self.reads += 1
            take(record)
        return len(self.records)

    def close(self) -> None:
        pass

    def tell(self, *outcomes: Outcome) -> None:
        for outcome in outcomes:
            for notice in outcome.notices:
                if notice.agency != self.agency:
                    continue
                case = notice.case
                record = {
                    "case_kind": case.case_kind, "case": case.id, "version": case.version,
                    "state": case.state, "verb": notice.verb, "basis": notice.basis,
                    "author": notice.author, "body": case_fact_body(case),
                    "decided_ms": case.changed_ms, **PROOF,
                }  # fmt: skip
                key = f"@case/{case.case_kind}/{case.id}".encode()
                self.records.append(Record(key, case_notice().encode(1, record)))
            if outcome.answer and outcome.answer.agency == self.agency:
                answer = outcome.answer.model_dump(exclude={"kind", "agency"})
                key = f"@answer/{outcome.answer.command}".encode()
                self.records.append(Record(key, command_answer().encode(1, {**answer, **PROOF})))
