"""What narrows an entry, so that it takes a filed change first (Order 809 Art 27)."""

from collections.abc import Iterator
from typing import Any

from sharebus.governance.entry import CatalogEntry, Unconditional


def narrowings(before: CatalogEntry, after: CatalogEntry) -> list[str]:
    """In words, what an entry would give less of than it does, or under another protection.

    Another class, fewer agencies, fewer fields, a schema that breaks, a mark that is taken away,
    another field by which data flow back.
    """
    ways = (_class, _fields, _marks, _division)
    return [narrower for way in ways for narrower in way(before, after)]


def _class(before: CatalogEntry, after: CatalogEntry) -> Iterator[str]:
    match before.sharing, after.sharing:
        case Unconditional(agencies=had), Unconditional(agencies=has):
            if has is None:
                return
            lost = ["some of all"] if had is None else sorted(set(had) - set(has))
            if lost:
                yield f"agencies no longer concerned: {', '.join(lost)}"
        case was, becomes if was.sharing_class != becomes.sharing_class:
            yield f"class {was.sharing_class} becomes {becomes.sharing_class}"
        case was, becomes if was != becomes:
            yield "other conditions"


def _fields(before: CatalogEntry, after: CatalogEntry) -> Iterator[str]:
    had, has = _schema_fields(before), _schema_fields(after)
    for name, field in had.items():
        if name not in has:
            yield f"field {name} is gone"
        elif has[name]["type"] != field["type"]:
            yield f"field {name} has another type"
    for name, field in has.items():
        if name not in had and "default" not in field:
            yield f"new field {name} has no default, so that readers of the old schema break"


def _marks(before: CatalogEntry, after: CatalogEntry) -> Iterator[str]:
    has = {item.field: item.mark for item in after.data_items}
    for item in before.data_items:
        if item.field in has and item.mark != has[item.field]:
            yield f"field {item.field} is marked {has[item.field]}, not {item.mark}"


def _division(before: CatalogEntry, after: CatalogEntry) -> Iterator[str]:
    if before.division_field not in (None, after.division_field):
        yield f"data no longer flow back by {before.division_field}"


def _schema_fields(entry: CatalogEntry) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in entry.avro_schema["fields"]}
