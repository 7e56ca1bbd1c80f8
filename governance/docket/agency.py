"""Agencies (行政机关) as cases: onboarded, suspended, and gone by exit or to a successor."""

from collections.abc import Iterable
from typing import Any

from sharebus import Refused
from sharebus.governance.agency import Agency, AgencySystem, SigningKey
from sharebus.governance.case import Author, Case, Parties
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, short
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.facts import AnyFact, fact_document
from sharebus.governance.role import Role

_GONE = frozenset({"exited", "succeeded"})


class Agencies(Kind):
    """``content["document"]`` is the whole agency, with offices and keys.

    An agency of the catalog's reviewed files becomes a case with the first command about it.
    """

    name = "agency"

    def adopt(self, register: Register, case_id: str) -> Case | None:
        """The case of an agency of the reviewed files."""
        agency = register.facts.agencies.get(case_id)
        if agency is None:
            return None
        state = "exited" if agency.left else "suspended" if agency.suspended else "active"
        return Case(
            id=case_id, case_kind="agency", jurisdiction=agency.jurisdiction, version=0,
            state=state, content=_content(agency), opened_ms=0, changed_ms=0, command="",
        )  # fmt: skip

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """A coordinator takes it on, in its own jurisdiction (Order 171 Art 4)."""
        return Opening(author.jurisdiction, None, None, tuple(sorted(author.offices)))

    def parties(self, register: Register, case: Case) -> Parties:
        """The agency itself, whatever it does on the bus."""
        return {Role.PROVIDER: [case.id], Role.SUBSCRIBER: [case.id]}

    def check(self, register: Register, taken: Taken) -> Case:
        """Codes are permanent; keys and systems differ; nobody leaves entries behind."""
        case, verb, content = taken.case, taken.move.verb, taken.content
        if verb == "onboard":
            return _with(case, self._onboarded(register, case, content["document"]))
        agency = read_agency(case)
        if verb == "register_system":
            return _with(case, self._with_system(agency, content["system"]))
        if verb == "rotate":
            ids = [system.id for system in agency.systems]
            if content["system"] not in ids:
                raise Refused(
                    "there is no such system", where=f"agency {agency.id}",
                    expected=", ".join(ids), found=short(content["system"]),
                )  # fmt: skip
        if verb == "rotate_key":
            return _with(case, self._with_key(agency, content))
        if verb == "suspend":
            _check_suspension(taken, agency)
        if verb == "exit":
            self._check_nothing_is_left(register, agency)
            _check_offices(register, agency)
        if verb == "succeed":
            self._check_successor(register, agency, content["successor"])
        return case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """The agency; one that has left has nothing that it could act with."""
        agency = read_agency(case)
        if case.state not in _GONE:
            yield agency.model_copy(update={"suspended": case.state == "suspended"})
        else:
            yield agency.model_copy(update={"left": True, "systems": (), "offices": (), "keys": ()})

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """The grants that the agency holds, the emergencies that it takes part in, and the requests
        that could not be put to it."""
        for grant_id in sorted(register.facts.grants):
            if register.facts.grants[grant_id].grantee.agency == case.id:
                yield "grant", grant_id
        for emergency in register.of_kind("emergency"):
            yield "emergency", emergency.id
        for request in register.of_kind("request"):
            if request.provider == case.id and request.state == "submitted":
                yield "request", request.id

    def _onboarded(self, register: Register, case: Case, document: Any) -> Agency:
        where = f"agency {case.id}"
        agency = read_document(Agency, document, where)
        holders = [each.id for each in register.facts.agencies.values() if each.code == agency.code]
        for field, expected, found in (
            ("id", case.id, agency.id),
            ("jurisdiction", case.jurisdiction, agency.jurisdiction),
            ("code", "a code that no agency has or had", ", ".join(holders)),
            ("suspended", "not stated: moves say it", "true" if agency.suspended else ""),
            ("left", "not stated: moves say it", "true" if agency.left else ""),
            ("keys", "at least one, for every command is signed", "" if agency.keys else "none"),
        ):
            is_wrong = found != expected if field in ("id", "jurisdiction") else bool(found)
            if is_wrong:
                raise Refused(
                    f"the agency cannot be taken on: {field}", where=where, expected=expected,
                    found=found,
                )  # fmt: skip
        return agency

    def _with_system(self, agency: Agency, document: Any) -> Agency:
        system = read_document(AgencySystem, document, f"agency {agency.id}, system")
        if system.id in (each.id for each in agency.systems):
            raise Refused(
                "the agency has a system of this id", where=f"agency {agency.id}",
                expected="another id", found=system.id,
            )  # fmt: skip
        return agency.model_copy(update={"systems": (*agency.systems, system)})

    def _with_key(self, agency: Agency, content: Any) -> Agency:
        where = f"agency {agency.id}"
        key = read_document(SigningKey, content["key"], f"{where}, key")
        ids = [each.id for each in agency.keys]
        replaced = content.get("replaces")
        if key.id in ids or (replaced is not None and replaced not in ids):
            raise Refused(
                "a new key has an id of its own, and replaces one that there is", where=where,
                expected=f"another id than {', '.join(ids)}; replaces: one of them, or nothing",
                found=f"{key.id}, replaces {short(replaced)}",
            )  # fmt: skip
        kept = tuple(each for each in agency.keys if each.id != replaced)
        return agency.model_copy(update={"keys": (*kept, key)})

    def _check_nothing_is_left(self, register: Register, agency: Agency) -> None:
        left = sorted(
            entry.id
            for entry in register.facts.entries.values()
            if entry.provider.agency == agency.id and not entry.retired
        )
        if left:
            raise Refused(
                "an agency does not leave while it provides entries", where=f"agency {agency.id}",
                expected="no entry in the catalog", found=short(", ".join(left)),
                remedy="retire them, or let another agency succeed it",
            )  # fmt: skip

    def _check_successor(self, register: Register, agency: Agency, named: Any) -> None:
        successor = register.agency(named)
        if successor.id == agency.id or successor.suspended:
            raise Refused(
                "this agency cannot succeed it", where=f"agency {agency.id}",
                expected="another agency that is active", found=successor.id,
            )  # fmt: skip


def _check_suspension(taken: Taken, agency: Agency) -> None:
    """Nobody suspends itself, and who holds an office is suspended by the government alone: two
    authorities could leave the bus without anybody who could restore either.
    """
    author = taken.author
    if author.agency == agency.id:
        raise Refused("an agency does not suspend itself", where=f"agency {agency.id}")
    if agency.offices and Role.GOVERNMENT not in author.offices:
        raise Refused(
            "an agency that holds an office is suspended by the government",
            where=f"agency {agency.id}", expected=Role.GOVERNMENT,
            found=", ".join(sorted(author.offices)),
        )  # fmt: skip


def _check_offices(register: Register, agency: Agency) -> None:
    """An office of a jurisdiction is always held by somebody."""
    held = {
        office
        for each in register.facts.agencies.values()
        if each.id != agency.id and each.jurisdiction == agency.jurisdiction and not each.left
        for office in each.offices
    }
    if left := sorted(set(agency.offices) - held):
        raise Refused(
            "an office would be held by nobody", where=f"agency {agency.id}",
            expected="another agency of the jurisdiction that holds it", found=", ".join(left),
            remedy="let another agency succeed it: it takes the offices over",
        )  # fmt: skip


def read_agency(case: Case) -> Agency:
    """The agency that a case is about."""
    return Agency.model_validate(case.content["document"])


def _content(agency: Agency) -> dict[str, Any]:
    stated = agency.model_copy(update={"suspended": False})
    return {"document": fact_document(stated)}


def _with(case: Case, agency: Agency) -> Case:
    content = {name: value for name, value in case.content.items() if name not in _FILLED}
    return case.model_copy(update={"content": {**content, **_content(agency)}})


_FILLED = frozenset({"system", "key", "replaces"})
"""What a command fills to change the document, and is in the document then."""


def as_successor_of(case: Case, agency: Agency) -> Case:
    """The successor's case, with the systems and the offices of the agency that it succeeds."""
    successor = read_agency(case)
    systems = {system.id: system for system in successor.systems}
    for system in agency.systems:
        known = systems.setdefault(system.id, system)
        roles = tuple(dict.fromkeys((*known.roles, *system.roles)))
        systems[system.id] = known.model_copy(update={"roles": roles})
    offices = tuple(dict.fromkeys((*successor.offices, *agency.offices)))
    held = {"systems": tuple(systems.values()), "offices": offices}
    return _with(case, successor.model_copy(update=held))


AGENCIES = Agencies()
