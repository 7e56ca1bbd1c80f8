"""Clock rules: how long a step of a procedure may take, from what on, and by which article.

The rules are data: a table with a version, which a coordinating authority edits and which nothing
in the code repeats. What can stand in a row is closed: steps, events and roles are named here,
since a clock that waits for a misspelt event would never start and nobody would notice.
"""

from datetime import date, time
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from sharebus import InvalidInput
from sharebus.governance.agency import DivisionCode, Strict, Text
from sharebus.governance.entry import LegalBasis, Rank
from sharebus.governance.identity import Id
from sharebus.governance.period import Period, Unit
from sharebus.governance.role import Role
from sharebus.governance.working_days import DivisionPrefix

Amount = Annotated[int, Field(ge=1, le=1000)]


class CaseKind(StrEnum):
    """What a case is about; the case's kind and jurisdiction choose its procedure."""

    REQUEST = "request"
    CATALOG_CHANGE = "catalog_change"
    VERIFICATION = "verification"
    DATA_SUBJECT_CORRECTION = "data_subject_correction"
    INCONSISTENCY = "inconsistency"
    ERROR_REPORT = "error_report"
    COMPLAINT = "complaint"


class Step(StrEnum):
    """What is to be done in time."""

    REPLY_UNCONDITIONAL = "reply_unconditional"
    REPLY_CONDITIONAL = "reply_conditional"
    LIST_MISSING = "list_missing"
    SUPPLY = "supply"
    SUPPLY_UNCONDITIONAL = "supply_unconditional"
    ASK_PROVIDER = "ask_provider"
    ANSWER = "answer"
    SHARE = "share"
    REVIEW_REFUSAL = "review_refusal"
    SHARE_OVERRULED = "share_overruled"
    VERIFY = "verify"
    UPDATE_CATALOG = "update_catalog"
    REVIEW_CATALOG = "review_catalog"
    FORWARD = "forward"
    CORRECT = "correct"
    HANDLE_ERROR_REPORT = "handle_error_report"
    HANDLE_COMPLAINT = "handle_complaint"
    GIVE_OPINION = "give_opinion"


class CaseEvent(StrEnum):
    """What starts, pauses or resumes a clock."""

    APPLICATION_RECEIVED = "application_received"
    APPLICATION_COMPLETE = "application_complete"
    MISSING_LISTED = "missing_listed"
    PROVIDER_ASKED = "provider_asked"
    CONSENT_GIVEN = "consent_given"
    REFUSED = "refused"
    REFUSAL_OVERRULED = "refusal_overruled"
    VERIFICATION_REQUESTED = "verification_requested"
    VERIFICATION_NOTIFIED = "verification_notified"
    CATALOG_CHANGED = "catalog_changed"
    CATALOG_SUBMITTED = "catalog_submitted"
    CORRECTION_REQUESTED = "correction_requested"
    ERROR_REPORTED = "error_reported"
    COMPLAINT_RECEIVED = "complaint_received"
    INCONSISTENCY_REPORTED = "inconsistency_reported"


class ExtensionRule(Strict):
    """One extension (延长) by at most ``amount`` of the row's unit, with everybody's consent."""

    amount: Amount
    consents: tuple[Role, ...] = Field(min_length=1)
    tell: tuple[Role, ...] = ()
    """Who is told of it."""
    condition: Text | None = None


class PauseRule(Strict):
    """The clock stands still from one event to another (不计算在期限内)."""

    begins: CaseEvent
    ends: CaseEvent

    @model_validator(mode="after")
    def _events_differ(self) -> "PauseRule":
        if self.begins == self.ends:
            raise ValueError("a pause begins and ends with different events")
        return self


class ClockRule(Strict):
    """One row: who must do what, from which event on, until when, by which article.

    Exactly one of ``amount`` with ``unit``, ``set_by`` and ``times`` says until when: a period; an
    instant that a role sets in each case; or none at all, the step being allowed so many times.
    """

    procedure: Id
    step: Step
    title: Text
    actor: Role
    starts: CaseEvent
    amount: Amount | None = None
    unit: Unit | None = None
    at: time | None = None
    """Local time of the last day; without one the day's end, 24:00."""
    set_by: Role | None = None
    times: Amount | None = None
    extension: ExtensionRule | None = None
    pauses: tuple[PauseRule, ...] = ()
    basis: LegalBasis
    jurisdiction: DivisionPrefix = ""
    valid_from: date
    valid_until: date | None = None
    """Last local day on which the starting event puts the row in force; without one, no end."""

    @model_validator(mode="after")
    def _says_until_when(self) -> "ClockRule":
        ways = (self.amount is not None, self.set_by is not None, self.times is not None)
        if sum(ways) != 1:
            raise ValueError("give exactly one of 'amount' (with 'unit'), 'set_by' and 'times'")
        if (self.amount is None) != (self.unit is None):
            raise ValueError("'amount' and 'unit' are given together")
        if self.set_by not in (None, Role.COORDINATOR):
            raise ValueError(
                "'set_by' is the coordinator: no other role has a move that sets a day"
            )
        if self.amount is None and (self.extension or self.pauses):
            raise ValueError("only a period, in 'amount' and 'unit', is extended or paused")
        if self.at and self.unit not in ("wd", "day"):
            raise ValueError("'at' is the local time at which a period of days ends")
        if self.at and (self.at.tzinfo or self.at.second or self.at.microsecond):
            raise ValueError("'at' is a local time in hours and minutes, such as \"17:00\"")
        if self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("the row ends before it begins")
        return self

    @property
    def period(self) -> Period | None:
        """The period, where the row is one."""
        if self.amount is None or self.unit is None:
            return None
        return Period(self.amount, self.unit, self.at)

    def is_valid(self, jurisdiction: str, day: date) -> bool:
        """Whether the row governs what starts in a division on a local day."""
        ended = self.valid_until is not None and self.valid_until < day
        return self.valid_from <= day and not ended and jurisdiction.startswith(self.jurisdiction)


class Procedure(Strict):
    """A procedure: where it holds, and for which cases."""

    id: Id
    name: Text
    jurisdiction: DivisionPrefix = ""
    cases: tuple[CaseKind, ...] = Field(min_length=1)


class ClockRules(Strict):
    """The rule table: procedures and their rows."""

    version: Text
    procedures: tuple[Procedure, ...] = Field(min_length=1)
    rules: tuple[ClockRule, ...] = Field(min_length=1)
    not_shared_ranks: tuple[Rank, ...] = (
        Rank.LAW,
        Rank.ADMINISTRATIVE_REGULATION,
        Rank.LOCAL_REGULATION,
    )
    """Ranks of instrument by which an entry may be not shared (Order 171 Art 10 ¶4)."""

    @model_validator(mode="after")
    def _procedures_are_told_apart(self) -> "ClockRules":
        ids = [procedure.id for procedure in self.procedures]
        if len(set(ids)) != len(ids):
            raise ValueError("two procedures have the same id")
        claims = [(case, p.jurisdiction) for p in self.procedures for case in p.cases]
        for case, jurisdiction in claims:
            if claims.count((case, jurisdiction)) > 1:
                raise ValueError(
                    f"two procedures claim the case {case} in '{jurisdiction}': "
                    "a case has one procedure"
                )
        used = {rule.procedure for rule in self.rules}
        if used != set(ids):
            odd = ", ".join(sorted(used ^ set(ids)))
            raise ValueError(
                f"each row is of a listed procedure, and each has a row; not so: {odd}"
            )
        return self

    def procedure_of(self, case: CaseKind, jurisdiction: DivisionCode) -> Procedure:
        """The one procedure of a case: of those for its kind, that of the smallest division.

        :raises InvalidInput: the table has none.
        """
        fitting = [
            procedure
            for procedure in self.procedures
            if case in procedure.cases and jurisdiction.startswith(procedure.jurisdiction)
        ]
        if not fitting:
            raise InvalidInput(
                f"no procedure for the case {case} in {jurisdiction}",
                where=f"clock rules {self.version}",
            )
        return max(fitting, key=lambda procedure: len(procedure.jurisdiction))

    def competing(
        self, procedure: str, step: Step, actor: Role, starts: CaseEvent, *,
        jurisdiction: DivisionCode, day: date,
    ) -> tuple[ClockRule, ...]:  # fmt: skip
        """The rows in force for one step, actor and starting event; none if the table has none."""
        key = (procedure, step, actor, starts)
        return tuple(
            rule
            for rule in self.rules
            if (rule.procedure, rule.step, rule.actor, rule.starts) == key
            and rule.is_valid(jurisdiction, day)
        )


def citation(basis: LegalBasis) -> str:
    """A citation in a line: ``政务数据共享条例 (2025-08-01) Art 21 ¶2 item 1``."""
    text = f"{basis.instrument} ({basis.version}) Art {basis.article}"
    text += f" ¶{basis.paragraph}" if basis.paragraph else ""
    return text + (f" item {basis.item}" if basis.item else "")
