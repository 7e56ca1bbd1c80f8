"""What the reviewed files of the catalog bring: judged beside what is in force, and what follows.

Whoever applies them judges them so before anything is sent, and the docket does when it decides.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple, TypeVar

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.collection import Collection, Problem, check_change, check_collection
from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.facts import AnyFact, PolicyFacts, fact_to_json
from sharebus.governance.grant import Grant
from sharebus.governance.self_service import automatic_grants
from sharebus.governance.shared_copy import check_copies

AUTOMATIC_MAX: Final = 2_000
"""What one command brings is written in one transaction, which must end within seconds."""
_Document = TypeVar("_Document", Agency, CatalogEntry, Grant)


class _Touched(NamedTuple):
    """The agencies and entries that documents are about."""

    agencies: frozenset[str]
    entries: frozenset[str]

    def has_entry(self, entry: CatalogEntry) -> bool:
        return entry.id in self.entries or entry.provider.agency in self.agencies

    def has_grant(self, grant: Grant) -> bool:
        if grant.entry in self.entries:
            return True
        return bool(self.agencies) and grant.grantee.agency in self.agencies


def check_documents(in_force: PolicyFacts, documents: Collection) -> list[Problem]:
    """Every problem of the documents, with each other and with what is in force.

    Of what is in force, only what rests on an agency or an entry among them is judged again, and no
    automatic grant: one whose reason is gone ends, and is no reason against the document.
    """
    touched = _touched(documents)
    agencies = _replaced(in_force.agencies, documents.agencies)
    entries = _replaced(in_force.entries, documents.entries)
    grants = _replaced(in_force.grants, documents.grants)
    problems = check_collection(
        documents.agencies,
        [*documents.entries, *(entry for entry in entries if touched.has_entry(entry))],
        [
            *documents.grants,
            *(each for each in grants if touched.has_grant(each) and each.approval != "automatic"),
        ],
        Collection(tuple(agencies), tuple(entries)),
    )
    for entry in documents.entries:
        if entry.id in in_force.entries:
            problems += check_change(in_force.entries[entry.id], entry)
            problems += check_copies(in_force, in_force.entries[entry.id], entry)
    for grant in documents.grants:
        before = in_force.grants.get(grant.id)
        if before and (before.entry, before.system) != (grant.entry, grant.system):
            found = f"{grant.system} on {grant.entry}"
            expected = (
                f"{before.system} on {before.entry}, as published; another grant has another id"
            )
            problems.append(Problem(f"grant {grant.id}", "system, entry", expected, found))
    return problems


def differing(in_force: PolicyFacts, documents: Collection) -> Collection:
    """The documents that are not in force as they are."""
    return Collection(
        tuple(each for each in documents.agencies if in_force.agencies.get(each.id) != each),
        tuple(each for each in documents.entries if in_force.entries.get(each.id) != each),
        tuple(each for each in documents.grants if in_force.grants.get(each.id) != each),
    )


def brought_facts(in_force: PolicyFacts, documents: Collection, today: date) -> tuple[AnyFact, ...]:
    """The facts that documents bring: themselves where they differ, then the automatic grants.

    Those are of the agencies and entries that differ: what else stands is as it was.
    """
    new = differing(in_force, documents)
    agencies = {**in_force.agencies, **{each.id: each for each in new.agencies}}
    grants = {**in_force.grants, **{each.id: each for each in new.grants}}
    changed = _touched(Collection(new.agencies, new.entries))
    of_entries = automatic_grants(
        agencies.values(),
        new.entries,
        [grant for grant in grants.values() if grant.entry in changed.entries],
        today,
    )
    of_agencies = automatic_grants(
        new.agencies,
        _replaced(in_force.entries, new.entries) if new.agencies else [],
        [
            grant
            for grant in grants.values()
            if grant.entry not in changed.entries and changed.has_grant(grant)
        ],
        today,
    )
    automatic = (grant for grant in (*of_entries, *of_agencies) if grants.get(grant.id) != grant)
    return (*new.agencies, *new.entries, *new.grants, *automatic)


def merged_facts(in_force: PolicyFacts, documents: Collection, today: date) -> PolicyFacts:
    """The facts in force with the documents in their place, and the grants that follow from them.

    Documents that are not given stay in force: an entry does not end because a file is missing.
    """
    merged = PolicyFacts()
    for fact in (*in_force, *brought_facts(in_force, documents, today)):
        merged.apply(fact, in_force.version)
    return merged


def in_parts(in_force: PolicyFacts, documents: Collection, bytes_max: int) -> Iterator[Collection]:
    """The documents that differ, cut so that each part can come in by one command, in order.

    Agencies come first, an entry after those that it takes from, grants last. A part has at most
    ``bytes_max`` of documents and brings at most ``AUTOMATIC_MAX`` automatic grants, unless it is
    one document.
    """
    new = differing(in_force, documents)
    merged = {**in_force.agencies, **{agency.id: agency for agency in new.agencies}}
    readers = sum(len(each.system_names(SystemRole.SUBSCRIBER)) for each in merged.values())
    shared = sum(isinstance(each.sharing, Unconditional) for each in in_force.entries.values())

    def automatic(document: Agency | CatalogEntry | Grant) -> int:
        if isinstance(document, Agency):
            return shared * len(document.system_names(SystemRole.SUBSCRIBER))
        is_shared = isinstance(document, CatalogEntry) and isinstance(
            document.sharing, Unconditional
        )
        return readers if is_shared else 0

    part: list[Agency | CatalogEntry | Grant] = []
    size = grants = 0
    ordered = new._replace(entries=tuple(_in_order_of_origin(new.entries)))
    for document in ordered.documents:
        length, follow = len(fact_to_json(document).encode()), automatic(document)
        if part and (size + length > bytes_max or grants + follow > AUTOMATIC_MAX):
            yield _collection(part)
            part, size, grants = [], 0, 0
        part.append(document)
        size, grants = size + length, grants + follow
    if part:
        yield _collection(part)


def _collection(documents: list[Agency | CatalogEntry | Grant]) -> Collection:
    return Collection(
        tuple(each for each in documents if isinstance(each, Agency)),
        tuple(each for each in documents if isinstance(each, CatalogEntry)),
        tuple(each for each in documents if isinstance(each, Grant)),
    )


def _in_order_of_origin(entries: tuple[CatalogEntry, ...]) -> list[CatalogEntry]:
    waiting = {entry.id: entry for entry in entries}
    ordered: list[CatalogEntry] = []
    while waiting:
        path = [next(iter(waiting.values()))]
        while path:
            entry = path[-1]
            waiting.pop(entry.id, None)  # now, so that a circle of origins ends
            origins = (item.origin.entry for item in entry.data_items)
            origin = next((waiting[name] for name in origins if name in waiting), None)
            if origin is None:
                ordered.append(path.pop())
            else:
                path.append(origin)
    return ordered


def _touched(documents: Collection) -> _Touched:
    return _Touched(
        frozenset(agency.id for agency in documents.agencies),
        frozenset(entry.id for entry in documents.entries),
    )


def _replaced(standing: Mapping[str, _Document], given: tuple[_Document, ...]) -> list[_Document]:
    """What stands, without what is replaced."""
    ids = {document.id for document in given}
    return [document for document in standing.values() if document.id not in ids]
