"""A city of agencies, entries and grants, of any size, for the benchmarks of governance."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from bench_stage import FIELDS

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant

_OFFICER: Final = {"name": "bench", "title": "bench"}
_DISTRICTS: Final = ("330203", "330205", "330206", "330211", "330212", "330213", "330225", "330226")
_FIELDS: Final = tuple(field["name"] for field in FIELDS)


class CitySize(NamedTuple):
    """How many of each; grants and views are spread evenly over the conditional entries."""

    agencies: int
    entries: int
    grants: int
    views: int


def city(size: CitySize) -> Collection:
    """Every agency provides and subscribes; ``views`` entries are conditional, one view each."""
    agencies = tuple(_agency(number) for number in range(size.agencies))
    conditional = min(size.views, size.entries)
    entries = tuple(
        _entry(number, size, is_conditional=number < conditional) for number in range(size.entries)
    )
    return Collection(agencies, entries, tuple(_grants(size, conditional)))


def _agency(number: int) -> Agency:
    return Agency.model_validate(
        {
            "id": f"agency-{number}", "code": f"BENCH-{number:05d}", "name": f"机关 {number}",
            "jurisdiction": "330200", "officer": _OFFICER,
            "systems": [
                {"id": "writer", "name": "writer", "roles": ["provider"]},
                {"id": "reader", "name": "reader", "roles": ["subscriber"]},
            ],
        }
    )  # fmt: skip


def _entry(number: int, size: CitySize, *, is_conditional: bool) -> CatalogEntry:
    sharing: dict[str, Any] = {"class": "conditional", "conditions": "bench"}
    if not is_conditional:
        # Self-service within a scope: an unconditional entry for all would be a grant for each.
        others = [f"agency-{(number + step) % size.agencies}" for step in (1, 2)]
        sharing = {"class": "unconditional", "agencies": others}
    return CatalogEntry.model_validate(
        {
            "id": f"entry-{number}", "name": f"目录 {number}", "scope": "bench",
            "jurisdiction": "330200",
            "avro_schema": {"type": "record", "name": "LegalPerson", "fields": FIELDS},
            "key_fields": ["uscc"],
            "data_items": [
                {"field": name, "name": name, "origin": {"kind": "collected", "basis": "bench"}}
                for name in _FIELDS
            ],
            "sharing": sharing,
            "provider": {"agency": f"agency-{number % size.agencies}", "system": "writer",
                         "officer": _OFFICER},
            "update": {"frequency": "daily", "deadline": "bench"},
            "database": {"kind": "specialised", "domain": "bench"},
        }
    )  # fmt: skip


def _grants(size: CitySize, conditional: int) -> Iterator[Grant]:
    for number in range(size.grants):
        entry, round_number = number % conditional, number // conditional
        yield grant_of(f"g-{number}", entry, (entry + 1 + round_number) % size.agencies)


def grant_of(grant_id: str, entry: int, agency: int) -> Grant:
    """A grant of one view of an entry: the same fields and rows for every agency."""
    return Grant.model_validate(
        {
            "id": grant_id, "entry": f"entry-{entry}", "system": f"agency-{agency}.reader",
            "fields": list(_FIELDS[:-2]),
            "row_filter": {"all": [{"field": "district",
                                    "one_of": [_DISTRICTS[entry % len(_DISTRICTS)]]}]},
            "purpose": {"legal_basis": "bench", "scenario": "bench", "scope": "bench"},
            "term": {"first_day": "2026-01-01", "last_day": "2099-01-01"},
        }
    )  # fmt: skip
