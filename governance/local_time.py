"""Local time, in which law counts: Asia/Shanghai. Instants are milliseconds since 1970, UTC.

The offset comes from the time zone database and is never written down: it was another one in the
summers of 1986 to 1991.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sharebus import InvalidInput

ZONE_NAME: Final = "Asia/Shanghai"
LOCAL_TIME: Final = ZoneInfo(ZONE_NAME)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def local_datetime(at_ms: int) -> datetime:
    """The instant on local clocks.

    :raises InvalidInput: the instant is outside the years that a date can have.
    """
    try:
        return (_EPOCH + at_ms * _MILLISECOND).astimezone(LOCAL_TIME)
    except OverflowError:
        raise InvalidInput(
            "no instant", expected="milliseconds since 1970 (UTC)", found=str(at_ms)
        ) from None


def local_day(at_ms: int) -> date:
    """The local day to which an instant belongs; 24:00 is 0:00 of the following one.

    :raises InvalidInput: the instant is outside the years that a date can have.
    """
    return local_datetime(at_ms).date()


def instant_ms(day: date, at: time | None = None) -> int:
    """The instant of a local time; without one, the end of the day (24:00)."""
    local = datetime.combine(day, at) if at else datetime.combine(day, time()) + timedelta(days=1)
    return (local.replace(tzinfo=LOCAL_TIME) - _EPOCH) // _MILLISECOND


def utc_text(at_ms: int) -> str:
    """The instant in UTC, as RFC 3339 writes it: ``2026-10-13T16:00:00.000Z``.

    :raises InvalidInput: the instant is outside the years that a date can have.
    """
    utc = local_datetime(at_ms).astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_text(at_ms: int, ends_day: bool = False) -> str:
    """The instant for people: ``2026-10-13 17:00 Asia/Shanghai``.

    With ``ends_day`` midnight is the 24:00 of the day that ends, as deadlines are stated.

    :raises InvalidInput: the instant is outside the years that a date can have.
    """
    local = local_datetime(at_ms)
    if ends_day and local.time() == time():
        return f"{(local - timedelta(days=1)).date()} 24:00 {ZONE_NAME}"
    digits = "minutes" if not (local.second or local.microsecond) else "milliseconds"
    clock = local.time().isoformat(timespec=digits)
    return f"{local.date()} {clock} {ZONE_NAME}"
