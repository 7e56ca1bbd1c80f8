"""An agency erases what it sealed in a case of its own that is closed, and the record stays."""

from datetime import date
from typing import Any

import pytest

from .town import Town, accepted, refusal

KEYS = ["0123456789abcdef"]


@pytest.fixture
def town() -> Town:
    town = Town()
    town.ask("r-1", "closed")
    town.file("market", "request", "r-1", "refuse", reason="x", legal_basis="x")
    return town


def erase(town: Town, who: str, about: Any, **changes: Any) -> Any:
    content = {"about": about, "keys": KEYS, "basis": "个人信息保护法 47", **changes}
    return town.file(who, "erasure", "x-1", "erase", **content)


def test_closed_case_is_erased_by_who_took_part_and_its_offices_are_told(town: Town) -> None:
    town.file("tax", "request", "r-1", "withdraw")
    before = town.case("request", "r-1")
    outcome = erase(town, "tax", "request/r-1")
    accepted(outcome)
    assert town.state("erasure", "x-1") == "erased"
    assert {notice.agency for notice in outcome.notices} >= {"tax", "office"}
    assert town.case("request", "r-1") == before


def test_open_case_is_not_erased() -> None:
    town = Town()
    town.ask("r-1", "closed")
    assert "until it is closed" in refusal(erase(town, "tax", "request/r-1")).problem


@pytest.mark.parametrize("about", ["request/r-1", "request/r-9", "request", "", 7, None])
def test_stranger_learns_nothing_of_a_case(town: Town, about: Any) -> None:
    answer = refusal(erase(town, "health", about))
    assert ("takes part" in answer.problem) or not about


@pytest.mark.parametrize(
    "changes", [{"keys": ["x"]}, {"keys": []}, {"keys": KEYS * 2}, {"keys": 7}, {"basis": " "}]
)
def test_erasure_says_which_keys_and_why(town: Town, changes: dict[str, Any]) -> None:
    town.file("tax", "request", "r-1", "withdraw")
    refusal(erase(town, "tax", "request/r-1", **changes))
    assert ("erasure", "x-1") not in town.docket.cases


def test_usage_record_stays_readable_for_three_years() -> None:
    town = Town()
    town.ask("r-1", "open")
    town.file("tax", "usage", "u-1", "dispose", grant="r-1", means="x", day="2026-03-02")
    town.until(date(2029, 2, 27))
    assert "3 years" in refusal(erase(town, "tax", "usage/u-1")).problem
    town.until(date(2029, 3, 4))
    accepted(erase(town, "tax", "usage/u-1"))
