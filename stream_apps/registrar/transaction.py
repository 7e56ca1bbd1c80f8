"""What the registrar writes: decisions with their audit, its position, and what it announces."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from confluent_kafka import Producer

from sharebus.governance.docket import Outcome
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.ledger.chain import WriterHead
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.command import Command
from sharebus.schemas.filed_command import Judged
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps import transaction
from sharebus.stream_apps.audit import Line, Source, seal
from sharebus.stream_apps.progress import REGISTRAR_KEY, unannounced_key
from sharebus.stream_apps.registrar import record
from sharebus.stream_apps.registrar.intake import Position
from sharebus.stream_apps.transaction import Output, SchemaIds


class Announcement(NamedTuple):
    """A notice that waits, and the key of the record of progress in which it does."""

    waits_as: bytes
    output: Output


class Transaction(transaction.Transaction):
    """One transaction of the registrar. ``version`` is the policy that its decisions follow,
    ``next_notice`` the number of the first notice that it lets wait.

    ``head`` is the end of the registrar's audit chain once it is committed.
    """

    def __init__(
        self, producer: Producer, ids: SchemaIds, digest: AuditDigest, head: WriterHead,
        version: int, next_notice: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(producer, ids)
        self.head = head
        self.announcements: list[Announcement] = []
        self._digest = digest
        self._version = version
        self._next_notice = next_notice

    def write_commands(self, judged: Iterable[Judged], epochs: Mapping[str, str]) -> None:
        """Decisions, in their order: what replays the audit takes commands in this order again."""
        for topic, run in groupby(judged, key=lambda each: each.arrival.topic):
            decided = list(run)
            proof = self._proof()
            lines: list[Line] = []
            for each in decided:
                facts = self._write_outcome(each.outcome, each.at_ms, proof)
                if each.answer is not None:
                    self._wait(record.answer_output(each.answer, proof, self._ids))
                arrival = each.arrival
                lines.append(self._command_line(each))
                lines += record.fact_lines(facts, arrival.offset, arrival.ingress_ms, self._digest)
            at_ms = decided[-1].at_ms
            source = Source("", topic, 0, epochs[topic], self._version, at_ms, "command")
            self._seal(lines, source)

    def write_tick(self, outcome: Outcome, at_ms: int) -> None:
        """What time alone brought."""
        proof = self._proof()
        facts = self._write_outcome(outcome, at_ms, proof)
        lines = [record.decision_line(0, at_ms, outcome="accepted", place="tick")]
        lines += record.fact_lines(facts, 0, at_ms, self._digest)
        source = Source("", topics.FACTS_CASES, 0, "", self._version, at_ms, "tick")
        self._seal(lines, source)

    def write_position(self, instant_ms: int, positions: Mapping[str, Position]) -> None:
        """Where the registrar stands when this is committed."""
        standing = {
            "decided_ms": instant_ms,
            "positions": [
                {"topic": topic, "epoch": position.epoch, "next_offset": position.next_offset}
                for topic, position in sorted(positions.items())
            ],
        }
        self.write_progress(REGISTRAR_KEY, {"registrar": standing})
        self.write_head(self.head)

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Write the notices that wait, which then wait no longer."""
        for waiting in announcements:
            self.write([waiting.output, (topics.FACTS_PROGRESS, waiting.waits_as, None, 0, [])])

    def _write_outcome(
        self, outcome: Outcome, at_ms: int, proof: dict[str, Any]
    ) -> list[record.FactRecord]:
        facts = list(record.fact_records(outcome.facts, at_ms, self._ids))
        for fact in facts:
            self.write(fact.outputs)
        self.write(record.case_outputs(record.kept(outcome), at_ms, self._ids))
        for notice in outcome.notices:
            self._wait(record.notice_output(notice, at_ms, proof, self._ids))
        return facts

    def _command_line(self, each: Judged) -> Line:
        arrival, command = each.arrival, each.command
        outcome = "refused" if each.rule else "accepted"
        if each.outcome.is_repeated:
            outcome = "duplicate"
        case = f"{command.case_kind}/{command.case}".encode() if command else b""
        return record.decision_line(
            arrival.offset, arrival.ingress_ms, outcome=outcome, rule=each.rule or "",
            place=_place(command),
            event=self._digest.event(command.id.encode()) if command else b"",
            entity=self._digest.entity(case) if case else b"",
            digests=self._digest.record(b"", arrival.value),
        )  # fmt: skip

    def _proof(self) -> dict[str, Any]:
        return {"audit_writer": self.head.writer, "audit_sequence": self.head.next_sequence}

    def _wait(self, output: Output) -> None:
        waits_as = unannounced_key(self._next_notice + len(self.announcements))
        self.announcements.append(Announcement(waits_as, output))
        topic, key, value, _, _ = output
        self.write_progress(waits_as, {"unannounced": {"topic": topic, "key": key, "value": value}})

    def _seal(self, lines: list[Line], source: Source) -> None:
        schema_id = self._ids.of(audit_batch().subject)
        sealed = seal(lines, source, self.head, schema_id, self._digest.delivery)
        self.write_audit(sealed)
        self.head = sealed.head


def _place(command: Command | None) -> str:
    """Kind of case and move, where they are ones of ours: never what somebody made up."""
    lifecycle = LIFECYCLES.get(command.case_kind) if command else None
    if command is None or lifecycle is None:
        return ""
    is_known = any(move.verb == command.verb for move in lifecycle.moves)
    return f"{command.case_kind} {command.verb}" if is_known else command.case_kind
