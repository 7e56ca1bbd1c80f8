"""Catalog entries (共享目录) as cases: drafted, confirmed, published, and at last retired."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from sharebus import Refused
from sharebus.governance.case import Author, Case, Parties
from sharebus.governance.clock_rule import CaseEvent, CaseKind, Step
from sharebus.governance.collection import Problem, check_change, entry_problems
from sharebus.governance.docket.kind import Beginning, Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.question import questions_about
from sharebus.governance.docket.reading import read_document, read_extension, refused, short
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.entry import CatalogEntry, NotShared, Unconditional
from sharebus.governance.facts import AnyFact, NotSharedListing, fact_document
from sharebus.governance.narrowing import narrowings
from sharebus.governance.role import Role
from sharebus.governance.schema_lint import lint_schema
from sharebus.governance.shared_copy import check_copies

_PUBLISHED = frozenset({"published", "suspended", "retired"})
_NEEDS_CHANGE = frozenset({"suspend", "retire"})
_ABOUT_UPDATE = frozenset({"hand_in", "return_update", "ask_extension", "extend"})
_FILLED = frozenset({"update", "extension"})
"""What waits for the revision, and is done with it."""


class Entries(Kind):
    """``content["document"]`` is the whole entry; its fact stands from its publication on.

    An entry of the catalog's reviewed files becomes a case with the first command about it.
    """

    name = "entry"
    clock_kind = CaseKind.CATALOG_CHANGE
    events: ClassVar = {
        "submit": (CaseEvent.CATALOG_SUBMITTED,),
        "report_change": (CaseEvent.CATALOG_CHANGED,),
        "hand_in": (CaseEvent.CATALOG_SUBMITTED,),
        "return_update": (CaseEvent.CATALOG_CHANGED,),
    }
    running: ClassVar = {
        Step.UPDATE_CATALOG: frozenset({"published"}),
        Step.REVIEW_CATALOG: frozenset({"submitted", "published"}),
    }
    does: ClassVar = {
        "publish": (Step.REVIEW_CATALOG,),
        "hand_in": (Step.UPDATE_CATALOG,),
        "return_update": (Step.REVIEW_CATALOG,),
        "revise": (Step.UPDATE_CATALOG, Step.REVIEW_CATALOG),
    }

    def adopt(self, register: Register, case_id: str) -> Case | None:
        """The case of an entry of the reviewed files."""
        entry = register.facts.entries.get(case_id)
        if entry is None:
            return None
        state = "retired" if entry.retired else "suspended" if entry.suspended else "published"
        return Case(
            id=case_id, case_kind="entry", jurisdiction=entry.jurisdiction, version=0, state=state,
            provider=entry.provider.agency, content=_content(entry), opened_ms=0, changed_ms=0,
            command="",
        )  # fmt: skip

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """An agency drafts entries of its own."""
        agency = register.agency(author.agency)
        return Opening(agency.jurisdiction, agency.id, None, (Role.PROVIDER,))

    def parties(self, register: Register, case: Case) -> Parties:
        """The provider, and as subscribers the agencies that hold a grant."""
        grants = register.facts.grants_of(case.id)
        holders = {grant.grantee.agency for grant in grants if not grant.revoked}
        return {Role.PROVIDER: [case.provider or ""], Role.SUBSCRIBER: sorted(holders)}

    def check(self, register: Register, taken: Taken) -> Case:
        """The document is judged whole; what narrows needs a filed change (Order 809 Art 27)."""
        case, verb = taken.case, taken.move.verb
        if verb in _NEEDS_CHANGE:
            filed_change(register, taken, verb)
        if verb in ("revise", "hand_in") and taken.before is not None:
            self._check_revision(register, taken, read_entry(taken.before))
        if verb in _ABOUT_UPDATE:
            return _with_update(taken)
        if "document" in taken.content:
            return self._with_document(register, case)
        if verb in ("submit", "confirm", "publish"):
            entry = judged(register, case, case.content["document"])
            check_passing_on(register, entry)
        return case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """The entry once it was published; what is not shared is listed once confirmed."""
        if case.state not in _PUBLISHED | {"confirmed"}:
            return
        entry = read_entry(case)
        if case.state in _PUBLISHED:
            halted = {"suspended": case.state == "suspended", "retired": case.state == "retired"}
            yield entry.model_copy(update=halted)
        sharing = entry.sharing
        if isinstance(sharing, NotShared):
            yield NotSharedListing(
                id=entry.id, name=entry.name, agency=entry.provider.agency, basis=sharing.basis,
                retired=case.state == "retired",
            )  # fmt: skip

    def events_of(self, register: Register, case: Case, verb: str) -> tuple[CaseEvent, ...]:
        """Who must update already gains no time by another change."""
        is_owed = any(running.step == Step.UPDATE_CATALOG for running in case.clocks)
        return () if verb == "report_change" and is_owed else self.events.get(verb, ())

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """The grants on it, and the change that it carries out."""
        if case.state in _PUBLISHED:
            for grant in register.facts.grants_of(case.id):
                yield "grant", grant.id
            for request in register.about("request", case.id):
                yield "request", request.id
            for emergency in register.of_kind("emergency"):
                yield "emergency", emergency.id
            if isinstance(case.content.get("change"), str):
                yield "change", case.content["change"]

    def begin(self, register: Register, case: Case) -> Iterable[Beginning]:
        """Questions about what another agency is the designated source of (Order 171 Art 7)."""
        if case.state == "published":
            yield from questions_about(register, read_entry(case))

    def involves(self, case: Case, agency: str) -> bool:
        """Its provider does, and every agency concerned (相关行政机关)."""
        return agency in (case.provider, *_concerned(read_entry(case)))

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor provides it, and is concerned where the other was."""
        entry = read_entry(case)
        update: dict[str, Any] = {}
        if entry.provider.agency == old:
            update["provider"] = entry.provider.model_copy(update={"agency": new})
        if old in _concerned(entry):
            agencies = sorted({*_concerned(entry), new} - {old})
            update["sharing"] = entry.sharing.model_copy(update={"agencies": tuple(agencies)})
        content = {**case.content, **_content(entry.model_copy(update=update))}
        return super().handed_over(case, old, new).model_copy(update={"content": content})

    def _check_revision(self, register: Register, taken: Taken, before: CatalogEntry) -> None:
        after = judged(register, taken.case, taken.content["document"])
        problems = [*check_change(before, after), *check_copies(register.facts, before, after)]
        if problems:
            raise refused(problems, f"entry {after.id}")
        if taken.move.verb == "hand_in":
            return  # the coordinator, who revises, may name the filed change
        check_passing_on(register, after)
        narrower = narrowings(before, after)
        if narrower and "change" not in taken.content:
            raise Refused(
                "what narrows an entry needs a filed change (Order 809 Art 27)",
                where=f"entry {after.id}", expected="change: one that was consulted on and filed",
                found="; ".join(narrower), remedy="propose a change of the entry first",
            )  # fmt: skip
        if "change" in taken.content:
            filed_change(register, taken, "revise")

    def _with_document(self, register: Register, case: Case) -> Case:
        entry = judged(register, case, case.content["document"])
        kept = {name: each for name, each in case.content.items() if name not in _FILLED}
        return case.model_copy(update={"content": {**kept, **_content(entry)}})


def _with_update(taken: Taken) -> Case:
    """An update that was handed in waits beside the document; it is none before the revision."""
    case, verb = taken.case, taken.move.verb
    content = dict(case.content)
    if verb in ("hand_in", "return_update", "extend"):
        content.pop("extension", None)
    if verb == "hand_in" and taken.before is not None:
        content |= {"update": content["document"], "document": taken.before.content["document"]}
    elif verb == "return_update":
        content.pop("update", None)
    elif verb == "ask_extension":
        read_extension(content)
    elif verb == "extend" and "extension" not in case.content:
        raise Refused("nobody has asked for an extension", where=f"entry {case.id}")
    return case.model_copy(update={"content": content})


def _concerned(entry: CatalogEntry) -> tuple[str, ...]:
    sharing = entry.sharing
    return (sharing.agencies or ()) if isinstance(sharing, Unconditional) else ()


def read_entry(case: Case) -> CatalogEntry:
    """The entry that a case is about."""
    return CatalogEntry.model_validate(case.content["document"])


def _content(entry: CatalogEntry) -> dict[str, Any]:
    stated = entry.model_copy(update={"suspended": False, "retired": False})
    return {"document": fact_document(stated)}


def judged(register: Register, case: Case, document: Any) -> CatalogEntry:
    """The entry that a document states.

    :raises Refused: it is not as it must be, by itself or beside agencies and entries in force;
        every problem is named.
    """
    where = f"entry {case.id}"
    if isinstance(document, Mapping) and isinstance(document.get("avro_schema"), Mapping):
        # Before the model, which trusts the form of the schema.
        findings = lint_schema(document["avro_schema"])
        if findings:
            raise refused(
                [Problem(where, f"avro_schema {f.path}: {f.problem}", f.expected, f.found)
                 for f in findings], where,
            )  # fmt: skip
    entry = read_document(CatalogEntry, document, where)
    facts = register.facts
    problems = list(entry_problems(entry, facts.agencies, {**facts.entries, entry.id: entry}))
    problems += _own_problems(register, case, entry)
    if problems:
        raise refused(problems, where)
    return entry


def _own_problems(register: Register, case: Case, entry: CatalogEntry) -> Iterable[Problem]:
    where = f"entry {case.id}"
    for field, expected, found in (
        ("id", case.id, entry.id),
        ("provider.agency", case.provider or "", entry.provider.agency),
        ("jurisdiction", case.jurisdiction, entry.jurisdiction),
    ):
        if expected != found:
            yield Problem(where, field, expected, found)
    for field in ("suspended", "retired"):
        if getattr(entry, field):
            yield Problem(where, field, "no such statement: moves say it", "true")
    accepted = register.tables.rules.not_shared_ranks
    if isinstance(entry.sharing, NotShared) and entry.sharing.basis.rank not in accepted:
        yield Problem(
            where, "sharing.basis.rank",
            f"one of {', '.join(accepted)} (Order 171 Art 10 ¶4: only by law or regulation)",
            entry.sharing.basis.rank or "none",
        )  # fmt: skip


def check_passing_on(register: Register, entry: CatalogEntry) -> None:
    """Whether whoever provided what was obtained by sharing lets it be passed on (Art 7).

    :raises Refused: an entry of another agency is passed on without permission.
    """
    for item in entry.data_items:
        source = register.facts.entries.get(item.origin.entry or "")
        if item.origin.kind != "shared" or source is None:
            continue
        if source.provider.agency == entry.provider.agency:
            continue
        permitted = any(
            each.state == "permitted" and each.content.get("use") == "pass_on"
            for each in register.between(
                "permission", source.provider.agency, entry.provider.agency
            )
            if each.content.get("entry") == source.id
        )
        if not permitted:
            raise Refused(
                "what was obtained by sharing is passed on with its provider's permission alone "
                "(Order 171 Art 7, 20)",
                where=f"entry {entry.id}, field {item.field}",
                expected=f"a permission of {source.provider.agency} to pass on {source.id}",
                found="none in force", remedy="ask for it: a case of kind permission",
            )  # fmt: skip


def filed_change(register: Register, taken: Taken, action: str) -> None:
    """Whether the change that a move names was filed for it.

    :raises Refused: it was not filed, is about another entry or action, or was carried out before.
    """
    named = taken.content["change"]
    change = register.find("change", named)
    document = taken.content.get("document")
    fits = (
        change is not None
        and change.content.get("entry") == taken.case.id
        and change.content.get("action") == action
        and change.content.get("document") == document
    )
    if change is None or change.state != "filed" or not fits:
        raise Refused(
            f"to {action} an entry takes a change that was filed for it (Order 809 Art 27)",
            where=f"entry {taken.case.id}",
            expected=f"a filed change: {action} {taken.case.id}, with this document if it has one",
            found=f"{named}, {change.state}" if change else short(named),
            remedy="propose, consult and file it first; a security freeze needs none",
        )  # fmt: skip


ENTRIES = Entries()
