"""Periods (期间): when a number of working days, days or hours after an instant ends, and why then.

Counting (民法典 Art 201 to 203):

- The day of the starting event is not counted. A period of days ends at 24:00 local time of its
  last day, unless a time is named. Hours run from the instant of the event.
- Of calendar days, one whose last day is not worked ends on the next working day.
- A day on which a pause begins, lasts or ends is not counted. A pause that begins when the period
  has ended changes nothing.
"""

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Final, Literal, NamedTuple

from sharebus.governance.local_time import instant_ms, local_day, local_text
from sharebus.governance.working_days import WorkingDays, days_after

Unit = Literal["wd", "day", "hour"]
"""Working days (工作日), calendar days (日), hours (小时)."""
_UNIT_NAMES: Final[dict[Unit, str]] = {"wd": "working day", "day": "day", "hour": "hour"}
_DAY: Final = timedelta(days=1)
_HOUR_MS: Final = 3_600_000


class Period(NamedTuple):
    """An amount of a unit; ``at`` is the local time at which a period of days ends, not 24:00."""

    amount: int
    unit: Unit
    at: time | None = None


class Pause(NamedTuple):
    """The clock stands still between two instants; without the second, until further notice."""

    begins_ms: int
    ends_ms: int | None


class Ending(NamedTuple):
    """The end of a period. Provisional: it rests on days that no published notice settles."""

    due_ms: int
    provisional: bool
    because: str


def end_of_period(
    period: Period, started_ms: int, calendar: WorkingDays, pauses: Sequence[Pause] = ()
) -> Ending | None:
    """When a period ends that an event at ``started_ms`` began; None while it is paused.

    ``pauses`` are in order and apart from each other.

    :raises InvalidInput: the instant is no date, or the period ends beyond the year 9999.
    """
    count = _end_of_hours if period.unit == "hour" else _end_of_days
    ending = count(period, started_ms, calendar, ())
    for number, pause in enumerate(pauses, start=1):
        if ending is None or pause.begins_ms > ending.due_ms:
            break
        ending = count(period, started_ms, calendar, pauses[:number])
    return ending


def _end_of_hours(
    period: Period, started_ms: int, _: WorkingDays, pauses: Sequence[Pause]
) -> Ending | None:
    due_ms = started_ms + period.amount * _HOUR_MS
    reasons = [f"{quantity(period.amount, 'hour')} after {local_text(started_ms)}"]
    for begins_ms, ends_ms in pauses:
        if ends_ms is None:
            return None
        due_ms += ends_ms - begins_ms
        reasons.append(f"paused from {local_text(begins_ms)} to {local_text(ends_ms)}")
    return Ending(due_ms, False, "; ".join(reasons))


def _end_of_days(
    period: Period, started_ms: int, calendar: WorkingDays, pauses: Sequence[Pause]
) -> Ending | None:
    start = local_day(started_ms)
    paused = [
        (local_day(begins_ms), None if ends_ms is None else local_day(ends_ms))
        for begins_ms, ends_ms in pauses
    ]
    days = _full_and_last_day(period, start, calendar, paused)
    if days is None:
        return None
    full, last = days
    reasons = [f"{_ordinal(period.amount)} {_UNIT_NAMES[period.unit]} after {start}"]
    if period.unit == "wd":
        reasons += map(str, calendar.special_spans(start + _DAY, last))
    elif full < last:
        reasons.append(f"{full} is not worked, so the period ends on {last}")
        reasons += map(str, calendar.special_spans(full, last))
    reasons += [f"paused from {begins} to {ends}, which are not counted" for begins, ends in paused]
    is_known = calendar.is_known(start + _DAY) and calendar.is_known(last)
    if not is_known:
        known = f"{calendar.first_day} to {calendar.horizon}"
        reasons.append(f"provisional: working days are published for {known}")
    return Ending(instant_ms(last, period.at), not is_known, "; ".join(reasons))


def _full_and_last_day(
    period: Period, start: date, calendar: WorkingDays, paused: Sequence[tuple[date, date | None]]
) -> tuple[date, date] | None:
    """The day that makes the amount full, and the first worked one from there on."""
    remaining = period.amount
    full = None
    for day in days_after(start):
        ends = [ends for begins, ends in paused if begins <= day and (ends is None or day <= ends)]
        if None in ends:
            return None
        if ends:
            continue
        is_working = calendar.is_working(day)
        remaining -= is_working or period.unit == "day"
        if remaining <= 0:
            full = full or day
            if is_working:
                return full, day
    return None


def quantity(amount: int, unit: Unit) -> str:
    """An amount in words: ``1 working day``, ``48 hours``."""
    return f"{amount} {_UNIT_NAMES[unit]}{'' if amount == 1 else 's'}"


def _ordinal(number: int) -> str:
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
