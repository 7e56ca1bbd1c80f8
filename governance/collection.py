"""Agencies, entries and grants judged together: what no document can tell of itself alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.grant import Grant, RowFilter
from sharebus.governance.schema_lint import lint_schema

RESERVED_ENTRIES: Final = frozenset({"catalog"})
"""``shared.catalog`` is the published catalog itself."""


class Problem(NamedTuple):
    """One thing that is wrong: ``document`` is ``agency``, ``entry`` or ``grant`` and the id."""

    document: str
    field: str
    expected: str
    found: str


class Collection(NamedTuple):
    """Documents of the catalog, as loaded or as in force."""

    agencies: tuple[Agency, ...] = ()
    entries: tuple[CatalogEntry, ...] = ()
    grants: tuple[Grant, ...] = ()

    @property
    def documents(self) -> tuple[Agency | CatalogEntry | Grant, ...]:
        """All of them, in an order in which they can come into force."""
        return (*self.agencies, *self.entries, *self.grants)


NO_DOCUMENTS: Final = Collection()


def document_name(document: Agency | CatalogEntry | Grant) -> str:
    """How problems and plans name a document: its kind and id."""
    return f"{document.kind} {document.id}"


def check_collection(
    agencies: Sequence[Agency],
    entries: Sequence[CatalogEntry],
    grants: Sequence[Grant],
    beside: Collection = NO_DOCUMENTS,
) -> list[Problem]:
    """Every contradiction between and inside the documents; an empty list when there is none.

    ``beside`` are others that stand, unless one of the documents has their id; they are not judged.
    """
    by_agency = {agency.id: agency for agency in (*beside.agencies, *agencies)}
    by_entry = {entry.id: entry for entry in (*beside.entries, *entries)}
    given = {agency.id for agency in agencies}
    others = [agency for agency in beside.agencies if agency.id not in given]
    problems: list[Problem] = []
    for documents in (agencies, entries, grants):
        problems += _repeated_ids(documents)
    problems += _repeated_codes([*agencies, *others])
    for entry in entries:
        problems += entry_problems(entry, by_agency, by_entry)
    for grant in grants:
        problems += _grant_problems(grant, by_agency, by_entry)
    return problems


def _repeated_ids(documents: Sequence[Agency | CatalogEntry | Grant]) -> Iterator[Problem]:
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            yield Problem(document_name(document), "id", "an id used once", document.id)
        seen.add(document.id)


def _repeated_codes(agencies: Sequence[Agency]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for agency in agencies:
        holder = first.setdefault(agency.code, agency.id)
        if holder != agency.id:
            yield Problem(
                document_name(agency),
                "code",
                "a code that no other agency has",
                f"{agency.code}, the code of {holder}",
            )


def _system_roles(
    agencies: Mapping[str, Agency], agency: str, system: str
) -> tuple[SystemRole, ...] | None:
    if agency in agencies:
        for candidate in agencies[agency].systems:
            if candidate.id == system:
                return candidate.roles
    return None


def entry_problems(
    entry: CatalogEntry, agencies: Mapping[str, Agency], entries: Mapping[str, CatalogEntry]
) -> Iterator[Problem]:
    """What is wrong with an entry beside the agencies and entries there are, itself included."""
    name = document_name(entry)
    provider = entry.provider
    if entry.retired:  # it must stay sayable when its provider has left
        return
    if entry.id in RESERVED_ENTRIES:
        yield Problem(name, "id", "an id whose topics are not the platform's own", entry.id)
    roles = _system_roles(agencies, provider.agency, provider.system)
    if provider.agency not in agencies:
        yield Problem(name, "provider.agency", "an agency of the catalog", provider.agency)
    elif roles is None:
        yield Problem(name, "provider.system", f"a system of {provider.agency}", provider.system)
    elif SystemRole.PROVIDER not in roles:
        yield Problem(name, "provider.system", "a system with role provider", ", ".join(roles))
    if isinstance(entry.sharing, Unconditional):
        for agency in entry.sharing.agencies or ():
            if agency not in agencies:
                yield Problem(name, "sharing.agencies", "agencies of the catalog", agency)
        if len(entry.marked_fields) == len(entry.field_names):
            yield Problem(
                name,
                "sharing.class",
                "conditional, when every field is marked: marked fields are never in a shared "
                "topic (Order 171 Art 19)",
                "unconditional",
            )
    for item in entry.data_items:
        if item.origin.kind == "shared" and item.origin.entry == entry.id:
            yield Problem(name, f"data_items.{item.field}.origin.entry", "another entry", entry.id)
        elif item.origin.entry and item.origin.entry not in entries:
            yield Problem(
                name,
                f"data_items.{item.field}.origin.entry",
                "an entry of the catalog",
                item.origin.entry,
            )
    for lint in lint_schema(entry.avro_schema):
        yield Problem(name, f"avro_schema {lint.path}: {lint.problem}", lint.expected, lint.found)


def _grant_problems(
    grant: Grant, agencies: Mapping[str, Agency], entries: Mapping[str, CatalogEntry]
) -> Iterator[Problem]:
    name = document_name(grant)
    grantee = grant.grantee
    roles = _system_roles(agencies, grantee.agency, grantee.system)
    if grant.revoked:
        # What is revoked releases nothing, and must stay sayable when its entry has changed.
        return
    if roles is None:
        yield Problem(name, "system", "a system of an agency of the catalog", grant.system)
    elif SystemRole.SUBSCRIBER not in roles:
        yield Problem(name, "system", "a system with role subscriber", ", ".join(roles))
    entry = entries.get(grant.entry)
    if entry is None:
        yield Problem(name, "entry", "an entry of the catalog", grant.entry)
        return
    if entry.sharing_class == "not_shared":
        yield Problem(name, "entry", "an entry that is shared", f"{grant.entry} (不予共享)")
        return
    unknown = [field for field in grant.fields if field not in entry.field_names]
    if unknown:
        yield Problem(name, "fields", f"fields of {grant.entry}", ", ".join(unknown))
    marked = sorted(grant.told_fields & entry.marked_fields)
    if marked and grant.agreement is None:
        yield Problem(
            name,
            "agreement",
            "a security and confidentiality agreement (安全保密协议, Order 171 Art 19)",
            f"none, for the marked fields {', '.join(marked)}",
        )
    if grant.row_filter is not None:
        yield from filter_problems(name, grant.row_filter, entry)
    if grant.approval == "automatic":
        yield from _automatic_problems(name, grant, entry)


def filter_problems(name: str, row_filter: RowFilter, entry: CatalogEntry) -> Iterator[Problem]:
    """What is wrong with a row filter on an entry; ``name`` is the document that has it."""
    types = _kinds_of_fields(entry.avro_schema)
    for condition in row_filter.all:
        if condition.field not in types:
            yield Problem(name, "row_filter", f"fields of {entry.id}", condition.field)
        elif types[condition.field] not in ("string", "int", "long", "enum"):
            yield Problem(
                name,
                f"row_filter {condition.field}",
                "a field of type string, int, long or enum, nullable or not",
                types[condition.field],
            )


def _kinds_of_fields(avro_schema: Mapping[str, Any]) -> dict[str, str]:
    """Kind of each top-level field; a nullable field has the kind of its other branch."""
    return {field["name"]: _kind_of(field["type"]) for field in avro_schema["fields"]}


def _kind_of(avro_type: Any) -> str:
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return _kind_of(branches[0]) if len(branches) == 1 else "union"
    if isinstance(avro_type, Mapping):
        # A logical type changes what the text of a value is: dates do not compare as integers.
        return str(avro_type.get("logicalType", avro_type.get("type")))
    return str(avro_type)


def _automatic_problems(name: str, grant: Grant, entry: CatalogEntry) -> Iterator[Problem]:
    def problem(expected: str, found: str) -> Problem:
        return Problem(name, "approval", f"provider: automatic is for {expected}", found)

    if not isinstance(entry.sharing, Unconditional):
        yield problem("unconditional entries", entry.sharing_class)
    elif not is_in_scope(entry.sharing, grant.grantee.agency):
        yield problem("agencies in the entry's scope", grant.grantee.agency)
    marked = sorted(grant.told_fields & entry.marked_fields)
    if marked:
        yield problem("unmarked fields", ", ".join(marked))


def is_in_scope(sharing: Unconditional, agency: str) -> bool:
    """Whether the agency is one of those concerned (相关行政机关, Order 171 Art 10 ¶2)."""
    return sharing.agencies is None or agency in sharing.agencies


def check_change(before: CatalogEntry, after: CatalogEntry) -> list[Problem]:
    """What an entry that was published once can no longer change.

    Its accepted events lie on the broker in that form: another key or another partition count would
    break the promise that compacted views are right. An unconditional entry that would have a
    second copy, or lose it, becomes conditional first: then nobody reads the shared one meanwhile.
    """
    name = document_name(after)
    changes = [
        ("partitions", str(before.partitions), str(after.partitions)),
        ("key_fields", ", ".join(before.key_fields), ", ".join(after.key_fields)),
    ]
    if before.sharing_class == after.sharing_class == "unconditional":
        exposed = after.marked_fields & set(before.field_names) - before.marked_fields
        if exposed:
            changes.append(("data_items", "no mark", f"a mark on {', '.join(sorted(exposed))}"))
        elif before.shares_one_copy != after.shares_one_copy:
            marked = ["no marked field", "a marked field"]
            changes.append(
                (
                    "data_items",
                    marked[bool(before.marked_fields)],
                    marked[bool(after.marked_fields)],
                )
            )
    return [
        Problem(name, field, f"{old}, as published", new)
        for field, old, new in changes
        if old != new
    ]
