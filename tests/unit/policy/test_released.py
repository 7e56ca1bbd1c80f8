"""What may be released under a grant, rule by rule: each was a hole, or would be one."""

import hashlib
from typing import Any

import pytest
from pydantic import ValidationError

from sharebus.governance.agency import SystemRole
from sharebus.governance.application import Application, is_self_service
from sharebus.governance.collection import Problem, check_collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.view import (
    compile_row_filter,
    is_released,
    view_of_grant,
    view_schema,
    views_of,
)
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.gate.plan import compile_plan

from . import town

ALL = ("code", "district", "name")
BY_NAME = [{"field": "name", "one_of": ["王某"]}]
PERSONAL = {"name": "personal"}
PARTIES = (town.provider(), town.reader(), town.other_reader())


def problems(entry: CatalogEntry, grant: Grant) -> list[Problem]:
    return check_collection(PARTIES, [entry], [grant])


def test_filter_on_a_marked_field_tells_it_and_takes_an_agreement() -> None:
    entry = town.entry(marks=PERSONAL)
    without = town.grant(["code"], conditions=BY_NAME)
    assert [problem.field for problem in problems(entry, without)] == ["agreement"]
    assert not is_released(entry, without)
    named = town.grant(["code"], conditions=BY_NAME, agreement="安全保密协议 1")
    assert problems(entry, named) == []
    assert is_released(entry, named)


def test_filter_on_a_marked_field_is_no_self_service() -> None:
    entry = town.entry("open", marks=PERSONAL)
    automatic = town.grant(["code"], conditions=BY_NAME, approval="automatic", agreement="协议")
    assert [problem.field for problem in problems(entry, automatic)] == ["approval"]
    assert not is_released(entry, automatic)
    purpose = {"legal_basis": "示例法", "scenario": "核对", "scope": "全部", "mode": "subscribe"}
    term = {"first_day": town.FIRST_DAY, "last_day": town.LAST_DAY}
    asked: dict[str, Any] = {"entry": "persons", "system": town.SYSTEM, "fields": ["code"]}
    application = Application.model_validate({**asked, **purpose, "term": term})
    assert is_self_service(application, entry)
    filtered = {**asked, **purpose, "term": term, "row_filter": {"all": BY_NAME}}
    assert not is_self_service(Application.model_validate(filtered), entry)


@pytest.mark.parametrize(
    "entry",
    [town.entry("conditional"), town.entry("closed"), town.entry("open", marks=PERSONAL)],
    ids=["conditional", "out of scope", "marked"],
)
def test_what_was_automatic_ends_with_its_reason(entry: CatalogEntry) -> None:
    automatic = town.grant(ALL, approval="automatic", agreement="协议")
    assert is_released(town.entry("open"), automatic)
    assert not is_released(entry, automatic)
    assert is_released(entry, town.grant(ALL, agreement="协议"))


def test_grant_of_another_entry_or_of_a_retired_one_releases_nothing() -> None:
    entry, grant = town.entry(), town.grant(ALL)
    assert is_released(entry, grant)
    assert not is_released(entry.model_copy(update={"id": "others"}), grant)
    retired = entry.model_copy(update={"retired": True})
    assert not is_released(retired, grant)
    assert views_of(retired, [grant]) == ()
    assert views_of(town.entry("open", retired=True), [grant]) == ()


def test_unconditional_entry_whose_fields_are_all_marked_has_no_shared_view() -> None:
    assert views_of(town.entry("open", marks=dict.fromkeys(ALL, "privacy")), ()) == ()
    shared = views_of(town.entry("open", marks=PERSONAL), ())
    assert [view.fields for view in shared] == [("code", "district")]


def test_agency_that_is_suspended_or_gone_and_system_that_does_not_subscribe_read_nothing() -> None:
    facts = town.facts_of(*PARTIES, town.entry(), town.grant(ALL))
    grant = facts.grants["g-1"]
    assert facts.may_read(grant, town.DURING)
    assert not facts.may_read(grant.model_copy(update={"entry": "others"}), town.DURING)
    for agency in (
        town.reader(suspended=True),
        town.reader(left=True, systems=[]),
        town.agency("tax", "TEST-TAX", "levy", SystemRole.PROVIDER),
        town.agency("tax", "TEST-TAX", "audit", SystemRole.SUBSCRIBER),
    ):
        changed = town.applied(facts, [agency], town.BEGIN)
        assert not changed.may_read(grant, town.DURING)
    del facts.agencies["tax"]
    assert not facts.may_read(grant, town.DURING)


def test_grant_that_was_revoked_is_in_force_on_no_day() -> None:
    assert not town.grant(ALL, revoked=True).is_in_force(town.DURING)


def test_grant_says_what_its_document_leaves_out() -> None:
    document = town.grant(ALL).model_dump(exclude_unset=True)
    for left_out in ("approval", "revoked", "kind"):
        document.pop(left_out, None)
    document["purpose"].pop("mode", None)
    grant = Grant.model_validate(document)
    assert (grant.kind, grant.approval, grant.purpose.mode) == ("grant", "provider", "subscribe")
    assert not grant.revoked


def test_first_and_last_day_are_days_of_the_term() -> None:
    grant = town.grant(ALL)
    days = (town.BEFORE, town.FIRST_DAY, town.DURING, town.LAST_DAY, town.AFTER)
    assert [grant.is_in_force(day) for day in days] == [False, True, True, True, False]


def test_name_of_a_view_cannot_be_searched_for() -> None:
    """An applicant chooses the values of its filter, and would share the topic of its target."""
    name = view_of_grant(town.entry(), town.grant(ALL, conditions=[town.IN_HAISHU])).name
    assert len(bytes.fromhex(name.removeprefix("v-"))) * 8 == 128


def test_name_of_a_view_stays_and_is_that_of_no_other_policy() -> None:
    """Topics on brokers bear these names: another name would leave their grantees behind."""
    entry = town.entry("open")
    filters: list[list[dict[str, Any]] | None] = [
        None,
        [{"field": "district", "one_of": ["鄞州", "海曙"]}],
        [{"field": "district", "one_of": ["鄞州"]}],
        [{"field": "district", "starts_with": ["鄞州"]}],
        [{"field": "district", "starts_with": ["海曙", "鄞州"]}],
        [{"field": "name", "one_of": ["鄞州"]}],
        [{"field": "district", "one_of": ["鄞州"]}, {"field": "code", "starts_with": ["1"]}],
    ]
    fields = [ALL, ALL[:2], ALL[1:]]
    names = [
        view_of_grant(entry, town.grant(released, conditions=each)).name
        for released in fields
        for each in filters
    ]
    assert len(set(names)) == len(fields) * len(filters)
    assert names[0] == "shared"
    assert topics.view_topic("persons", names[0]) == "shared.persons"
    policies = {
        1: '{"fields":["code","district","name"],"has_pseudonym_key":false,'
        '"row_filter":[["district","one_of",["海曙","鄞州"]]]}',
        3: '{"fields":["code","district","name"],"has_pseudonym_key":false,'
        '"row_filter":[["district","starts_with",["鄞州"]]]}',
        14: '{"fields":["district","name"],"has_pseudonym_key":true,"row_filter":null}',
    }
    for number, text in policies.items():
        assert names[number] == "v-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def test_filter_that_is_not_there_looks_at_no_key() -> None:
    entry = town.entry()
    assert not view_of_grant(entry, town.grant(ALL)).filters_on_key
    by_code = town.grant(ALL, conditions=[{"field": "code", "starts_with": ["1"]}])
    assert view_of_grant(entry, by_code).filters_on_key


@pytest.mark.parametrize("test", ["one_of", "starts_with"])
def test_null_passes_no_filter_whatever_its_text(test: str) -> None:
    grant = town.grant(ALL, conditions=[{"field": "district", test: ["None", "null", "N"]}])
    passes = compile_row_filter(grant.row_filter)
    assert passes({"district": "None"})
    assert not passes({"district": None})
    assert not passes({})


def test_schema_of_a_view_has_name_and_namespace_of_the_entry_and_the_released_fields() -> None:
    fields = [{"name": name, "type": "string"} for name in ALL]
    schema = {"type": "record", "name": "Person", "doc": "CANARY", "fields": fields}
    assert view_schema(schema, ["district"]) == {
        "type": "record",
        "name": "Person",
        "fields": [{"name": "district", "type": "string"}],
    }
    assert view_schema({**schema, "namespace": "town"}, ["code"]) == {
        "type": "record",
        "name": "Person",
        "namespace": "town",
        "fields": [{"name": "code", "type": "string"}],
    }


@pytest.mark.parametrize("kind", ["open", "conditional"])
def test_field_that_was_taken_away_is_released_under_no_older_schema(kind: str) -> None:
    wide, narrow = town.entry(kind), town.entry(kind, ALL[:2])
    facts = town.facts_of(*PARTIES, wide, town.grant(ALL))
    town.register(facts, desired_broker(facts, town.DURING))
    (old_schema_id,) = facts.schemas["ingress.persons-value"]
    facts = town.applied(facts, [narrow, town.grant(ALL[:2])], town.BEGIN)
    desired = desired_broker(facts, town.DURING)
    town.register(facts, desired)
    row = {"code": "CANARY-code", "district": "330203-CANARY", "name": "CANARY-name"}
    plan = compile_plan(facts, narrow, town.case.VIEW_KEY)
    event = town.event(0, row, old_schema_id, ("code",))
    decision = town.lane_of(plan.views).decide(plan, [event])
    released = town.Released(tuple(decision.outputs), tuple(decision.lines))
    seen = town.seen(released, town.readable(desired, town.SYSTEM), row.values())
    assert seen == (set() if kind == "open" else {row["code"], row["district"]})
    (line,) = decision.lines
    assert (line["outcome"], line["rule"]) == (
        ("refused", "schema.foreign") if kind == "open" else ("accepted", "")
    )


@pytest.mark.parametrize(
    ("namespace", "named", "used", "written"),
    [
        ("", {"name": "Status"}, "Status", {"name": "Status"}),
        ("town", {"name": "Status"}, "Status", {"name": "Status", "namespace": "town"}),
        ("town", {"name": "o.Status"}, "o.Status", {"name": "o.Status", "namespace": "o"}),
        (
            "town",
            {"name": "Status", "namespace": "o"},
            "o.Status",
            {"name": "Status", "namespace": "o"},
        ),
    ],
    ids=["no namespace", "that of the record", "in the name", "its own"],
)
def test_type_that_a_withheld_field_defines_is_defined_where_it_is_used(
    namespace: str, named: dict[str, str], used: str, written: dict[str, str]
) -> None:
    enum = {"type": "enum", "symbols": ["A"]}
    fields = [{"name": "withheld", "type": {**enum, **named}}, {"name": "code", "type": used}]
    schema = {"type": "record", "name": "Person", "fields": fields}
    view = view_schema({**schema, "namespace": namespace} if namespace else schema, ["code"])
    assert view["fields"] == [{"name": "code", "type": {**enum, **written}}]


def test_named_type_is_defined_once_wherever_it_is_used() -> None:
    mark = {"type": "fixed", "name": "Mark", "size": 4}
    fields = [
        {"name": "withheld", "type": mark},
        {"name": "marks", "type": {"type": "map", "values": "Mark"}},
        {"name": "lists", "type": {"type": "array", "items": ["null", "Mark"]}},
    ]
    schema = {"type": "record", "name": "Person", "namespace": "town", "fields": fields}
    defined = {**mark, "namespace": "town"}
    assert view_schema(schema, ["marks", "lists"])["fields"] == [
        {"name": "marks", "type": {"type": "map", "values": defined}},
        {"name": "lists", "type": {"type": "array", "items": ["null", "Mark"]}},
    ]
    assert view_schema(schema, ["withheld", "marks"])["fields"] == [
        {"name": "withheld", "type": defined},
        {"name": "marks", "type": {"type": "map", "values": "Mark"}},
    ]
    within = {"type": "map", "values": mark}
    nested = {**schema, "fields": [{"name": "withheld", "type": within}, *fields[1:]]}
    assert view_schema(nested, ["lists"])["fields"] == [
        {"name": "lists", "type": {"type": "array", "items": ["null", defined]}}
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"conditions": [{"field": "code"}]},
        {"conditions": [{"field": "code", "one_of": []}]},
        {"conditions": [{"field": "code", "one_of": [], "starts_with": ["1"]}]},
        {"conditions": [{"field": "code", "one_of": ["1"], "starts_with": []}]},
        {"conditions": [{"field": "code", "one_of": ["1"], "starts_with": ["1"]}]},
        {"term": {"first_day": town.LAST_DAY, "last_day": town.FIRST_DAY}},
        {"fields": ["code", "code"]},
        {"fields": []},
        {"system": "tax"},
        {"conditions": [town.IN_HAISHU] * 17},
    ],
    ids=[
        "no test",
        "empty",
        "empty beside a prefix",
        "empty beside a value",
        "two tests",
        "term",
        "field twice",
        "no field",
        "no system",
        "too many tests",
    ],
)
def test_grant_that_contradicts_itself_is_no_document(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        town.grant(**{"fields": ALL, **changes})


def test_term_may_be_one_day_and_a_filter_have_sixteen_tests() -> None:
    one_day = {"first_day": town.DURING, "last_day": town.DURING}
    grant = town.grant(ALL, term=one_day, conditions=[town.IN_HAISHU] * 16)
    assert grant.is_in_force(town.DURING)
