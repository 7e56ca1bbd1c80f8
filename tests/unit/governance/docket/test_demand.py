"""Demands for what nobody lists, and disputes that go up to the government."""

from datetime import date
from typing import Any

import pytest

from sharebus.governance.local_time import instant_ms

from .town import Town, accepted, refusal


def test_demand_is_asked_of_a_provider_promised_and_listed(town: Town) -> None:
    town.file("tax", "demand", "d-1", "state", content="车辆", purpose="征收")
    refusal(town.file("office", "demand", "d-1", "ask", provider="nobody"))
    outcome = town.file("office", "demand", "d-1", "ask", provider="market")
    assert {notice.agency for notice in outcome.notices} == {"market", "office", "tax"}
    refusal(town.file("market", "demand", "d-1", "promise", due="2026-02-01"))
    accepted(town.file("market", "demand", "d-1", "promise", due="2026-04-01"))
    late = town.tick(instant_ms(date(2026, 4, 1)) + 1)
    assert [notice.verb for notice in late.notices] == ["overdue"] * 3
    refusal(town.file("office", "demand", "d-1", "list", entry="cars"))
    accepted(town.publish("cars"))
    accepted(town.file("office", "demand", "d-1", "list", entry="cars"))
    assert town.state("demand", "d-1") == "listed"


@pytest.mark.parametrize("about", ["request/r-9", "request", "entry/closed", "", 3, {}], ids=str)
def test_dispute_is_about_a_case_between_two(town: Town, about: Any) -> None:
    town.ask("r-1", "closed")
    refusal(town.file("tax", "dispute", "d-1", "raise", about=about, opinion="x"))


def test_dispute_is_coordinated_and_decided_by_the_government(town: Town) -> None:
    town.ask("r-1", "closed")
    refusal(town.file("health", "dispute", "d-1", "raise", about="request/r-1", opinion="x"))
    town.file("tax", "dispute", "d-1", "raise", about="request/r-1", opinion="应当共享")
    brought = town.file("market", "dispute", "d-1", "bring", opinion="x")
    assert {n.agency for n in brought.notices} == {"market", "office", "tax", "vault", "watch"}
    refusal(town.file("office", "dispute", "d-1", "decide", decision="x"))
    submitted = town.file("office", "dispute", "d-1", "submit", opinion="x")
    assert "hall" in {notice.agency for notice in submitted.notices}
    decided = town.file("hall", "dispute", "d-1", "decide", decision="共享")
    assert accepted(decided).basis == "S Art 28"
