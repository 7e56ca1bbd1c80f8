"""The founding of a bus: the reviewed files come in by commands of the founder, until it closes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sharebus import Refused
from sharebus.governance.agency import Agency
from sharebus.governance.case import Author, Case, Parties
from sharebus.governance.collection import Collection, Problem
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, refused, short
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, fact_document
from sharebus.governance.founder import WHOLE_BUS
from sharebus.governance.grant import Grant
from sharebus.governance.identity import FOUNDER
from sharebus.governance.local_time import local_day
from sharebus.governance.role import Role
from sharebus.governance.schema_lint import lint_schema
from sharebus.governance.takeover import brought_facts, check_documents, differing

FOUNDING: Final = "founding"
_MODELS: Final[dict[str, type[Agency] | type[CatalogEntry] | type[Grant]]] = {
    "agencies": Agency, "entries": CatalogEntry, "grants": Grant,
}  # fmt: skip


class Foundings(Kind):
    """``documents`` holds lists of whole ``agencies``, ``entries`` and ``grants``.

    They become facts and no cases: each has its case with the first command about it, and from then
    on is its lifecycle's. The case keeps how many came in, and a digest of the last that did.
    """

    name = FOUNDING

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """A bus is founded once."""
        if filing.case_id != FOUNDER:
            raise Refused(
                "a bus is founded once", expected=f"founding {FOUNDER}",
                found=f"founding {filing.case_id}",
            )  # fmt: skip
        return Opening(WHOLE_BUS, None, None, (FOUNDER,))

    def parties(self, register: Register, case: Case) -> Parties:
        """Every coordinator is told when it is closed: from then on the catalog is theirs alone."""
        if case.state != "closed":
            return {}
        agencies = register.facts.agencies.values()
        return {
            Role.COORDINATOR: sorted(
                agency.id for agency in agencies if Role.COORDINATOR in agency.offices
            )
        }

    def check(self, register: Register, taken: Taken) -> Case:
        """Counts and a digest stand in place of the documents."""
        if taken.move.verb != "take_over":
            return taken.case
        lists = _lists(taken.content["documents"])
        before = taken.before.content if taken.before else {}
        text = json.dumps(lists, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        content = {
            "taken_over": {
                name: before.get("taken_over", {}).get(name, 0) + len(lists[name])
                for name in _MODELS
            },
            "digest": hashlib.sha256(text.encode()).hexdigest(),
        }
        return taken.case.model_copy(update={"content": content})

    def brought(self, register: Register, taken: Taken) -> tuple[AnyFact, ...]:
        """The documents that differ from what stands, and the automatic grants that follow.

        :raises Refused: one of them is not as it must be, or belongs to its lifecycle by now.
        """
        if taken.move.verb != "take_over":
            return ()
        documents = _read(_lists(taken.content["documents"]))
        facts = register.facts
        problems = [*_own_by_now(register, differing(facts, documents))]
        problems = problems or check_documents(facts, documents)
        if problems:
            raise refused(problems, f"{FOUNDING} {FOUNDER}")
        given = {grant.id for grant in documents.grants}
        return tuple(
            fact
            for fact in brought_facts(facts, documents, local_day(taken.at_ms))
            if _may_bring(register, fact)
            and not (isinstance(fact, Grant) and fact.revoked and fact.id not in given)
        )  # an automatic grant ends by what has changed under it: :meth:`touched_by`

    def touched_by(self, register: Register, facts: Iterable[AnyFact]) -> Iterable[CaseKey]:
        """Cases, and grants without one, that rest on an agency or entry that was brought."""
        named = {(fact.kind, fact.id) for fact in facts}
        for grant in register.facts.grants.values():
            is_touched = ("entry", grant.entry) in named or (
                ("agency", grant.grantee.agency) in named
            )
            if is_touched and ("grant", grant.id) not in named:
                yield "grant", grant.id
        for kind in ("grant", "request", "emergency"):
            for case in register.of_kind(kind):
                entry, agency = case.content.get("entry"), case.subscriber
                is_touched = ("entry", entry) in named or ("agency", agency) in named
                if is_touched or kind == "emergency":
                    yield kind, case.id


def _lists(documents: Any) -> dict[str, list[Any]]:
    """The lists of documents, empty where none is given."""
    is_mapping = isinstance(documents, Mapping) and documents.keys() <= _MODELS.keys()
    lists = {name: documents.get(name, []) for name in _MODELS} if is_mapping else {}
    if not lists or not all(isinstance(each, list) for each in lists.values()):
        raise Refused(
            "documents are lists of whole documents", where=f"{FOUNDING} {FOUNDER}",
            expected=", ".join(f"{name}: […]" for name in _MODELS), found=short(documents),
        )  # fmt: skip
    return lists


def _read(lists: Mapping[str, list[Any]]) -> Collection:
    """:raises Refused: a document is not as it must be; the first that is not is named."""
    read: dict[str, tuple[Any, ...]] = {}
    for name, model in _MODELS.items():
        for number, document in enumerate(lists[name], start=1):
            _lint(document, f"{name} {number}")
        read[name] = tuple(
            read_document(model, document, f"{name} {number}")
            for number, document in enumerate(lists[name], start=1)
        )
    return Collection(read["agencies"], read["entries"], read["grants"])


def _lint(document: Any, where: str) -> None:
    """Before the model, which trusts the form of the schema."""
    schema = document.get("avro_schema") if isinstance(document, Mapping) else None
    if isinstance(schema, Mapping):
        found = [
            Problem(where, f"avro_schema {each.path}: {each.problem}", each.expected, each.found)
            for each in lint_schema(schema)
        ]
        if found:
            raise refused(found, where)


def _own_by_now(register: Register, documents: Collection) -> Iterable[Problem]:
    """Documents whose case was moved by commands: an old file would undo what was decided."""
    for document in documents.documents:
        case = register.find(document.kind, document.id)
        if case is not None and case.version > 0:
            yield Problem(
                f"{document.kind} {document.id}", f"{document.kind} {document.id}",
                f"as it stands by its lifecycle (version {case.version}, {case.state}): use the "
                "lifecycle's commands",
                "another in the reviewed files",
            )  # fmt: skip


def _may_bring(register: Register, fact: AnyFact) -> bool:
    """Whether no command has moved its case, and it says another thing than was brought before."""
    case = register.find(fact.kind, fact.id)
    is_known = case is not None and case.content.get("document") == fact_document(fact)
    return case is None or (case.version == 0 and not is_known)


FOUNDINGS = Foundings()
