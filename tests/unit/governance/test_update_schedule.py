"""When data are due, against models that count day by day on calendars made by others."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sharebus import InvalidInput
from sharebus.governance.data_period import parse_period, period_with
from sharebus.governance.entry import UpdateDuty
from sharebus.governance.local_time import LOCAL_TIME, local_text
from sharebus.governance.punctuality import punctuality
from sharebus.governance.schedule_text import accrual_periodicity, chinese, english
from sharebus.governance.update_schedule import (
    AfterEvent,
    OnceBy,
    Periodic,
    UpdateSchedule,
    due_after_event,
    due_of_period,
    due_once,
    last_owed,
    next_owed,
    period_end_ms,
)
from sharebus.governance.working_days import WorkingDays
from sharebus.infra.clock_tables import load_working_days

CALENDAR = WorkingDays(load_working_days())
DAY = timedelta(days=1)
HOUR_MS = 3_600_000
FIRST, LAST = date(2008, 1, 1), date(2026, 11, 30)
KINDS = {
    "year": "2008", "half": "2008-H1", "quarter": "2008-Q1", "month": "2008-01",
    "week": "2008-W02", "ten_days": "2008-01-X1", "day": "2008-01-01", "hour": "2008-01-01T00",
}  # fmt: skip
DUES: list[dict[str, Any]] = [
    {"working_day": 1, "at": "09:00"}, {"working_day": 5, "at": "17:00"},
    {"working_day": 5, "within": "same"}, {"working_day": 40}, {"last_working_day": True},
    {"last_working_day": True, "within": "same", "at": "12:00"}, {"day": 10},
    {"day": 10, "roll": "following"}, {"day": 31, "roll": "preceding"},
    {"day": 1, "roll": "following", "within": "same"}, {"hours": 0}, {"hours": 26},
]  # fmt: skip


def periodic(due: dict[str, Any], first_period: str = "2026-01") -> Periodic:
    return Periodic.model_validate({"due": due, "first_period": first_period})


def local(day: str, at: str) -> int:
    there = datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=LOCAL_TIME)
    return int(there.astimezone(UTC).timestamp()) * 1000


def days_of(first: date, last: date) -> list[date]:
    return [first + n * DAY for n in range((last - first).days + 1)]


def test_fifth_working_day_of_every_month_is_that_of_a_calendar_made_by_others() -> None:
    schedule = periodic({"working_day": 5, "within": "same"}, "2007-01")
    for year in range(2007, 2027):
        for month in range(1, 13):
            period = parse_period(f"{year}-{month:02}")
            worked = [
                day
                for day in days_of(period.first_day, period.last_day)
                if chinese_calendar.is_workday(day)
            ]
            due = due_of_period(schedule, period, CALENDAR)
            assert due.due_ms == local(str(worked[4] + DAY), "00:00"), period


@pytest.mark.parametrize(
    ("due", "period", "expected"),
    [
        # National Day 2026: 10-01 to 10-07; 10-10, a Saturday, is worked.
        ({"working_day": 2, "at": "17:00"}, "2026-09", "2026-10-09 17:00"),
        ({"working_day": 3, "at": "17:00"}, "2026-09", "2026-10-10 17:00"),
        (
            {"last_working_day": True, "within": "same", "at": "12:00"},
            "2026-09",
            "2026-09-30 12:00",
        ),
        ({"day": 3}, "2026-09", "2026-10-03 24:00"),
        ({"day": 3, "roll": "following"}, "2026-09", "2026-10-08 24:00"),
        ({"day": 3, "roll": "preceding"}, "2026-09", "2026-09-30 24:00"),
        ({"day": 31}, "2026-01", "2026-02-28 24:00"),
        ({"hours": 2}, "2026-09", "2026-10-01 02:00"),
    ],
)
def test_due_instant_through_a_holiday(due: dict[str, Any], period: str, expected: str) -> None:
    found = due_of_period(periodic(due), parse_period(period), CALENDAR)
    assert local_text(found.due_ms, ends_day=True) == f"{expected} Asia/Shanghai"
    assert not found.provisional


def test_week_without_a_working_day_is_due_on_the_first_one_behind_it() -> None:
    schedule = periodic({"last_working_day": True, "within": "same"}, "2023-W01")
    # 2023-10-02 to 10-06 are holidays, 10-07 and 10-08 are worked; of 2020-W05 only one is left.
    due = due_of_period(schedule, parse_period("2023-W40"), CALENDAR)
    assert local_text(due.due_ms, ends_day=True) == "2023-10-08 24:00 Asia/Shanghai"
    short = CALENDAR.special_spans(date(2020, 1, 24), date(2020, 2, 2))
    assert [span.working for span in short] == [False]
    due = due_of_period(
        periodic({"last_working_day": True, "within": "same"}, "2020-W01"),
        parse_period("2020-W05"), CALENDAR,
    )  # fmt: skip
    assert local_text(due.due_ms, ends_day=True) == "2020-02-03 24:00 Asia/Shanghai"


def test_reason_names_the_make_up_day_that_counts() -> None:
    due = due_of_period(periodic({"working_day": 3}), parse_period("2026-09"), CALENDAR)
    assert "2026-10-10 is a make-up working day" in due.because
    assert "2026-10-01 to 2026-10-07 are no working days" in due.because


def test_due_day_behind_the_calendar_is_provisional() -> None:
    due = due_of_period(periodic({"working_day": 5}), parse_period("2026-12"), CALENDAR)
    assert due.provisional
    assert "provisional" in due.because


def test_hour_is_due_after_its_own_end() -> None:
    schedule = periodic({"hours": 1}, "2026-11-25T00")
    due = due_of_period(schedule, parse_period("2026-11-25T23"), CALENDAR)
    assert due.due_ms == local("2026-11-26", "01:00")
    assert period_end_ms(parse_period("2026-11-25T08")) == local("2026-11-25", "09:00")


@pytest.mark.parametrize("period", ["2025-12", "2026"])
def test_period_that_is_not_owed_is_refused(period: str) -> None:
    with pytest.raises(InvalidInput):
        due_of_period(periodic({"working_day": 5}), parse_period(period), CALENDAR)


def test_event_day_is_not_counted() -> None:
    schedule = AfterEvent(kind="after_event", working_days=1, at="17:00")
    due = due_after_event(schedule, local("2026-10-03", "10:00"), CALENDAR)
    assert due.due_ms == local("2026-10-08", "17:00")


def test_once_is_due_at_the_end_of_its_day() -> None:
    due = due_once(OnceBy(kind="once", day=date(2026, 12, 31)))
    assert local_text(due.due_ms, ends_day=True) == "2026-12-31 24:00 Asia/Shanghai"


SCHEDULES = st.sampled_from(
    [
        periodic(due, first)
        for kind, first in KINDS.items()
        for due in DUES
        if kind != "hour" or "hours" in due
    ]
)
INSTANTS = st.datetimes(datetime(2008, 3, 1), datetime(2026, 10, 1)).map(
    lambda at: int(at.replace(tzinfo=UTC).timestamp() * 1000)
)


@given(SCHEDULES, INSTANTS)
def test_next_period_is_the_first_whose_instant_is_not_over(
    schedule: Periodic, now_ms: int
) -> None:
    found = next_owed(schedule, now_ms, CALENDAR)
    assert found.due == due_of_period(schedule, found.period, CALENDAR)
    assert found.due.due_ms > now_ms
    last = last_owed(schedule, now_ms, CALENDAR)
    if last is None:
        assert str(found.period) == schedule.first_period
    else:
        assert last.period.next_period() == found.period
        assert last.due.due_ms <= now_ms


@given(SCHEDULES, st.dates(FIRST + 40 * DAY, LAST - 500 * DAY), st.integers(1, 30))
def test_later_period_is_never_due_earlier(schedule: Periodic, day: date, steps: int) -> None:
    period = period_with(day, schedule.period_kind)
    before = due_of_period(schedule, period, CALENDAR).due_ms
    for _ in range(min(steps, 2 if schedule.period_kind == "year" else 30)):
        period = period.next_period()
        after = due_of_period(schedule, period, CALENDAR).due_ms
        assert before <= after
        before = after


@given(SCHEDULES.filter(lambda s: hasattr(s.due, "working_day")), st.dates(FIRST, date(2024, 1, 1)))
def test_nth_working_day_by_counting_every_day(schedule: Periodic, day: date) -> None:
    due: Any = schedule.due
    period = period_with(max(day, date(2008, 1, 14)), schedule.period_kind)
    counted = period if due.within == "same" else period.next_period()
    at, left = counted.first_day - DAY, due.working_day
    while left:
        at += DAY
        left -= chinese_calendar.is_workday(at)
    found = due_of_period(schedule, period, CALENDAR)
    expected = local(str(at), due.at) if due.at else local(str(at + DAY), "00:00")
    assert found.due_ms == expected


@given(SCHEDULES, INSTANTS, st.integers(-40, 40))
def test_verdict_is_of_the_period_that_fell_due_last(
    schedule: Periodic, now_ms: int, hours: int
) -> None:
    last = last_owed(schedule, now_ms, CALENDAR)
    other = {schedule.first_period: 0}  # a backfill, however new, says nothing of another period
    if last is None:
        assert punctuality(schedule, other, now_ms, CALENDAR).verdict == "nothing_due_yet"
        return
    if str(last.period) == schedule.first_period:
        other = {}
    assert punctuality(schedule, other, now_ms, CALENDAR).verdict == "missing"
    closed_ms = last.due.due_ms + hours * HOUR_MS
    found = punctuality(schedule, {**other, str(last.period): closed_ms}, now_ms, CALENDAR)
    if closed_ms > now_ms:
        assert found.verdict == "missing"
    else:
        assert found.verdict == ("on_time" if hours <= 0 else "late")
        assert found.closed_ms == closed_ms


@pytest.mark.parametrize(
    ("document", "zh", "en"),
    [
        (
            {"kind": "periodic", "first_period": "2026-01",
             "due": {"working_day": 5, "at": "17:00"}},
            "每月数据，次月第5个工作日17:00前",
            "data of each month by working day 5 of the following month, 17:00",
        ),
        (
            {"kind": "periodic", "first_period": "2026-Q1",
             "due": {"day": 10, "roll": "following"}},
            "每季度数据，次季度第10日前（遇非工作日顺延）",
            "data of each quarter by day 10 of the following quarter, or the next working day",
        ),
        (
            {"kind": "periodic", "first_period": "2026-01-01", "due": {"day": 1, "at": "09:00"}},
            "每日数据，次日09:00前",
            "data of each day by day 1 of the following day, 09:00",
        ),
        (
            {"kind": "periodic", "first_period": "2026-01-X1",
             "due": {"last_working_day": True, "within": "same"}},
            "每旬数据，当旬最后一个工作日前",
            "data of each ten-day period (旬) by the last working day of the same ten-day period "
            "(旬)",
        ),
        (
            {"kind": "periodic", "first_period": "2026-01-01T00", "due": {"hours": 2}},
            "每小时数据，期满后2小时内",
            "data of each hour within 2 hours after its end",
        ),
        (
            {"kind": "after_event", "working_days": 5},
            "事件发生后5个工作日内",
            "within 5 working days after an event",
        ),
        ({"kind": "on_change", "hours": 24}, "变更后24小时内", "within 24 hours of each change"),
        (
            {"kind": "silence", "hours": 72},
            "最长间隔72小时",
            "never silent for more than 72 hours",
        ),
        (
            {"kind": "once", "day": "2026-12-31"},
            "2026年12月31日前，一次性",
            "once, by 2026-12-31",
        ),
    ],
)  # fmt: skip
def test_schedule_in_words(document: dict[str, Any], zh: str, en: str) -> None:
    schedule = TypeAdapter[UpdateSchedule](UpdateSchedule).validate_python(document)
    assert (chinese(schedule), english(schedule)) == (zh, en)


def duty(frequency: str, schedule: dict[str, Any] | None) -> UpdateDuty:
    return UpdateDuty.model_validate(
        {"frequency": frequency, "deadline": "按约定", "schedule": schedule}
    )


MONTHLY = {"kind": "periodic", "first_period": "2026-01", "due": {"working_day": 5}}


@pytest.mark.parametrize(
    ("frequency", "schedule"),
    [
        ("quarterly", MONTHLY),
        ("on_change", MONTHLY),
        ("monthly", {"kind": "on_change", "hours": 24}),
        ("monthly", {"kind": "once", "day": "2026-12-31"}),
        ("once", {"kind": "silence", "hours": 24}),
        ("on_change", {"kind": "once", "day": "2026-12-31"}),
        ("monthly", {**MONTHLY, "first_period": "once"}),
        ("monthly", {**MONTHLY, "first_period": "2026-13"}),
        ("monthly", {**MONTHLY, "due": {"working_day": 5, "day": 3}}),
        ("monthly", {**MONTHLY, "due": {"working_day": 0}}),
        ("monthly", {**MONTHLY, "due": {"working_day": 5, "at": "24:00"}}),
        ("monthly", {**MONTHLY, "due": {"last_working_day": False}}),
        ("hourly", {**MONTHLY, "first_period": "2026-01-01T00"}),
    ],
)
def test_schedule_that_contradicts_itself_or_the_frequency_is_refused(
    frequency: str, schedule: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        duty(frequency, schedule)


@pytest.mark.parametrize("frequency", ["monthly", "on_change", "once"])
def test_entry_may_go_on_with_words_alone(frequency: str) -> None:
    assert duty(frequency, None).schedule is None


@pytest.mark.parametrize(
    ("frequency", "code"), [("ten_days", "MONTHLY_3"), ("half_yearly", "ANNUAL_2")]
)
def test_frequency_of_dcat(frequency: str, code: str) -> None:
    assert accrual_periodicity(frequency).endswith(f"/authority/frequency/{code}")
