"""Recipients record what they do with data, and providers see who has them (Order 809 Art 29)."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.docket import usage

from .town import FIVE, Town, accepted, refusal

RECORD: dict[str, Any] = {
    "grant": "r-1", "purpose": "开业登记核验", "used_by": "levy",
    "period": {"first_day": "2026-03-01", "last_day": "2026-03-02"}, "events": 12,
}  # fmt: skip
DISPOSAL: dict[str, Any] = {"grant": "r-1", "means": "删除", "day": "2026-03-02"}
ID = "33020319900101" + "0014"


@pytest.fixture
def town() -> Town:
    town = Town()
    town.ask("r-1", "open", ("code", "name"))
    return town


def holders(town: Town, case: str = "i-1", who: str = "market", **content: Any) -> list[Any]:
    content = {"entry": "open", **content}
    accepted(town.file(who, "usage", case, "inspect", **content))
    found: list[Any] = town.case("usage", case).content["holders"]
    return found


def test_record_is_told_to_the_provider_and_stays_as_it_is(town: Town) -> None:
    outcome = town.file("tax", "usage", "u-1", "record", **RECORD)
    assert accepted(outcome).basis == "S Art 29"
    assert {notice.agency for notice in outcome.notices} == {"market", "tax"}
    case = town.case("usage", "u-1")
    assert (case.state, case.provider, case.subscriber) == ("recorded", "market", "tax")
    assert (case.content["entry"], case.content["system"]) == ("open", "tax.desk")
    for who, verb, content in (
        ("tax", "record", RECORD), ("tax", "dispose", DISPOSAL), ("market", "inspect", {}),
    ):  # fmt: skip
        refusal(town.file(who, "usage", "u-1", verb, **content))
    town.until(date(2029, 3, 2))
    assert town.case("usage", "u-1") == case


def test_provider_sees_who_holds_what_for_which_purpose_and_what_became_of_it(town: Town) -> None:
    town.file("health", "request", "r-2", "submit", entry="open", system="health.desk",
              fields=["code"], **FIVE)  # fmt: skip
    town.file("tax", "usage", "u-1", "record", **RECORD)
    town.file("tax", "usage", "u-2", "record", **{**RECORD, "events": 3})
    before, other = holders(town)
    assert before["grant"]["system"] == "tax.desk"
    assert before["grant"]["purpose"]["scenario"] == FIVE["scenario"]
    assert (before["holds"], before["uses"], before["events"]) == (True, 2, 15)
    assert (before["last_used"], before["disposed"]) == ("2026-03-02", None)
    assert (other["uses"], other["last_used"]) == (0, None)
    town.file("tax", "grant", "r-1", "give_back")
    accepted(town.file("tax", "usage", "u-3", "dispose", **DISPOSAL))
    (after,) = holders(town, "i-2", agency="tax")
    assert not after["holds"]
    assert after["disposed"] == {"day": "2026-03-02", "means": "删除", "is_whole": True}


def test_inspection_is_the_providers_alone_and_is_told_to_nobody_else(town: Town) -> None:
    for who in ("tax", "office", "health"):
        refusal(town.file(who, "usage", "i-1", "inspect", entry="open"))
    refusal(town.file("market", "usage", "i-1", "inspect", entry="nowhere"))
    refusal(town.file("market", "usage", "i-1", "inspect", entry="open", agency="nobody"))
    outcome = town.file("market", "usage", "i-1", "inspect", entry="open")
    assert {notice.agency for notice in outcome.notices} == {"market"}


def test_emergency_and_what_it_gave_are_seen_too(town: Town) -> None:
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["open"],
              agencies=["health"], until="2026-03-10", seal_by="2026-03-20")  # fmt: skip
    given_by = {each["grant"]["approval"] for each in holders(town)}
    assert given_by == {"automatic", "emergency"}
    (grant,) = [g for g in town.grants().values() if g.approval == "emergency"]
    accepted(town.file("health", "usage", "u-1", "record", **{**RECORD, "grant": grant.id}))
    town.file("office", "emergency", "e-1", "end")
    accepted(town.file("health", "usage", "u-2", "dispose", **{**DISPOSAL, "grant": grant.id}))


@pytest.mark.parametrize("grant", ["r-9", "", 7, None, ["r-1"]])
def test_record_is_about_a_grant_of_ones_own(town: Town, grant: Any) -> None:
    refusal(town.file("tax", "usage", "u-1", "record", **{**RECORD, "grant": grant}))
    refusal(town.file("health", "usage", "u-1", "record", **RECORD))


@pytest.mark.parametrize(
    "changes",
    [
        {"period": {"first_day": "2026-03-01", "last_day": "2026-03-03"}}, {"period": "gestern"},
        {"period": {"first_day": "2026-03-02", "last_day": "2026-03-01"}}, {"events": -1},
        {"events": usage.EVENTS_MAX + 1}, {"events": 10**4299},
        {"events": True}, {"events": "12"}, {"purpose": 5}, {"purpose": "x" * 1_001},
        {"remark": f"张某 {ID}"}, {"remark": ""}, {"used_by": f"操作员{ID}"},
        {"holders": [1]},
    ],
    ids=str,
)  # fmt: skip
def test_record_that_cannot_be_or_names_a_person_is_refused(
    town: Town, changes: dict[str, Any]
) -> None:
    answer = refusal(town.file("tax", "usage", "u-1", "record", **{**RECORD, **changes}))
    assert ID not in answer.model_dump_json()


@pytest.mark.parametrize("day", ["2026-03-03", "soon", 3, None])
def test_disposal_lies_in_the_past(town: Town, day: Any) -> None:
    refusal(town.file("tax", "usage", "u-1", "dispose", **{**DISPOSAL, "day": day}))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=8))
def test_inspection_sums_up_what_was_recorded(records: list[tuple[bool, int]]) -> None:
    town = Town()
    town.ask("r-1", "open")
    for number, (is_use, events) in enumerate(records):
        verb, content = ("record", {**RECORD, "events": events}) if is_use else (
            "dispose", DISPOSAL
        )  # fmt: skip
        accepted(town.file("tax", "usage", f"u-{number}", verb, **content))
    (holder,) = holders(town)
    assert holder["uses"] == sum(is_use for is_use, _ in records)
    assert holder["events"] == sum(events for is_use, events in records if is_use)
    assert bool(holder["disposed"]) == any(not is_use for is_use, _ in records)


def test_entry_with_many_grants_is_inspected_by_agency(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.ask("r-2", "open")
    monkeypatch.setattr(usage, "HOLDERS_MAX", 1)
    assert (
        "--agency" in refusal(town.file("market", "usage", "i-1", "inspect", entry="open")).remedy
    )
    assert holders(town, agency="health") == []


def test_case_whose_numbers_cannot_be_written_down_is_refused(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "EVENTS_MAX", 10**4300)
    for number in range(2):
        accepted(
            town.file("tax", "usage", f"u-{number}", "record", **{**RECORD, "events": 10**4299 * 6})
        )
    outcome = town.file("market", "usage", "i-1", "inspect", entry="open")
    assert "written down" in refusal(outcome).problem
