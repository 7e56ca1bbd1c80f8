"""Each row of the default table that times a step runs in some history, and runs out in it."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import pytest

from sharebus.governance.case import RunningClock
from sharebus.governance.clock_rule import ClockRule, Step
from sharebus.governance.docket.kinds import KINDS
from sharebus.governance.local_time import instant_ms

from .test_clocks_of_cases import without_zhejiang
from .town import DAY_MS, TABLES, Town, accepted, entry_document, refusal

Place = tuple[str, str]
NO_KIND_YET: Final = {
    Step.VERIFY, Step.FORWARD, Step.CORRECT, Step.GIVE_OPINION, Step.HANDLE_ERROR_REPORT,
    Step.HANDLE_COMPLAINT,
}  # fmt: skip
"""Steps of cases that the docket does not hear yet: whoever adds one adds its history here."""
TIMED: Final = [
    rule for rule in TABLES.rules.rules if rule.times is None and rule.step not in NO_KIND_YET
]


def asked(entry: str, *fields: str) -> Callable[[Town], Place]:
    def ask(town: Town) -> Place:
        accepted(town.ask("r-1", entry, fields or ("code",)))
        return "request", "r-1"

    return ask


def of_suspended_provider(town: Town) -> Place:
    accepted(town.file("watch", "agency", "market", "suspend", reason="x"))
    return asked("closed")(town)


def consented(town: Town) -> Place:
    place = asked("closed", "phone")(town)  # marked: it is supplied once there is an agreement
    accepted(town.accept("r-1", "phone"))
    return place


def refused(town: Town) -> Place:
    place = asked("closed", "phone")(town)
    accepted(town.file("market", "request", "r-1", "refuse", legal_basis="统计法 9"))
    return place


def overruled(town: Town) -> Place:
    place = refused(town)
    accepted(town.file("office", "request", "r-1", "overrule", reason="x",
                       accepted_fields=["phone"]))  # fmt: skip
    return place


def changed(town: Town) -> Place:
    accepted(town.file("market", "entry", "open", "report_change", reason="职责调整"))
    return "entry", "open"


def handed_in(town: Town) -> Place:
    place = changed(town)
    document = entry_document("open", scope="市区")
    accepted(town.file("market", "entry", "open", "hand_in", head=True, document=document))
    return place


HISTORIES: Final[dict[tuple[str, Step], Callable[[Town], Place]]] = {
    ("order-809", Step.REPLY_UNCONDITIONAL): asked("few"),
    ("order-809", Step.REPLY_CONDITIONAL): asked("closed"),
    ("order-809", Step.SUPPLY): consented,
    ("order-809", Step.UPDATE_CATALOG): changed,
    ("order-809", Step.REVIEW_CATALOG): handed_in,
    ("zhejiang", Step.SUPPLY_UNCONDITIONAL): asked("few"),
    ("zhejiang", Step.ASK_PROVIDER): of_suspended_provider,
    ("zhejiang", Step.ANSWER): asked("closed"),
    ("zhejiang", Step.SHARE): consented,
    ("zhejiang", Step.REVIEW_REFUSAL): refused,
    ("zhejiang", Step.SHARE_OVERRULED): overruled,
}


def town_of(rule: ClockRule, **changes: Any) -> Town:
    """A town in which the row's procedure counts; ``changes`` are made to the row."""
    town = Town()
    table = TABLES.rules.model_dump(mode="json", exclude_none=True)
    if rule.procedure == "order-809":
        table = without_zhejiang()["table"]
    rows = [
        {name: each for name, each in (row | changes).items() if each is not None}
        if (row["procedure"], row["step"]) == (rule.procedure, rule.step)
        else row
        for row in table["rules"]
    ]
    document = {"table": table | {"version": "tried", "rules": rows}}
    accepted(town.file("office", "table", "t-1", "issue", table="clock_rules", document=document))
    return town


def clock_of(town: Town, place: Place, rule: ClockRule) -> RunningClock:
    (running,) = (each for each in town.case(*place).clocks if each.step == rule.step)
    assert running.actor == rule.actor
    return running


def named(rule: ClockRule) -> str:
    return f"{rule.procedure}-{rule.step}"


def test_every_timed_row_has_a_history_here_and_no_other_step_is_heard() -> None:
    assert {(rule.procedure, rule.step) for rule in TIMED} == HISTORIES.keys()
    heard = {step for kind in KINDS.values() for step in kind.running if step in list(Step)}
    assert heard == {rule.step for rule in TIMED}
    assert not [rule for rule in TIMED if rule.pauses]  # one that pauses: test_clocks_of_cases.py


@pytest.mark.parametrize("rule", TIMED, ids=named)
def test_clock_of_a_row_runs_and_is_overdue_when_it_has_run_out(rule: ClockRule) -> None:
    town = town_of(rule)
    place = HISTORIES[rule.procedure, rule.step](town)
    running = clock_of(town, place, rule)
    assert running.due_ms is not None
    assert not running.overdue
    late = town.tick(running.due_ms + 1)
    assert clock_of(town, place, rule).overdue
    assert "overdue" in {notice.verb for notice in late.notices}


@pytest.mark.parametrize("rule", [rule for rule in TIMED if rule.extension], ids=named)
def test_clock_that_may_be_extended_is_once_the_authority_consents(rule: ClockRule) -> None:
    town = town_of(rule)
    place = HISTORIES[rule.procedure, rule.step](town)
    before = clock_of(town, place, rule).due_ms
    refusal(town.file("office", *place, "extend"))
    assert rule.extension is not None
    days = rule.extension.amount
    town.file("market", *place, "ask_extension", reason="x", extension=days + 1)
    refusal(town.file("office", *place, "extend"))
    accepted(town.file("market", *place, "ask_extension", reason="x", extension=days))
    assert clock_of(town, place, rule).due_ms == before
    accepted(town.file("office", *place, "extend"))
    after = clock_of(town, place, rule)
    assert after.due_ms is not None
    assert before is not None
    assert after.due_ms > before
    assert f"extended by {days} working days" in after.because


@pytest.mark.parametrize("rule", TIMED, ids=named)
def test_clock_whose_day_is_left_to_the_authority_runs_to_the_day_that_it_sets(
    rule: ClockRule,
) -> None:
    left = {"amount": None, "unit": None, "extension": None, "set_by": "coordinator"}
    town = town_of(rule, **left)
    place = HISTORIES[rule.procedure, rule.step](town)
    running = clock_of(town, place, rule)
    assert (running.due_ms, running.because) == (None, "to be set by the coordinator")
    day = {"step": str(rule.step), "due": "2026-05-06"}
    refusal(town.file("market", *place, "set_due", **day))
    for wrong in ({"step": "rectify"}, {"due": "2026-03-01"}, {"due": 5}):
        refusal(town.file("office", *place, "set_due", **{**day, **wrong}))
    accepted(town.file("office", *place, "set_due", **day))
    due_ms = instant_ms(date(2026, 5, 6))
    assert clock_of(town, place, rule).due_ms == due_ms
    town.tick(due_ms)
    assert not clock_of(town, place, rule).overdue
    town.tick(due_ms + 1)
    assert clock_of(town, place, rule).overdue
    refusal(town.file("office", *place, "set_due", **{**day, "due": "2026-06-01"}))  # too late


def test_provider_that_could_not_be_asked_is_once_it_is_back() -> None:
    town = Town()
    place = of_suspended_provider(town)
    assert [clock.step for clock in town.case(*place).clocks] == ["ask_provider"]
    outcome = town.file("office", "agency", "market", "restore")
    assert ("market", "ask", "") in {(n.agency, n.verb, n.author) for n in outcome.notices}
    assert [clock.step for clock in town.case(*place).clocks] == ["answer"]


def test_successor_is_asked_in_place_of_a_provider_that_could_not_be() -> None:
    town = Town()
    place = of_suspended_provider(town)
    accepted(town.file("office", "agency", "market", "succeed", reason="x", successor="health"))
    assert town.case(*place).provider == "health"
    assert [clock.step for clock in town.case(*place).clocks] == ["answer"]


def test_update_that_is_owed_gains_no_time_by_another_change() -> None:
    town = Town()
    place = changed(town)
    (owed,) = town.case(*place).clocks
    town.tick(town.at_ms + 5 * DAY_MS)
    changed(town)
    assert town.case(*place).clocks == (owed,)
    assert owed.due_ms is not None
    town.tick(owed.due_ms + 1)
    changed(town)
    assert [clock.overdue for clock in town.case(*place).clocks] == [True]


def test_update_of_an_entry_waits_for_its_revision_and_changes_nothing_before() -> None:
    town = Town()
    place = handed_in(town)
    assert town.docket.facts.entries["open"].scope == "全市"
    assert [clock.step for clock in town.case(*place).clocks] == ["review_catalog"]
    accepted(town.file("office", *place, "return_update", reason="依据不足"))
    assert [clock.step for clock in town.case(*place).clocks] == ["update_catalog"]
    assert "update" not in town.case(*place).content
    document = entry_document("open", scope="市区")
    wrong = refusal(town.file("market", *place, "hand_in", head=True,
                              document=document | {"partitions": 2}))  # fmt: skip
    assert "partitions" in wrong.expected
    accepted(town.file("market", *place, "hand_in", head=True, document=document))
    update = town.case(*place).content["update"]
    accepted(town.file("office", *place, "revise", document=update))
    assert town.docket.facts.entries["open"].scope == "市区"
    assert town.case(*place).clocks == ()
    assert town.case(*place).content.keys() == {"document", "reason"}
