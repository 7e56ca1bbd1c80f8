from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from sharebus import InvalidInput
from sharebus.governance.clock_rule import (
    CaseEvent,
    CaseKind,
    ClockRule,
    ClockRules,
    PauseRule,
    Step,
    citation,
)
from sharebus.governance.entry import LegalBasis
from sharebus.governance.period import Period
from sharebus.governance.role import Role
from sharebus.infra.clock_tables import load_clock_rules

RULES = load_clock_rules()
NINGBO, HANGZHOU, BEIJING = "330200", "330100", "110000"
ROW: dict[str, Any] = {
    "procedure": "order-809",
    "step": "supply",
    "title": "supply",
    "actor": "provider",
    "starts": "consent_given",
    "amount": 20,
    "unit": "wd",
    "basis": {"instrument": "政务数据共享条例", "version": "2025-08-01", "article": 22},
    "valid_from": "2025-08-01",
}


def row(**changes: Any) -> ClockRule:
    given = {name: value for name, value in (ROW | changes).items() if value is not ...}
    return ClockRule.model_validate(given)


def table(*rows: ClockRule, **changes: Any) -> ClockRules:
    procedures = [{"id": "order-809", "name": "政务数据共享条例", "cases": ["request"]}]
    return ClockRules.model_validate(
        {"version": "t", "procedures": procedures, "rules": rows or (row(),)} | changes
    )


# Rows


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": ..., "unit": ...},
        {"set_by": "coordinator"},
        {"times": 1},
        {"amount": ..., "unit": ..., "set_by": "coordinator", "times": 1},
        {"amount": ...},
        {"unit": ...},
        {"amount": 0},
        {"amount": 1001},
        {"unit": "month"},
        {"starts": "consent_givn"},
        {"step": "suply"},
        {"actor": "authority"},
        {"at": "17:00", "unit": "hour"},
        {"at": "17:00", "amount": ..., "unit": ..., "set_by": "coordinator"},
        {"at": "17:00:30"},
        {"at": "17:00+08:00"},
        {"valid_until": "2025-07-31"},
        {"jurisdiction": "3"},
        {"jurisdiction": "33020300"},
        {"extension": {"amount": 5, "consents": []}},
        {"extension": {"amount": 5}},
        {"extension": {"amount": 5, "consents": ["coordinator"]},
         "amount": ..., "unit": ..., "set_by": "coordinator"},
        {"pauses": [{"begins": "missing_listed", "ends": "application_complete"}],
         "amount": ..., "unit": ..., "times": 1},
        {"pauses": [{"begins": "missing_listed", "ends": "missing_listed"}]},
        {"paragraph": 2},
        {"basis": ...},
    ],
)  # fmt: skip
def test_row_that_does_not_say_what_it_must_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        row(**changes)


def test_row_has_the_period_that_it_states() -> None:
    assert row().period == Period(20, "wd")
    at = row(at="17:00").period
    assert at
    assert at.at
    assert at.at.isoformat() == "17:00:00"
    assert row(amount=..., unit=..., set_by="coordinator").period is None
    assert row(amount=..., unit=..., times=1).period is None


@pytest.mark.parametrize(
    ("changes", "day", "jurisdiction", "is_valid"),
    [
        ({}, "2025-07-31", BEIJING, False),
        ({}, "2025-08-01", BEIJING, True),
        ({"valid_until": "2026-06-30"}, "2026-06-30", BEIJING, True),
        ({"valid_until": "2026-06-30"}, "2026-07-01", BEIJING, False),
        ({"jurisdiction": "33"}, "2026-07-01", NINGBO, True),
        ({"jurisdiction": "3302"}, "2026-07-01", NINGBO, True),
        ({"jurisdiction": "330203"}, "2026-07-01", NINGBO, False),
        ({"jurisdiction": "33"}, "2026-07-01", BEIJING, False),
    ],
)
def test_row_is_valid_in_its_time_and_divisions(
    changes: dict[str, Any], day: str, jurisdiction: str, is_valid: bool
) -> None:
    assert row(**changes).is_valid(jurisdiction, date.fromisoformat(day)) is is_valid


def test_citation_names_what_is_given() -> None:
    basis = LegalBasis(instrument="条例", version="2025", article=21)
    assert citation(basis) == "条例 (2025) Art 21"
    assert citation(basis.model_copy(update={"paragraph": 2})) == "条例 (2025) Art 21 ¶2"
    item = basis.model_copy(update={"paragraph": 2, "item": 3})
    assert citation(item) == "条例 (2025) Art 21 ¶2 item 3"


# Tables


def procedures(*rows: tuple[str, str, list[str]]) -> list[dict[str, Any]]:
    return [
        {"id": name, "name": name, "jurisdiction": jurisdiction, "cases": cases}
        for name, jurisdiction, cases in rows
    ]


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        (procedures(("order-809", "", ["request"]), ("order-809", "33", ["request"])), "same id"),
        (procedures(("order-809", "", ["request"]), ("other", "", ["request"])), "one procedure"),
        (procedures(("order-809", "", ["request"]), ("other", "33", ["request"])), "not so: other"),
        (procedures(("other", "", ["request"])), "not so: order-809, other"),
        (procedures(("order-809", "", [])), "at least 1 item"),
    ],
)
def test_table_that_leaves_a_case_without_one_procedure_is_refused(
    listed: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(ValidationError, match=problem):
        table(procedures=listed)


@pytest.mark.parametrize(
    ("case", "jurisdiction", "procedure"),
    [
        (CaseKind.REQUEST, BEIJING, "order-809"),
        (CaseKind.REQUEST, HANGZHOU, "zhejiang"),
        (CaseKind.REQUEST, NINGBO, "zhejiang"),
        (CaseKind.CATALOG_CHANGE, NINGBO, "order-809"),
        (CaseKind.ERROR_REPORT, NINGBO, "order-171"),
    ],
)
def test_case_has_the_procedure_of_its_smallest_division(
    case: CaseKind, jurisdiction: str, procedure: str
) -> None:
    assert RULES.procedure_of(case, jurisdiction).id == procedure


def test_case_that_no_procedure_covers_is_refused() -> None:
    with pytest.raises(InvalidInput, match="complaint in 110000"):
        RULES.procedure_of(CaseKind.COMPLAINT, BEIJING)


def test_only_rows_of_the_same_step_actor_and_event_compete() -> None:
    competing = [row(), row(amount=15, jurisdiction="3302")]
    others = [
        row(step="share"),
        row(actor="coordinator"),
        row(starts="application_complete"),
        row(amount=5, jurisdiction="1101"),
        row(amount=6, valid_from="2027-01-01"),
        row(amount=7, valid_until="2025-12-31"),
        row(amount=8, procedure="other"),
    ]
    listed = procedures(("order-809", "", ["request"]), ("other", "33", ["complaint"]))
    rules = table(*others[:3], *competing, *others[3:], procedures=listed)
    found = rules.competing(
        "order-809", Step.SUPPLY, Role.PROVIDER, CaseEvent.CONSENT_GIVEN,
        jurisdiction=NINGBO, day=date(2026, 11, 23),
    )  # fmt: skip
    assert list(found) == competing


# The default table


def test_default_table_survives_json() -> None:
    assert ClockRules.model_validate_json(RULES.model_dump_json()) == RULES


def test_default_table_pauses_no_clock() -> None:
    assert [rule.step for rule in RULES.rules if rule.pauses] == []


def test_default_table_uses_every_step_and_kind_of_case() -> None:
    assert {rule.step for rule in RULES.rules} == set(Step)
    assert {case for procedure in RULES.procedures for case in procedure.cases} == set(CaseKind)


def test_pause_rule_is_a_pair_of_events() -> None:
    pause = PauseRule(begins=CaseEvent.MISSING_LISTED, ends=CaseEvent.APPLICATION_COMPLETE)
    assert row(pauses=[pause.model_dump()]).pauses == (pause,)
