"""What no document can tell of itself alone: each contradiction is named, with its words."""

from typing import Any

import pytest

from sharebus.governance.collection import Collection, Problem, check_change, check_collection
from sharebus.governance.entry import CatalogEntry

from . import town

PARTIES = (town.provider(), town.reader(), town.other_reader())
NAME, MARKET = "entry persons", town.case.AGENCY
ALL_MARKED = dict.fromkeys(("code", "district", "name"), "privacy")


def of_origin(kind: str, **origin: Any) -> CatalogEntry:
    document = town.entry().model_dump(mode="json", by_alias=True)
    document["data_items"][1]["origin"] = {"kind": kind, "basis": "示例法", **origin}
    return CatalogEntry.model_validate(document)


def problems(entry: CatalogEntry, *agencies: Any, **beside: Any) -> list[Problem]:
    return check_collection(agencies or PARTIES, [entry], [], **beside)


@pytest.mark.parametrize(
    ("entry", "agencies", "field", "expected", "found"),
    [
        (town.entry(), (town.reader(),), "provider.agency", "an agency of the catalog", MARKET),
        (
            town.entry(),
            (town.agency(MARKET, "TEST-MARKET", "another", "provider"),),
            "provider.system", f"a system of {MARKET}", town.case.SYSTEM,
        ),
        (
            town.entry(),
            (town.agency(MARKET, "TEST-MARKET", town.case.SYSTEM, "subscriber"),),
            "provider.system", "a system with role provider", "subscriber",
        ),
        (
            town.entry("closed"), PARTIES[:2],
            "sharing.agencies", "agencies of the catalog", "health",
        ),
        (
            of_origin("shared", entry="persons"), PARTIES,
            "data_items.district.origin.entry", "another entry", "persons",
        ),
        (
            of_origin("shared", entry="others"), PARTIES,
            "data_items.district.origin.entry", "an entry of the catalog", "others",
        ),
    ],
    ids=["no agency", "no system", "no role", "scope", "from itself", "from nowhere"],
)  # fmt: skip
def test_entry_that_contradicts_what_is_beside_it_is_told_so(
    entry: CatalogEntry, agencies: Any, field: str, expected: str, found: str
) -> None:
    assert problems(entry, *agencies) == [Problem(NAME, field, expected, found)]
    assert problems(town.entry(), *PARTIES) == []


@pytest.mark.parametrize(
    "entry",
    [
        town.entry("open"), town.entry("closed"), town.entry("conditional", marks=ALL_MARKED),
        of_origin("derived"), of_origin("derived", entry="persons"), of_origin("collected"),
        town.entry(retired=True),
    ],
    ids=["open", "scope", "all marked", "derived", "derived from itself", "collected", "retired"],
)  # fmt: skip
def test_entry_that_contradicts_nothing_has_no_problem(entry: CatalogEntry) -> None:
    assert problems(entry) == []


def test_retired_entry_stays_sayable_when_its_provider_has_left() -> None:
    assert problems(town.entry(retired=True), town.reader()) == []


def test_unconditional_entry_of_which_all_is_marked_would_be_empty() -> None:
    (problem,) = problems(town.entry("open", marks=ALL_MARKED))
    assert (problem.field, problem.found) == ("sharing.class", "unconditional")


def test_documents_are_judged_beside_others_that_they_replace() -> None:
    health = town.other_reader()
    same_code = health.model_copy(update={"code": town.reader().code})
    beside = Collection(agencies=(town.reader(), same_code))
    given = (town.provider(), health)
    assert problems(town.entry("closed"), *given, beside=beside) == []
    (problem,) = problems(town.entry(), town.provider(), same_code, beside=beside)
    assert (problem.document, problem.field) == ("agency tax", "code")
    assert problems(town.entry(), town.provider(), beside=Collection(agencies=(health,))) == []
    from_others = of_origin("shared", entry="others")
    others = Collection(entries=(town.entry().model_copy(update={"id": "others"}),))
    assert problems(from_others, beside=others) == []


@pytest.mark.parametrize(
    ("changes", "field", "found"),
    [
        ({"entry": "others"}, "entry", "others"),
        ({"fields": ["z", "code", "a"]}, "fields", "z, a"),
        ({"system": f"{MARKET}.{town.case.SYSTEM}"}, "system", "provider"),
        ({"system": "tax.other"}, "system", "tax.other"),
    ],
    ids=["no entry", "no fields", "no role", "no system"],
)
def test_grant_that_contradicts_what_is_beside_it_is_told_so(
    changes: dict[str, Any], field: str, found: str
) -> None:
    grant = town.grant(["code"]).model_copy(update={**changes})
    told = check_collection(PARTIES, [town.entry()], [grant])
    assert [(each.document, each.field, each.found) for each in told] == [
        ("grant g-1", field, found)
    ]
    revoked = grant.model_copy(update={"revoked": True})
    assert check_collection(PARTIES, [town.entry()], [revoked]) == []


def test_filter_on_a_field_of_several_types_is_told_so() -> None:
    fields = [{"name": "code", "type": "string"}, {"name": "size", "type": ["int", "string"]}]
    entry = town.case.entry("persons", avro_schema=town.case.schema(fields))
    grant = town.grant(["code"], conditions=[{"field": "size", "one_of": ["1"]}])
    told = check_collection(PARTIES, [entry], [grant])
    assert ("grant g-1", "row_filter size", "union") in [
        (p.document, p.field, p.found) for p in told
    ]


def test_marked_fields_of_a_grant_are_named_in_order() -> None:
    entry = town.entry("open", marks={"name": "personal", "code": "privacy"})
    grant = town.grant(["name", "code"], approval="automatic")
    agreement, approval = check_collection(PARTIES, [entry], [grant])
    assert agreement.found == "none, for the marked fields code, name"
    assert (approval.field, approval.found) == ("approval", "code, name")


def changes(before: CatalogEntry, after: CatalogEntry) -> list[tuple[str, str, str]]:
    told = check_change(before, after)
    assert {problem.document for problem in told} <= {NAME}
    return [(field, expected, found) for _, field, expected, found in told]


def test_what_lies_on_the_broker_in_one_form_keeps_it() -> None:
    plain = town.entry()
    assert changes(plain, plain) == []
    assert changes(plain, town.entry(partitions=2)) == [("partitions", "1, as published", "2")]
    keys = town.entry(key_fields=("code", "name"))
    assert changes(keys, town.entry(key_fields=("name", "code"))) == [
        ("key_fields", "code, name, as published", "name, code")
    ]
    assert changes(plain, town.entry("open")) == []


def test_one_copy_gets_no_mark_on_what_it_holds() -> None:
    plain, marked = town.entry("open"), town.entry("open", marks={"name": "personal"})
    assert changes(plain, town.entry("closed")) == []
    assert changes(marked, marked) == []
    assert changes(plain, marked) == [("data_items", "no mark, as published", "a mark on name")]
    two = town.entry("open", marks={"name": "personal", "code": "privacy"})
    assert changes(plain, two)[0][2] == "a mark on code, name"
    assert changes(marked, plain) == [
        ("data_items", "a marked field, as published", "no marked field")
    ]
    wider = town.entry("open", ("code", "district", "name", "phone"), {"phone": "personal"})
    assert changes(plain, wider) == [
        ("data_items", "no marked field, as published", "a marked field")
    ]
    assert changes(town.entry(), town.entry(marks={"name": "personal"})) == []
