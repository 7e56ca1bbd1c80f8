"""Violations (Order 171 Art 30): the agency is heard, people decide, an order has its own clock."""

from datetime import date
from typing import Any, ClassVar, Final

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_text, short
from sharebus.governance.docket.register import Register
from sharebus.governance.docket.timing import set_by_parties
from sharebus.governance.local_time import local_day
from sharebus.governance.role import Role

ITEMS: Final = range(1, 7)
"""Of Art 30: collection in breach of rules, refusal or delay without cause, misuse, a missed update
deadline, refusing rectification, other."""
SOURCES: Final = (
    "clock", "missed_deadline", "read_outside_scope", "duplicate_collection", "complaint",
    "by_hand",
)  # fmt: skip
"""By what it came up."""
WORKING_DAYS_MAX: Final = 250
_STEPS: Final = {"propose": "state_case", "order": "rectify", "return": "rectify"}
_DECIDED: Final = frozenset({"ordered", "replied", "corrected", "criticised", "referred"})
_TEXTS: Final = (
    "findings", "statement", "reason", "measures", "reply", "finding", "responsible", "referred_to",
)  # fmt: skip


class Violations(Kind):
    """``content["repeated"]`` counts the agency's violations of the item that were decided before.

    ``state_case`` and ``rectify`` are clocks of so many working days as the office gave.
    """

    name = "violation"
    running: ClassVar = {
        "state_case": frozenset({"proposed"}),
        "rectify": frozenset({"ordered"}),
    }

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """An office of the agency's own division opens it, against another agency."""
        agency = register.agency(filing.act.content.get("agency"))
        is_theirs = author.jurisdiction == agency.jurisdiction and author.agency != agency.id
        offices = tuple(sorted(author.offices)) if is_theirs else ()
        return Opening(agency.jurisdiction, agency.id, None, offices)

    def check(self, register: Register, taken: Taken) -> Case:
        """What is stated is whole; a criticism needs an order that was not kept."""
        case, content, verb = taken.case, taken.content, taken.move.verb
        for name in _TEXTS:
            if name in content:
                read_text(content, name)
        if "item" in content:
            _check_one_of("item", content["item"], tuple(ITEMS), "Order 171 Art 30")
            _check_one_of("source", content["source"], SOURCES, "by what it came up")
            case = _with(case, repeated=_decided_before(register, case))
        if content.get("entry") is not None:
            register.entry(content["entry"])
        is_over = any(clock.overdue for clock in taken.before.clocks) if taken.before else False
        if verb == "criticise" and not is_over:
            raise _too_early(case, "criticism is for an order that was not kept")
        if verb == "order" and "statement" not in case.content and not is_over:
            raise _too_early(case, "the agency is heard before it is ordered")
        if verb not in _STEPS:
            return case
        day = _last_day(register, case, content["working_days"], local_day(taken.at_ms))
        clock = set_by_parties(_STEPS[verb], Role.PROVIDER, day, taken.move.basis)
        return case.model_copy(update={"clocks": (*case.clocks, clock)})

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor answers for it."""
        moved = super().handed_over(case, old, new)
        return _with(moved, agency=moved.provider)


def _decided_before(register: Register, case: Case) -> int:
    return sum(
        other.id != case.id
        and other.provider == case.provider
        and other.content.get("item") == case.content["item"]
        and other.state in _DECIDED
        for other in register.of_kind("violation")
    )


def _check_one_of(name: str, value: object, allowed: tuple[Any, ...], what: str) -> None:
    if type(value) is not type(allowed[0]) or value not in allowed:
        raise Refused(
            f"{name} is one of a list ({what})", expected=", ".join(map(str, allowed)),
            found=short(value),
        )  # fmt: skip


def _last_day(register: Register, case: Case, working_days: object, today: date) -> date:
    if type(working_days) is not int or not 1 <= working_days <= WORKING_DAYS_MAX:
        raise Refused(
            "working_days is how long the agency has", found=short(working_days),
            expected=f"a number from 1 to {WORKING_DAYS_MAX}",
        )  # fmt: skip
    calendar = register.calendar(case.jurisdiction)
    day = calendar.nth_after(today, working_days)
    if not calendar.is_known(day):  # else it would be held against the agency what is a guess
        raise Refused(
            "no notice settles these working days yet", where=f"violation {case.id}",
            expected=f"a last day until {calendar.horizon}", found=str(day),
            remedy="give fewer working days, or issue the calendar of the next year first",
        )  # fmt: skip
    return day


def _too_early(case: Case, what: str) -> Refused:
    return Refused(
        f"{what} (Order 171 Art 30)", where=f"violation {case.id}",
        expected="a step of the agency that is overdue",
        found=", ".join(f"{clock.step}: {clock.local}" for clock in case.clocks) or "none",
        remedy="wait for its last day, or for what the agency says",
    )  # fmt: skip


def _with(case: Case, **more: object) -> Case:
    return case.model_copy(update={"content": {**case.content, **more}})


VIOLATIONS = Violations()
