"""What flows back to a division is what is about it, whatever its code looks like."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sharebus import Refused
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import RowFilter
from sharebus.governance.narrowing import narrowings
from sharebus.governance.return_flow import (
    division_prefix,
    flows_back_only,
    return_condition,
    with_return_filter,
)
from sharebus.governance.view import compile_row_filter

from .docket.town import entry_document

CITY, COUNTY = "330200", "330281"
_pair = st.integers(0, 99).map("{:02}".format)
_own = st.integers(1, 99).map("{:02}".format)
PROVINCES = st.builds("{}0000".format, _own)
CITIES = st.builds("{}{}00".format, _own, _own)
COUNTIES = st.builds("{}{}{}".format, _own, _own, _own)
DIVISIONS = PROVINCES | CITIES | COUNTIES
PLACES = st.builds(
    "{}{}".format, DIVISIONS, st.sampled_from(["", "000", "001", "000000", "001200", "100001"])
)
"""Codes of 6, 9 or 12 digits: down to streets and villages."""
LEVELS = (2, 4, 6)


def entry(**changes: Any) -> CatalogEntry:
    return CatalogEntry.model_validate(
        entry_document("firms", **{"division_field": "code", **changes})
    )


def is_inside(place: str, division: str) -> bool:
    """Whether a place is a division or lies in it, by levels: said in another way than by text."""
    named = [division[level - 2 : level] for level in LEVELS]
    depth = max(number for number, pair in enumerate(named, start=1) if number == 1 or pair != "00")
    return [place[level - 2 : level] for level in LEVELS[:depth]] == named[:depth]


def lets_through(row_filter: RowFilter, place: Any) -> bool:
    return compile_row_filter(row_filter)({"code": place, "name": "x", "phone": "x"})


@given(place=PLACES, county=COUNTIES, is_near=st.booleans(), level=st.sampled_from([2, 4, 5]))
def test_filter_lets_through_what_lies_in_the_division_and_nothing_else(
    place: str, county: str, is_near: bool, level: int
) -> None:
    if is_near:  # neighbours share most of their digits
        place = county[:level] + place[level:]
    city = county[:4] + "00"
    content = with_return_filter({}, entry(jurisdiction=city), county)
    row_filter = RowFilter.model_validate(content["row_filter"])
    assert lets_through(row_filter, place) == is_inside(place, county)


@given(place=PLACES, city=CITIES)
def test_city_gets_back_what_lies_in_it_from_its_province(place: str, city: str) -> None:
    condition = return_condition(entry(jurisdiction=f"{city[:2]}0000"), city)
    assert lets_through(RowFilter(all=(condition,)), place) == is_inside(place, city)


@pytest.mark.parametrize(
    "place",
    ["33028", "3302", "3302 81", " 330281", "０330281", "３３０２８１", "\u200b330281", "1330281",
     "", None, "330282", "330280", "33028a"],
)  # fmt: skip
def test_what_only_looks_like_the_county_stays_where_it_is(place: Any) -> None:
    assert not lets_through(RowFilter(all=(return_condition(entry(), COUNTY),)), place)


@given(higher=DIVISIONS, division=DIVISIONS)
def test_data_flow_back_from_a_higher_level_alone(higher: str, division: str) -> None:
    is_lower = is_inside(division, higher) and division_prefix(division) != division_prefix(higher)
    if is_lower:
        assert return_condition(entry(jurisdiction=higher), division)
    else:
        with pytest.raises(Refused, match="from a higher level"):
            return_condition(entry(jurisdiction=higher), division)


@given(
    wanted=st.sets(st.sampled_from([COUNTY, "330282", "3302", "33028"]), min_size=1),
    place=PLACES | st.builds("{}{}".format, st.sampled_from([COUNTY, "330282"]), _pair),
)
def test_filter_of_the_applicants_own_only_takes_rows_away(wanted: set[str], place: str) -> None:
    own = {"all": [{"field": "code", "starts_with": sorted(wanted)}]}
    content = with_return_filter({"row_filter": own}, entry(), COUNTY)
    row_filter = RowFilter.model_validate(content["row_filter"])
    assert not lets_through(row_filter, place) or is_inside(place, COUNTY)
    assert flows_back_only(row_filter, entry(), COUNTY)


def test_condition_is_stated_once_however_often_the_application_is() -> None:
    once = with_return_filter({}, entry(), COUNTY)
    assert with_return_filter(once, entry(), COUNTY) == once


@pytest.mark.parametrize("wrong", [5, "x", [], {"all": "x"}, {"any": []}])
def test_filter_that_is_none_is_left_to_be_refused(wrong: Any) -> None:
    content = with_return_filter({"row_filter": wrong}, entry(), COUNTY)
    with pytest.raises(ValidationError):
        RowFilter.model_validate(content["row_filter"])


def test_entry_that_does_not_say_where_its_divisions_stand_gives_nothing_back() -> None:
    with pytest.raises(Refused, match="which of its fields"):
        return_condition(entry(division_field=None), COUNTY)
    assert not flows_back_only(None, entry(), COUNTY)


@pytest.mark.parametrize("field", ["nothing", "name"])
def test_division_stands_in_a_field_of_text(field: str) -> None:
    document = entry_document("firms")
    document["avro_schema"]["fields"][1]["type"] = "long"
    with pytest.raises(ValidationError, match="division_field"):
        CatalogEntry.model_validate({**document, "division_field": field})


def test_other_field_of_divisions_narrows_the_entry() -> None:
    assert narrowings(entry(), entry(division_field="name")) == ["data no longer flow back by code"]
    assert narrowings(entry(division_field=None), entry()) == []
