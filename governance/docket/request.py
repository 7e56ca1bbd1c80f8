"""Requests (共享申请): from the five things that are stated to the grant that follows."""

from collections.abc import Iterable
from typing import ClassVar

from sharebus import Refused
from sharebus.governance.application import (
    Application,
    check_application,
    is_self_service,
    read_application,
)
from sharebus.governance.case import Author, Case
from sharebus.governance.clock_rule import CaseEvent, CaseKind, Step
from sharebus.governance.docket.agreement import agreement_in_force
from sharebus.governance.docket.kind import (
    Beginning,
    Due,
    Kind,
    Opening,
    Taken,
    as_subscriber,
)
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_extension, read_text
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.grant import EMERGENCY_PREFIX, told_fields
from sharebus.governance.holdings import (
    IN_SUM,
    for_provider,
    holding_of,
    holdings_of,
    keys_of,
    sum_of,
)
from sharebus.governance.local_time import local_day
from sharebus.governance.return_flow import flows_back_only, with_return_filter
from sharebus.governance.role import Role
from sharebus.governance.self_service import AUTOMATIC_PREFIX

_UNANSWERED = frozenset({"submitted", "completed", "extended"})
_UNSUPPLIED = frozenset({"consented"})
_FOR_UNCONDITIONAL = frozenset({Step.REPLY_UNCONDITIONAL, Step.SUPPLY_UNCONDITIONAL})
_FOR_CONDITIONAL = frozenset({Step.REPLY_CONDITIONAL, Step.ASK_PROVIDER, Step.ANSWER})
PLATFORM_GRANTS = (AUTOMATIC_PREFIX, EMERGENCY_PREFIX)
"""How ids begin that grants have without a request."""


class Requests(Kind):
    """A request is granted at once where it can be (Order 171 Art 18), else by its provider.

    The bus asks the provider as soon as an application arrives, so that nobody has to forward it.
    One that is suspended cannot be asked: it is once it is restored, or by then its successor.
    """

    name = "request"
    clock_kind = CaseKind.REQUEST
    events: ClassVar = {
        "submit": (
            CaseEvent.APPLICATION_RECEIVED,
            CaseEvent.APPLICATION_COMPLETE,
            CaseEvent.PROVIDER_ASKED,
        ),
        "ask": (CaseEvent.PROVIDER_ASKED,),
        "list_missing": (CaseEvent.MISSING_LISTED,),
        "complete": (CaseEvent.APPLICATION_COMPLETE, CaseEvent.PROVIDER_ASKED),
        "grant_at_once": (CaseEvent.CONSENT_GIVEN,),
        "accept": (CaseEvent.CONSENT_GIVEN,),
        "refuse": (CaseEvent.REFUSED,),
        "overrule": (CaseEvent.CONSENT_GIVEN, CaseEvent.REFUSAL_OVERRULED),
    }
    does: ClassVar = {"ask": (Step.ASK_PROVIDER,)}
    running: ClassVar = {
        Step.ASK_PROVIDER: frozenset({"submitted"}),
        Step.REPLY_UNCONDITIONAL: _UNANSWERED,
        Step.REPLY_CONDITIONAL: _UNANSWERED,
        Step.ANSWER: _UNANSWERED,
        Step.SUPPLY_UNCONDITIONAL: _UNANSWERED | _UNSUPPLIED | {"incomplete"},
        Step.SUPPLY: _UNSUPPLIED,
        Step.SHARE: _UNSUPPLIED,
        Step.SHARE_OVERRULED: _UNSUPPLIED,
        Step.REVIEW_REFUSAL: frozenset({"refused", "under_review"}),
    }

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The provider of the entry that is asked for is the other party."""
        taken = filing.case_id in register.facts.grants
        if taken or filing.case_id.startswith(PLATFORM_GRANTS):
            raise Refused(
                "the grant that would follow has the id of its request, and this one is taken",
                where=f"request {filing.case_id}", expected="another id", found=filing.case_id,
            )  # fmt: skip
        entry = register.entry(filing.act.content.get("entry"))
        return as_subscriber(entry.jurisdiction, entry.provider.agency, author)

    def check(self, register: Register, taken: Taken) -> Case:
        """The application and the fields consented to are judged by the entry as it is now."""
        case, verb = taken.case, taken.move.verb
        if verb in ("submit", "complete"):
            case = _with_own_rows(register, case)
            application = read_application(case.content, case.subscriber or "")
            check_application(application, register.entry(application.entry))
            self._check_system(register, application)
            case = _with_sum(register, case, application, application.fields)
            if application.term.last_day < local_day(taken.at_ms):
                raise Refused(
                    "the term is over before the request is made", where=f"request {case.id}",
                    expected=f"a last day from {local_day(taken.at_ms)} on",
                    found=str(application.term.last_day),
                )  # fmt: skip
        elif taken.move.target == "consented":
            application = read_application(case.content, case.subscriber or "")
            entry = register.entry(application.entry)
            check_application(application, entry)
            if not _still_flows_back(register, case, application):
                raise Refused(
                    "what was asked for is no longer what flows back to the agency",
                    where=f"request {case.id}", expected="rows about its own division alone",
                    found="another division, or another field of the entry that holds it",
                    remedy="the agency withdraws the request, and makes it anew",
                )  # fmt: skip
            return _with_sum(register, case, application, accepted_fields(case, application))
        elif verb == "refuse":
            read_text(case.content, "legal_basis")
        elif verb == "ask_extension":
            read_extension(case.content)
        elif verb == "extend" and "extension" not in case.content:
            raise Refused("nobody has asked for an extension", where=f"request {case.id}")
        return case

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """Unconditional data is granted at once; what is consented to, once an agreement covers."""
        if case.state not in ("submitted", "consented"):
            return None
        application = read_application(case.content, case.subscriber or "")
        entry = register.facts.entries[application.entry]
        if entry.retired:
            return None
        is_open = is_self_service(application, entry)
        if case.state == "submitted" and is_open and _still_flows_back(register, case, application):
            return Due("grant_at_once", {"accepted_fields": list(application.fields)})
        if case.state == "submitted":
            waits = any(running.step == Step.ASK_PROVIDER for running in case.clocks)
            return Due("ask") if waits and _can_be_asked(register, case) else None
        told = told_fields(accepted_fields(case, application), application.row_filter)
        is_marked = bool(entry.marked_fields & told)
        agreement = agreement_in_force(register, case.provider, case.subscriber)
        return None if is_marked and agreement is None else Due("supply")

    def begin(self, register: Register, case: Case) -> Iterable[Beginning]:
        """What is supplied is a grant."""
        if case.state == "supplied":
            opening = Opening(case.jurisdiction, case.provider, case.subscriber)
            yield Beginning("grant", case.id, "give", {"request": case.id}, opening)

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """Its grant."""
        if case.state == "supplied":
            yield "grant", case.id

    def events_of(self, register: Register, case: Case, verb: str) -> tuple[CaseEvent, ...]:
        """Who submits asks the provider, if it can be asked."""
        events = super().events_of(register, case, verb)
        if verb == "submit" and not _can_be_asked(register, case):
            return tuple(event for event in events if event is not CaseEvent.PROVIDER_ASKED)
        return events

    def is_timed(self, register: Register, case: Case, step: Step) -> bool:
        """The table has rows for unconditional and for conditional data."""
        if step is Step.ASK_PROVIDER and _can_be_asked(register, case):
            return False
        entry = register.facts.entries[str(case.content["entry"])]
        is_unconditional = entry.sharing_class == "unconditional"
        return step not in (_FOR_CONDITIONAL if is_unconditional else _FOR_UNCONDITIONAL)

    def seen_by(self, register: Register, case: Case, agency: str) -> Case:
        """What its subscriber holds in sum is known whole to it and to the authority alone."""
        stated = case.content.get(IN_SUM)
        authority = register.holders(Role.COORDINATOR, case.jurisdiction)
        if stated is None or agency in (case.subscriber, *authority):
            return case
        return case.model_copy(update={"content": {**case.content, IN_SUM: for_provider(stated)}})

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The system becomes the successor's."""
        moved = super().handed_over(case, old, new)
        system = str(case.content["system"])
        if system.startswith(f"{old}."):
            renamed = f"{new}.{system.removeprefix(f'{old}.')}"
            moved = moved.model_copy(update={"content": {**case.content, "system": renamed}})
        return moved

    def _check_system(self, register: Register, application: Application) -> None:
        agency, _, system = application.system.partition(".")
        systems = {each.id: each for each in register.agency(agency).systems}
        if system not in systems or "subscriber" not in systems[system].roles:
            raise Refused(
                "a system that subscribes applies", found=application.system,
                expected=", ".join(
                    f"{agency}.{each.id}" for each in systems.values() if "subscriber" in each.roles
                ) or "a registered system with role subscriber",
            )  # fmt: skip


def _with_sum(
    register: Register, case: Case, application: Application, fields: tuple[str, ...]
) -> Case:
    """What the agency would hold in sum, for whoever decides (Order 809 Art 25)."""
    facts = register.facts
    before = holdings_of(case.subscriber or "", facts.grants.values(), facts.entries)
    added = holding_of(
        facts.entries[application.entry],
        application.grant(case.id, fields, None, is_automatic=False),
    )
    stated = sum_of(before, added, keys_of(facts.entries.values()))
    return case.model_copy(update={"content": {**case.content, IN_SUM: stated}})


def _still_flows_back(register: Register, case: Case, application: Application) -> bool:
    """Whether the rows that were asked for are those of the agency's division, if it is that."""
    entry, agency = (
        register.facts.entries[application.entry],
        register.facts.agencies[case.subscriber or ""],
    )
    return not application.return_flow or flows_back_only(
        application.row_filter, entry, agency.jurisdiction
    )


def _with_own_rows(register: Register, case: Case) -> Case:
    """An application for return flow, with the filter that follows from the agency's division."""
    if case.content.get("return_flow") is not True:
        return case
    division = register.agency(case.subscriber).jurisdiction
    entry = register.entry(case.content["entry"])
    return case.model_copy(update={"content": with_return_filter(case.content, entry, division)})


def _can_be_asked(register: Register, case: Case) -> bool:
    provider = register.facts.agencies.get(case.provider or "")
    return provider is not None and not (provider.suspended or provider.left)


def accepted_fields(case: Case, application: Application) -> tuple[str, ...]:
    """The fields that were consented to: no others than were asked for, in their order.

    :raises Refused: there are others among them, or none.
    """
    accepted = case.content.get("accepted_fields")
    names = accepted if isinstance(accepted, list | tuple) else ()
    unknown = [name for name in names if name not in application.fields]
    if unknown or not names:
        raise Refused(
            "consent is given to fields that were asked for", where=f"request {case.id}",
            expected=", ".join(application.fields), found=", ".join(map(str, names)) or "none",
        )  # fmt: skip
    return tuple(name for name in application.fields if name in names)


REQUESTS = Requests()
