"""A slow model of obligations, made from the law's words and the raw records alone.

It shares no code with ``sharebus.governance``: days are walked one by one on the calendar of
another library, deliveries are looked for in the whole log each time, and outages minute by minute.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import holidays

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
MINUTE_MS = 60_000
GOOD = ("met", "met_early", "no_change")
HORIZON = date(2026, 12, 28)
PARTITIONS = 2


class Record(NamedTuple):
    """A record of the entry's ingress topic, and what the gate made of it."""

    at_ms: int
    partition: int
    offset: int
    period: str
    delivery: str
    what: str
    """``accepted``, ``refused`` or ``closing``."""
    counted: int = 0


class Corrected(NamedTuple):
    """Days that an authority has decided otherwise, from an instant on."""

    at_ms: int
    days: Mapping[date, bool]
    horizon: date


@cache
def worked_by_library(day: date) -> bool:
    return bool(china().is_working_day(day)) if day <= HORIZON else day.weekday() < 5


@cache
def china() -> Any:
    return holidays.country_holidays("CN", years=range(2006, 2028))


def at(day: date, clock: str | None) -> int:
    """A local time as an instant; without one the end of the day."""
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}").replace(tzinfo=SHANGHAI)
    return int((moment if clock else moment + DAY).timestamp()) * 1000


def first_and_last(period: str) -> tuple[date, date]:
    """The days of a month (2026-11) or a day (2026-11-22)."""
    if len(period) == 10:
        return date.fromisoformat(period), date.fromisoformat(period)
    first = date.fromisoformat(f"{period}-01")
    last = first
    while (last + DAY).month == first.month:
        last += DAY
    return first, last


class Calendar:
    """Which days are worked, and known to be."""

    def __init__(self, corrections: Iterable[Corrected] = ()) -> None:
        self.days: dict[date, bool] = {}
        self.horizon = HORIZON
        for correction in corrections:
            self.days |= correction.days
            self.horizon = correction.horizon

    def works(self, day: date) -> bool:
        return self.days.get(day, worked_by_library(day))


def due_under(due: Mapping[str, Any], period: str, calendar: Calendar) -> tuple[int, bool]:
    """The due instant by one calendar, and whether it is only a guess."""
    first, last = first_and_last(period)
    if "hours" in due:
        return at(last, None) + due["hours"] * 60 * MINUTE_MS, False
    if due.get("within", "following") == "following":
        first, last = first_and_last(str(last + DAY)[: len(period)])
    day = first
    if "working_day" in due:
        left = due["working_day"]
        while True:
            left -= calendar.works(day)
            if not left:
                break
            day += DAY
    elif "last_working_day" in due:
        worked = [n for n in range((last - first).days + 1) if calendar.works(first + n * DAY)]
        day = first + worked[-1] * DAY if worked else last + DAY
        while not calendar.works(day):
            day += DAY
    else:
        day = min(first + (due["day"] - 1) * DAY, last)
        while due.get("roll") and not calendar.works(day):
            day += DAY if due["roll"] == "following" else -DAY
    return at(day, due.get("at")), day > calendar.horizon


def opening(due: Mapping[str, Any], period: str) -> int:
    first, last = first_and_last(period)
    return at(first, "00:00") if due.get("within") == "same" else at(last, None)


def due_of(
    due: Mapping[str, Any], period: str, corrections: list[Corrected], known_ms: int
) -> tuple[int, bool]:
    """The due instant as it stands once the corrections up to an instant have been heard."""
    due_ms, is_guess = due_under(due, period, Calendar())
    for number, correction in enumerate(corrections, start=1):
        if correction.at_ms > known_ms:
            break
        if due_ms <= correction.at_ms and not is_guess:
            continue  # closed ones are never moved
        moved_ms, is_guess = due_under(due, period, Calendar(corrections[:number]))
        due_ms = moved_ms if moved_ms > correction.at_ms else max(moved_ms, due_ms)
    return due_ms, is_guess


def wholes(log: list[Record], known_ms: int) -> list[tuple[int, int, int, int]]:
    """Of each whole delivery: when, how many events were counted, accepted and refused."""
    found = []
    for name in sorted({record.delivery for record in log}):
        mine = [r for r in log if r.delivery == name]
        closings = {}
        for record in sorted(mine, key=lambda r: r.offset):
            if record.what == "closing":
                closings.setdefault(record.partition, record)
        before = [
            r for r in mine
            if r.partition in closings and r.offset < closings[r.partition].offset
        ]  # fmt: skip
        if len(closings) < PARTITIONS:
            continue
        accepted = [r for r in before if r.what == "accepted"]
        when = max(r.at_ms for r in [*closings.values(), *accepted])
        if when < known_ms:
            counted = sum(r.counted for r in closings.values())
            refused = sum(r.what == "refused" for r in before)
            found.append((when, counted, len(accepted), refused))
    return sorted(found, key=lambda each: each[0])  # of one instant, by name


def fulfilled(
    log: list[Record], known_ms: int, refused_max: int, no_change: bool
) -> tuple[int, bool] | None:
    """When the period was delivered whole, and whether by saying that nothing changed."""
    given: list[tuple[int, int, int, int]] = []
    for when, counted, accepted, refused in wholes(log, known_ms):
        short = [max(c - a, 0) for _, c, a, _ in given]
        if counted == 0:
            owed = max((sum(short[i:]) - sum(a for _, _, a, _ in given[i + 1 :])
                        for i in range(len(given))), default=0)  # fmt: skip
            if no_change and owed <= 0:
                return when, True
            continue
        given.append((when, counted, accepted, refused))
        short.append(max(counted - accepted, 0))
        # What the i-th lacked is made good by what came behind it, in the worst of all sums.
        owed = max(sum(short[i:]) - sum(a for _, _, a, _ in given[i + 1 :])
                   for i in range(len(given)))  # fmt: skip
        if accepted and max(owed, 0) <= min(refused_max, sum(r for *_, r in given)):
            return when, False
    return None


def excused_until(opens_ms: int, due_ms: int, outages: list[tuple[int, int]], known_ms: int) -> int:
    """Until when nothing is late: each minute that was taken before is given back behind it."""
    until_ms = due_ms
    taken: set[int] = set()
    for begins_ms, ends_ms in sorted(outages):
        if begins_ms >= until_ms:
            break
        if ends_ms > known_ms:
            return 10**15
        minutes = 0
        for minute in range(begins_ms, min(ends_ms, until_ms), MINUTE_MS):
            if minute >= opens_ms and minute not in taken:
                taken.add(minute)
                minutes += 1
        if minutes:
            until_ms = max(until_ms, ends_ms + minutes * MINUTE_MS)
    return until_ms


class Rules(NamedTuple):
    """What the entry's update duty says."""

    due: Mapping[str, Any]
    refused_max: int
    no_change: bool


def standing(
    rules: Rules, period: str, log: list[Record], known_ms: int, *,
    corrections: list[Corrected], outages: list[tuple[int, int]], waived: bool,
) -> str:  # fmt: skip
    """How a period stands by all that happened before an instant; ``log`` is that of the period."""
    due_ms, is_guess = due_of(rules.due, period, corrections, known_ms)
    opens_ms = opening(rules.due, period)
    made = fulfilled(log, known_ms, rules.refused_max, rules.no_change)
    if is_guess:
        return "waived" if waived else "provisional"
    if made and made[0] <= due_ms:
        early = "met_early" if made[0] < opens_ms else "met"
        return "no_change" if made[1] else early
    if waived:
        return "waived"
    if known_ms <= due_ms:
        return "open" if known_ms >= opens_ms else "scheduled"
    told = [each for each in outages if each[0] < known_ms]
    if (made[0] if made else known_ms) <= excused_until(opens_ms, due_ms, told, known_ms):
        return "platform_fault"
    return "late" if made else owed(log, known_ms)


def owed(log: list[Record], known_ms: int) -> str:
    """What there is of a period that is not fulfilled."""
    found = "missing"
    for name in {record.delivery for record in log if record.at_ms < known_ms}:
        mine = [record for record in log if record.delivery == name]
        whole = wholes(mine, known_ms)
        if whole and whole[0][1] and whole[0][3]:
            return "refused_still_owed"
        if not whole or whole[0][1]:
            found = "arrived_not_closed"
    return found
