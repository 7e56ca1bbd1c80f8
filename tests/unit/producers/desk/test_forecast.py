"""What a subscriber may expect: the reply of a request made now, and what a row looks like."""

import pytest

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.identity import SystemName
from sharebus.producers.desk.forecast import Forecast, forecast_request
from sharebus.producers.desk.sample_row import sample_row

from ...governance.docket.town import MORNING, TABLES, Town, entry_document, facts

TAX = SystemName("tax", "desk")


def forecast(entry: str, *fields: str) -> Forecast:
    known = facts()
    return forecast_request(known, TABLES, known.entries[entry], TAX, fields, MORNING)


def test_unconditional_data_in_scope_is_granted_at_once() -> None:
    assert forecast("open", "code").is_at_once
    assert not forecast("few", "code").is_at_once


def test_expected_reply_is_that_of_the_request_when_it_is_made() -> None:
    expected = forecast("closed", "code")
    town = Town()
    town.ask("r-1", "closed")
    made = town.case("request", "r-1").clocks
    assert [(clock.step, clock.local) for clock in expected.clocks] == [
        (clock.step, clock.local) for clock in made
    ]
    assert expected.clocks


@pytest.mark.parametrize(("entry", "fields"), [("secret", ["code"]), ("closed", ["nothing"])])
def test_request_that_would_not_be_taken_says_why(entry: str, fields: list[str]) -> None:
    assert forecast(entry, *fields).refusal


def test_forecast_changes_nothing_in_the_catalog() -> None:
    known = facts()
    before = [*known]
    forecast_request(known, TABLES, known.entries["open"], TAX, ["code"], MORNING)
    assert [*known] == before


def test_sample_has_each_field_in_its_type_and_a_code_of_its_table() -> None:
    types = {
        "code": "string", "since": {"type": "int", "logicalType": "date"},
        "level": {"type": "enum", "name": "Level", "symbols": ["CITY", "COUNTY"]},
        "size": ["null", "long"], "tags": {"type": "array", "items": "string"},
        "seat": {"type": "record", "name": "Seat", "fields": [{"name": "x", "type": "double"}]},
    }  # fmt: skip
    checks = {"code": [{"name": "code_table", "on_failure": "flag", "codes": ["b", "a"]}]}
    document = entry_document(
        "many",
        avro_schema={
            "type": "record", "name": "Row",
            "fields": [{"name": name, "type": kind} for name, kind in types.items()],
        },
        data_items=[
            {"field": name, "name": name, "checks": checks.get(name, []),
             "origin": {"kind": "collected", "basis": "条例"}}
            for name in types
        ],
    )  # fmt: skip
    assert sample_row(CatalogEntry.model_validate(document)) == {
        "code": "a", "since": "2026-01-01", "level": "CITY", "size": 1, "tags": ["示例"],
        "seat": {"x": 1.5},
    }  # fmt: skip
