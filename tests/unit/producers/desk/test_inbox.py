"""The inbox: what an agency must move, by its roles, with due instant and article."""

import pytest

from sharebus.governance.case import Author
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.producers.desk.inbox import AT_WILL, Task, tasks_of

from ...governance.docket.town import Town, entry_document


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


@pytest.mark.parametrize("kind", AT_WILL)
def test_moves_at_will_are_moves_of_the_lifecycle(kind: str) -> None:
    assert AT_WILL[kind] <= {move.verb for move in LIFECYCLES[kind].moves}
