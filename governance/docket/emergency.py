"""Emergency sharing (应急共享, Zhejiang Art 21): for named entries and agencies, for some days."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import ClassVar

from sharebus import Refused
from sharebus.governance.agency import SystemRole
from sharebus.governance.case import Author, Case, Parties
from sharebus.governance.docket.agreement import agreement_in_force, ends_ms
from sharebus.governance.docket.kind import Due, Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_day, read_text, read_texts
from sharebus.governance.docket.register import Register
from sharebus.governance.docket.timing import set_by_parties
from sharebus.governance.facts import AnyFact
from sharebus.governance.grant import EMERGENCY_PREFIX, Grant, Purpose, Term
from sharebus.governance.local_time import local_day
from sharebus.governance.role import Role
from sharebus.governance.view import view_of_grant

_DIGEST_CHARS = 16


class Emergencies(Kind):
    """While it is declared, systems of its agencies hold grants of kind ``emergency``.

    Marked fields are among them only where an agreement is in force (Order 171 Art 19). When it
    has ended, uses are shut: ``content["shut"]`` names each view that its grants read, who did,
    and which fields of it are to be sealed (封存). Each recipient confirms by ``consent`` that it
    has sealed what it received (``content["confirmed"]``); with the last of them it is sealed.
    """

    name = "emergency"
    running: ClassVar = {"confirm": frozenset({"ended"})}

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """An authority declares it in its own jurisdiction."""
        return Opening(author.jurisdiction, None, None, tuple(sorted(author.offices)))

    def parties(self, register: Register, case: Case) -> Parties:
        """The providers of its entries, and its agencies."""
        entries = (register.facts.entries[entry] for entry in case.content["entries"])
        providers = {entry.provider.agency for entry in entries}
        recipients = {
            agency
            for agency in case.content["agencies"]
            if not register.facts.agencies[agency].left
        }
        return {Role.PROVIDER: sorted(providers), Role.SUBSCRIBER: sorted(recipients)}

    def check(self, register: Register, taken: Taken) -> Case:
        """Its scope is known and limited in time; from its end on recipients have to seal."""
        case, verb = taken.case, taken.move.verb
        if verb == "declare":
            self._check_scope(register, taken)
            read_text(taken.content, "reason")
        elif case.state == "ended" and verb != "consent":
            today = local_day(taken.at_ms)
            if "seal_by" in taken.content:
                read_day(taken.content, "seal_by", today)
            day = date.fromisoformat(case.content["seal_by"])
            confirm = set_by_parties("confirm", Role.SUBSCRIBER, day, taken.move.basis)
            content = {**case.content, "shut": list(_shut(register, case, today))}
            return case.model_copy(update={"content": content, "clocks": (confirm,)})
        elif verb == "consent":
            confirmed = sorted({*case.content.get("confirmed", ()), taken.author.agency})
            return case.model_copy(update={"content": {**case.content, "confirmed": confirmed}})
        return case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """Its grants, revoked once it has ended."""
        for entry_id in case.content["entries"]:
            for agency in case.content["agencies"]:
                yield from _grants(register, case, entry_id, agency)

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """It ends by itself, and is sealed when the last recipient has confirmed."""
        if case.state == "declared" and local_day(now_ms) > _until(case):
            return Due("lapse")
        if case.state == "ended":
            recipients = self.parties(register, case)[Role.SUBSCRIBER]
            is_sealed = set(recipients) <= set(case.content.get("confirmed", ()))
            return Due("seal") if is_sealed else None
        return None

    def due_ms(self, case: Case) -> int | None:
        """The end of its last day."""
        return ends_ms(_until(case)) if case.state == "declared" else None

    def involves(self, case: Case, agency: str) -> bool:
        """Whether the agency takes part while the emergency is open."""
        return agency in case.content["agencies"]

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor takes part as well; what the other held ends with it."""
        agencies = sorted({*case.content["agencies"], new})
        return case.model_copy(update={"content": {**case.content, "agencies": agencies}})

    def _check_scope(self, register: Register, taken: Taken) -> None:
        until = read_day(taken.content, "until", local_day(taken.at_ms))
        read_day(taken.content, "seal_by", until)
        for agency in read_texts(taken.content, "agencies"):
            if register.agency(agency).jurisdiction != taken.case.jurisdiction:
                raise _foreign(agency, taken.case)
        for entry_id in read_texts(taken.content, "entries"):
            entry = register.entry(entry_id)
            if entry.jurisdiction != taken.case.jurisdiction:
                raise _foreign(entry_id, taken.case)
            if entry.sharing_class == "not_shared":
                raise Refused(
                    "the entry is not shared (不予共享)", where=f"entry {entry_id}",
                    expected="entries that are",
                )  # fmt: skip


def _foreign(name: str, case: Case) -> Refused:
    return Refused(
        "an authority declares for its own jurisdiction (Order 171 Art 4)", found=name,
        expected=f"agencies and entries of {case.jurisdiction}",
    )  # fmt: skip


def _grants(register: Register, case: Case, entry_id: str, named: str) -> Iterator[Grant]:
    facts = register.facts
    entry, agency = facts.entries[entry_id], facts.agencies[named]
    agreement = agreement_in_force(register, entry.provider.agency, named)
    released = tuple(
        name for name in entry.field_names if agreement or name not in entry.marked_fields
    )
    wanted: dict[str, Grant] = {}
    is_foreign = named != entry.provider.agency and not agency.suspended
    if case.state == "declared" and not entry.retired and is_foreign:
        for system in agency.system_names(SystemRole.SUBSCRIBER) if released else ():
            grant_id = emergency_grant_id(case.id, entry_id, str(system))
            wanted[grant_id] = Grant(
                id=grant_id, entry=entry_id, system=str(system), fields=released,
                agreement=agreement if entry.marked_fields else None, approval="emergency",
                term=Term(first_day=local_day(case.opened_ms), last_day=_until(case)),
                purpose=Purpose(
                    legal_basis="浙江省公共数据条例 Art 21 (应急共享)",
                    scenario=str(case.content["reason"]), scope=f"emergency {case.id}",
                ),
            )  # fmt: skip
    for grant in facts.grants_of(entry_id):
        is_own = grant.id.startswith(grant_prefix(case.id)) and grant.grantee.agency == named
        if is_own and grant.approval == "emergency" and grant.id not in wanted:
            yield grant.model_copy(update={"revoked": True})
    yield from wanted.values()


def _shut(register: Register, case: Case, today: date) -> Iterator[dict[str, object]]:
    """The views that its grants read, as they stood when it ended."""
    facts, prefix = register.facts, grant_prefix(case.id)
    for entry_id in sorted(case.content["entries"]):
        entry = facts.entries[entry_id]
        readers: dict[str, list[Grant]] = {}
        for grant in facts.grants_of(entry_id):
            is_its_own = grant.approval == "emergency" and grant.id.startswith(prefix)
            if is_its_own or facts.may_read(grant, today):
                readers.setdefault(view_of_grant(entry, grant).name, []).append(grant)
        for view, grants in sorted(readers.items()):
            own = [grant for grant in grants if grant.id.startswith(prefix)]
            if own:
                told = frozenset().union(*(grant.told_fields for grant in own))
                yield {
                    "entry": entry_id, "view": view, "systems": sorted(g.system for g in own),
                    "sealed_fields": sorted(entry.marked_fields & told),
                    "is_read_by_others": len(own) < len(grants),
                }  # fmt: skip


def grant_prefix(emergency: str) -> str:
    """How the ids begin of the grants that follow from an emergency."""
    return f"{EMERGENCY_PREFIX}{_digest(emergency)}-"


def emergency_grant_id(emergency: str, entry: str, system: str) -> str:
    """Id of the grant that a system has on an entry while the emergency is declared."""
    return grant_prefix(emergency) + _digest(emergency, entry, system)


def _digest(*names: str) -> str:
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:_DIGEST_CHARS]


def _until(case: Case) -> date:
    return date.fromisoformat(case.content["until"])


EMERGENCIES = Emergencies()
