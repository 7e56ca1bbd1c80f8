from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.data_period import DataPeriod, is_valid_period, parse_period

FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(2199, 12, 31)
KINDS = ["year", "half", "quarter", "month", "week", "ten_days", "day", "hour"]


def text_with(kind: str, day: date, hour: int) -> str:
    """The text of the period of this kind that holds the day: written without the code's help."""
    iso = day.isocalendar()
    return {
        "year": day.strftime("%Y"),
        "half": f"{day.year}-H{1 if day.month <= 6 else 2}",
        "quarter": f"{day.year}-Q{[1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][day.month - 1]}",
        "month": day.strftime("%Y-%m"),
        "week": f"{iso.year}-W{iso.week:02}",
        "ten_days": f"{day:%Y-%m}-X{1 if day.day <= 10 else 2 if day.day <= 20 else 3}",
        "day": day.isoformat(),
        "hour": f"{day.isoformat()}T{hour:02}",
    }[kind]


# The last week of 2199 belongs to 2200 in part: stay away from the end.
days = st.dates(FIRST_DAY, LAST_DAY - timedelta(days=400))
texts = st.builds(text_with, st.sampled_from(KINDS), days, st.integers(0, 23)) | st.just("once")


@pytest.mark.parametrize(
    ("text", "kind", "first_day", "last_day"),
    [
        ("2026", "year", "2026-01-01", "2026-12-31"),
        ("2026-H1", "half", "2026-01-01", "2026-06-30"),
        ("2026-H2", "half", "2026-07-01", "2026-12-31"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31"),
        ("2028-02", "month", "2028-02-01", "2028-02-29"),
        ("2026-W47", "week", "2026-11-16", "2026-11-22"),
        ("2026-W01", "week", "2025-12-29", "2026-01-04"),
        ("2026-W53", "week", "2026-12-28", "2027-01-03"),
        ("2026-11-X1", "ten_days", "2026-11-01", "2026-11-10"),
        ("2026-11-X2", "ten_days", "2026-11-11", "2026-11-20"),
        ("2027-02-X3", "ten_days", "2027-02-21", "2027-02-28"),
        ("2026-11-22", "day", "2026-11-22", "2026-11-22"),
        ("2026-11-22T08", "hour", "2026-11-22", "2026-11-22"),
    ],
)
def test_period_has_the_days_of_the_calendar(
    text: str, kind: str, first_day: str, last_day: str
) -> None:
    period = parse_period(text)
    assert period.kind == kind
    assert (period.first_day.isoformat(), period.last_day.isoformat()) == (first_day, last_day)


@given(texts)
def test_period_text_makes_the_round_trip(text: str) -> None:
    assert is_valid_period(text)
    assert str(parse_period(text)) == text
    assert parse_period(text) == DataPeriod(text)
    assert len({parse_period(text), DataPeriod(text)}) == 1


@given(st.sampled_from(KINDS), days, st.integers(0, 23))
def test_period_holds_its_day_and_the_next_one_is_adjacent(kind: str, day: date, hour: int) -> None:
    period = parse_period(text_with(kind, day, hour))
    following = period.next_period()
    assert period.kind == following.kind == kind
    assert period < following
    assert period.first_day <= day <= period.last_day
    if kind != "hour":
        assert following.first_day == period.last_day + timedelta(days=1)


@given(st.sampled_from(KINDS[:-1]), days, days)
def test_periods_of_one_kind_do_not_overlap_and_sort_by_time(
    kind: str, day: date, other_day: date
) -> None:
    period, other = (parse_period(text_with(kind, each, 0)) for each in (day, other_day))
    assert (period == other) == (period.first_day == other.first_day)
    assert (period < other) == (period.last_day < other.first_day)
    assert (period <= other) == (period.first_day <= other.first_day)


@pytest.mark.parametrize("start", ["2027-12-30T22", "2028-02-28T23"])
def test_hours_follow_each_other_through_the_end_of_a_day(start: str) -> None:
    hours = [parse_period(start)]
    for _ in range(50):
        hours.append(hours[-1].next_period())
    for earlier, later in pairwise(hours):
        assert (int(earlier.text[-2:]) + 1) % 24 == int(later.text[-2:])
        day_ended = earlier.text[-2:] == "23"
        assert later.first_day - earlier.first_day == timedelta(days=1 if day_ended else 0)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-", "26", "1899", "2200", "2026-H0", "2026-H3", "2026-h1", "2026-Q0", "2026-Q5",
        "2026-00", "2026-13", "2026-1", "2026-W00", "2026-W54", "2025-W53", "2026-X1",
        "2026-11-X0", "2026-11-X4", "2026-13-X1", "2026-11-00", "2026-11-31", "2027-02-29",
        "2026-11-22T24", "2026-11-22T8", "2026-11-22T08:00", "2026-11-22 08", "Once", "once ",
        "2026\n", " 2026", "２０２６", "2026-1１", "2026/11", "-2026", "+2026",
        pytest.param("x" * 1_000_000, id="a megabyte"),
    ],
)  # fmt: skip
def test_text_that_is_no_period_is_refused(text: str) -> None:
    assert not is_valid_period(text)
    with pytest.raises(InvalidInput) as error:
        parse_period(text)
    assert "2026-11-X1" in error.value.expected
    assert len(error.value.found) < 100


@given(st.text(max_size=14) | st.from_regex(r"[12][0-9]{3}-[0-9XQHWT-]{1,9}", fullmatch=True))
def test_validity_agrees_with_parsing(text: str) -> None:
    try:
        parse_period(text)
        parses = True
    except InvalidInput:
        parses = False
    assert is_valid_period(text) == parses


def test_comparing_two_kinds_is_refused() -> None:
    with pytest.raises(InvalidInput):
        _ = parse_period("2026-11") < parse_period("2026-Q4")
    assert parse_period("2026-11") != parse_period("2026-Q4")


def test_once_has_neither_days_nor_successor() -> None:
    once = parse_period("once")
    assert once.kind == "once"
    for ask in (lambda: once.first_day, lambda: once.last_day, once.next_period):
        with pytest.raises(InvalidInput):
            ask()


def test_next_period_beyond_the_last_year_is_refused() -> None:
    with pytest.raises(InvalidInput):
        parse_period("2199").next_period()
