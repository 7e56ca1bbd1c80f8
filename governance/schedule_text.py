"""An update schedule in words, Chinese and English, and as a frequency of DCAT."""

from typing import Final

from sharebus.governance.data_period import PeriodKind
from sharebus.governance.update_schedule import (
    AfterEvent,
    CalendarDay,
    HoursAfterEnd,
    LastWorkingDay,
    NthWorkingDay,
    OnceBy,
    OnChange,
    Periodic,
    Silence,
    UpdateSchedule,
)

FREQUENCIES: Final = {
    "hourly": "HOURLY", "daily": "DAILY", "weekly": "WEEKLY", "ten_days": "MONTHLY_3",
    "monthly": "MONTHLY", "quarterly": "QUARTERLY", "half_yearly": "ANNUAL_2", "yearly": "ANNUAL",
    "once": "NEVER", "on_change": "IRREG",
}  # fmt: skip
"""Codes of the EU Publications Office's table ``frequency``, which DCAT-AP asks for."""
_AUTHORITY: Final = "http://publications.europa.eu/resource/authority/frequency/"

_CHINESE: Final[dict[PeriodKind, tuple[str, str, str]]] = {
    "year": ("每年", "次年", "当年"), "half": ("每半年", "下一半年", "当半年"),
    "quarter": ("每季度", "次季度", "当季度"), "month": ("每月", "次月", "当月"),
    "week": ("每周", "次周", "当周"), "ten_days": ("每旬", "次旬", "当旬"),
    "day": ("每日", "次日", "当日"), "hour": ("每小时", "下一小时", "当小时"),
}  # fmt: skip
"""Each period, the following one, the same one."""
_ENGLISH: Final[dict[PeriodKind, str]] = {"half": "half-year", "ten_days": "ten-day period (旬)"}
_ROLLS: Final = {
    "none": ("", ""),
    "following": ("（遇非工作日顺延）", ", or the next working day"),
    "preceding": ("（遇非工作日提前）", ", or the working day before"),
}


def accrual_periodicity(frequency: str) -> str:
    """The frequency of an entry as ``dct:accrualPeriodicity``, an address."""
    return _AUTHORITY + FREQUENCIES[frequency]


def chinese(schedule: UpdateSchedule) -> str:
    """The schedule as a notice would state it."""
    match schedule:
        case Periodic():
            return _periodic_chinese(schedule)
        case AfterEvent():
            return f"事件发生后{schedule.working_days}个工作日内" + _before(schedule.at)
        case OnChange():
            return f"变更后{schedule.hours}小时内"
        case Silence():
            return f"最长间隔{schedule.hours}小时"
        case OnceBy():
            day = schedule.day
            return f"{day.year}年{day.month}月{day.day}日{schedule.at or ''}前，一次性"


def english(schedule: UpdateSchedule) -> str:
    """The schedule in English."""
    match schedule:
        case Periodic():
            return _periodic_english(schedule)
        case AfterEvent():
            return f"within {schedule.working_days} working days after an event" + _by(schedule.at)
        case OnChange():
            return f"within {schedule.hours} hours of each change"
        case Silence():
            return f"never silent for more than {schedule.hours} hours"
        case OnceBy():
            return f"once, by {schedule.day}" + _by(schedule.at)


def _periodic_chinese(schedule: Periodic) -> str:
    due = schedule.due
    each, following, same = _CHINESE[schedule.period_kind]
    if isinstance(due, HoursAfterEnd):
        return f"{each}数据，期满后{due.hours}小时内"
    counted = same if due.within == "same" else following
    at = due.at or ""
    match due:
        case NthWorkingDay():
            return f"{each}数据，{counted}第{due.working_day}个工作日{at}前"
        case LastWorkingDay():
            return f"{each}数据，{counted}最后一个工作日{at}前"
        case CalendarDay():
            is_whole = due.day == 1 and each == "每日"
            day = "" if is_whole else f"第{due.day}日"
            return f"{each}数据，{counted}{day}{at}前{_ROLLS[due.roll][0]}"


def _periodic_english(schedule: Periodic) -> str:
    due = schedule.due
    kind = schedule.period_kind
    name = _ENGLISH.get(kind, kind)
    if isinstance(due, HoursAfterEnd):
        return f"data of each {name} within {due.hours} hours after its end"
    counted = f"of the {'same' if due.within == 'same' else 'following'} {name}"
    match due:
        case NthWorkingDay():
            day = f"working day {due.working_day} {counted}"
        case LastWorkingDay():
            day = f"the last working day {counted}"
        case CalendarDay():
            day = f"day {due.day} {counted}{_ROLLS[due.roll][1]}"
    return f"data of each {name} by {day}" + _by(due.at)


def _before(at: str | None) -> str:
    return f"，末日{at}前" if at else ""


def _by(at: str | None) -> str:
    return f", {at}" if at else ""
