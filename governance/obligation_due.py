"""When an obligation is due: laid by its schedule, and counted anew while it lies ahead."""

from typing import Final

from sharebus import InvalidInput
from sharebus.governance.data_period import DataPeriod, parse_period, period_with
from sharebus.governance.local_time import local_datetime, local_day, utc_text
from sharebus.governance.obligation import Obligation
from sharebus.governance.period import Ending
from sharebus.governance.silence import Quiet
from sharebus.governance.update_schedule import (
    AfterEvent,
    OnceBy,
    OnChange,
    Periodic,
    UpdateSchedule,
    due_after_event,
    due_of_period,
    due_once,
    opening_ms,
)
from sharebus.governance.working_days import WorkingDays

AHEAD_MAX: Final = 64
"""A delivery counts for a period at most so many periods ahead of the present one."""
_HOUR_MS: Final = 3_600_000


def of_period(schedule: Periodic, period: DataPeriod, calendar: WorkingDays) -> Obligation:
    """What a data period of a periodic schedule owes."""
    due = due_of_period(schedule, period, calendar)
    return _obligation(str(period), 0, opening_ms(schedule, period), due, calendar)


def of_once(schedule: OnceBy, opens_ms: int, calendar: WorkingDays) -> Obligation:
    """The one delivery that is owed."""
    return _obligation("once", 0, opens_ms, due_once(schedule), calendar)


def of_call(
    schedule: AfterEvent | OnChange, period: str, called_ms: int, calendar: WorkingDays
) -> Obligation:
    """What an event owes that called for a delivery of a data period."""
    if isinstance(schedule, AfterEvent):
        due = due_after_event(schedule, called_ms, calendar)
    else:
        due_ms = called_ms + schedule.hours * _HOUR_MS
        due = Ending(due_ms, False, f"{schedule.hours} hours after the change")
    return _obligation(period, called_ms, called_ms, due, calendar)


def of_quiet(quiet: Quiet, calendar: WorkingDays) -> Obligation:
    """What was owed when it had been quiet for too long; its period is the last sign of life."""
    since = utc_text(quiet.since_ms)
    due = Ending(quiet.due_ms, False, f"nothing since {since}")
    return _obligation(since, 0, quiet.since_ms, due, calendar)


def counted_anew(
    obligation: Obligation, schedule: UpdateSchedule, calendar: WorkingDays, at_ms: int
) -> Obligation | None:
    """An obligation under the schedule and the calendar that hold from an instant on.

    A due instant that lies ahead moves, and so does one that no notice had settled; never into the
    past, and never before an instant that was shown and is past. None: nothing is owed any more.
    """
    if obligation.due_ms <= at_ms and not obligation.provisional:
        return obligation
    moved = _under(obligation, schedule, calendar)
    if moved is None:
        return obligation if obligation.opens_ms <= at_ms else None
    if moved.due_ms <= at_ms:
        moved = moved._replace(due_ms=max(moved.due_ms, obligation.due_ms))
    is_same = moved[3:5] == obligation[3:5]  # the due instant, and whether it is provisional
    return moved._replace(told=obligation.told if is_same else "")


def is_near(period: DataPeriod, at_ms: int) -> bool:
    """Whether a period is not too far ahead at an instant for a delivery of it to count."""
    if period.kind == "hour":
        latest_ms = at_ms + AHEAD_MAX * _HOUR_MS
        return period <= parse_period(f"{local_datetime(latest_ms):%Y-%m-%dT%H}")
    latest = period_with(local_day(at_ms), period.kind)
    for _ in range(AHEAD_MAX):
        if period <= latest:
            return True
        latest = latest.next_period()
    return period <= latest


def _under(
    obligation: Obligation, schedule: UpdateSchedule, calendar: WorkingDays
) -> Obligation | None:
    """The obligation as a schedule lays it; None if it is none of that schedule."""
    match schedule:
        case Periodic():
            try:
                return of_period(schedule, parse_period(obligation.period), calendar)
            except InvalidInput:  # of another kind of period, or before the first one
                return None
        case OnceBy() if obligation.period == "once":
            return of_once(schedule, obligation.opens_ms, calendar)
        case AfterEvent() | OnChange() if obligation.called_ms:
            return of_call(schedule, obligation.period, obligation.called_ms, calendar)
        case _:
            return None


def _obligation(
    period: str, called_ms: int, opens_ms: int, due: Ending, calendar: WorkingDays
) -> Obligation:
    return Obligation(
        period, called_ms, opens_ms, due.due_ms, due.provisional, due.because, calendar.version
    )
