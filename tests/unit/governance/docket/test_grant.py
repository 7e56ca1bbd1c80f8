"""A grant is a case, and its fact never releases more than the case and the law allow."""

from datetime import date, time
from typing import Any

import pytest

from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant, Term
from sharebus.governance.local_time import instant_ms

from .town import FIELDS, FIVE, PARTIES, Town, accepted, granted, refusal


@pytest.fixture
def town() -> Town:
    town = Town()
    town.ask("r-1", "open", ("code", "name"))
    return town


def test_grant_has_the_id_of_its_request_and_states_what_was_granted(town: Town) -> None:
    case = town.case("grant", "r-1")
    assert (case.state, case.provider, case.subscriber) == ("in_force", "market", "tax")
    assert (case.content["entry"], case.content["system"]) == ("open", "tax.desk")
    assert case.content["document"]["fields"] == ["code", "name"]


def test_suspended_grant_is_revoked_in_the_policy_until_it_is_restored(town: Town) -> None:
    outcome = town.file("market", "grant", "r-1", "suspend", reason="滥用", rectify_by="2026-03-20")
    assert [(grant.id, grant.revoked) for grant in granted(outcome)] == [("r-1", True)]
    (clock,) = town.case("grant", "r-1").clocks
    assert (clock.actor, clock.local) == ("subscriber", "2026-03-20 24:00 Asia/Shanghai")
    assert accepted(town.file("office", "grant", "r-1", "restore")).basis == "S Art 27"
    assert town.grants()["r-1"].fields == ("code", "name")
    assert town.case("grant", "r-1").clocks == ()


def test_what_is_not_rectified_in_time_is_overdue_and_may_be_terminated(town: Town) -> None:
    town.file("market", "grant", "r-1", "suspend", reason="滥用", rectify_by="2026-03-20")
    assert town.docket.next_due_ms() == instant_ms(date(2026, 3, 20)) + 1
    assert town.tick(instant_ms(date(2026, 3, 20))).cases == ()
    late = town.tick(instant_ms(date(2026, 3, 20)) + 1)
    assert {(n.agency, n.verb, n.basis) for n in late.notices} == {
        (agency, "overdue", "S Art 27") for agency in ("market", "tax", "office")
    }
    assert town.case("grant", "r-1").clocks[0].overdue
    accepted(town.file("market", "grant", "r-1", "terminate", reason="x"))
    assert town.state("grant", "r-1") == "terminated"
    assert town.grants() == {}
    refusal(town.file("office", "grant", "r-1", "restore"))


def test_holder_reports_what_it_has_set_right_and_others_decide(town: Town) -> None:
    town.file("market", "grant", "r-1", "suspend", reason="滥用", rectify_by="2026-03-20")
    refusal(town.file("market", "grant", "r-1", "rectify", report="x"))
    refusal(town.file("tax", "grant", "r-1", "rectify", report=5))
    outcome = town.file("tax", "grant", "r-1", "rectify", report="已停用报表接口")
    assert {notice.agency for notice in outcome.notices} == {"market", "tax", "office"}
    case = town.case("grant", "r-1")
    assert (case.state, case.clocks) == ("suspended", ())
    assert "r-1" not in town.grants()
    town.tick(instant_ms(date(2026, 3, 20)) + 1)
    assert town.case("grant", "r-1") == case  # reported in time: nothing is overdue
    accepted(town.file("market", "grant", "r-1", "restore"))
    accepted(town.file("market", "grant", "r-1", "suspend", reason="又", rectify_by="2026-04-20"))
    assert "report" not in town.case("grant", "r-1").content


@pytest.mark.parametrize("day", ["2026-03-01", "soon", "9999-12-31", "", 5, None])
def test_day_of_rectification_is_one_that_has_not_passed(town: Town, day: Any) -> None:
    refusal(town.file("market", "grant", "r-1", "suspend", reason="x", rectify_by=day))
    assert "r-1" in town.grants()


def test_grant_lapses_at_the_end_of_its_last_day_and_not_before(town: Town) -> None:
    assert town.docket.next_due_ms() == instant_ms(date(2026, 12, 31))
    assert town.until(date(2026, 12, 31), time(23, 59)).cases == ()
    outcome = town.until(date(2026, 12, 31))
    assert [(n.agency, n.verb, n.basis, n.author) for n in outcome.notices] == [
        ("market", "lapse", "S Art 20", ""),
        ("office", "lapse", "S Art 20", ""),  # it could have revoked it
        ("tax", "lapse", "S Art 20", ""),
    ]
    assert (town.state("grant", "r-1"), town.grants()) == ("lapsed", {})
    assert town.docket.next_due_ms() is None


def test_command_after_the_last_day_finds_the_grant_lapsed_without_a_tick(town: Town) -> None:
    town.at_ms = instant_ms(date(2027, 1, 1))
    outcome = town.file("market", "grant", "r-1", "renew", term=FIVE["term"])
    assert outcome.answer is not None
    assert (outcome.answer.outcome, outcome.answer.state) == ("refused", "lapsed")
    assert [case.state for case in outcome.cases] == ["lapsed"]


def test_renewed_grant_lasts_to_its_new_day(town: Town) -> None:
    earlier = {"first_day": "2026-01-01", "last_day": "2026-06-30"}
    refusal(town.file("market", "grant", "r-1", "renew", term=earlier))
    longer = {"first_day": "2026-01-01", "last_day": "2027-12-31"}
    refusal(town.file("tax", "grant", "r-1", "renew", term=longer))
    accepted(town.file("market", "grant", "r-1", "renew", term=longer))
    assert town.grants()["r-1"].term == Term.model_validate(longer)
    assert town.until(date(2026, 12, 31)).cases == ()
    town.until(date(2027, 12, 31))
    assert town.grants() == {}


@pytest.mark.parametrize(
    ("who", "verb", "content", "state"),
    [
        ("office", "revoke", {"reason": "x"}, "revoked"),
        ("tax", "give_back", {}, "given_back"),
    ],
)
def test_grant_that_has_ended_stays_ended(
    town: Town, who: str, verb: str, content: dict[str, Any], state: str
) -> None:
    refusal(town.file("health", "grant", "r-1", verb, **content))
    accepted(town.file(who, "grant", "r-1", verb, **content))
    assert (town.state("grant", "r-1"), town.grants()) == (state, {})
    for office in ("office", "market"):
        refusal(town.file(office, "grant", "r-1", "restore"))


def test_marked_grant_goes_with_its_agreement_and_comes_back_only_if_in_force(town: Town) -> None:
    for case in ("r-2", "r-3"):
        town.ask(case, "closed", FIELDS)
        town.accept(case, *FIELDS)
    assert accepted(town.agree("a-1", last_day="2026-06-30")).verb == "consent"
    assert set(town.grants()) == {"r-1", "r-2", "r-3"}
    lapsed = town.until(date(2026, 6, 30))
    assert [case.state for case in lapsed.cases] == ["lapsed"]
    assert {grant.id for grant in granted(lapsed)} == {"r-2", "r-3"}
    assert {town.state("grant", case) for case in ("r-2", "r-3")} == {"in_force"}
    town.file("office", "grant", "r-3", "revoke", reason="x")
    town.agree("a-2")
    assert {name: grant.agreement for name, grant in town.grants().items()} == {
        "r-1": None, "r-2": "a-2",
    }  # fmt: skip


def test_agreement_is_in_force_on_its_first_day_and_can_lapse_unsigned(town: Town) -> None:
    town.ask("r-2", "closed", FIELDS)
    town.accept("r-2", *FIELDS)
    town.agree("a-1", first_day="2026-05-01")
    assert town.state("agreement", "a-1") == "proposed"
    town.file("market", "agreement", "a-2", "propose", parties=["market", "tax"], text_digest="x",
              term={"first_day": "2026-01-01", "last_day": "2026-04-01"})  # fmt: skip
    town.until(date(2026, 4, 1))
    assert town.state("agreement", "a-2") == "lapsed"
    town.until(date(2026, 4, 30))
    assert town.state("agreement", "a-1") == "in_force"
    assert town.grants()["r-2"].agreement == "a-1"


@pytest.mark.parametrize(("last_day", "is_possible"), [("2026-03-01", False), ("2026-03-02", True)])
def test_term_that_is_over_is_neither_asked_for_nor_agreed_on(
    town: Town, last_day: str, is_possible: bool
) -> None:
    term = {"first_day": "2026-01-01", "last_day": last_day}
    outcomes = [
        town.ask("r-2", "closed", term=term),
        town.file("market", "agreement", "a-1", "propose", parties=["market", "tax"],
                  text_digest="x", term=term),
    ]  # fmt: skip
    for outcome in outcomes:
        if is_possible:
            accepted(outcome)
        else:
            assert last_day in refusal(outcome).found


def test_grant_of_a_reviewed_file_becomes_a_case_with_the_first_command(town: Town) -> None:
    facts: PolicyFacts = town.docket.facts
    document = {**town.case("grant", "r-1").content["document"], "id": "paper", "entry": "closed"}
    document |= {"fields": list(FIELDS), "agreement": "2025 年第 3 号", "approval": "provider"}
    facts.apply(Grant.model_validate(document), facts.version + 1)
    assert town.docket.next_due_ms() == instant_ms(date(2026, 12, 31))
    accepted(town.file("market", "grant", "paper", "suspend", reason="x", rectify_by="2026-04-01"))
    assert town.case("grant", "paper").version == 1
    assert "paper" not in town.grants()
    accepted(town.file("market", "grant", "paper", "restore"))
    assert town.grants()["paper"].agreement == "2025 年第 3 号"
    town.until(date(2026, 12, 31))
    assert town.grants() == {}


def test_everybody_who_takes_part_is_told_and_nobody_else(town: Town) -> None:
    told = {agency for outcome in town.outcomes for agency, *_ in outcome.notices}
    assert told == {"market", "tax", "office"}
    assert "health" in PARTIES
