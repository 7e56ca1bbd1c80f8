"""When an entry's data are due (更新时限): a small notation, and the instant that it means.

A schedule is one of

| kind | written | means |
|---|---|---|
| ``periodic`` | ``due: {working_day: 5, at: "17:00"}`` | the n-th working day (工作日) |
| | ``due: {last_working_day: true}`` | the last working day |
| | ``due: {day: 10, roll: following}`` | a calendar day; one that is not worked rolls, or not |
| | ``due: {hours: 2}`` | so many hours after the data period has ended |
| ``after_event`` | ``working_days: 5`` | so many working days after an event, itself not counted |
| ``on_change`` | ``hours: 24`` | within so many hours of each change |
| ``silence`` | ``hours: 72`` | never silent for longer |
| ``once`` | ``day: 2026-12-31`` | once, by a day |

Days of a periodic schedule are counted in the period of the same length behind the data period, or
with ``within: same`` in the data period itself. Working days that it does not have are counted on
behind it; a calendar day that it does not have is its last. A day ends at 24:00 Asia/Shanghai
unless ``at`` names a time.
"""

from datetime import date, time, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field, StringConstraints, field_validator, model_validator

from sharebus import InvalidInput
from sharebus.governance.agency import Strict
from sharebus.governance.data_period import DataPeriod, PeriodKind, parse_period, period_with
from sharebus.governance.local_time import instant_ms, local_datetime, local_day
from sharebus.governance.period import Ending, Period, end_of_period
from sharebus.governance.working_days import WorkingDays, days_after

_DAY: Final = timedelta(days=1)
_HOUR_MS: Final = 3_600_000
_HOLIDAYS_MAX: Final = 20
"""More days in a row than were ever not worked."""
_FIRST_PERIOD: Final = "the first data period that is owed"

LocalTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Hours and minutes of the day, Asia/Shanghai."""
Within = Literal["following", "same"]
"""In which period days are counted: the one behind the data period, or that one itself."""


class NthWorkingDay(Strict):
    """The n-th working day."""

    working_day: Annotated[int, Field(ge=1, le=250)]
    at: LocalTime | None = None
    within: Within = "following"


class LastWorkingDay(Strict):
    """The last working day; of a period that has none, the first behind it."""

    last_working_day: Literal[True]
    at: LocalTime | None = None
    within: Within = "following"


class CalendarDay(Strict):
    """A day of the period, counted from 1; ``roll`` says where it goes when it is not worked."""

    day: Annotated[int, Field(ge=1, le=366)]
    roll: Literal["none", "following", "preceding"] = "none"
    at: LocalTime | None = None
    within: Within = "following"


class HoursAfterEnd(Strict):
    """So many hours after the data period has ended."""

    hours: Annotated[int, Field(ge=0, le=8_784)]


DuePoint = NthWorkingDay | LastWorkingDay | CalendarDay | HoursAfterEnd


class Periodic(Strict):
    """One delivery is owed for each data period from ``first_period`` on."""

    kind: Literal["periodic"] = "periodic"
    due: DuePoint
    first_period: str

    @property
    def period_kind(self) -> PeriodKind:
        """The kind of its data periods."""
        return parse_period(self.first_period).kind

    @field_validator("first_period")
    @classmethod
    def _is_a_period(cls, text: str) -> str:
        try:
            kind = parse_period(text).kind
        except InvalidInput as error:
            raise ValueError(f"{_FIRST_PERIOD}, such as 2026-11; {text!r} names none") from error
        if kind == "once":
            raise ValueError(f"{_FIRST_PERIOD}, such as 2026-11, not once")
        return text

    @model_validator(mode="after")
    def _hours_are_due_by_hours(self) -> "Periodic":
        if self.period_kind == "hour" and not isinstance(self.due, HoursAfterEnd):
            raise ValueError("what is owed for each hour is due so many hours after its end")
        return self


class AfterEvent(Strict):
    """A delivery is owed so many working days after an event, which is itself not counted."""

    kind: Literal["after_event"]
    working_days: Annotated[int, Field(ge=1, le=250)]
    at: LocalTime | None = None


class OnChange(Strict):
    """Each change is owed within so many hours."""

    kind: Literal["on_change"]
    hours: Annotated[int, Field(ge=1, le=8_784)]


class Silence(Strict):
    """Something, if only that nothing changed, is owed before so many hours are over."""

    kind: Literal["silence"]
    hours: Annotated[int, Field(ge=1, le=8_784)]


class OnceBy(Strict):
    """One delivery is owed, by a day."""

    kind: Literal["once"]
    day: date
    at: LocalTime | None = None


UpdateSchedule = Annotated[
    Periodic | AfterEvent | OnChange | Silence | OnceBy, Field(discriminator="kind")
]


class Owed(NamedTuple):
    """A data period of a periodic schedule, and when it is due."""

    period: DataPeriod
    due: Ending


def due_of_period(schedule: Periodic, period: DataPeriod, calendar: WorkingDays) -> Ending:
    """When the data of a period are due.

    :raises InvalidInput: the period is not of the schedule's kind, or lies before its first one.
    """
    first = parse_period(schedule.first_period)
    if period < first:
        raise InvalidInput(
            "the data period is not owed", expected=f"{first} or a later one", found=str(period)
        )
    due = schedule.due
    if isinstance(due, HoursAfterEnd):
        return Ending(
            period_end_ms(period) + due.hours * _HOUR_MS, False,
            f"{due.hours} hours after the end of {period}",
        )  # fmt: skip
    counted = period if due.within == "same" else period.next_period()
    first_day, last_day = counted.first_day, counted.last_day
    if isinstance(due, NthWorkingDay):
        day = calendar.nth_after(first_day - _DAY, due.working_day)
        what = f"working day {due.working_day} from {first_day} on"
    elif isinstance(due, LastWorkingDay):
        day = _last_working_day(first_day, last_day, calendar)
        what = f"the last working day of {counted}"
    else:
        named = min(first_day + (due.day - 1) * _DAY, last_day)
        day = _rolled(named, due.roll, calendar)
        what = f"day {due.day} of {counted}" + (f", {named} is not worked" if day != named else "")
    return _ending(day, due.at, what, (min(first_day, day), max(last_day, day)), calendar)


def due_after_event(schedule: AfterEvent, event_ms: int, calendar: WorkingDays) -> Ending:
    """When the delivery is due that an event at an instant has called for."""
    at = time.fromisoformat(schedule.at) if schedule.at else None
    ending = end_of_period(Period(schedule.working_days, "wd", at), event_ms, calendar)
    assert ending is not None  # noqa: S101 - only a pause leaves a period without end
    return ending


def due_once(schedule: OnceBy) -> Ending:
    """When the one delivery is due."""
    at = time.fromisoformat(schedule.at) if schedule.at else None
    return Ending(instant_ms(schedule.day, at), False, f"by {schedule.day}")


def next_owed(schedule: Periodic, now_ms: int, calendar: WorkingDays) -> Owed:
    """The first period, from ``first_period`` on, whose due instant is not over at ``now_ms``.

    Due instants of one schedule never fall from one period to the next, so this is where it turns.
    """
    period = parse_period(schedule.first_period)
    begin = _period_at(now_ms - _reach_ms(schedule.due, period), period.kind)
    period = max(period, begin)
    while True:
        due = due_of_period(schedule, period, calendar)
        if due.due_ms > now_ms:
            return Owed(period, due)
        period = period.next_period()


def last_owed(schedule: Periodic, now_ms: int, calendar: WorkingDays) -> Owed | None:
    """The latest period whose due instant is over at ``now_ms``; None before the first is."""
    following = next_owed(schedule, now_ms, calendar).period
    if following.text == schedule.first_period:
        return None
    period = following.previous_period()
    return Owed(period, due_of_period(schedule, period, calendar))


def opening_ms(schedule: Periodic, period: DataPeriod) -> int:
    """When the days begin to be counted in which the data of a period are owed: at its end, or
    with ``within: same`` at its beginning."""
    is_within = not isinstance(schedule.due, HoursAfterEnd) and schedule.due.within == "same"
    return instant_ms(period.first_day, time()) if is_within else period_end_ms(period)


def period_end_ms(period: DataPeriod) -> int:
    """The instant at which a period ends, in milliseconds since 1970 (UTC)."""
    if period.kind != "hour":
        return instant_ms(period.last_day)
    return instant_ms(period.last_day, time(int(period.text[-2:]))) + _HOUR_MS


def _reach_ms(due: DuePoint, period: DataPeriod) -> int:
    """At most so long after the end of its period is something due."""
    match due:
        case HoursAfterEnd():
            return due.hours * _HOUR_MS
        case NthWorkingDay():
            days = due.working_day * 2 + _HOLIDAYS_MAX
        case _:  # a period may be followed by one that is three days longer
            days = (period.last_day - period.first_day).days + 3 + _HOLIDAYS_MAX
    return days * 24 * _HOUR_MS


def _period_at(at_ms: int, kind: PeriodKind) -> DataPeriod:
    if kind == "hour":
        return parse_period(f"{local_datetime(at_ms):%Y-%m-%dT%H}")
    return period_with(local_day(at_ms), kind)


def _last_working_day(first: date, last: date, calendar: WorkingDays) -> date:
    for back in range((last - first).days + 1):
        if calendar.is_working(last - back * _DAY):
            return last - back * _DAY
    return next(day for day in days_after(last) if calendar.is_working(day))


def _rolled(day: date, roll: str, calendar: WorkingDays) -> date:
    step = {"none": 0, "following": 1, "preceding": -1}[roll]
    while step and not calendar.is_working(day):
        day += step * _DAY
    return day


def _ending(
    day: date, at: str | None, what: str, counted: tuple[date, date], calendar: WorkingDays
) -> Ending:
    first, last = counted
    reasons = [what, *map(str, calendar.special_spans(first, min(last, day)))]
    is_known = calendar.is_known(first) and calendar.is_known(day)
    if not is_known:
        known = f"{calendar.first_day} to {calendar.horizon}"
        reasons.append(f"provisional: working days are published for {known}")
    due_ms = instant_ms(day, time.fromisoformat(at) if at else None)
    return Ending(due_ms, not is_known, "; ".join(reasons))
