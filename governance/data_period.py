"""Data periods: the stretch of time that a delivery is about, written as a short text.

| kind     | text             | kind     | text            |
|----------|------------------|----------|-----------------|
| year     | ``2026``         | ten_days | ``2026-11-X3``  |
| half     | ``2026-H1``      | week     | ``2026-W47``    |
| quarter  | ``2026-Q4``      | day      | ``2026-11-22``  |
| month    | ``2026-11``      | hour     | ``2026-11-22T08`` |
| once     | ``once``         |          |                 |

``ten_days`` is a 旬: days 1-10, 11-20 and 21 to the end of the month. Weeks are those of ISO 8601
and begin on Monday. Days and hours are those of Asia/Shanghai. Each period has exactly one text,
and the texts of one kind sort as the periods do.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache, total_ordering
from typing import Final, Literal, cast

from sharebus import InvalidInput

PeriodKind = Literal["year", "half", "quarter", "month", "week", "ten_days", "day", "hour", "once"]

ONCE: Final = "once"
_EXAMPLES: Final = (
    "2026, 2026-H1, 2026-Q4, 2026-11, 2026-W47, 2026-11-X1, 2026-11-22, 2026-11-22T08 or once, "
    "in the years 1900 to 2199"
)
_LENGTH_MAX: Final = len("2026-11-22T08")
# The last group that matches names the kind. Years are bounded because one outside is a slip.
_SHAPE: Final = re.compile(
    "(?P<year>(?:19|20|21)[0-9]{2})(?:-(?:"
    "H(?P<half>[12])|Q(?P<quarter>[1-4])|W(?P<week>[0-5][0-9])|"
    "(?P<month>[01][0-9])(?:-(?:X(?P<ten_days>[1-3])|"
    "(?P<day>[0-3][0-9])(?:T(?P<hour>[01][0-9]|2[0-3]))?))?))?"
)


@total_ordering
@dataclass(frozen=True, slots=True)
class DataPeriod:
    """One data period, made from its text; ``str()`` gives the text back.

    Periods of one kind are ordered; comparing two kinds raises InvalidInput. Making one from
    another text than the module describes raises InvalidInput.
    """

    text: str
    kind: PeriodKind = field(init=False, compare=False)
    _days: tuple[date, date] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        kind, days = _read(self.text)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "_days", days)

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, DataPeriod):
            return NotImplemented
        if other.kind != self.kind:
            raise InvalidInput(
                "data periods of different kinds have no order",
                expected=f"a period of kind {self.kind}, like {self.text}",
                found=f"{other.text} ({other.kind})",
            )
        return self.text < other.text

    @property
    def first_day(self) -> date:
        """The first day of the period. Raises InvalidInput for ``once``, which has no days."""
        return self._first_and_last_day()[0]

    @property
    def last_day(self) -> date:
        """The last day that belongs to the period. Raises InvalidInput for ``once``."""
        return self._first_and_last_day()[1]

    def next_period(self) -> "DataPeriod":
        """The period of the same kind that begins where this one ends.

        Raises InvalidInput for ``once`` and beyond the year 2199.
        """
        if self.kind == "hour":
            return self._hours_on(1)
        return period_with(self.last_day + timedelta(days=1), self.kind)

    def previous_period(self) -> "DataPeriod":
        """The period of the same kind that ends where this one begins.

        Raises InvalidInput for ``once`` and before the year 1900.
        """
        if self.kind == "hour":
            return self._hours_on(-1)
        return period_with(self.first_day - timedelta(days=1), self.kind)

    def _hours_on(self, hours: int) -> "DataPeriod":
        hour = datetime.strptime(self.text, "%Y-%m-%dT%H") + timedelta(hours=hours)
        return parse_period(f"{hour:%Y-%m-%dT%H}")

    def _first_and_last_day(self) -> tuple[date, date]:
        if self._days is None:
            raise InvalidInput("the data period 'once' has no days and no successor")
        return self._days


def parse_period(text: str) -> DataPeriod:
    """The data period that ``text`` names. Raises InvalidInput when it names none."""
    return DataPeriod(text)


def period_with(day: date, kind: PeriodKind) -> DataPeriod:
    """The period of a kind in which a day lies; of hours, the first of the day.

    Raises InvalidInput for ``once`` and outside the years 1900 to 2199.
    """
    return parse_period(_text_of_period_with(day, kind))


def is_valid_period(text: str) -> bool:
    """Whether ``text`` names a data period; for use on every event."""
    # The length comes first, so that the cache never holds a long hostile text.
    return len(text) <= _LENGTH_MAX and _is_valid(text)


@lru_cache(maxsize=4096)
def _is_valid(text: str) -> bool:
    try:
        _read(text)
    except InvalidInput:
        return False
    return True


def _read(text: str) -> tuple[PeriodKind, tuple[date, date] | None]:
    if text == ONCE:
        return "once", None
    shape = _SHAPE.fullmatch(text)
    if shape is not None:
        kind = cast(PeriodKind, shape.lastgroup)
        numbers = {name: int(digits) for name, digits in shape.groupdict().items() if digits}
        try:
            return kind, _days_of(kind, numbers)
        except ValueError:  # month 13, 30 February, a week 53 that the year does not have
            pass
    raise InvalidInput(
        "not a data period (数据期)", expected=_EXAMPLES, found=repr(text[: _LENGTH_MAX * 2])
    )


def _days_of(kind: PeriodKind, numbers: dict[str, int]) -> tuple[date, date]:
    year, month = numbers["year"], numbers.get("month", 0)
    match kind:
        case "year":
            return _months(year, 1, 12)
        case "half":
            return _months(year, numbers["half"] * 6 - 5, numbers["half"] * 6)
        case "quarter":
            return _months(year, numbers["quarter"] * 3 - 2, numbers["quarter"] * 3)
        case "month":
            return _months(year, month, month)
        case "week":
            monday = date.fromisocalendar(year, numbers["week"], 1)
            return monday, monday + timedelta(days=6)
        case "ten_days":
            first, last = _months(year, month, month)
            tens = numbers["ten_days"]
            return (
                first.replace(day=tens * 10 - 9),
                last if tens == 3 else first.replace(day=tens * 10),
            )
        case _:
            day = date(year, month, numbers["day"])
            return day, day


def _months(year: int, first: int, last: int) -> tuple[date, date]:
    following = date(year + last // 12, last % 12 + 1, 1)
    return date(year, first, 1), following - timedelta(days=1)


def _text_of_period_with(day: date, kind: PeriodKind) -> str:
    match kind:
        case "year":
            return f"{day.year}"
        case "half":
            return f"{day.year}-H{(day.month + 5) // 6}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "month":
            return f"{day.year}-{day.month:02}"
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "ten_days":
            return f"{day.year}-{day.month:02}-X{min((day.day + 9) // 10, 3)}"
        case "hour":
            return f"{day.isoformat()}T00"
        case "once":
            raise InvalidInput("the data period 'once' has no days")
        case _:
            return day.isoformat()
