"""Periods against a slow model that walks through the days and asks the library ``holidays``."""

from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.period import Ending, Pause, Period, Unit, end_of_period
from sharebus.governance.working_days import CalendarCorrection, WorkingDays
from sharebus.infra.clock_tables import load_working_days

SHANGHAI = ZoneInfo("Asia/Shanghai")
TABLE = load_working_days()
CALENDAR = WorkingDays(TABLE)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    """The instant of a local time in Shanghai."""
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


def ending(period: Period, started: str, *pauses: tuple[str, str | None]) -> Ending | None:
    spans = [Pause(ms(begins), ms(ends) if ends else None) for begins, ends in pauses]
    return end_of_period(period, ms(started), CALENDAR, spans)


def due_of(found: Ending | None) -> str:
    """The due instant on local clocks."""
    assert found
    local = datetime.fromtimestamp(found.due_ms / 1000, SHANGHAI)
    return local.strftime("%Y-%m-%d %H:%M")


# Counting, by examples that a person can check


@pytest.mark.parametrize(
    ("amount", "started", "due"),
    [
        (1, "2026-11-23 09:00", "2026-11-25 00:00"),  # Monday's event, the end of Tuesday
        (1, "2026-11-23 00:00", "2026-11-25 00:00"),
        (1, "2026-11-23 23:59:59.999", "2026-11-25 00:00"),
        (1, "2026-11-24 00:00", "2026-11-26 00:00"),
        (1, "2026-11-27 09:00", "2026-12-01 00:00"),  # Friday: the weekend is not worked
        (1, "2026-11-28 09:00", "2026-12-01 00:00"),  # Saturday
        (1, "2026-09-30 09:00", "2026-10-09 00:00"),  # National Day
        (3, "2026-09-30 09:00", "2026-10-11 00:00"),  # 10-08, 10-09, and Saturday 10-10
        (10, "2026-09-30 09:00", "2026-10-21 00:00"),
        (20, "2026-02-10 09:00", "2026-03-17 00:00"),
    ],
)
def test_working_days_end_at_24_00_of_the_last_one(amount: int, started: str, due: str) -> None:
    found = ending(Period(amount, "wd"), started)
    assert due_of(found) == due
    assert found
    assert not found.provisional


def test_period_of_days_ends_at_the_time_that_is_named() -> None:
    assert due_of(ending(Period(3, "wd", time(17)), "2026-09-30 18:00")) == "2026-10-10 17:00"


@pytest.mark.parametrize(
    ("amount", "started", "due"),
    [
        (7, "2026-11-23 09:00", "2026-12-01 00:00"),
        (5, "2026-11-23 09:00", "2026-12-01 00:00"),  # Saturday the 28th: on Monday
        (3, "2026-09-30 09:00", "2026-10-09 00:00"),  # within National Day: on the 8th
        (10, "2026-09-30 09:00", "2026-10-11 00:00"),  # a Saturday that is worked
    ],
)
def test_calendar_days_end_on_a_day_that_is_worked(amount: int, started: str, due: str) -> None:
    assert due_of(ending(Period(amount, "day"), started)) == due


def test_hours_run_through_holidays_from_the_instant_itself() -> None:
    found = ending(Period(48, "hour"), "2026-09-30 09:30")
    assert due_of(found) == "2026-10-02 09:30"


@pytest.mark.parametrize(
    ("amount", "unit", "started", "provisional"),
    [
        (1, "wd", "2026-12-25 09:00", False),  # Monday the 28th is the horizon
        (2, "wd", "2026-12-25 09:00", True),
        (10, "wd", "2026-12-21 09:00", True),
        (7, "day", "2026-12-21 09:00", False),
        (8, "day", "2026-12-21 09:00", True),
        (1000, "hour", "2026-12-21 09:00", False),
        (1, "wd", "2006-12-31 09:00", False),
        (1, "wd", "2006-12-30 09:00", True),
    ],
)
def test_period_past_the_horizon_is_provisional(
    amount: int, unit: Unit, started: str, provisional: bool
) -> None:
    found = ending(Period(amount, unit), started)
    assert found
    assert found.provisional is provisional
    assert ("provisional" in found.because) is provisional


def test_closure_laid_over_the_calendar_moves_the_end() -> None:
    closure = CalendarCorrection.model_validate(
        {"version": "typhoon", "basis": "停工通知",
         "days": [{"day": "2026-11-24", "working": False, "name": "台风停工"}]}
    )  # fmt: skip
    closed = WorkingDays(TABLE, [closure])
    found = end_of_period(Period(1, "wd"), ms("2026-11-23 09:00"), closed)
    assert due_of(found) == "2026-11-26 00:00"
    assert found
    assert found.because == (
        "1st working day after 2026-11-23; 2026-11-24 is no working day (台风停工)"
    )


# Pauses


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        # Monday's event, three days: Tuesday to Thursday.
        ([], "2026-11-27 00:00"),
        ([("2026-11-24 10:00", "2026-11-24 11:00")], "2026-11-28 00:00"),
        ([("2026-11-24 10:00", "2026-11-25 11:00")], "2026-12-01 00:00"),
        ([("2026-11-23 10:00", "2026-11-23 11:00")], "2026-11-27 00:00"),
        ([("2026-11-26 23:59", "2026-12-03 00:00")], "2026-12-05 00:00"),
        ([("2026-11-27 00:00", "2026-12-03 00:00")], "2026-11-27 00:00"),
        ([("2026-11-27 00:01", None)], "2026-11-27 00:00"),
        (
            [("2026-11-24 10:00", "2026-11-24 11:00"), ("2026-11-27 10:00", "2026-11-27 11:00")],
            "2026-12-01 00:00",
        ),
        (
            [("2026-11-27 10:00", "2026-11-27 11:00"), ("2026-11-27 12:00", None)],
            "2026-11-27 00:00",
        ),
    ],
)
def test_days_touched_by_a_pause_are_not_counted(
    pauses: list[tuple[str, str | None]], due: str
) -> None:
    assert due_of(ending(Period(3, "wd"), "2026-11-23 09:00", *pauses)) == due


def test_paused_period_has_no_end_until_it_goes_on() -> None:
    assert ending(Period(3, "wd"), "2026-11-23 09:00", ("2026-11-26 23:59", None)) is None
    assert ending(Period(3, "hour"), "2026-11-23 09:00", ("2026-11-23 12:00", None)) is None
    assert ending(Period(3, "hour"), "2026-11-23 09:00", ("2026-11-23 12:00:00.001", None))


def test_pause_after_the_named_time_of_the_last_day_changes_nothing() -> None:
    period = Period(1, "wd", time(17))
    late = ending(period, "2026-11-23 09:00", ("2026-11-24 17:01", "2026-11-30 09:00"))
    assert due_of(late) == "2026-11-24 17:00"
    in_time = ending(period, "2026-11-23 09:00", ("2026-11-24 17:00", "2026-11-30 09:00"))
    assert due_of(in_time) == "2026-12-01 17:00"


# Why


@pytest.mark.parametrize(
    ("period", "started", "pauses", "because"),
    [
        (
            Period(10, "wd"), "2026-09-30 09:00", [],
            "10th working day after 2026-09-30; 2026-10-01 to 2026-10-07 are no working days "
            "(国庆节 National Day); 2026-10-10 is a make-up working day (国庆节 National Day)",
        ),
        (Period(2, "wd"), "2026-11-23 09:00", [], "2nd working day after 2026-11-23"),
        (
            Period(3, "wd"), "2026-11-23 09:00", [("2026-11-24 09:00", "2026-11-25 09:00")],
            "3rd working day after 2026-11-23; "
            "paused from 2026-11-24 to 2026-11-25, which are not counted",
        ),
        (
            Period(5, "day"), "2026-11-23 09:00", [],
            "5th day after 2026-11-23; 2026-11-28 is not worked, so the period ends on 2026-11-30",
        ),
        (Period(1, "wd"), "2026-10-10 09:00", [], "1st working day after 2026-10-10"),
        (
            Period(5, "day"), "2026-10-01 09:00", [],
            "5th day after 2026-10-01; 2026-10-06 is not worked, so the period ends on 2026-10-08; "
            "2026-10-06 to 2026-10-07 are no working days (国庆节 National Day)",
        ),
        (
            Period(48, "hour"), "2026-11-23 09:00", [("2026-11-23 10:00", "2026-11-23 11:30")],
            "48 hours after 2026-11-23 09:00 Asia/Shanghai; paused from "
            "2026-11-23 10:00 Asia/Shanghai to 2026-11-23 11:30 Asia/Shanghai",
        ),
        (
            Period(1, "wd"), "2026-12-30 09:00", [],
            "1st working day after 2026-12-30; "
            "provisional: working days are published for 2007-01-01 to 2026-12-28",
        ),
    ],
)  # fmt: skip
def test_reason_is_a_sentence_that_can_be_checked(
    period: Period, started: str, pauses: list[tuple[str, str | None]], because: str
) -> None:
    found = ending(period, started, *pauses)
    assert found
    assert found.because == because


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (22, "22nd"),
     (23, "23rd"), (24, "24th"), (111, "111th")],
)  # fmt: skip
def test_reason_counts_as_english_does(number: int, text: str) -> None:
    found = ending(Period(number, "day"), "2025-11-03 09:00")
    assert found
    assert found.because.startswith(f"{text} day after")


# Against a slow model


@cache
def is_worked(day: date) -> bool:
    return china().is_working_day(day)


@cache
def china() -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=range(2006, 2029))


def modelled_due_ms(period: Period, started_ms: int, pauses: list[Pause]) -> int | None:
    """Walks on day by day, or hour by hour, as somebody with a paper calendar would."""
    if period.unit == "hour":
        due_ms = started_ms + period.amount * HOUR_MS
        for begins_ms, ends_ms in pauses:
            if begins_ms <= due_ms:
                if ends_ms is None:
                    return None
                due_ms += ends_ms - begins_ms
        return due_ms
    start = datetime.fromtimestamp(started_ms / 1000, SHANGHAI).date()
    counted = 0
    for number in range(1, 4000):
        day = start + timedelta(days=number)
        midnight_ms = ms(f"{day} 00:00")
        after_ms = midnight_ms + DAY_MS
        would_end_ms = ms(f"{day} {period.at}") if period.at else after_ms
        worked = is_worked(day)
        fulfils = worked and counted + (period.unit == "day" or worked) >= period.amount
        # A day that would be the last is over when the period ends, not at midnight.
        over_ms = would_end_ms + bool(period.at) if fulfils else after_ms
        touching = [p for p in pauses if p.begins_ms < over_ms
                    and (p.ends_ms is None or p.ends_ms >= midnight_ms)]  # fmt: skip
        if any(p.ends_ms is None for p in touching):
            return None
        if touching:
            continue
        counted += period.unit == "day" or worked
        if fulfils:
            return would_end_ms
    raise AssertionError("the model does not end")


instants = st.datetimes(datetime(2007, 1, 2), datetime(2026, 6, 30)).map(
    lambda local: ms(local.replace(microsecond=0).isoformat(" "))
)
periods = st.one_of(
    st.builds(Period, st.integers(1, 25), st.sampled_from(["wd", "day"]), st.none()),
    st.builds(
        Period, st.integers(1, 25), st.sampled_from(["wd", "day"]),
        st.times(time(0, 1)).map(lambda at: at.replace(second=0, microsecond=0)),
    ),
    st.builds(Period, st.integers(1, 400), st.just("hour"), st.none()),
)  # fmt: skip


@st.composite
def pauses_after(draw: st.DrawFn, started_ms: int) -> list[Pause]:
    steps = draw(st.lists(st.integers(0, 6 * 24 * 4).map(lambda n: n * HOUR_MS // 4), max_size=7))
    edges, edge = [], started_ms
    for step in steps:
        edge += step
        edges.append(edge)
    closed = [Pause(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
    return closed + ([Pause(edges[-1], None)] if len(edges) % 2 else [])


@given(periods, instants)
def test_end_agrees_with_the_slow_model(period: Period, started_ms: int) -> None:
    found = end_of_period(period, started_ms, CALENDAR)
    assert found
    assert found.due_ms == modelled_due_ms(period, started_ms, [])
    assert not found.provisional


@given(periods, instants, st.data())
def test_end_with_pauses_agrees_with_the_slow_model(
    period: Period, started_ms: int, data: st.DataObject
) -> None:
    pauses = data.draw(pauses_after(started_ms))
    found = end_of_period(period, started_ms, CALENDAR, pauses)
    assert (found and found.due_ms) == modelled_due_ms(period, started_ms, pauses)


@given(periods, instants, st.integers(0, 10))
def test_longer_period_or_later_start_never_ends_earlier(
    period: Period, started_ms: int, more: int
) -> None:
    found = end_of_period(period, started_ms, CALENDAR)
    longer = end_of_period(period._replace(amount=period.amount + more), started_ms, CALENDAR)
    later = end_of_period(period, started_ms + more * 5 * HOUR_MS, CALENDAR)
    assert found
    assert longer
    assert later
    assert found.due_ms <= min(longer.due_ms, later.due_ms)
    assert found.due_ms > started_ms
