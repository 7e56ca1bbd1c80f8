"""Emergency sharing is for the named entries and agencies alone, and ends by itself."""

from datetime import date, time
from typing import Any

import pytest

from sharebus.governance.local_time import instant_ms

from .town import FIELDS, Town, accepted, granted, refusal

SCOPE: dict[str, Any] = {
    "reason": "台风", "entries": ["closed", "open"], "agencies": ["tax", "health"],
    "until": "2026-03-10", "seal_by": "2026-03-20",
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
    refusal(town.file("office", "emergency", "e-1", "seal"))
    refusal(town.file("market", "emergency", "e-1", "consent"))
    refusal(town.file("office", "emergency", "e-1", "report", report="x"))
    last = town.file("health", "emergency", "e-1", "consent")
    assert [(n.agency, n.author) for n in last.notices if n.verb == "seal"] == [
        (agency, "") for agency in ("health", "market", "office", "tax", "watch")
    ]
    accepted(town.file("office", "emergency", "e-1", "report", report="共放行 12 条"))
    assert town.state("emergency", "e-1") == "reported"


def test_who_has_not_sealed_in_time_is_overdue_until_it_has(town: Town) -> None:
    declare(town)
    town.until(date(2026, 3, 10))
    (clock,) = town.case("emergency", "e-1").clocks
    assert (clock.step, clock.actor, clock.basis) == ("confirm", "subscriber", "Z Art 21")
    assert clock.local == "2026-03-20 24:00 Asia/Shanghai"
    accepted(town.file("tax", "emergency", "e-1", "consent"))
    late = town.tick(instant_ms(date(2026, 3, 20)) + 1)
    assert {n.agency for n in late.notices if n.verb == "overdue"} >= {"health", "office"}
    assert town.case("emergency", "e-1").clocks[0].overdue
    accepted(town.file("health", "emergency", "e-1", "consent"))
    assert (town.state("emergency", "e-1"), town.case("emergency", "e-1").clocks) == ("sealed", ())


def test_recipient_that_has_left_is_not_waited_for(town: Town) -> None:
    declare(town)
    town.file("office", "emergency", "e-1", "end")
    town.file("tax", "emergency", "e-1", "consent")
    town.file("office", "agency", "health", "exit", reason="x")
    assert town.state("emergency", "e-1") == "sealed"


def test_end_names_the_views_that_are_shut_and_the_fields_to_be_sealed(town: Town) -> None:
    town.agree()
    town.ask("r-1", "closed", ("code", "name"))
    town.accept("r-1", "code", "name")
    declare(town)
    accepted(town.file("office", "emergency", "e-1", "end", seal_by="2026-03-04"))
    case = town.case("emergency", "e-1")
    assert case.clocks[0].local.startswith("2026-03-04")
    shut = {
        (view["entry"], system): (view["sealed_fields"], view["is_read_by_others"])
        for view in case.content["shut"] for system in view["systems"]
    }  # fmt: skip
    assert shut == {
        ("closed", "tax.desk"): (["phone"], False), ("open", "tax.desk"): (["phone"], False),
        ("closed", "health.desk"): ([], True), ("open", "health.desk"): ([], False),
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"entries": ["nowhere"]}, {"entries": ["secret"]}, {"entries": []}, {"entries": "closed"},
        {"entries": ["closed", "closed"]}, {"agencies": ["nobody"]}, {"agencies": [1]},
        {"until": "2026-03-01"}, {"until": "soon"}, {"until": 12}, {"reason": 7},
        {"seal_by": "2026-03-09"}, {"seal_by": "soon"}, {"seal_by": None},
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
