"""Emergency sharing is for the named entries and agencies alone, and ends by itself."""

from datetime import date, time
from typing import Any

import pytest

from .town import FIELDS, Town, accepted, granted, refusal

SCOPE: dict[str, Any] = {
    "reason": "台风", "entries": ["closed", "open"], "agencies": ["tax", "health"],
    "until": "2026-03-10",
}  # fmt: skip


def declare(town: Town, who: str = "office", **changes: Any) -> Any:
    return town.file(who, "emergency", "e-1", "declare", **{**SCOPE, **changes})


def test_grants_of_an_emergency_are_for_its_scope_and_end_on_its_last_day(town: Town) -> None:
    outcome = declare(town)
    assert accepted(outcome).basis == "Z Art 21"
    assert {(g.entry, g.system, g.approval, g.fields) for g in granted(outcome)} == {
        (entry, f"{agency}.desk", "emergency", ("code", "name"))
        for entry in SCOPE["entries"] for agency in SCOPE["agencies"]
    }  # fmt: skip
    assert {n.agency for n in outcome.notices} == {
        "health",
        "market",
        "office",
        "tax",
        "hall",
        "watch",
    }
    assert town.until(date(2026, 3, 10), time(23, 59)).cases == ()
    town.agree()
    assert len(town.grants()) == 4
    ended = town.until(date(2026, 3, 10))
    assert [case.state for case in ended.cases] == ["ended"]
    assert len(granted(ended)) == 4
    assert town.grants() == {}


def test_marked_fields_are_released_only_while_an_agreement_is_in_force(town: Town) -> None:
    town.agree(last_day="2026-03-05")
    declare(town)
    phones = {grant.system for grant in town.grants().values() if "phone" in grant.fields}
    assert phones == {"tax.desk"}
    town.until(date(2026, 3, 5))
    assert not any("phone" in grant.fields for grant in town.grants().values())
    town.agree("a-2", "health")
    phones = {grant.system for grant in town.grants().values() if "phone" in grant.fields}
    assert phones == {"health.desk"}


def test_it_is_sealed_when_each_recipient_has_sealed_and_then_reported(town: Town) -> None:
    declare(town)
    refusal(town.file("tax", "emergency", "e-1", "end"))
    accepted(town.file("hall", "emergency", "e-1", "end"))
    assert town.grants() == {}
    accepted(town.file("tax", "emergency", "e-1", "consent"))
    awaited = refusal(town.file("office", "emergency", "e-1", "seal"))
    assert awaited.found == "not yet of health"
    refusal(town.file("market", "emergency", "e-1", "consent"))
    accepted(town.file("health", "emergency", "e-1", "consent"))
    accepted(town.file("office", "emergency", "e-1", "seal"))
    accepted(town.file("office", "emergency", "e-1", "report", report="共放行 12 条"))
    assert town.state("emergency", "e-1") == "reported"


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": ["nowhere"]}, {"entries": ["secret"]}, {"entries": []}, {"entries": "closed"},
        {"entries": ["closed", "closed"]}, {"agencies": ["nobody"]}, {"agencies": [1]},
        {"until": "2026-03-01"}, {"until": "soon"}, {"until": 12}, {"reason": 7},
    ],
    ids=str,
)  # fmt: skip
def test_scope_that_is_unknown_or_without_end_is_refused(
    town: Town, changes: dict[str, Any]
) -> None:
    refusal(declare(town, **changes))
    assert town.grants() == {}


def test_only_an_authority_declares_and_only_the_emergency_ends_its_grants(town: Town) -> None:
    refusal(declare(town, "market"))
    declare(town)
    (grant_id, *_) = sorted(town.grants())
    refusal(town.file("office", "grant", grant_id, "revoke", reason="x"))
    assert grant_id in town.grants()


def test_its_grants_go_with_entry_and_agency_and_to_a_successor(town: Town) -> None:
    declare(town)
    town.filed_change("ch-1", "open", "retire")
    town.file("office", "entry", "open", "retire", reason="x", change="ch-1")
    assert {grant.entry for grant in town.grants().values()} == {"closed"}
    town.file("office", "agency", "tax", "succeed", reason="x", successor="watch")
    assert {grant.system for grant in town.grants().values()} == {"health.desk", "watch.desk"}
    town.file("office", "agency", "health", "exit", reason="x")
    assert {grant.system for grant in town.grants().values()} == {"watch.desk"}
    assert set(FIELDS) > {"code"}
