"""Documents judged together."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.collection import check_change, check_collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.self_service import automatic_grants

MakeEntry = Callable[..., CatalogEntry]
MakeGrant = Callable[..., Grant]
CONDITIONAL = {"class": "conditional", "conditions": "仅供履行职责"}
NOT_SHARED = {
    "class": "not_shared",
    "basis": {"instrument": "示例法", "version": "2020", "article": 5},
}


def fields_of_problems(
    agencies: tuple[Agency, ...], entries: list[CatalogEntry], grants: list[Grant]
) -> list[tuple[str, str]]:
    return [
        (problem.document, problem.field) for problem in check_collection(agencies, entries, grants)
    ]


def test_collection_that_agrees_has_no_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    entry = make_entry(sharing=CONDITIONAL, marks={"owner": "personal"})
    listed = make_entry("secrets", sharing=NOT_SHARED)
    grant = make_grant(
        fields=["code", "owner"],
        agreement="安全保密协议 1",
        row_filter={"all": [{"field": "district", "one_of": ["330203"]}]},
    )
    assert fields_of_problems(agencies, [entry, listed], [grant]) == []


def test_collection_with_several_faults_names_them_all_at_once(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    entry = make_entry(
        sharing=CONDITIONAL,
        provider={
            "agency": "nobody",
            "system": "sender",
            "officer": {"name": "示例", "title": "专员"},
        },
    )
    grant = make_grant(system="tax.unknown", fields=["code", "colour"])
    assert fields_of_problems(agencies, [entry], [grant]) == [
        ("entry shops", "provider.agency"),
        ("grant tax-shops", "system"),
        ("grant tax-shops", "fields"),
    ]


def test_document_id_used_twice_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry
) -> None:
    assert fields_of_problems(agencies, [make_entry(), make_entry()], []) == [("entry shops", "id")]


def test_agency_code_used_twice_is_a_problem(agencies: tuple[Agency, ...]) -> None:
    twin = agencies[1].model_copy(update={"id": "tax-two"})
    assert fields_of_problems((*agencies, twin), [], []) == [("agency tax-two", "code")]


def test_entry_whose_topic_would_be_the_catalog_itself_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry
) -> None:
    assert fields_of_problems(agencies, [make_entry("catalog")], []) == [("entry catalog", "id")]


def test_entry_of_a_system_that_only_reads_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry
) -> None:
    provider = {"agency": "tax", "system": "levy", "officer": {"name": "示例", "title": "专员"}}
    assert fields_of_problems(agencies, [make_entry(provider=provider)], []) == [
        ("entry shops", "provider.system")
    ]


def test_entry_with_a_harmful_schema_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry
) -> None:
    schema = {
        "type": "record",
        "name": "Shop",
        "fields": [
            {"name": "code", "type": "string"},
            {"name": "nothing", "type": {"type": "array", "items": "null"}},
        ],
    }
    (problem,) = check_collection(agencies, [make_entry(avro_schema=schema)], [])
    assert problem.document == "entry shops"
    assert "nothing" in problem.field


def test_unconditional_entry_with_nothing_unmarked_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry
) -> None:
    marks = dict.fromkeys(("code", "owner", "district", "size"), "privacy")
    assert fields_of_problems(agencies, [make_entry(marks=marks)], []) == [
        ("entry shops", "sharing.class")
    ]


@pytest.mark.parametrize("sharing", [CONDITIONAL, {"class": "unconditional"}])
def test_grant_of_marked_fields_without_agreement_is_a_problem_whatever_the_class(
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    sharing: dict[str, Any],
) -> None:
    entry = make_entry(sharing=sharing, marks={"owner": "commercial_secret"})
    grant = make_grant(fields=["code", "owner"])
    assert fields_of_problems(agencies, [entry], [grant]) == [("grant tax-shops", "agreement")]


def test_grant_on_a_not_shared_entry_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    assert fields_of_problems(agencies, [make_entry(sharing=NOT_SHARED)], [make_grant()]) == [
        ("grant tax-shops", "entry")
    ]


def test_grant_to_a_system_that_only_sends_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    entry = make_entry(sharing=CONDITIONAL)
    assert fields_of_problems(agencies, [entry], [make_grant(system="bureau.sender")]) == [
        ("grant tax-shops", "system")
    ]


@pytest.mark.parametrize(
    ("field", "expected"),
    [("size", "row_filter size"), ("colour", "row_filter")],
    ids=["a number with a fraction", "no field"],
)
def test_row_filter_on_what_has_no_comparable_text_is_a_problem(
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    field: str,
    expected: str,
) -> None:
    entry = make_entry(sharing=CONDITIONAL)
    grant = make_grant(row_filter={"all": [{"field": field, "starts_with": ["1"]}]})
    assert fields_of_problems(agencies, [entry], [grant]) == [("grant tax-shops", expected)]


@pytest.mark.parametrize(
    ("avro_type", "is_accepted"),
    [
        ("int", True),
        (["null", "long"], True),
        ({"type": "enum", "name": "Level", "symbols": ["A", "B"]}, True),
        ({"type": "int", "logicalType": "date"}, False),
        ("boolean", False),
        (["null", "int", "string"], False),
    ],
    ids=str,
)
def test_row_filter_takes_texts_whole_numbers_and_symbols_alone(
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    avro_type: Any,
    is_accepted: bool,
) -> None:
    schema = {
        "type": "record",
        "name": "Shop",
        "fields": [{"name": "code", "type": "string"}, {"name": "level", "type": avro_type}],
    }
    grant = make_grant(fields=["code"], row_filter={"all": [{"field": "level", "one_of": ["1"]}]})
    entry = make_entry(avro_schema=schema, sharing=CONDITIONAL)
    assert (fields_of_problems(agencies, [entry], [grant]) == []) is is_accepted


def test_automatic_grant_of_more_than_self_service_gives_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    entry = make_entry(marks={"owner": "personal"})
    fewer_rows = {"all": [{"field": "district", "one_of": ["330203"]}]}
    less = make_grant(approval="automatic", row_filter=fewer_rows)
    assert fields_of_problems(agencies, [entry], [less]) == []
    more = make_grant(approval="automatic", fields=["code", "owner"], agreement="安全保密协议 1")
    assert fields_of_problems(agencies, [entry], [more]) == [("grant tax-shops", "approval")]


def test_automatic_grant_outside_the_scope_or_class_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    grant = make_grant(approval="automatic")
    narrow = make_entry(sharing={"class": "unconditional", "agencies": ["bureau"]})
    conditional = make_entry(sharing=CONDITIONAL)
    for entry in (narrow, conditional):
        assert fields_of_problems(agencies, [entry], [grant]) == [("grant tax-shops", "approval")]


def test_revoked_grant_may_outlive_its_entry(
    agencies: tuple[Agency, ...], make_grant: MakeGrant
) -> None:
    assert fields_of_problems(agencies, [], [make_grant(revoked=True)]) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"partitions": 3}, "partitions"),
        ({"key_fields": ["code", "district"]}, "key_fields"),
        ({"marks": {"owner": "personal"}}, "data_items"),
    ],
)
def test_published_entry_cannot_change_what_its_topics_rest_on(
    make_entry: MakeEntry, changes: dict[str, Any], field: str
) -> None:
    problems = check_change(make_entry(), make_entry(**changes))
    assert [problem.field for problem in problems] == [field]


def test_published_entry_can_change_what_people_read(make_entry: MakeEntry) -> None:
    assert check_change(make_entry(), make_entry(name="商店 2", suspended=True)) == []
    assert check_change(make_entry(), make_entry(sharing=CONDITIONAL)) == []
    assert check_change(make_entry(), make_entry(sharing=NOT_SHARED)) == []


def test_automatic_grants_go_to_every_subscriber_in_scope_with_unmarked_fields(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    entries = [
        make_entry(marks={"owner": "personal"}),
        make_entry("alleys", sharing={"class": "unconditional", "agencies": ["tax"]}),
        make_entry("gates", sharing=CONDITIONAL),
    ]
    grants = automatic_grants(agencies, entries, (), today)
    assert {(grant.entry, grant.system, grant.fields) for grant in grants} == {
        ("shops", "bureau.desk", ("code", "district", "size")),
        ("shops", "tax.levy", ("code", "district", "size")),
        ("alleys", "tax.levy", ("code", "owner", "district", "size")),
    }
    assert check_collection(agencies, entries, grants) == []


def test_system_that_provides_an_entry_gets_no_automatic_grant_on_it(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    sender = (
        agencies[0]
        .systems[0]
        .model_copy(update={"roles": (SystemRole.PROVIDER, SystemRole.SUBSCRIBER)})
    )
    both = agencies[0].model_copy(update={"systems": (sender,)})
    assert automatic_grants((both,), [make_entry()], (), today) == ()


def test_automatic_grants_computed_again_later_are_the_same(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    first = automatic_grants(agencies, [make_entry()], (), today)
    later = date(2027, 6, 1)
    assert first == automatic_grants(agencies, [make_entry()], first, later)
    assert len(first) == 2


def test_automatic_grant_that_was_revoked_stays_revoked(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    first = automatic_grants(agencies, [make_entry()], (), today)
    standing = [first[0].model_copy(update={"revoked": True}), *first[1:]]
    again = automatic_grants(agencies, [make_entry()], standing, today)
    assert [grant.revoked for grant in again] == [True, False]


def test_automatic_grant_without_its_reason_is_revoked(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    standing = automatic_grants(agencies, [make_entry()], (), today)
    narrowed = make_entry(sharing={"class": "unconditional", "agencies": ["bureau"]})
    again = automatic_grants(agencies, [narrowed], standing, today)
    assert {grant.system: grant.revoked for grant in again} == {
        "bureau.desk": False,
        "tax.levy": True,
    }


def test_automatic_grants_follow_a_new_unmarked_field(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    before = make_entry()
    standing = automatic_grants(agencies, [before], (), today)
    schema = {
        **before.avro_schema,
        "fields": [
            *before.avro_schema["fields"],
            {"name": "opened", "type": ["null", "string"], "default": None},
        ],
    }
    again = automatic_grants(agencies, [make_entry(avro_schema=schema)], standing, date(2027, 1, 1))
    assert all("opened" in grant.fields for grant in again)
    assert [grant.term for grant in again] == [grant.term for grant in standing]
