"""A county asks for what the city holds about it, and gets that and no more (Order 809 Art 24)."""

from typing import Any

import pytest

from sharebus.governance.facts import PolicyFacts

from .town import FIVE, Town, accepted, agency_document, entry_document, granted, refusal

COUNTY, OTHER = "330281", "330282"
OWN = {"all": [{"field": "code", "starts_with": [COUNTY]}]}


def county(town: Town, name: str = "county", jurisdiction: str = COUNTY) -> None:
    facts: PolicyFacts = town.docket.facts
    document = agency_document(name, jurisdiction=jurisdiction)
    facts.apply(type(facts.agencies["tax"]).model_validate(document), facts.version + 1)


@pytest.fixture
def town() -> Town:
    town = Town()
    county(town)
    town.publish("firms", division_field="code")
    town.publish("doors", division_field="code", sharing={"class": "unconditional"})
    return town


def ask(town: Town, case: str = "r-1", entry: str = "firms", **changes: Any) -> Any:
    content = {"entry": entry, "system": "county.desk", "fields": ["code", "name"],
               "return_flow": True, **FIVE}  # fmt: skip
    return town.file("county", "request", case, "submit", **{**content, **changes})


def test_division_is_the_filter_and_the_grant_carries_it(town: Town) -> None:
    accepted(ask(town))
    assert town.case("request", "r-1").content["row_filter"] == OWN
    accepted(town.accept("r-1", "code", "name"))
    grant = town.grants()["r-1"]
    assert grant.return_flow
    assert grant.row_filter is not None
    assert grant.row_filter.model_dump(mode="json", exclude_none=True) == OWN


def test_unconditional_data_flow_back_at_once(town: Town) -> None:
    accepted(ask(town, entry="doors"))
    assert town.grants()["r-1"].row_filter is not None


def test_filter_of_its_own_stands_beside_the_division_and_in_no_other_place(town: Town) -> None:
    wider = {"all": [{"field": "code", "starts_with": ["3302"]}]}
    accepted(ask(town, row_filter=wider))
    assert town.case("request", "r-1").content["row_filter"] == {
        "all": [*wider["all"], *OWN["all"]]
    }
    town.file("market", "request", "r-1", "list_missing", missing="x")
    accepted(town.file("county", "request", "r-1", "complete", **FIVE, row_filter=wider))
    assert OWN["all"][0] in town.case("request", "r-1").content["row_filter"]["all"]


@pytest.mark.parametrize("value", ["yes", 1, "true", [True]])
def test_return_flow_is_stated_or_not(town: Town, value: Any) -> None:
    refusal(ask(town, return_flow=value))


@pytest.mark.parametrize(("who", "entry"), [("tax", "firms"), ("county", "closed")])
def test_same_level_or_no_division_field_is_no_return_flow(
    town: Town, who: str, entry: str
) -> None:
    content = {"entry": entry, "system": f"{who}.desk", "fields": ["code"], "return_flow": True}
    assert refusal(town.file(who, "request", "r-1", "submit", **content, **FIVE)).problem


def test_grant_ends_with_the_division_and_is_no_other_countys(town: Town) -> None:
    accepted(ask(town))
    accepted(town.accept("r-1", "code", "name"))
    county(town, "other", OTHER)
    town.file("office", "agency", "tax", "exit", reason="x")
    document = agency_document("county", jurisdiction=COUNTY)
    town.docket.facts.apply(
        type(town.docket.facts.agencies["tax"]).model_validate({**document, "jurisdiction": OTHER}),
        town.docket.facts.version + 1,
    )
    # Any look at the grant sees that its rows are another county's.
    outcome = town.file("market", "grant", "r-1", "renew", term=FIVE["term"])
    assert [grant.revoked for grant in granted(outcome)] == [True]


def test_scope_that_widens_gives_nothing_by_a_field_that_no_longer_holds_divisions(
    town: Town,
) -> None:
    sharing = {"class": "unconditional", "agencies": ["health"]}
    town.publish("gates", division_field="code", sharing=sharing)
    accepted(ask(town, entry="gates"))
    assert town.state("request", "r-1") == "submitted"
    wider = entry_document("gates", division_field="name", sharing={"class": "unconditional"})
    town.filed_change("ch-1", "gates", "revise", document=wider)
    accepted(town.file("office", "entry", "gates", "revise", document=wider, change="ch-1"))
    assert town.state("request", "r-1") == "submitted"
    again = {**wider, "division_field": "code"}
    town.filed_change("ch-2", "gates", "revise", document=again)
    accepted(town.file("office", "entry", "gates", "revise", document=again, change="ch-2"))
    assert town.state("request", "r-1") == "supplied"


def test_request_made_under_another_field_of_divisions_is_not_granted(town: Town) -> None:
    accepted(ask(town))
    document = town.docket.facts.entries["firms"].model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"kind", "suspended", "retired"}
    )
    changed = document | {"division_field": "name"}
    town.filed_change("ch-1", "firms", "revise", document=changed)
    accepted(town.file("office", "entry", "firms", "revise", document=changed, change="ch-1"))
    assert "flows back" in refusal(town.accept("r-1", "code", "name")).problem
