"""Working days (工作日) of the Chinese government, make-up working days (调休) included.

Which days are worked is decided year by year in notices of the State Council, sometimes corrected
within the year, so it is data with a version: a table, over which an authority lays corrections.
Behind the last day that the notices settle, the calendar only guesses by the weekday, and says so.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Final, NamedTuple

from pydantic import Field, StringConstraints, model_validator

from sharebus import InvalidInput
from sharebus.governance.agency import Strict, Text

DivisionPrefix = Annotated[str, StringConstraints(pattern=r"^([0-9]{2}){0,3}$")]
"""The first 0, 2, 4 or 6 digits of division codes: everywhere, a province, a city, a county."""

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_LAST_MONTH: Final = 12
_ASKED_FROM_MONTH: Final = 11
"""Notices for a year have come between the end of October and the middle of December before it."""


class SpecialDay(Strict):
    """A day that a notice names: of rest, or of work (a make-up working day, a corrected one)."""

    day: date
    working: bool
    name: Text
    """Why: the holiday (国庆节), or the cause of a closure (台风停工)."""


class Notice(Strict):
    """Where a year's days were published."""

    year: int
    address: Text


def _in_order(days: tuple[SpecialDay, ...]) -> bool:
    return all(earlier.day < later.day for earlier, later in pairwise(days))


class WorkingDayTable(Strict):
    """The days of the whole country, as generated and checked in.

    ``horizon`` is the last day that published notices settle. It lies before the end of the year,
    since a notice for the following year can move the days at the end of December.
    """

    version: Text
    source: Text
    licence: Text
    notices: tuple[Notice, ...]
    first_day: date
    horizon: date
    days: tuple[SpecialDay, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _days_are_ordered(self) -> "WorkingDayTable":
        if not _in_order(self.days):
            raise ValueError("the days stand in their order, each once")
        if self.days[0].day < self.first_day or self.days[-1].day > self.horizon:
            raise ValueError("a day lies outside the table: before first_day or behind the horizon")
        return self


class CalendarCorrection(Strict):
    """Days that an authority lays over the table: a second notice, a closure (停工), a new year.

    It holds for the divisions whose code begins with ``jurisdiction``. ``horizon`` is given when a
    notice for a further year is entered before the table is generated anew.
    """

    version: Text
    basis: Text
    jurisdiction: DivisionPrefix = ""
    horizon: date | None = None
    days: tuple[SpecialDay, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _days_are_ordered(self) -> "CalendarCorrection":
        if not _in_order(self.days):
            raise ValueError("the days stand in their order, each once")
        return self


class Span(NamedTuple):
    """Days in a row that are special for the same reason."""

    first: date
    last: date
    working: bool
    name: str

    def __str__(self) -> str:
        kind = "a working day"
        if not self.working:
            kind = "no working day"
        elif self.first.weekday() >= _SATURDAY:
            kind = "a make-up working day"
        if self.first == self.last:
            return f"{self.first} is {kind} ({self.name})"
        return f"{self.first} to {self.last} are {kind.removeprefix('a ')}s ({self.name})"


class WorkingDays:
    """The calendar of one jurisdiction: the table, with corrections laid over it in their order.

    :raises InvalidInput: a correction shortens the calendar, or names a day outside it.
    """

    def __init__(
        self, table: WorkingDayTable, corrections: Iterable[CalendarCorrection] = (),
        jurisdiction: str = "",
    ) -> None:  # fmt: skip
        self.first_day = table.first_day
        self.horizon = table.horizon
        self._days = {special.day: special for special in table.days}
        versions = [table.version]
        for correction in corrections:
            if jurisdiction.startswith(correction.jurisdiction):
                self._lay(correction)
                versions.append(correction.version)
        self.version = " + ".join(versions)
        """Of the table and of each correction that holds in the jurisdiction."""

    def _lay(self, correction: CalendarCorrection) -> None:
        horizon = correction.horizon or self.horizon
        first, last = correction.days[0].day, correction.days[-1].day
        if horizon < self.horizon or first < self.first_day or last > horizon:
            raise InvalidInput(
                "the correction does not fit the calendar",
                where=f"calendar correction {correction.version}",
                expected=f"days from {self.first_day} to {horizon}, no horizon before "
                f"{self.horizon}; a further year is entered with its own horizon",
                found=f"days from {first} to {last}, horizon {horizon}",
            )
        self.horizon = horizon
        self._days |= {special.day: special for special in correction.days}

    def is_known(self, day: date) -> bool:
        """Whether published notices settle the day."""
        return self.first_day <= day <= self.horizon

    def is_working(self, day: date) -> bool:
        """Whether the day is worked; for a day that is not known, a guess by its weekday."""
        special = self._days.get(day)
        return special.working if special else day.weekday() < _SATURDAY

    def nth_after(self, day: date, count: int) -> date:
        """The ``count``-th working day after a day, which is itself not counted.

        :raises InvalidInput: ``count`` is below 1, or the year 9999 is passed.
        """
        if count < 1:
            raise InvalidInput("working days are counted from 1", found=str(count))
        for following in days_after(day):
            count -= self.is_working(following)
            if not count:
                break
        return following

    def special_spans(self, first: date, last: date) -> tuple[Span, ...]:
        """What is special from ``first`` to ``last``, both included, neighbours taken together."""
        spans: list[Span] = []
        for number in range((last - first).days + 1):
            day = first + number * _DAY
            special = self._days.get(day)
            if not special:
                continue
            span = Span(day, day, special.working, special.name)
            before = spans[-1] if spans else None
            if before and before[1:] == (day - _DAY, *span[2:]):
                spans[-1] = before._replace(last=day)
            else:
                spans.append(span)
        return tuple(spans)


def unsettled_year(calendar: WorkingDays, today: date) -> int | None:
    """The year for whose working days it is time to ask: no notice settles it, and it is the
    present one or, from 1 November on, the next."""
    year = today.year + (today.month >= _ASKED_FROM_MONTH)
    horizon = calendar.horizon  # late in December of the last year that is settled
    first = horizon.year + (horizon.month == _LAST_MONTH)
    return first if first <= year else None


def days_after(day: date) -> Iterator[date]:
    """The days behind a day.

    :raises InvalidInput: the year 9999 is passed.
    """
    while day < date.max - _DAY:  # the last date has no end that could be written down
        day += _DAY
        yield day
    raise InvalidInput("no calendar reaches beyond the year 9999")
