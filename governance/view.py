"""Views: the distinct policies (fields released + row filter) under which an entry is read.

A view is a policy, not a subscriber: systems with the same policy share one view, so cost grows
with policies. The view named ``shared`` is the copy that every grantee of an unconditional entry
reads; it never holds a marked field (Order 171 Art 19).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from sharebus.governance.collection import is_in_scope
from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.grant import Condition, Grant, RowFilter

SHARED: Final = "shared"
_NAME_DIGITS: Final = 32
"""An applicant chooses the values of its filter: with fewer digits it could search for some whose
view has the name, and so the topic, of another policy."""
Row = Mapping[str, Any]


class View(NamedTuple):
    """One policy of one entry.

    ``fields`` are released, in the schema's order. ``has_pseudonym_key``: a key field is withheld,
    so records are keyed by a keyed pseudonym of the entity key. ``filters_on_key``: the row filter
    looks at key fields alone, so whether a row is in the view follows from its key.
    """

    name: str
    fields: tuple[str, ...]
    row_filter: RowFilter | None
    has_pseudonym_key: bool
    filters_on_key: bool

    @property
    def needs_key_set(self) -> bool:
        """Whether the gate must remember which keys the view holds, to tombstone leavers."""
        return self.row_filter is not None and not self.filters_on_key


def view_of(entry: CatalogEntry, fields: Iterable[str], row_filter: RowFilter | None) -> View:
    """The view that releases ``fields`` of the rows that pass ``row_filter``."""
    released = set(fields)
    ordered = tuple(name for name in entry.field_names if name in released)
    has_pseudonym_key = not set(entry.key_fields) <= released
    filtered = {condition.field for condition in row_filter.all} if row_filter else set()
    filters_on_key = bool(filtered) and filtered <= set(entry.key_fields)
    unmarked = tuple(name for name in entry.field_names if name not in entry.marked_fields)
    if entry.sharing_class == "unconditional" and ordered == unmarked and row_filter is None:
        name = SHARED
    else:
        policy = {
            "fields": sorted(ordered),
            "row_filter": _canonical(row_filter),
            "has_pseudonym_key": has_pseudonym_key,
        }
        text = json.dumps(policy, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        name = "v-" + hashlib.sha256(text.encode()).hexdigest()[:_NAME_DIGITS]
    return View(name, ordered, row_filter, has_pseudonym_key, filters_on_key)


def view_of_grant(entry: CatalogEntry, grant: Grant) -> View:
    """The view that a grant reads."""
    return view_of(entry, grant.fields, grant.row_filter)


def is_released(entry: CatalogEntry, grant: Grant) -> bool:
    """Whether the entry can be released under the grant, whichever way both became facts.

    It is still shared; an agreement covers marked fields (Order 171 Art 19); and what was granted
    automatically is still unconditional, unmarked and within the scope (Art 10 ¶2, Art 18 ¶1).
    """
    if grant.entry != entry.id or grant.revoked or entry.retired:
        return False
    if entry.sharing_class == "not_shared":
        return False
    is_marked = bool(entry.marked_fields & grant.told_fields)
    if grant.approval == "automatic":
        sharing = entry.sharing
        is_open = isinstance(sharing, Unconditional) and is_in_scope(sharing, grant.grantee.agency)
        return is_open and not is_marked
    return grant.agreement is not None or not is_marked


def views_of(entry: CatalogEntry, grants: Iterable[Grant]) -> tuple[View, ...]:
    """The views an entry needs: ``shared`` if it is unconditional, and one per distinct policy.

    Sorted by name, so that equal inputs give equal plans. A grant that cannot be released under
    needs no view, and a retired entry has none.
    """
    views: dict[str, View] = {}
    if entry.sharing_class == "unconditional" and not entry.retired:
        unmarked = [name for name in entry.field_names if name not in entry.marked_fields]
        if unmarked:
            views[SHARED] = view_of(entry, unmarked, None)
    for grant in grants:
        if is_released(entry, grant):
            view = view_of_grant(entry, grant)
            views[view.name] = view
    return tuple(views[name] for name in sorted(views))


def compile_row_filter(row_filter: RowFilter | None) -> Callable[[Row], bool]:
    """A predicate on decoded rows. Integers compare by their decimal text; null never passes.

    A row of an older schema that has not got the field is withheld like one with null.
    """
    if row_filter is None:
        return lambda row: True
    tests = [_compile_condition(condition) for condition in row_filter.all]
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _compile_condition(condition: Condition) -> Callable[[Row], bool]:
    name = condition.field
    if condition.one_of is not None:
        allowed = condition.one_of

        def is_one_of(row: Row) -> bool:
            value = row.get(name)
            return value is not None and str(value) in allowed

        return is_one_of
    prefixes = tuple(sorted(condition.starts_with or ()))

    def starts_with(row: Row) -> bool:
        value = row.get(name)
        return value is not None and str(value).startswith(prefixes)

    return starts_with


def _canonical(row_filter: RowFilter | None) -> list[list[Any]] | None:
    if row_filter is None:
        return None
    return sorted(
        [
            condition.field,
            "one_of" if condition.one_of else "starts_with",
            sorted(condition.one_of or condition.starts_with or ()),
        ]
        for condition in row_filter.all
    )


def view_schema(avro_schema: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """The Avro schema of a view: the entry's record with the released fields alone.

    A named type that was defined inside a withheld field is defined at its first use that is left,
    so the result stands by itself and tells nothing of what is withheld. A ``doc`` of the record
    is left out, since it may describe withheld fields.
    """
    named: dict[str, Mapping[str, Any]] = {}
    namespace = avro_schema.get("namespace", "")
    for field in avro_schema["fields"]:
        _collect_named(field["type"], namespace, named)
    released = set(fields)
    written: set[str] = set()
    kept = [
        {**field, "type": _write_type(field["type"], namespace, named, written)}
        for field in avro_schema["fields"]
        if field["name"] in released
    ]
    view: dict[str, Any] = {"type": "record", "name": avro_schema["name"]}
    if namespace:
        view["namespace"] = namespace
    view["fields"] = kept
    return view


def _full_name(schema: Mapping[str, Any], namespace: str) -> str:
    name = str(schema["name"])
    space = str(schema.get("namespace", namespace))
    return name if "." in name or not space else f"{space}.{name}"


def _collect_named(schema: Any, namespace: str, named: dict[str, Mapping[str, Any]]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect_named(branch, namespace, named)
    elif isinstance(schema, Mapping):
        if schema["type"] in ("record", "enum", "fixed"):
            full = _full_name(schema, namespace)
            named[full] = schema
            namespace = full.rpartition(".")[0]
        for field in schema.get("fields", ()):
            _collect_named(field["type"], namespace, named)
        for part in ("items", "values"):
            if part in schema:
                _collect_named(schema[part], namespace, named)


def _write_type(
    schema: Any, namespace: str, named: Mapping[str, Mapping[str, Any]], written: set[str]
) -> Any:
    if isinstance(schema, list):
        return [_write_type(branch, namespace, named, written) for branch in schema]
    if isinstance(schema, str):
        full = schema if "." in schema or not namespace else f"{namespace}.{schema}"
        if full not in named or full in written:
            return schema
        return _write_type(named[full], full.rpartition(".")[0], named, written)
    copy = dict(schema)
    if schema["type"] in ("record", "enum", "fixed"):
        full = _full_name(schema, namespace)
        if full in written:  # a definition that an earlier reference has brought forward
            return full
        written.add(full)
        namespace = full.rpartition(".")[0]
        if namespace:
            copy["namespace"] = namespace
    if "fields" in schema:
        copy["fields"] = [
            {**field, "type": _write_type(field["type"], namespace, named, written)}
            for field in schema["fields"]
        ]
    for part in ("items", "values"):
        if part in schema:
            copy[part] = _write_type(schema[part], namespace, named, written)
    return copy
