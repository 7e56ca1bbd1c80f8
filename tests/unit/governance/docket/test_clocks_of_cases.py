"""Timed steps of a case run by the rule table, are extended by consent, and fall overdue once."""

from datetime import date
from typing import Any

import pytest

from sharebus.governance.agency import Officer
from sharebus.governance.case import Act, RunningClock
from sharebus.governance.clock_rule import ClockRules
from sharebus.governance.docket import Filing
from sharebus.governance.facts import Calendar, ClockRuleTable, fact_document
from sharebus.governance.local_time import instant_ms

from .town import (
    CITY,
    DAY_MS,
    FIVE,
    TABLES,
    Town,
    accepted,
    agency_document,
    entry_document,
    refusal,
)


def steps(town: Town, case: str = "r-1", kind: str = "request") -> dict[str, str]:
    return {clock.step: clock.local[:16] for clock in town.case(kind, case).clocks}


def clock(town: Town, case: str = "r-1") -> RunningClock:
    (only,) = town.case("request", case).clocks
    return only


def without_zhejiang() -> dict[str, Any]:
    table = TABLES.rules.model_dump(mode="json", exclude_none=True)
    table["procedures"] = [each for each in table["procedures"] if each["id"] != "zhejiang"]
    table["rules"] = [each for each in table["rules"] if each["procedure"] != "zhejiang"]
    return {"table": {**table, "version": "809-1"}}


@pytest.fixture
def nation(town: Town) -> Town:
    """A town whose requests follow Order 809."""
    town.file("office", "table", "t-1", "issue", table="clock_rules", document=without_zhejiang())
    return town


def test_conditional_request_is_answered_then_supplied_by_the_table(town: Town) -> None:
    town.ask("r-1", "closed", ("phone",))
    assert steps(town) == {"answer": "2026-03-05 24:00"}
    assert clock(town).because == "3rd working day after 2026-03-02"
    assert (clock(town).actor, clock(town).provisional) == ("provider", False)
    assert clock(town).basis == "浙江省公共数据条例 (amended 2025-11-26) Art 25"
    town.accept("r-1", "phone")
    assert steps(town) == {"share": "2026-03-04 24:00"}
    town.agree()
    assert town.case("request", "r-1").clocks == ()


def test_refusal_is_reviewed_within_its_time_at_nobodys_wish(town: Town) -> None:
    town.ask("r-1", "closed")
    town.file("market", "request", "r-1", "refuse", legal_basis="档案法 28")
    assert steps(town) == {"review_refusal": "2026-03-04 24:00"}
    accepted(town.file("office", "request", "r-1", "uphold", reason="x"))
    assert steps(town) == {}


def test_reply_begins_anew_when_what_was_missing_has_come(nation: Town) -> None:
    nation.ask("r-1", "closed")
    assert steps(nation) == {"reply_conditional": "2026-03-16 24:00"}
    nation.file("market", "request", "r-1", "list_missing", missing="依据")
    assert steps(nation) == {}
    nation.tick(instant_ms(date(2026, 3, 9)))
    content = nation.case("request", "r-1").content
    five = {name: content[name] for name in ("legal_basis", "scenario", "scope", "mode", "term")}
    accepted(nation.file("tax", "request", "r-1", "complete", **five))
    assert steps(nation) == {"reply_conditional": "2026-03-24 24:00"}


def test_extension_is_asked_by_the_provider_and_stands_by_the_authority(nation: Town) -> None:
    nation.ask("r-1", "closed")
    refusal(nation.file("office", "request", "r-1", "extend"))
    refusal(nation.file("market", "request", "r-1", "ask_extension", reason="x", extension=0))
    nation.file("market", "request", "r-1", "ask_extension", reason="系统升级", extension=11)
    too_long = refusal(nation.file("office", "request", "r-1", "extend"))
    assert "at most 10 working days" in too_long.problem
    nation.file("market", "request", "r-1", "ask_extension", reason="系统升级", extension=5)
    refusal(nation.file("market", "request", "r-1", "extend"))
    accepted(nation.file("office", "request", "r-1", "extend"))
    assert steps(nation) == {"reply_conditional": "2026-03-23 24:00"}
    refusal(nation.file("office", "request", "r-1", "extend"))


def test_step_without_extension_in_the_law_is_not_extended(town: Town) -> None:
    town.ask("r-1", "closed")
    town.file("market", "request", "r-1", "ask_extension", reason="x", extension=1)
    assert "no extension" in refusal(town.file("office", "request", "r-1", "extend")).problem


def test_clock_pauses_only_where_its_row_says_so(town: Town) -> None:
    pause = {"begins": "missing_listed", "ends": "application_complete"}
    table = TABLES.rules.model_dump(mode="json", exclude_none=True) | {"version": "pausing"}
    five = {name: FIVE[name] for name in ("legal_basis", "scenario", "scope", "mode", "term")}
    for case, expected in (("r-1", "2026-03-04 24:00"), ("r-2", "2026-03-12 24:00")):
        town.ask(case, "few")
        assert steps(town, case) == {"supply_unconditional": "2026-03-04 24:00"}
        town.file("market", "request", case, "list_missing", missing="x")
        is_paused = case == "r-2"
        assert steps(town, case) == {"supply_unconditional": "" if is_paused else expected}
        assert is_paused == (clock(town, case).due_ms is None)
        if is_paused:
            assert town.docket.next_due_ms() == instant_ms(date(2026, 12, 31))
            town.tick(instant_ms(date(2026, 3, 9)))
        accepted(town.file("tax", "request", case, "complete", **five))
        assert steps(town, case) == {"supply_unconditional": expected}
        town.accept(case, "code")
        rules = [rule | {"pauses": [pause]} if rule["step"] == "supply_unconditional" else rule
                 for rule in table["rules"]]  # fmt: skip
        town.file("office", "table", f"t-{case}", "issue", table="clock_rules",
                  document={"table": {**table, "rules": rules}})  # fmt: skip


def test_event_that_comes_again_begins_its_clock_anew(town: Town) -> None:
    table = TABLES.rules.model_dump(mode="json", exclude_none=True) | {"version": "anew"}
    both = [
        rule | {"starts": starts}
        for rule in table["rules"]
        if rule["step"] == "supply_unconditional"
        for starts in ("application_received", "application_complete")
    ]
    kept = [rule for rule in table["rules"] if rule["step"] != "supply_unconditional"]
    document = {"table": table | {"rules": [*kept, *both]}}
    town.file("office", "table", "t-1", "issue", table="clock_rules", document=document)
    town.ask("r-1", "few")
    town.file("market", "request", "r-1", "list_missing", missing="x")
    town.tick(instant_ms(date(2026, 3, 3)))
    five = {name: FIVE[name] for name in ("legal_basis", "scenario", "scope", "mode", "term")}
    accepted(town.file("tax", "request", "r-1", "complete", **five))
    due = sorted(clock.local[:10] for clock in town.case("request", "r-1").clocks)
    assert due == ["2026-03-04", "2026-03-06"]


def test_overdue_step_is_a_fact_once_and_told_to_actor_and_coordinator(town: Town) -> None:
    town.ask("r-1", "closed")
    due_ms = instant_ms(date(2026, 3, 5))
    assert town.docket.next_due_ms() == due_ms + 1
    assert town.tick(due_ms).cases == ()
    late = town.tick(due_ms + 1)
    (case,) = late.cases
    assert (case.version, case.record) == (1, 2)
    assert (case.state, case.clocks[0].overdue) == ("submitted", True)
    assert {notice.agency for notice in late.notices} == {"market", "office", "tax"}
    assert {(n.verb, n.basis, n.author) for n in late.notices} == {
        ("overdue", clock(town).basis, "")
    }
    assert town.tick(due_ms + 2).cases == ()
    assert town.docket.next_due_ms() is None
    accepted(town.accept("r-1", "code"))


@pytest.mark.parametrize("is_overdue", [True, False])
def test_answer_that_crosses_a_clock_is_taken_and_one_that_crosses_a_move_is_not(
    town: Town, is_overdue: bool
) -> None:
    town.ask("r-1", "closed")
    crossing = Act("late", "accept", 1, {"accepted_fields": ["code"]}, town.at_ms + 30 * DAY_MS)
    stale = crossing._replace(command="stale", verb="refuse", content={"legal_basis": "x"})
    if is_overdue:
        town.tick(instant_ms(date(2026, 3, 10)))
    else:
        closed = {"day": "2026-03-04", "working": False, "name": "停工"}
        correction = {"version": "c-1", "basis": "通告", "jurisdiction": "3302", "days": [closed]}
        document = fact_document(Calendar(table=TABLES.working_days))
        town.file("office", "table", "t-1", "issue", table="calendar",
                  document=document | {"corrections": [correction]})  # fmt: skip
    assert town.case("request", "r-1").record == 2
    market = town.author("market")
    officer = Officer(name="x", title="y")
    accepted(town.again(Filing("request", "r-1", crossing, officer), market))
    late = town.again(Filing("request", "r-1", stale, officer), market)
    assert "has changed" in refusal(late).problem


def test_provisional_deadline_is_never_overdue_until_the_calendar_knows(town: Town) -> None:
    town.tick(instant_ms(date(2026, 12, 27)))
    town.ask("r-1", "closed", term={"first_day": "2026-01-01", "last_day": "2028-12-31"})
    assert clock(town).provisional
    assert town.docket.next_due_ms() is None
    assert town.tick(instant_ms(date(2027, 2, 1))).cases == ()
    day = {"day": "2026-12-31", "working": False, "name": "补休"}
    correction = {"version": "2027", "basis": "通知", "horizon": "2027-12-20", "days": [day]}
    document = fact_document(Calendar(table=TABLES.working_days)) | {"corrections": [correction]}
    outcome = town.file("office", "table", "t-1", "issue", table="calendar", document=document)
    assert accepted(outcome).state == "issued"
    assert clock(town).overdue
    assert not clock(town).provisional


def test_correction_moves_the_due_instants_of_open_steps(town: Town) -> None:
    town.ask("r-1", "closed")
    closed = {"day": "2026-03-04", "working": False, "name": "停工"}
    correction = {"version": "c-1", "basis": "通告", "jurisdiction": "3302", "days": [closed]}
    document = fact_document(Calendar(table=TABLES.working_days)) | {"corrections": [correction]}
    outcome = town.file("office", "table", "t-1", "issue", table="calendar", document=document)
    assert {n.verb for n in outcome.notices if n.agency == "tax"} == {"count_anew"}
    assert steps(town) == {"answer": "2026-03-06 24:00"}
    case = town.case("request", "r-1")
    assert (case.version, case.record) == (1, 2)


def test_catalog_is_reviewed_in_time(town: Town) -> None:
    town.file("market", "entry", "shops", "draft", document=entry_document("shops"))
    town.file("market", "entry", "shops", "submit", head=True)
    assert steps(town, "shops", "entry") == {"review_catalog": "2026-03-04 24:00"}
    town.file("office", "entry", "shops", "return", reason="x")
    assert steps(town, "shops", "entry") == {}


def test_tables_of_the_package_become_facts_at_the_first_tick_and_are_issued_anew(
    nation: Town,
) -> None:
    first = nation.outcomes[0]
    assert [fact.kind for fact in first.facts] == ["docket_rules", "clock_rules", "calendar"]
    facts = nation.docket.facts
    assert isinstance(facts.clock_rules, ClockRuleTable)
    assert facts.clock_rules.table.version == "809-1"
    again = nation.file("office", "table", "t-2", "issue", table="clock_rules",
                        document=without_zhejiang())  # fmt: skip
    assert "in force" in refusal(again).problem


@pytest.mark.parametrize(
    ("who", "table", "document"),
    [
        ("market", "clock_rules", without_zhejiang()),
        ("office", "holidays", without_zhejiang()),
        ("office", "clock_rules", {"table": {"version": "1"}}),
        ("office", ["clock_rules"], without_zhejiang()),
    ],
)
def test_table_that_is_none_changes_nothing(
    town: Town, who: str, table: Any, document: dict[str, Any]
) -> None:
    refusal(town.file(who, "table", "t-1", "issue", table=table, document=document))


def test_county_issues_no_table_for_the_city(town: Town) -> None:
    county = agency_document("county", jurisdiction="330281", offices=["coordinator"])
    refusal(town.file("office", "agency", "county", "onboard", document=county))
    facts = town.docket.facts
    facts.apply(type(facts.agencies["tax"]).model_validate(county), facts.version + 1)
    wrong = refusal(town.file("county", "table", "t-1", "issue", table="clock_rules",
                              document=without_zhejiang()))  # fmt: skip
    assert CITY in wrong.found
    accepted(town.file("office", "table", "t-1", "issue", table="clock_rules",
                       document=without_zhejiang()))  # fmt: skip
    assert isinstance(facts.clock_rules, ClockRuleTable)
    assert isinstance(facts.clock_rules.table, ClockRules)
