"""Grants (共享授权) as cases. The fact of a grant follows its case, and never releases more."""

from collections.abc import Iterable
from typing import ClassVar

from sharebus import Refused
from sharebus.governance.application import is_self_service, read_application
from sharebus.governance.case import Case
from sharebus.governance.collection import is_in_scope
from sharebus.governance.docket.agreement import agreement_in_force, ends_ms
from sharebus.governance.docket.kind import Due, Kind, Taken
from sharebus.governance.docket.reading import read_day, read_document, read_text
from sharebus.governance.docket.register import Register
from sharebus.governance.docket.request import accepted_fields
from sharebus.governance.docket.timing import set_by_parties
from sharebus.governance.entry import Unconditional
from sharebus.governance.facts import AnyFact, fact_document
from sharebus.governance.grant import Grant, Term, told_fields
from sharebus.governance.local_time import local_day
from sharebus.governance.return_flow import flows_back_only
from sharebus.governance.role import Role

RECTIFY = "rectify"
"""The step that a suspended grant waits for, and the move by which its holder reports it done."""
_STANDING = frozenset({"in_force", "suspended"})


class Grants(Kind):
    """A grant's id is that of its request; ``content["document"]`` is what was granted.

    A grant of the catalog's reviewed files becomes a case with the first command about it.
    """

    name = "grant"
    running: ClassVar = {RECTIFY: frozenset({"suspended"})}
    does: ClassVar = {RECTIFY: (RECTIFY,)}

    def adopt(self, register: Register, case_id: str) -> Case | None:
        """The case of a grant of the reviewed files; an emergency's grants end with it alone."""
        grant = register.facts.grants.get(case_id)
        entry = register.facts.entries.get(grant.entry) if grant else None
        if grant is None or entry is None or grant.approval == "emergency":
            return None
        return Case(
            id=case_id, case_kind="grant", jurisdiction=entry.jurisdiction, version=0,
            state="revoked" if grant.revoked else "in_force", provider=entry.provider.agency,
            subscriber=grant.grantee.agency, content=_content(grant), opened_ms=0, changed_ms=0,
            command="",
        )  # fmt: skip

    def check(self, register: Register, taken: Taken) -> Case:
        """What is given is what was asked and consented to; a term is renewed to a later day."""
        case, today = taken.case, local_day(taken.at_ms)
        if taken.move.verb == "give":
            grant = grant_of_request(register, register.cases["request", case.id])
            return case.model_copy(update={"content": {**case.content, **_content(grant)}})
        if taken.move.verb == "renew":
            term = read_document(Term, taken.content["term"], "term")
            before = read_grant(case).term
            if term.last_day < max(today, before.last_day):
                raise Refused(
                    "a grant is renewed to a later day", where=f"grant {case.id}",
                    expected=f"a last day from {max(today, before.last_day)} on",
                    found=str(term.last_day),
                )  # fmt: skip
            renewed = read_grant(case).model_copy(update={"term": term})
            return case.model_copy(update={"content": {**case.content, **_content(renewed)}})
        if taken.move.verb == "suspend":
            day = read_day(taken.content, "rectify_by", today)
            rectify = set_by_parties(RECTIFY, Role.SUBSCRIBER, day, taken.move.basis)
            content = {name: each for name, each in case.content.items() if name != "report"}
            return case.model_copy(update={"clocks": (*case.clocks, rectify), "content": content})
        if taken.move.verb == RECTIFY:
            read_text(taken.content, "report")
        return case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """The grant, revoked unless it is in force and everything that it rests on stands."""
        grant = read_grant(case)
        entry = register.facts.entries.get(grant.entry)
        revoked = grant.model_copy(update={"revoked": True})
        if entry is None or case.state != "in_force" or not _is_sound(register, grant):
            yield revoked
            return
        fields = tuple(name for name in grant.fields if name in entry.field_names)
        agreement = grant.agreement
        if entry.marked_fields & told_fields(fields, grant.row_filter):
            agreement = agreement_in_force(register, case.provider, case.subscriber) or (
                # One on paper, which a reviewed file names, holds as long as no case is made of it.
                agreement if ("agreement", agreement) not in register.cases else None
            )
            if agreement is None:
                yield revoked
                return
        yield grant.model_copy(update={"fields": fields, "agreement": agreement})

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """Its term is over, or its entry or the agency that holds it is gone."""
        if case.state not in _STANDING:
            return None
        grant = read_grant(case)
        if local_day(now_ms) > grant.term.last_day:
            return Due("lapse")
        entry = register.facts.entries.get(grant.entry)
        if entry is None or entry.retired:
            return Due("revoke", {"reason": f"entry {grant.entry} is retired"})
        agency = register.facts.agencies.get(grant.grantee.agency)
        if agency is not None and agency.left:
            return Due("revoke", {"reason": f"agency {agency.id} has left the bus"})
        return None

    def due_ms(self, case: Case) -> int | None:
        """When the term is over."""
        return ends_ms(read_grant(case).term.last_day) if case.state in _STANDING else None

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor's system holds it."""
        moved = super().handed_over(case, old, new)
        grant = read_grant(case)
        if grant.grantee.agency == old:
            renamed = grant.model_copy(update={"system": f"{new}.{grant.grantee.system}"})
            moved = moved.model_copy(update={"content": {**case.content, **_content(renamed)}})
        return moved


def grant_of_request(register: Register, case: Case) -> Grant:
    """What a request that was consented to comes to."""
    application = read_application(case.content, case.subscriber or "")
    entry = register.facts.entries[application.entry]
    return application.grant(
        case.id, accepted_fields(case, application), None,
        is_automatic=is_self_service(application, entry),
    )  # fmt: skip


def read_grant(case: Case) -> Grant:
    """What a grant's case grants."""
    return Grant.model_validate(case.content["document"])


def _content(grant: Grant) -> dict[str, object]:
    document = fact_document(grant.model_copy(update={"revoked": False}))
    return {"entry": grant.entry, "system": grant.system, "document": document}


def _is_sound(register: Register, grant: Grant) -> bool:
    """Whether entry and system still are what was granted, and their agency in good standing."""
    entry = register.facts.entries[grant.entry]
    agency = register.facts.agencies.get(grant.grantee.agency)
    if entry.retired or entry.sharing_class == "not_shared":
        return False
    if agency is None or agency.suspended or agency.left:
        return False
    conditions = grant.row_filter.all if grant.row_filter else ()
    names = {condition.field for condition in conditions}
    if not names <= set(entry.field_names) or not set(grant.fields) & set(entry.field_names):
        return False
    if grant.return_flow and not flows_back_only(grant.row_filter, entry, agency.jurisdiction):
        return False
    if grant.approval != "automatic":
        return True
    is_open = isinstance(entry.sharing, Unconditional) and is_in_scope(
        entry.sharing, grant.grantee.agency
    )
    return is_open and not entry.marked_fields & grant.told_fields


GRANTS = Grants()
