"""What an agency would hold in sum grows with its grants, and a warning names what is new in it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.holdings import (
    COMBINATIONS_MAX,
    Held,
    Holding,
    for_provider,
    holding_of,
    holdings_of,
    joined_by,
    keys_of,
    new_combinations,
    sum_of,
)

from .docket.town import FIVE, OFFICER

PERSON = "person.id"
FIELDS: dict[str, dict[str, tuple[str, str | None]]] = {
    # entry: field: (mark, content item); the first field is the key
    "persons": {"id": ("personal", PERSON), "name": ("personal", "person.name")},
    "incomes": {"payer": ("personal", PERSON), "income": ("sensitive_personal", "person.income")},
    "firms": {"code": ("none", "firm.code"), "chief": ("personal", PERSON), "site": ("none", None)},
    "parks": {"park": ("none", None), "area": ("none", None)},
}


def entry_of(name: str) -> CatalogEntry:
    fields = FIELDS[name]
    return CatalogEntry.model_validate(
        {
            "id": name, "name": name, "scope": "全市", "jurisdiction": "330200",
            "avro_schema": {
                "type": "record", "name": "Row",
                "fields": [{"name": field, "type": "string"} for field in fields],
            },
            "key_fields": [next(iter(fields))],
            "data_items": [
                {"field": field, "name": field, "mark": mark, "content_item": item,
                 "origin": {"kind": "collected", "basis": "条例"}}
                for field, (mark, item) in fields.items()
            ],
            "sharing": {"class": "conditional", "conditions": "依法履职"},
            "provider": {"agency": "market", "system": "desk", "officer": OFFICER},
            "update": {"frequency": "daily", "deadline": "次日"},
            "database": {"kind": "base", "domain": "人口"},
        }
    )  # fmt: skip


ENTRIES = {name: entry_of(name) for name in FIELDS}
KEYS = keys_of(ENTRIES.values())
PERSON_KEY = frozenset({PERSON})


def grant_of(name: str, entry: str, *fields: str, **changes: Any) -> Grant:
    purpose = {key: FIVE[key] for key in ("legal_basis", "scenario", "scope")}
    return Grant.model_validate(
        {"id": name, "entry": entry, "system": "tax.desk", "fields": fields or [*FIELDS[entry]],
         "purpose": purpose, "term": FIVE["term"], **changes}
    )  # fmt: skip


@st.composite
def grants(draw: st.DrawFn, name: str = "g-0") -> Grant:
    entry = draw(st.sampled_from(sorted(FIELDS)))
    fields = draw(st.lists(st.sampled_from(sorted(FIELDS[entry])), min_size=1, unique=True))
    filtered = draw(st.none() | st.sampled_from(sorted(FIELDS[entry])))
    conditions = {"all": [{"field": filtered, "one_of": ["1"]}]} if filtered else None
    return grant_of(name, entry, *fields, row_filter=conditions)


many = st.integers(0, 5).flatmap(
    lambda count: st.tuples(*(grants(f"g-{number}") for number in range(count)))
)


def held(*given: Grant) -> tuple[Holding, ...]:
    return holdings_of("tax", given, ENTRIES)


def fields_of(holdings: tuple[Holding, ...]) -> frozenset[Held]:
    return frozenset().union(*(each.fields for each in holdings))


@given(some=many, more=grants("g-9"))
def test_what_is_held_and_joined_only_grows_with_a_grant(some: Any, more: Grant) -> None:
    before, after = held(*some), held(*some, more)
    assert fields_of(before) <= fields_of(after)
    for key in KEYS:
        assert joined_by(key, before) <= joined_by(key, after)


@given(some=many, more=grants("g-9"))
def test_warning_names_exactly_what_could_not_be_joined_before(some: Any, more: Grant) -> None:
    before = held(*some)
    added = holding_of(ENTRIES[more.entry], more)
    found = {each.key: each for each in new_combinations(before, added, KEYS)}
    for key in KEYS:
        was, now = joined_by(key, before), joined_by(key, (*before, added))
        is_news = now > was and now > joined_by(key, (added,))
        assert (key in found) == is_news
        if is_news:
            assert (found[key].fields, found[key].new) == (now, now - was)


@given(some=many.filter(bool))
def test_nothing_is_new_in_what_is_held_already(some: Any) -> None:
    again = holding_of(ENTRIES[some[0].entry], some[0])
    assert new_combinations(held(*some), again, KEYS) == ()


@given(more=grants())
def test_first_grant_joins_nothing(more: Grant) -> None:
    assert new_combinations((), holding_of(ENTRIES[more.entry], more), KEYS) == ()


@given(some=many, more=grants("g-9"))
def test_provider_learns_of_no_entry_by_the_sum(some: Any, more: Grant) -> None:
    stated = sum_of(held(*some), holding_of(ENTRIES[more.entry], more), KEYS)
    shown = for_provider(stated)
    assert not {"held", "new"} & {name for each in shown["joinable"] for name in each}
    assert {name: shown[name] for name in ("entries", "fields", "marked")} == (
        {name: stated[name] for name in ("entries", "fields", "marked")}
    )


def test_name_and_income_about_the_same_person_are_a_new_combination() -> None:
    added = holding_of(ENTRIES["incomes"], grant_of("g-2", "incomes"))
    (found,) = new_combinations(held(grant_of("g-1", "persons")), added, KEYS)
    assert found.key == PERSON_KEY
    assert {(each.entry, each.field) for each in found.new} == {
        ("incomes", "payer"), ("incomes", "income"),
    }  # fmt: skip
    stated = sum_of(held(grant_of("g-1", "persons")), added, KEYS)
    assert stated["marked"] == {"personal": 3, "sensitive_personal": 1}
    assert stated["joinable"][0]["held"]["persons"] == {"id": "personal", "name": "personal"}


def test_person_named_in_another_kind_of_entity_is_joined_by_it() -> None:
    added = holding_of(ENTRIES["firms"], grant_of("g-2", "firms", "chief", "site"))
    (found,) = new_combinations(held(grant_of("g-1", "persons")), added, KEYS)
    assert found.key == PERSON_KEY


def test_pseudonym_of_a_key_joins_nothing() -> None:
    added = holding_of(ENTRIES["incomes"], grant_of("g-2", "incomes", "income"))
    assert new_combinations(held(grant_of("g-1", "persons")), added, KEYS) == ()


def test_field_that_only_chooses_rows_is_told_and_joins_nothing() -> None:
    rows = {"all": [{"field": "payer", "one_of": ["1"]}]}
    added = holding_of(ENTRIES["incomes"], grant_of("g-2", "incomes", "income", row_filter=rows))
    assert {each.field for each in added.fields} == {"payer", "income"}
    assert new_combinations(held(grant_of("g-1", "persons")), added, KEYS) == ()


def test_grant_of_another_agency_or_one_that_was_revoked_is_not_held() -> None:
    others = (
        grant_of("g-1", "persons", system="taxi.desk"),
        grant_of("g-2", "persons", revoked=True),
        grant_of("g-3", "parks", "park").model_copy(update={"entry": "gone"}),
    )
    assert held(*others) == ()


def test_many_combinations_are_counted_beyond_those_that_are_named() -> None:
    count = COMBINATIONS_MAX + 3
    everything = frozenset(f"key-{number}" for number in range(count))
    keys = [frozenset({each}) for each in everything]
    mark = next(iter(held(grant_of("g-1", "parks"))[0].fields)).mark
    before = [Holding("g-1", frozenset({Held("a", "x", mark)}), everything)]
    added = Holding("g-2", frozenset({Held("b", "y", mark)}), everything)
    stated = sum_of(before, added, keys)
    assert (len(stated["joinable"]), stated["more"]) == (COMBINATIONS_MAX, 3)
