"""The table of working days against the library ``holidays``, which was made by others."""

import importlib.util
import json
from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sharebus import InvalidInput
from sharebus.governance.working_days import (
    CalendarCorrection,
    SpecialDay,
    WorkingDays,
    WorkingDayTable,
    unsettled_year,
)
from sharebus.infra.clock_tables import load_working_days

PROJECT = Path(__file__).parents[3]
TABLE = load_working_days()
CALENDAR = WorkingDays(TABLE)
DAY = timedelta(days=1)
YEARS = range(2007, 2027)

# The table differs from the library ``holidays`` on these days, each for its reason.
KNOWN_DIFFERENCES: dict[date, str] = {}


def all_days(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


@cache
def oracle() -> frozenset[date]:
    """The working days of 2007 to 2026 by the other library."""
    china = holidays.country_holidays("CN", years=range(2006, 2028))
    return frozenset(
        day
        for day in all_days(date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31))
        if china.is_working_day(day)
    )


def correction(*days: tuple[str, bool], **others: str) -> CalendarCorrection:
    special = [{"day": day, "working": working, "name": "test"} for day, working in days]
    return CalendarCorrection.model_validate(
        {"version": "c1", "basis": "notice", "days": special, **others}
    )


# The table


def test_table_agrees_with_the_independent_library_on_every_day() -> None:
    days = all_days(date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31))
    assert len(days) == 7305
    differences = {day for day in days if CALENDAR.is_working(day) != (day in oracle())}
    assert differences == set(KNOWN_DIFFERENCES)


def test_table_is_what_the_generator_writes() -> None:
    spec = importlib.util.spec_from_file_location("generator", PROJECT / "tools/working_days.py")
    assert spec
    assert spec.loader
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert generator.TABLE.read_text(encoding="utf-8") == generator.table_text(), "make calendar"


def test_table_names_its_source_its_licence_and_a_notice_for_each_year() -> None:
    assert "chinesecalendar" in TABLE.source
    assert TABLE.licence.startswith("MIT License. Copyright")
    assert {notice.year for notice in TABLE.notices} == set(YEARS)
    corrected = [year for year, n in Counter(n.year for n in TABLE.notices).items() if n == 2]
    assert corrected == [2015, 2019, 2020]


@pytest.mark.parametrize(
    ("year", "working", "made_up"),
    [(2023, 249, 7), (2024, 251, 8), (2025, 248, 5), (2026, 248, 6)],
)
def test_year_has_its_working_days_and_its_make_up_days(
    year: int, working: int, made_up: int
) -> None:
    days = [d for d in all_days(date(year, 1, 1), date(year, 12, 31)) if CALENDAR.is_working(d)]
    assert len(days) == working
    assert sum(day.weekday() >= 5 for day in days) == made_up


def test_horizon_lies_before_the_days_that_a_coming_notice_can_move() -> None:
    moved = [special.day for special in TABLE.days if special.day.month == 12]
    assert {day.year for day in moved} >= {2007, 2011, 2018, 2022, 2023}
    assert min((day.month, day.day) for day in moved) > (TABLE.horizon.month, TABLE.horizon.day)
    assert not CALENDAR.is_known(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"horizon": "2026-10-09"}, "outside the table"),
        ({"first_day": "2007-01-02"}, "outside the table"),
        ({"days": [TABLE.days[1].model_dump(), TABLE.days[0].model_dump()]}, "in their order"),
        ({"days": [TABLE.days[0].model_dump()] * 2}, "in their order"),
        ({"days": []}, "at least 1 item"),
    ],
)
def test_table_that_contradicts_itself_is_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        WorkingDayTable.model_validate(json.loads(TABLE.model_dump_json()) | change)


# The traps of other calendars


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-10-10", True),  # a Saturday: FreshCal and every Monday-to-Friday rule skip it
        ("2026-09-20", True),  # a Sunday: a stock exchange's calendar never works then
        ("2026-10-07", False),
        ("2015-09-03", False),  # by a second notice, of 2015-05-13
        ("2015-09-06", True),
        ("2019-05-03", False),  # by a second notice, of 2019-03-22
        ("2019-05-05", True),
        ("2020-01-31", False),  # by a second notice, four days before
        ("2011-12-31", True),  # by the notice for the following year
        ("2018-12-31", False),
        ("2018-12-29", True),
    ],
)
def test_day_that_others_get_wrong_is_right(day: str, working: bool) -> None:
    assert CALENDAR.is_working(date.fromisoformat(day)) is working


def test_first_working_day_after_a_holiday_is_not_one_too_late() -> None:
    start = date(2026, 10, 3)
    assert CALENDAR.nth_after(start, 1) == date(2026, 10, 8)
    assert chinese_calendar.find_workday(1, start) == date(2026, 10, 9), "the trap is gone"


def test_year_that_no_notice_settles_is_not_known_though_another_library_answers() -> None:
    new_year = date(2027, 1, 1)
    assert not CALENDAR.is_known(new_year)
    assert CALENDAR.is_working(new_year), "a guess by the weekday, no invented holiday"
    assert new_year in holidays.country_holidays("CN", years=2027), "the trap is gone"


def test_days_before_the_table_are_not_known() -> None:
    made_up = date(2005, 12, 31)
    assert not CALENDAR.is_known(made_up)
    assert not chinese_calendar.is_workday(made_up), "corrected there: the table may begin earlier"


def test_fifth_working_day_of_a_month_by_weekdays_is_wrong_in_52_of_132_months() -> None:
    wrong = 0
    months = [date(year, month, 1) for year in range(2016, 2027) for month in range(1, 13)]
    for first in months:
        weekdays = [day for day in all_days(first, first + 6 * DAY) if day.weekday() < 5]
        wrong += weekdays[4] != CALENDAR.nth_after(first - DAY, 5)
    assert (wrong, len(months)) == (52, 132)


# Counting


@given(st.dates(date(2007, 1, 1), date(2026, 9, 30)), st.integers(1, 40))
def test_nth_working_day_is_the_one_the_independent_library_counts(day: date, count: int) -> None:
    following = sorted(other for other in oracle() if day < other <= day + 120 * DAY)
    assert CALENDAR.nth_after(day, count) == following[count - 1]


@given(st.dates(date(2007, 1, 1), date(2026, 9, 30)), st.integers(1, 30), st.integers(1, 30))
def test_counting_on_from_a_counted_day_is_counting_the_sum(day: date, one: int, two: int) -> None:
    assert CALENDAR.nth_after(CALENDAR.nth_after(day, one), two) == CALENDAR.nth_after(
        day, one + two
    )


@pytest.mark.parametrize("count", [0, -1])
def test_counting_from_zero_is_refused(count: int) -> None:
    with pytest.raises(InvalidInput):
        CALENDAR.nth_after(date(2026, 1, 1), count)


def test_counting_beyond_the_last_date_is_refused() -> None:
    with pytest.raises(InvalidInput, match="9999"):
        CALENDAR.nth_after(date(9999, 12, 30), 2)


# What is special


def test_special_days_in_a_row_are_told_together() -> None:
    spans = CALENDAR.special_spans(date(2026, 9, 28), date(2026, 10, 12))
    assert [str(span) for span in spans] == [
        "2026-10-01 to 2026-10-07 are no working days (国庆节 National Day)",
        "2026-10-10 is a make-up working day (国庆节 National Day)",
    ]


def test_special_days_are_cut_at_the_ends() -> None:
    [span] = CALENDAR.special_spans(date(2026, 10, 7), date(2026, 10, 9))
    assert str(span) == "2026-10-07 is no working day (国庆节 National Day)"
    assert CALENDAR.special_spans(date(2026, 11, 1), date(2026, 11, 30)) == ()


def test_neighbours_of_two_kinds_or_names_are_told_apart() -> None:
    days = (("2026-11-05", "a", False), ("2026-11-06", "b", False), ("2026-11-07", "b", True),
            ("2026-11-08", "b", True), ("2026-11-09", "b", True))  # fmt: skip
    laid = CalendarCorrection(
        version="c", basis="b",
        days=tuple(SpecialDay(day=date.fromisoformat(d), name=n, working=w) for d, n, w in days),
    )  # fmt: skip
    spans = WorkingDays(TABLE, [laid]).special_spans(date(2026, 11, 1), date(2026, 11, 30))
    assert [str(span) for span in spans] == [
        "2026-11-05 is no working day (a)",
        "2026-11-06 is no working day (b)",
        "2026-11-07 to 2026-11-09 are make-up working days (b)",
    ]


# Corrections


def test_correction_changes_its_days_and_no_others() -> None:
    closed = WorkingDays(TABLE, [correction(("2026-08-11", False), ("2026-08-15", True))])
    changed = {
        day: closed.is_working(day)
        for day in all_days(TABLE.first_day, date(2027, 12, 31))
        if closed.is_working(day) != CALENDAR.is_working(day)
    }
    assert changed == {date(2026, 8, 11): False, date(2026, 8, 15): True}
    assert closed.version == f"{TABLE.version} + c1"
    assert CALENDAR.version == TABLE.version


def test_later_correction_lies_over_the_earlier() -> None:
    one, two = correction(("2026-10-10", False)), correction(("2026-10-10", True))
    assert not WorkingDays(TABLE, [one]).is_working(date(2026, 10, 10))
    assert WorkingDays(TABLE, [one, two]).is_working(date(2026, 10, 10))
    assert not WorkingDays(TABLE, [two, one]).is_working(date(2026, 10, 10))


@pytest.mark.parametrize(
    ("holds_in", "jurisdiction", "is_closed"),
    [
        ("", "330203", True),
        ("3302", "330203", True),
        ("330203", "330203", True),
        ("3302", "330106", False),
        ("330203", "330200", False),
    ],
)
def test_local_closure_holds_in_its_divisions_only(
    holds_in: str, jurisdiction: str, is_closed: bool
) -> None:
    closure = correction(("2026-08-11", False), jurisdiction=holds_in)
    calendar = WorkingDays(TABLE, [closure], jurisdiction)
    assert calendar.is_working(date(2026, 8, 11)) is not is_closed
    assert ("c1" in calendar.version) is is_closed


def test_notice_for_a_further_year_moves_the_horizon() -> None:
    entered = correction(("2027-01-01", False), horizon="2027-12-28")
    calendar = WorkingDays(TABLE, [entered])
    assert calendar.is_known(date(2027, 12, 28))
    assert not calendar.is_known(date(2027, 12, 29))
    assert not calendar.is_working(date(2027, 1, 1))


@pytest.mark.parametrize(
    "unfit",
    [
        correction(("2027-01-01", False)),
        correction(("2006-12-31", True)),
        correction(("2026-08-11", False), horizon="2026-11-30"),
        correction(("2027-08-11", False), horizon="2027-07-31"),
    ],
)
def test_correction_that_does_not_fit_the_calendar_is_refused(unfit: CalendarCorrection) -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        WorkingDays(TABLE, [unfit])


def test_correction_with_a_day_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="each once"):
        correction(("2026-08-11", False), ("2026-08-11", True))


# The next year


@pytest.mark.parametrize(
    ("today", "horizon", "expected"),
    [
        ("2026-10-31", None, None), ("2026-11-01", None, 2027), ("2026-12-31", None, 2027),
        ("2027-03-01", None, 2027), ("2026-11-01", "2027-12-28", None),
        ("2027-11-01", "2027-12-28", 2028), ("2026-11-01", "2027-06-30", 2027),
        ("2028-11-01", None, 2027),
    ],
)  # fmt: skip
def test_from_november_on_the_days_of_the_next_year_are_asked_for(
    today: str, horizon: str | None, expected: int | None
) -> None:
    calendar = CALENDAR
    if horizon:
        calendar = WorkingDays(TABLE, [correction(("2027-01-01", False), horizon=horizon)])
    assert unsettled_year(calendar, date.fromisoformat(today)) == expected
