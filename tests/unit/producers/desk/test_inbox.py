"""The inbox: what an agency must move, by its roles, with due instant and article."""

from collections.abc import Callable
from typing import Final

import pytest

from sharebus.governance.case import Author, Case, RunningClock
from sharebus.governance.clock_rule import ClockRule
from sharebus.governance.docket.kinds import KINDS
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import OFFICES, Role
from sharebus.producers.desk.inbox import AT_WILL, Task, tasks_of

from ...governance.docket.test_every_clock import HISTORIES, TIMED, named, town_of
from ...governance.docket.town import CITY, Town, entry_document


def inbox(town: Town, who: str) -> list[Task]:
    """Of what the agency was told, the newest version of each case."""
    told = {
        (notice.case.case_kind, notice.case.id): notice.case
        for outcome in town.outcomes
        for notice in outcome.notices
        if notice.agency == who
    }
    return tasks_of(told.values(), town.author(who))


def verbs(town: Town, who: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(task.case.id, task.verbs) for task in inbox(town, who)]


def test_request_waits_for_its_provider_until_an_instant_by_an_article() -> None:
    town = Town()
    town.ask("r-1", "closed")
    (task,) = inbox(town, "market")
    assert task.verbs == ("list_missing", "accept", "refuse")
    (clock,) = [each for each in task.case.clocks if each.actor == "provider"]
    assert (task.due_ms, task.due, task.basis) == (clock.due_ms, clock.local, clock.basis)
    assert task.due_ms
    assert verbs(town, "tax") == []


def test_refusal_waits_for_the_coordinator_of_its_jurisdiction_alone() -> None:
    town = Town()
    town.ask("r-1", "closed")
    town.file("market", "request", "r-1", "refuse", legal_basis="统计法 9")
    assert verbs(town, "office") == [("r-1", ("overrule", "uphold"))]
    elsewhere = Author("office", "330100", town.author("office").offices)
    assert tasks_of([town.case("request", "r-1")], elsewhere) == []


def test_extension_waits_for_the_coordinator_only_once_it_is_asked_for() -> None:
    town = Town()
    town.ask("r-1", "closed")
    assert verbs(town, "office") == []
    town.file("market", "request", "r-1", "ask_extension", reason="x", extension=3)
    assert verbs(town, "office") == [("r-1", ("extend",))]


def test_agreement_waits_for_those_who_have_not_consented() -> None:
    town = Town()
    term = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
    town.file("market", "agreement", "a-1", "propose", parties=["market", "tax"],
              text_digest="x", term=term)  # fmt: skip
    town.file("market", "agreement", "a-1", "consent")
    assert verbs(town, "market") == []
    assert verbs(town, "tax") == [("a-1", ("consent",))]
    town.file("tax", "agreement", "a-1", "consent")
    assert verbs(town, "tax") == []


def test_entry_waits_for_consents_before_it_waits_for_confirmation() -> None:
    town = Town()
    town.file("market", "entry", "new", "draft", document=entry_document("new"))
    assert verbs(town, "market") == [("new", ("submit",))]
    town.file("market", "entry", "new", "submit", head=True)
    assert verbs(town, "vault") == [("new", ("consent", "return"))]
    assert verbs(town, "office") == [("new", ("return",))]
    town.file("vault", "entry", "new", "consent")
    assert verbs(town, "vault") == [("new", ("return",))]
    assert verbs(town, "office") == [("new", ("return", "confirm"))]


def test_recipient_confirms_the_sealing_of_an_emergency_once() -> None:
    town = Town()
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["closed"],
              agencies=["tax", "health"], until="2026-03-10",
              seal_by="2026-03-20")  # fmt: skip
    assert verbs(town, "tax") == []
    town.file("office", "emergency", "e-1", "end")
    assert verbs(town, "tax") == [("e-1", ("consent",))]
    town.file("tax", "emergency", "e-1", "consent")
    assert verbs(town, "tax") == []
    assert verbs(town, "health") == [("e-1", ("consent",))]


def test_what_is_due_first_stands_first_and_what_has_no_clock_last() -> None:
    town = Town()
    town.ask("r-2", "closed")
    town.tick(town.at_ms + 3 * 86_400_000)
    town.ask("r-1", "closed")
    town.file("tax", "dispute", "d-1", "raise", about="request/r-1", opinion="x")
    tasks = inbox(town, "market")
    assert [task.case.id for task in tasks] == ["r-2", "r-1", "d-1"]
    assert tasks[-1].due_ms is None


def test_overdue_task_says_so() -> None:
    town = Town()
    town.ask("r-1", "closed")
    town.tick(town.at_ms + 60 * 86_400_000)
    (task,) = inbox(town, "market")
    assert task.is_overdue


def test_holder_of_a_suspended_grant_has_until_a_day_to_report_then_others_decide() -> None:
    town = Town()
    town.ask("r-1", "open")
    town.file("market", "grant", "r-1", "suspend", reason="滥用", rectify_by="2026-03-20")
    (task,) = inbox(town, "tax")
    assert (task.verbs, task.step, task.due) == (
        ("rectify",), "rectify", "2026-03-20 24:00 Asia/Shanghai",
    )  # fmt: skip
    assert task.basis == "S Art 27"
    town.file("tax", "grant", "r-1", "rectify", report="x")
    assert inbox(town, "tax") == []
    for who in ("market", "office"):
        assert verbs(town, who) == [("r-1", ("restore", "terminate"))]


def promised(town: Town) -> tuple[str, str]:
    town.file("tax", "demand", "d-1", "state", content="x", purpose="y")
    town.file("office", "demand", "d-1", "ask", provider="market")
    town.file("market", "demand", "d-1", "promise", due="2026-04-01")
    return "demand", "d-1"


def suspended(town: Town) -> tuple[str, str]:
    town.ask("r-1", "open")
    town.file("market", "grant", "r-1", "suspend", reason="x", rectify_by="2026-04-01")
    return "grant", "r-1"


def ended(town: Town) -> tuple[str, str]:
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["closed"],
              agencies=["tax", "health"], until="2026-03-10", seal_by="2026-03-20")  # fmt: skip
    town.file("office", "emergency", "e-1", "end")
    return "emergency", "e-1"


def proposed(town: Town) -> tuple[str, str]:
    content = {"item": 4, "source": "by_hand", "findings": "x", "working_days": 5}
    town.file("watch", "violation", "v-1", "propose", agency="market", **content)
    return "violation", "v-1"


SET_IN_THE_CASE: Final[dict[str, tuple[Callable[[Town], tuple[str, str]], str]]] = {
    "list": (promised, "market"), "rectify": (suspended, "tax"), "confirm": (ended, "health"),
    "state_case": (proposed, "market"),
}  # fmt: skip
"""Steps whose day a case sets itself: its history, and who is awaited."""


def test_every_step_that_runs_has_a_history_here() -> None:
    steps = {step for kind in KINDS.values() for step in kind.running}
    assert steps == {rule.step for rule in TIMED} | SET_IN_THE_CASE.keys()


def due_of(clock: RunningClock) -> int:
    assert clock.due_ms is not None
    return clock.due_ms


def check_awaited(town: Town, place: tuple[str, str], step: str, who: str) -> None:
    """What waits is found by whoever is awaited in what it was told, with instant and article."""
    clocks = town.case(*place).clocks
    (awaited,) = [each for each in clocks if each.step == step]
    clock = min((each for each in clocks if each.actor == awaited.actor), key=due_of)
    (task,) = [each for each in inbox(town, who) if (each.case.case_kind, each.case.id) == place]
    assert (task.step, task.due_ms, task.due, task.basis) == (
        clock.step, clock.due_ms, clock.local, clock.basis,
    )  # fmt: skip
    assert task.due_ms
    assert task.basis
    town.tick(task.due_ms + 1)
    (late,) = [each for each in inbox(town, who) if (each.case.case_kind, each.case.id) == place]
    assert late.is_overdue


@pytest.mark.parametrize("rule", TIMED, ids=named)
def test_step_of_the_rule_table_waits_in_the_inbox_of_who_is_awaited(rule: ClockRule) -> None:
    town = town_of(rule)
    place = HISTORIES[rule.procedure, rule.step](town)
    who = {Role.PROVIDER: "market", Role.COORDINATOR: "office"}[rule.actor]
    check_awaited(town, place, rule.step, who)


@pytest.mark.parametrize("step", SET_IN_THE_CASE)
def test_step_whose_day_a_case_sets_waits_in_the_inbox_of_who_is_awaited(step: str) -> None:
    history, who = SET_IN_THE_CASE[step]
    town = Town()
    check_awaited(town, history(town), step, who)


@pytest.mark.parametrize("kind", LIFECYCLES)
@pytest.mark.parametrize("role", Role)
def test_clock_in_any_state_is_in_the_inbox_of_its_actor_and_of_nobody_else(
    kind: str, role: Role
) -> None:
    lifecycle = LIFECYCLES[kind]
    clock = RunningClock(step="s", actor=role, due_ms=7, local="day", basis="law")
    for state in lifecycle.states - lifecycle.final_states:
        parties = {"provider": "market", "subscriber": "tax"}
        content = {"agencies": ["tax"]}
        case = Case(id="market" if kind == "agency" else "c-1", case_kind=kind, jurisdiction=CITY,
                    state=state, version=1, content=content, clocks=(clock,), opened_ms=0,
                    changed_ms=0, command="c", **parties)  # fmt: skip
        who = "bureau" if role in OFFICES else "market" if kind == "agency" else parties[role]
        offices = frozenset({role} & OFFICES)
        (task,) = tasks_of([case], Author(who, CITY, offices))
        assert (task.step, task.due_ms, task.due, task.basis) == ("s", 7, "day", "law")
        if kind != "change":  # whoever is told of one, and does not provide, holds a grant
            assert tasks_of([case], Author("stranger", CITY)) == []


@pytest.mark.parametrize("kind", AT_WILL)
def test_moves_at_will_are_moves_of_the_lifecycle(kind: str) -> None:
    assert AT_WILL[kind] <= {move.verb for move in LIFECYCLES[kind].moves}
