"""What gives less of an entry than before is told apart from what gives the same or more."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.narrowing import narrowings

MakeEntry = Callable[..., CatalogEntry]


def with_field(entry: CatalogEntry, name: str, **field: Any) -> CatalogEntry:
    document = json.loads(entry.model_dump_json(by_alias=True))
    document["avro_schema"]["fields"].append({"name": name, "type": "string", **field})
    origin = {"kind": "collected", "basis": "条例"}
    document["data_items"].append({"field": name, "name": name, "origin": origin})
    return CatalogEntry.model_validate(document)


def test_same_entry_is_not_narrower_than_itself(make_entry: MakeEntry) -> None:
    entry = make_entry(marks={"owner": "personal"})
    assert narrowings(entry, entry) == []
    assert narrowings(entry, entry.model_copy(update={"name": "别名"})) == []


def test_field_more_is_wider_and_field_less_narrower(make_entry: MakeEntry) -> None:
    entry = make_entry()
    wider = with_field(entry, "note", default="")
    assert narrowings(entry, wider) == []
    assert narrowings(wider, entry) == ["field note is gone"]
    assert "has no default" in narrowings(entry, with_field(entry, "note"))[0]


def test_mark_that_comes_or_goes_changes_the_protection(make_entry: MakeEntry) -> None:
    open_entry, marked = make_entry(), make_entry(marks={"owner": "personal"})
    assert narrowings(open_entry, marked) == ["field owner is marked personal, not none"]
    assert narrowings(marked, open_entry) == ["field owner is marked none, not personal"]


ALL = {"class": "unconditional"}
TAX = {"class": "unconditional", "agencies": ["tax"]}
BOTH = {"class": "unconditional", "agencies": ["tax", "bureau"]}
BY_DUTY = {"class": "conditional", "conditions": "依法履职"}
BY_LAW = {"class": "conditional", "conditions": "法律规定"}


@pytest.mark.parametrize(
    ("before", "after", "is_narrower"),
    [
        (ALL, TAX, True), (BOTH, TAX, True), (TAX, BOTH, False), (TAX, ALL, False),
        (ALL, BY_DUTY, True), (BY_DUTY, ALL, True), (BY_DUTY, BY_LAW, True),
        (BY_DUTY, BY_DUTY, False),
    ],
    ids=str,
)  # fmt: skip
def test_class_scope_and_conditions(
    make_entry: MakeEntry, before: dict[str, Any], after: dict[str, Any], is_narrower: bool
) -> None:
    assert bool(narrowings(make_entry(sharing=before), make_entry(sharing=after))) is is_narrower


def test_what_is_narrower_is_told_in_words(make_entry: MakeEntry) -> None:
    def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        return narrowings(make_entry(sharing=before), make_entry(sharing=after))

    assert told(ALL, BY_DUTY) == ["class unconditional becomes conditional"]
    assert told(BY_DUTY, BY_LAW) == ["other conditions"]
    assert told(ALL, TAX) == ["agencies no longer concerned: some of all"]
    assert told(BOTH, TAX) == ["agencies no longer concerned: bureau"]


def test_field_by_which_data_flow_back_is_missed_when_it_is_another(make_entry: MakeEntry) -> None:
    entry = make_entry()
    by_district = make_entry(division_field="district")
    by_owner = make_entry(division_field="owner")
    assert narrowings(entry, by_district) == narrowings(by_district, by_district) == []
    for after in (entry, by_owner):
        assert narrowings(by_district, after) == ["data no longer flow back by district"]
