from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from sharebus import InvalidInput, Refused
from sharebus.governance.clock import (
    Clock,
    Deadline,
    Extension,
    deadline_of,
    extend_clock,
    record_event,
    start_clock,
)
from sharebus.governance.clock_rule import CaseEvent, CaseKind, ClockRule, Step
from sharebus.governance.role import Role
from sharebus.governance.working_days import CalendarCorrection, WorkingDays
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

SHANGHAI = ZoneInfo("Asia/Shanghai")
TABLE = load_working_days()
CALENDAR = WorkingDays(TABLE)
RULES = load_clock_rules()
DAY_MS = 86_400_000
ROW: dict[str, Any] = {
    "procedure": "order-809",
    "step": "reply_conditional",
    "title": "reply",
    "actor": "provider",
    "starts": "application_complete",
    "amount": 10,
    "unit": "wd",
    "basis": {"instrument": "条例", "version": "2025-08-01", "article": 21},
    "valid_from": "2025-08-01",
}
SET = {"amount": None, "unit": None, "set_by": "coordinator"}
EXTENSION = {"amount": 10, "consents": ["coordinator", "government"]}
PAUSE = {"begins": "missing_listed", "ends": "application_complete"}
CONSENTS = (Role.COORDINATOR, Role.GOVERNMENT)


def ms(text: str) -> int:
    """The instant of a local time in Shanghai."""
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


MONDAY = ms("2026-11-02 09:00")


def row(**changes: Any) -> ClockRule:
    return ClockRule.model_validate(ROW | changes)


def clock(*rows: ClockRule, set_due: str | None = None) -> Clock:
    return start_clock(rows or (row(),), MONDAY, ms(set_due) if set_due else None)


def due(running: Clock, calendar: WorkingDays = CALENDAR) -> Deadline:
    deadline = deadline_of(running, calendar)
    assert deadline
    return deadline


def extension(
    amount: int,
    at: str = "2026-11-03 09:00",
    consents: tuple[Role, ...] = CONSENTS,
    unit: Any = "wd",
) -> Extension:
    return Extension(amount=amount, unit=unit, consents=consents, at_ms=ms(at))


# The start


def test_deadline_says_when_in_utc_and_local_time_and_why_and_by_what() -> None:
    deadline = due(clock(row(amount=3)))
    assert deadline.due_ms == ms("2026-11-06 00:00")
    assert deadline.utc == "2026-11-05T16:00:00.000Z"
    assert deadline.local == "2026-11-05 24:00 Asia/Shanghai"
    assert deadline.because == "3rd working day after 2026-11-02"
    assert deadline.rule.amount == 3
    assert deadline.calendar == TABLE.version
    assert not deadline.provisional


@pytest.mark.parametrize(
    ("case", "step", "actor", "event", "local"),
    [
        (CaseKind.REQUEST, Step.REPLY_UNCONDITIONAL, Role.PROVIDER,
         CaseEvent.APPLICATION_COMPLETE, "2026-10-08"),
        (CaseKind.REQUEST, Step.REPLY_CONDITIONAL, Role.PROVIDER,
         CaseEvent.APPLICATION_COMPLETE, "2026-10-20"),
        (CaseKind.REQUEST, Step.SUPPLY, Role.PROVIDER, CaseEvent.CONSENT_GIVEN, "2026-11-03"),
        (CaseKind.CATALOG_CHANGE, Step.REVIEW_CATALOG, Role.COORDINATOR,
         CaseEvent.CATALOG_SUBMITTED, "2026-10-09"),
    ],
)  # fmt: skip
def test_clock_of_the_default_table_runs_over_national_day(
    case: CaseKind, step: Step, actor: Role, event: CaseEvent, local: str
) -> None:
    procedure = RULES.procedure_of(case, "110000").id
    day = date(2026, 9, 30)
    rows = RULES.competing(procedure, step, actor, event, jurisdiction="110000", day=day)
    running = start_clock(rows, ms("2026-09-30 10:00"))
    assert due(running).local == f"{local} 24:00 Asia/Shanghai"


def test_step_without_a_rule_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no rule"):
        start_clock((), MONDAY)


def test_step_that_is_only_counted_has_no_clock() -> None:
    counted = row(amount=None, unit=None, times=1)
    with pytest.raises(InvalidInput, match="no rule sets a time"):
        start_clock((counted,), MONDAY)
    assert start_clock((counted, row()), MONDAY).rules == (row(),)


@pytest.mark.parametrize(
    "change",
    [{"procedure": "zhejiang"}, {"step": "supply"}, {"actor": "coordinator"},
     {"starts": "consent_given"}],
)  # fmt: skip
def test_rows_of_two_procedures_steps_actors_or_events_never_compete(
    change: dict[str, str],
) -> None:
    with pytest.raises(ValidationError, match="compete"):
        start_clock((row(), row(**change)), MONDAY)


def test_clock_has_no_due_instant_before_the_authority_has_set_it() -> None:
    assert deadline_of(clock(row(**SET)), CALENDAR) is None
    deadline = due(clock(row(**SET), set_due="2026-11-20 17:00"))
    assert deadline.local == "2026-11-20 17:00 Asia/Shanghai"
    assert deadline.because == "set by the coordinator"
    assert not deadline.provisional


def test_due_instant_is_not_set_against_the_law_or_into_the_past() -> None:
    with pytest.raises(InvalidInput, match="cannot be set"):
        clock(set_due="2026-11-20 17:00")
    with pytest.raises(InvalidInput, match="cannot be set"):
        clock(row(**SET), set_due="2026-11-02 09:00")
    assert clock(row(**SET), set_due="2026-11-02 09:00:00.001")


# Which row wins


@pytest.mark.parametrize(
    ("other", "winner"),
    [
        ({"amount": 9}, "other"),
        ({"amount": 11}, "reply"),
        ({"amount": 10, "at": "23:59"}, "other"),
        ({"amount": 11, "unit": "day"}, "other"),
        ({"amount": 15, "unit": "day"}, "reply"),
        ({"amount": 350, "unit": "hour"}, "other"),
        ({"amount": 352, "unit": "hour"}, "reply"),
    ],
)
def test_earlier_due_instant_wins_in_any_order(other: dict[str, Any], winner: str) -> None:
    # Ten working days end with Monday the 16th, 351 hours after the start.
    rows = (row(), row(title="other", **other))
    assert due(clock(*rows)).rule.title == winner
    assert due(clock(*reversed(rows))).rule.title == winner


def test_first_row_of_the_table_is_named_where_two_end_together() -> None:
    rows = (row(), row(title="other", amount=351, unit="hour"))
    assert due(clock(*rows)).rule.title == "reply"
    assert due(clock(*reversed(rows))).rule.title == "other"


def test_due_instant_that_was_set_competes_too() -> None:
    rows = (row(), row(title="other", **SET))
    assert due(clock(*rows, set_due="2026-11-16 23:59")).rule.title == "other"
    assert due(clock(*rows, set_due="2026-11-17 00:01")).rule.title == "reply"


# Missed


def test_step_is_missed_only_behind_its_due_instant() -> None:
    deadline = due(clock())
    assert not deadline.is_missed_at(deadline.due_ms)
    assert deadline.is_missed_at(deadline.due_ms + 1)


def test_provisional_deadline_is_never_missed() -> None:
    deadline = due(start_clock((row(),), ms("2026-12-21 09:00")))
    assert deadline.provisional
    assert not deadline.is_missed_at(deadline.due_ms + 1000 * DAY_MS)


def test_deadline_of_an_open_clock_moves_with_the_calendar() -> None:
    closure = CalendarCorrection.model_validate(
        {"version": "c1", "basis": "b",
         "days": [{"day": "2026-11-10", "working": False, "name": "停工"}]}
    )  # fmt: skip
    before, after = due(clock()), due(clock(), WorkingDays(TABLE, [closure]))
    assert after.due_ms == before.due_ms + DAY_MS
    assert (before.calendar, after.calendar) == (TABLE.version, f"{TABLE.version} + c1")


# Extension


def test_extension_lengthens_the_period_once() -> None:
    extended = extend_clock(clock(row(extension=EXTENSION)), extension(5), CALENDAR)
    deadline = due(extended)
    assert deadline.local == "2026-11-23 24:00 Asia/Shanghai"
    assert deadline.because == ("15th working day after 2026-11-02; extended by 5 working days")
    with pytest.raises(Refused, match="extended once"):
        extend_clock(extended, extension(1), CALENDAR)


@pytest.mark.parametrize(
    ("rule", "asked", "problem"),
    [
        ({}, extension(1), "knows no extension"),
        ({"extension": EXTENSION}, extension(11), "at most 10 working days"),
        ({"extension": EXTENSION}, extension(1, unit="day"), "at most 10 working days"),
        ({"extension": EXTENSION}, extension(1, consents=(Role.GOVERNMENT,)), "of: coordinator"),
        ({"extension": EXTENSION}, extension(1, consents=()), "of: coordinator, government"),
        ({"extension": EXTENSION}, extension(1, at="2026-11-17 00:00:00.001"), "ended before"),
        ({"extension": EXTENSION}, extension(1, at="2026-11-02 08:59"), "has not begun"),
    ],
)
def test_extension_that_the_law_does_not_allow_is_refused_with_its_article(
    rule: dict[str, Any], asked: Extension, problem: str
) -> None:
    with pytest.raises(Refused, match=problem) as refused:
        extend_clock(clock(row(**rule)), asked, CALENDAR)
    assert refused.value.where == "条例 (2025-08-01) Art 21"


def test_extension_up_to_the_limit_and_the_last_instant_is_granted() -> None:
    asked = extension(10, at="2026-11-17 00:00")
    extended = extend_clock(clock(row(extension=EXTENSION)), asked, CALENDAR)
    assert due(extended).local == "2026-11-30 24:00 Asia/Shanghai"


def test_extension_from_the_first_instant_on_is_granted() -> None:
    asked = extension(1, at="2026-11-02 09:00")
    assert extend_clock(clock(row(extension=EXTENSION)), asked, CALENDAR).extension == asked


def test_extension_is_not_refused_on_a_guess() -> None:
    running = start_clock((row(extension=EXTENSION),), ms("2026-12-21 09:00"))
    assert due(running).provisional
    asked = extension(5, at="2027-02-01 09:00")
    assert extend_clock(running, asked, CALENDAR).extension == asked


@pytest.mark.parametrize(
    "strict",
    [
        {},
        {"extension": EXTENSION | {"amount": 4}},
        {"extension": EXTENSION | {"consents": ["supervisor"]}},
        {"extension": EXTENSION, "amount": 16, "unit": "day"},
    ],
)
def test_extension_leaves_rows_alone_that_do_not_allow_it(strict: dict[str, Any]) -> None:
    rows = (row(extension=EXTENSION), row(**{"title": "strict", "amount": 12} | strict))
    extended = extend_clock(clock(*rows), extension(5), CALENDAR)
    assert due(extended).rule.title == "strict"
    assert due(extended).local == "2026-11-18 24:00 Asia/Shanghai"


# Pauses


def test_clock_pauses_only_where_its_row_says_so() -> None:
    plain, pausing = clock(), clock(row(pauses=[PAUSE]))
    for event in CaseEvent:
        assert record_event(plain, event, MONDAY + DAY_MS) is plain
    paused = record_event(pausing, CaseEvent.MISSING_LISTED, ms("2026-11-04 10:00"))
    assert deadline_of(paused, CALENDAR) is None
    assert record_event(paused, CaseEvent.REFUSED, ms("2026-11-05 10:00")) is paused
    resumed = record_event(paused, CaseEvent.APPLICATION_COMPLETE, ms("2026-11-09 10:00"))
    # 11-04 to 11-09 are four working days.
    assert due(resumed).local == "2026-11-20 24:00 Asia/Shanghai"


def test_row_without_a_pause_goes_on_while_another_stands_still() -> None:
    rows = (row(amount=3, pauses=[PAUSE]), row(title="strict", amount=12))
    paused = record_event(clock(*rows), CaseEvent.MISSING_LISTED, ms("2026-11-03 10:00"))
    assert due(paused).rule.title == "strict"


def test_clock_goes_on_only_when_no_pause_of_its_row_holds() -> None:
    second = {"begins": "catalog_changed", "ends": "catalog_submitted"}
    running = clock(row(amount=3, pauses=[PAUSE, second]))
    days = zip(("catalog_submitted", "missing_listed", "catalog_changed", "missing_listed",
                "application_complete", "catalog_submitted"), range(3, 9), strict=True)  # fmt: skip
    for event, day in days:
        assert deadline_of(running, CALENDAR) is None or day <= 4
        running = record_event(running, CaseEvent(event), ms(f"2026-11-{day:02} 10:00"))
    # Paused from Wednesday the 4th to Sunday the 8th; the 3rd was counted.
    assert due(running).local == "2026-11-10 24:00 Asia/Shanghai"


def test_paused_clock_can_be_extended() -> None:
    rows = (row(amount=3, pauses=[PAUSE]), row(extension=EXTENSION, pauses=[PAUSE]))
    paused = record_event(clock(rows[1]), CaseEvent.MISSING_LISTED, ms("2026-11-04 10:00"))
    extended = extend_clock(paused, extension(5, at="2026-12-04 10:00"), CALENDAR)
    resumed = record_event(extended, CaseEvent.APPLICATION_COMPLETE, ms("2026-11-04 11:00"))
    assert due(resumed).local == "2026-11-24 24:00 Asia/Shanghai"
    both = record_event(clock(*rows), CaseEvent.MISSING_LISTED, ms("2026-11-04 10:00"))
    assert extend_clock(both, extension(5), CALENDAR).extension


def test_event_before_the_last_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match="out of order"):
        record_event(clock(), CaseEvent.MISSING_LISTED, MONDAY - 1)
    paused = record_event(clock(row(pauses=[PAUSE])), CaseEvent.MISSING_LISTED, MONDAY + 2)
    with pytest.raises(InvalidInput, match="out of order"):
        record_event(paused, CaseEvent.APPLICATION_COMPLETE, MONDAY + 1)


def test_clock_has_a_set_due_instant_only_where_its_row_asks_for_one() -> None:
    with pytest.raises(ValidationError, match="due instant is set"):
        Clock(rules=(row(),), started_ms=MONDAY, set_due_ms=MONDAY + 1)


def test_clock_survives_json() -> None:
    running = record_event(
        clock(row(extension=EXTENSION, pauses=[PAUSE], at="17:00")),
        CaseEvent.MISSING_LISTED, ms("2026-11-04 10:00"),
    )  # fmt: skip
    running = extend_clock(running, extension(5), CALENDAR)
    text = running.model_dump_json()
    assert Clock.model_validate_json(text) == running
    assert Clock.model_validate_json(text).model_dump_json() == text
