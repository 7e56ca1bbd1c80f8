"""Violations: proposed, heard, ordered, verified; criticised when an order is not kept."""

from datetime import date, time
from typing import Any

import pytest

from sharebus.governance.docket.outcome import Outcome

from .town import Town, accepted, refusal

TOLD: dict[str, Any] = {"item": 4, "source": "missed_deadline", "findings": "2026-02 未按时更新"}


def propose(town: Town, case: str = "v-1", who: str = "watch", **changes: Any) -> Outcome:
    content = {"agency": "market", "working_days": 5, "entry": "open", **TOLD, **changes}
    return town.file(who, "violation", case, "propose", **content)


def order(town: Town, case: str = "v-1") -> Outcome:
    return town.file("watch", "violation", case, "order", reason="逾期", measures="补报",
                     working_days=3)  # fmt: skip


def test_violation_is_proposed_heard_ordered_and_verified(town: Town) -> None:
    proposed = propose(town)
    assert accepted(proposed).basis == "O Art 30"
    assert {notice.agency for notice in proposed.notices} == {"market", "office", "watch"}
    refusal(order(town))  # the agency is heard first
    refusal(town.file("tax", "violation", "v-1", "state", statement="x"))
    accepted(town.file("market", "violation", "v-1", "state", statement="系统故障"))
    accepted(order(town))
    (clock,) = town.case("violation", "v-1").clocks
    # From Monday 2026-03-02 on: the third working day is Thursday.
    assert (clock.step, clock.local) == ("rectify", "2026-03-05 24:00 Asia/Shanghai")
    accepted(town.file("market", "violation", "v-1", "reply", reply="已补报"))
    accepted(town.file("office", "violation", "v-1", "return", reason="不全", working_days=2))
    accepted(town.file("market", "violation", "v-1", "reply", reply="已补全"))
    accepted(town.file("office", "violation", "v-1", "verify", finding="核实"))
    assert town.state("violation", "v-1") == "corrected"
    assert town.case("violation", "v-1").clocks == ()


def test_order_waits_until_the_agency_was_heard_or_let_its_time_pass(town: Town) -> None:
    propose(town)
    town.until(date(2026, 3, 9), time(23))
    refusal(order(town))
    town.until(date(2026, 3, 9))
    accepted(order(town))
    assert [clock.step for clock in town.case("violation", "v-1").clocks] == ["rectify"]


def test_last_day_that_no_notice_settles_is_not_set(town: Town) -> None:
    refusal(propose(town, working_days=250))


def test_criticism_is_for_an_order_that_was_not_kept(town: Town) -> None:
    propose(town)
    town.file("market", "violation", "v-1", "state", statement="x")
    order(town)
    answer = refusal(criticise(town))
    assert "2026-03-05 24:00" in answer.found
    late = town.tick(town.at_ms + 4 * 86_400_000)
    assert {notice.verb for notice in late.notices} == {"overdue"}
    accepted(criticise(town))
    referred = town.file("watch", "violation", "v-1", "refer", reason="x", referred_to="监委")
    assert "hall" in {notice.agency for notice in referred.notices}
    accepted(town.file("market", "violation", "v-1", "reply", reply="已补报"))


def criticise(town: Town) -> Outcome:
    return town.file("watch", "violation", "v-1", "criticise", reason="x", responsible="王某")


def test_what_was_wrong_is_withdrawn(town: Town) -> None:
    propose(town, who="office")
    accepted(town.file("watch", "violation", "v-1", "withdraw", reason="平台故障"))
    assert town.state("violation", "v-1") == "withdrawn"


def test_repeated_violations_of_an_item_are_counted(town: Town) -> None:
    for number in range(3):
        propose(town, f"v-{number}")
        town.file("market", "violation", f"v-{number}", "state", statement="x")
        if number:
            order(town, f"v-{number}")
    propose(town, "v-8")
    propose(town, "v-9", item=3)
    counts = [town.case("violation", f"v-{n}").content["repeated"] for n in (0, 1, 2, 8, 9)]
    assert counts == [0, 0, 1, 2, 0]


@pytest.mark.parametrize(
    "wrong",
    [{"item": 7}, {"item": True}, {"item": "4"}, {"source": "rumour"}, {"working_days": 0},
     {"working_days": 10**9}, {"entry": "nothing"}, {"findings": 3}, {"agency": "nobody"},
     {"agency": "watch"}],
    ids=str,
)  # fmt: skip
def test_proposal_that_is_not_whole_is_refused(town: Town, wrong: dict[str, Any]) -> None:
    refusal(propose(town, **wrong))


def test_party_and_office_of_another_division_open_nothing(town: Town) -> None:
    refusal(propose(town, who="tax"))
    refusal(propose(town, who="hall"))


def test_successor_answers_for_a_violation(town: Town) -> None:
    propose(town)
    town.file("office", "agency", "market", "succeed", reason="x", successor="tax")
    assert town.case("violation", "v-1").content["agency"] == "tax"
    accepted(town.file("tax", "violation", "v-1", "state", statement="x"))
