"""Whoever has no part in a case gets the answer that a case gets which is not there."""

import pytest

from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act
from sharebus.governance.docket import Filing
from sharebus.governance.lifecycle import CLOCK, NOTHING
from sharebus.governance.lifecycles import LIFECYCLES

from .town import HEAD, OFFICER, Town, entry_document

NOT_THERE = "is-not-there"
THERE = {
    "request": "r-1", "grant": "r-2", "agreement": "a-1", "dispute": "d-1", "permission": "p-1",
    "demand": "m-1", "emergency": "e-1", "usage": "u-1", "agency": "tax", "entry": "firms-new",
}  # fmt: skip
"""A case of each kind in which health, which holds no office, has no part."""


def busy_town() -> Town:
    town = Town()
    town.ask("r-1", "closed")
    town.ask("r-2", "closed")
    town.accept("r-2", "code")
    town.agree()
    town.file("tax", "dispute", "d-1", "raise", about="request/r-1", opinion="x")
    town.file("tax", "permission", "p-1", "ask", entry="closed", use="publish", purpose="公示")
    town.file("tax", "demand", "m-1", "state", content="x", purpose="y")
    town.file("office", "emergency", "e-1", "declare", reason="台风", entries=["closed"],
              agencies=["tax"], until="2026-03-10", seal_by="2026-03-20")  # fmt: skip
    town.file("market", "usage", "u-1", "inspect", entry="closed")
    town.file("market", "entry", "firms-new", "draft", document=entry_document("firms-new"))
    for kind in THERE.keys() - {"agency"}:
        assert town.case(kind, THERE[kind])
    return town


def answer_to(town: Town, kind: str, case: str, verb: str, version: int, who: str) -> Answer:
    act = Act(f"c-{kind}-{case}-{verb}-{version}-{who}", verb, version, {}, town.at_ms)
    outcome = town.docket.decide(
        Filing(kind, case, act, Officer(**OFFICER), HEAD), town.author(who)
    )
    assert outcome.answer
    return outcome.answer


def without_ids(answer: Answer, case: str) -> dict[str, object]:
    said = answer.model_dump(exclude={"command", "case"})
    return {
        name: value.replace(case, "CASE") if isinstance(value, str) else value
        for name, value in said.items()
    }


@pytest.mark.parametrize("kind", THERE)
def test_outsider_cannot_tell_a_case_from_one_that_is_not_there(kind: str) -> None:
    town = busy_town()
    begins = {move.verb for move in LIFECYCLES[kind].moves_from(NOTHING)
              if CLOCK not in move.actors}  # fmt: skip
    for verb in sorted({move.verb for move in LIFECYCLES[kind].moves} - begins | {"nonsense"}):
        for version in (0, 1, 2):
            there, not_there = (
                without_ids(answer_to(town, kind, case, verb, version, "health"), case)
                for case in (THERE[kind], NOT_THERE)
            )
            assert there == not_there
            assert (there["outcome"], there["state"], there["version"]) == ("refused", "", 0)


@pytest.mark.parametrize("kind", sorted(THERE.keys() - {"grant"}))
def test_new_case_under_a_taken_id_is_refused_and_told_nothing_of_it(kind: str) -> None:
    town = busy_town()
    for verb in {move.verb for move in LIFECYCLES[kind].moves_from(NOTHING)}:
        answer = answer_to(town, kind, THERE[kind], verb, 0, "health")
        assert (answer.problem, answer.state, answer.version) == (
            "a new case cannot have this id: it is taken", "", 0,
        )  # fmt: skip


def test_whoever_has_a_part_is_told_which_version_stands() -> None:
    town = busy_town()
    for who in ("tax", "market", "office"):
        answer = answer_to(town, "request", "r-1", "withdraw", 7, who)
        assert "has changed since" in answer.problem
        assert (answer.state, answer.version) == ("submitted", 1)


def test_move_about_a_case_that_is_not_there_names_it_and_what_would_begin_one() -> None:
    answer = answer_to(Town(), "request", NOT_THERE, "accept", 0, "market")
    assert answer.where == f"request {NOT_THERE}"
    assert "submit" in answer.expected
    assert answer.found == "accept"
