"""What an agency would hold in sum, and what becomes joinable by one more grant. Pure.

Each grant by itself may be harmless where together they are not (聚合风险, Order 809 Art 25): a
name here, an income there, about the same person. Data are joinable where they contain the key of
the same kind of entity, whole and not as a pseudonym: of whatever entry of the catalog it is the
key. Filters of rows are left out of account: what is counted is what may be held about some entity.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sharebus.governance.entry import CatalogEntry, DataItem, Mark
from sharebus.governance.grant import Grant

IN_SUM: Final = "in_sum"
"""The field of a request that says what its agency would hold in sum."""
COMBINATIONS_MAX: Final = 20
"""Named in a sum, the ones with the most marked fields first: it is written with its case."""

Key = frozenset[str]
"""What the fields of a key contain: content items, or ``entry/field`` where none is stated."""


class Held(NamedTuple):
    """A field that an agency learns of, by a grant: of which entry, and under which protection."""

    entry: str
    field: str
    mark: Mark


class Holding(NamedTuple):
    """What one grant tells: the fields, and what those that it releases contain."""

    grant: str
    fields: frozenset[Held]
    contains: frozenset[str]


class Combination(NamedTuple):
    """What can be joined about one kind of entity: all of it, and what of it is new."""

    key: Key
    fields: frozenset[Held]
    new: frozenset[Held]


def keys_of(entries: Iterable[CatalogEntry]) -> frozenset[Key]:
    """The keys of all kinds of entities in the catalog."""
    return frozenset(
        frozenset(_content(entry, item) for item in entry.data_items
                  if item.field in entry.key_fields)
        for entry in entries
    )  # fmt: skip


def holding_of(entry: CatalogEntry, grant: Grant) -> Holding:
    """What a grant on an entry tells."""
    told = [item for item in entry.data_items if item.field in grant.told_fields]
    return Holding(
        grant.id,
        frozenset(Held(entry.id, item.field, item.mark) for item in told),
        frozenset(_content(entry, item) for item in told if item.field in grant.fields),
    )


def holdings_of(
    agency: str, grants: Iterable[Grant], entries: Mapping[str, CatalogEntry]
) -> tuple[Holding, ...]:
    """What an agency holds by the grants in force of all its systems, by grant."""
    own = f"{agency}."
    return tuple(
        holding_of(entries[grant.entry], grant)
        for grant in sorted(grants, key=lambda each: each.id)
        if grant.system.startswith(own) and not grant.revoked and grant.entry in entries
    )


def joined_by(key: Key, holdings: Iterable[Holding]) -> frozenset[Held]:
    """Every field that can be joined about one kind of entity."""
    fitting = [holding.fields for holding in holdings if key <= holding.contains]
    return frozenset().union(*fitting)


def new_combinations(
    before: Iterable[Holding], added: Holding, keys: Iterable[Key]
) -> tuple[Combination, ...]:
    """What becomes joinable by a holding: more than was before, and more than it tells alone.

    The one with the most marked fields stands first.
    """
    before = tuple(before)
    found = []
    for key in keys:
        if key <= added.contains:
            was = joined_by(key, before)
            fields = was | added.fields
            if fields > was and fields > added.fields:
                found.append(Combination(key, fields, fields - was))
    found.sort(key=lambda each: (-len(_marked(each.fields)), sorted(each.key)))
    return tuple(found)


def sum_of(before: Iterable[Holding], added: Holding, keys: Iterable[Key]) -> dict[str, Any]:
    """What would be held in sum, and what becomes joinable, in the words of a case."""
    before = tuple(before)
    held = frozenset().union(*(each.fields for each in (*before, added)))
    combinations = new_combinations(before, added, keys)
    return {
        **_counts(held),
        "joinable": [
            {
                "key": sorted(each.key), **_counts(each.fields),
                "held": _by_entry(each.fields), "new": _by_entry(each.new),
            }
            for each in combinations[:COMBINATIONS_MAX]
        ],
        "more": max(0, len(combinations) - COMBINATIONS_MAX),
    }  # fmt: skip


def for_provider(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The same without what nobody but the agency and the authority may know: how much is held and
    joined under which protection, and not of which entries."""
    hidden = ("held", "new")
    combinations = [
        {name: value for name, value in each.items() if name not in hidden}
        for each in stated["joinable"]
    ]
    return {**stated, "joinable": combinations}


def _content(entry: CatalogEntry, item: DataItem) -> str:
    return item.content_item or f"{entry.id}/{item.field}"


def _counts(fields: frozenset[Held]) -> dict[str, Any]:
    marks = Counter(str(held.mark) for held in _marked(fields))
    entries = len({held.entry for held in fields})
    return {"entries": entries, "fields": len(fields), "marked": dict(sorted(marks.items()))}


def _marked(fields: frozenset[Held]) -> list[Held]:
    return [held for held in fields if held.mark is not Mark.NONE]


def _by_entry(fields: frozenset[Held]) -> dict[str, dict[str, str]]:
    named: dict[str, dict[str, str]] = {}
    for held in sorted(fields):
        named.setdefault(held.entry, {})[held.field] = str(held.mark)
    return named
