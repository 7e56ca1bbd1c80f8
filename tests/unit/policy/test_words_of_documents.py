"""The words in which documents are written, and the bounds of what they may say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sharebus.governance.agency import Agency, Strict
from sharebus.governance.application import Application
from sharebus.governance.entry import (
    CatalogEntry,
    Conditional,
    Mark,
    NotShared,
    Rank,
    Sharing,
    Unconditional,
    UpdateDuty,
)
from sharebus.governance.facts import DocketRules, PolicyFacts, fact_document
from sharebus.governance.role import OFFICES

from . import town

BASIS = {"instrument": "统计法", "version": "2024", "article": 28}
SCHEDULES: dict[str, dict[str, Any]] = {
    "hourly": {"first_period": "2026-11-26T08", "due": {"hours": 2}},
    "daily": {"first_period": "2026-11-26"},
    "weekly": {"first_period": "2026-W48"},
    "ten_days": {"first_period": "2026-11-X1"},
    "monthly": {"first_period": "2026-11"},
    "quarterly": {"first_period": "2026-Q4"},
    "half_yearly": {"first_period": "2026-H2"},
    "yearly": {"first_period": "2026"},
    "once": {"kind": "once", "day": "2026-12-31"},
    "on_change": {"kind": "on_change", "hours": 24},
}


def test_marks_and_ranks_are_written_so() -> None:
    assert {mark.value for mark in Mark} == {
        "none", "privacy", "personal", "sensitive_personal", "commercial_secret", "state_secret",
        "work_secret",
    }  # fmt: skip
    assert {rank.value for rank in Rank} == {
        "law", "administrative_regulation", "local_regulation", "rule", "document",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sharing", "name"),
    [
        (Unconditional(), "unconditional"),
        (Conditional(conditions="依法履职"), "conditional"),
        (NotShared.model_validate({"basis": BASIS}), "not_shared"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_class_of_a_sharing_says_itself(sharing: Any, name: str) -> None:
    assert sharing.sharing_class == name
    document = sharing.model_dump(mode="json", by_alias=True)
    assert document["class"] == name
    assert TypeAdapter[Any](Sharing).validate_python(document) == sharing


def duty(frequency: str, **changes: Any) -> UpdateDuty:
    return UpdateDuty.model_validate({"frequency": frequency, "deadline": "次日", **changes})


@pytest.mark.parametrize("frequency", SCHEDULES)
def test_schedule_fits_its_own_frequency_and_no_other(frequency: str) -> None:
    days = {"working_day": 1}
    for other, schedule in SCHEDULES.items():
        document = {"kind": "periodic", "due": days, **schedule}
        if document["kind"] != "periodic":
            del document["due"]
        if other == frequency:
            assert duty(frequency, schedule=document).schedule is not None
        else:
            with pytest.raises(ValidationError, match=f"does not fit the frequency {frequency}"):
                duty(frequency, schedule=document)
    assert duty(frequency).schedule is None


@pytest.mark.parametrize(("field", "most"), [("grace_hours", 8_784), ("refused_max", 1_000_000)])
def test_tolerance_of_a_duty_is_bounded(field: str, most: int) -> None:
    for fits in (0, most):
        assert getattr(duty("daily", **{field: fits}), field) == fits
    for wrong in (-1, most + 1):
        with pytest.raises(ValidationError, match=field):
            duty("daily", **{field: wrong})


@pytest.mark.parametrize(
    ("kind", "is_text"),
    [
        ("string", True), (["null", "string"], True), (["string"], True), ("long", False),
        (["null", "long"], False), (["null", "string", "long"], False), (None, False),
    ],
    ids=str,
)  # fmt: skip
def test_data_flow_back_by_a_field_of_text(kind: Any, is_text: bool) -> None:
    fields = [{"name": "code", "type": "string"}]
    if kind is not None:
        fields.append({"name": "division", "type": kind})

    def entry() -> CatalogEntry:
        schema = town.case.schema(fields)
        return town.case.entry("rows", avro_schema=schema, division_field="division", marked=())

    if is_text:
        assert entry().division_field == "division"
    else:
        with pytest.raises(ValidationError, match="'division' must be a field of type string"):
            entry()


def test_documents_are_as_long_as_they_may_be_and_no_longer() -> None:
    longest = town.case.agency(name="字" * 2_000)
    assert len(longest.name) == 2_000
    with pytest.raises(ValidationError, match="name"):
        town.case.agency(name="字" * 2_001)
    key = {"id": "k1", "algorithm": "ed25519", "public_key": "ab" * 512}
    assert town.provider(keys=[key]).keys
    with pytest.raises(ValidationError, match="public_key"):
        town.provider(keys=[{**key, "public_key": "ab" * 513}])
    assert town.case.agency(name="  市场局 ").name == "市场局"
    assert Strict.model_config["str_strip_whitespace"]
    assert set(town.provider(offices=sorted(OFFICES)).offices) == OFFICES
    with pytest.raises(ValidationError, match="an office is one of"):
        town.provider(offices=["subscriber"])


def test_rules_of_the_docket_are_counted_from_one() -> None:
    assert DocketRules(version=1).version == 1
    with pytest.raises(ValidationError, match="version"):
        DocketRules(version=0)


def test_sets_of_codes_are_written_in_order() -> None:
    codes = [{"name": "code_table", "codes": ["c", "a", "b"], "on_failure": "refuse"}]
    entry = town.case.entry(checks={"district": codes})
    document = fact_document(entry)
    items = {item["field"]: item for item in document["data_items"]}
    assert items["district"]["checks"][0]["codes"] == ["a", "b", "c"]


def test_application_names_each_field_once() -> None:
    document = {
        "entry": "persons", "system": town.SYSTEM, "fields": ["code", "code"],
        "legal_basis": "税收征收管理法", "scenario": "征管", "scope": "本市", "mode": "subscribe",
        "term": {"first_day": "2026-01-01", "last_day": "2026-12-31"},
    }  # fmt: skip
    with pytest.raises(ValidationError, match="a field is listed twice"):
        Application.model_validate(document)
    assert Application.model_validate({**document, "fields": ["code", "name"]}).fields


def test_agency_is_read_back_from_its_fact() -> None:
    assert Agency.model_validate(fact_document(town.provider())) == town.provider()


@pytest.mark.parametrize(
    ("entry", "grant", "reader", "may"),
    [
        ({}, {}, {}, True),
        ({"suspended": True}, {}, {}, False),
        ({"retired": True}, {}, {}, False),
        ({"marks": {"name": "personal"}}, {}, {}, False),
        ({"marks": {"name": "personal"}}, {"agreement": "协议"}, {}, True),
        ({}, {"revoked": True}, {}, False),
        ({}, {}, {"suspended": True}, False),
        ({}, {}, {"systems": [{"id": "levy", "name": "x", "roles": ["provider"]}]}, False),
    ],
)  # fmt: skip
def test_right_to_read_rests_on_entry_grant_and_agency(
    entry: dict[str, Any], grant: dict[str, Any], reader: dict[str, Any], may: bool
) -> None:
    facts = PolicyFacts()
    given = town.grant(["code", "name"], **grant)
    for document in (town.provider(), town.entry(**entry), given):
        facts.apply(document, facts.version + 1)
    assert not facts.may_read(given, town.DURING), "of an agency that is not there"
    changed = {**fact_document(town.reader()), **reader}
    facts.apply(Agency.model_validate(changed), facts.version + 1)
    assert facts.may_read(given, town.DURING) is may
    assert not facts.may_read(given, town.AFTER)
