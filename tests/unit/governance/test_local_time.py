from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.local_time import instant_ms, local_day, local_text, utc_text

SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(text: str) -> int:
    """The instant of an RFC 3339 text, by another way than the code's."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_local_day_of_a_late_utc_instant_is_the_following_one() -> None:
    assert local_day(ms("2026-10-09T15:59:59.999+00:00")) == date(2026, 10, 9)
    assert local_day(ms("2026-10-09T16:00:00+00:00")) == date(2026, 10, 10)


def test_end_of_a_day_is_0_00_of_the_following_one() -> None:
    assert instant_ms(date(2026, 12, 31)) == ms("2027-01-01T00:00:00+08:00")
    assert instant_ms(date(2026, 12, 31), time(17)) == ms("2026-12-31T17:00:00+08:00")
    assert instant_ms(date(2026, 12, 31), time(0)) == ms("2026-12-31T00:00:00+08:00")


def test_summer_time_of_the_years_1986_to_1991_is_known() -> None:
    assert instant_ms(date(1990, 7, 2), time(9)) == ms("1990-07-02T09:00:00+09:00")
    assert instant_ms(date(1992, 7, 2), time(9)) == ms("1992-07-02T09:00:00+08:00")


def test_midnight_is_written_as_24_00_where_it_ends_a_day() -> None:
    midnight = ms("2026-10-14T00:00:00+08:00")
    assert local_text(midnight, ends_day=True) == "2026-10-13 24:00 Asia/Shanghai"
    assert local_text(midnight) == "2026-10-14 00:00 Asia/Shanghai"
    assert utc_text(midnight) == "2026-10-13T16:00:00.000Z"


def test_seconds_are_written_only_where_there_are_some() -> None:
    assert local_text(ms("2026-10-14T17:00:00+08:00")) == "2026-10-14 17:00 Asia/Shanghai"
    assert local_text(ms("2026-10-14T17:00:01.5+08:00")) == "2026-10-14 17:00:01.500 Asia/Shanghai"


@pytest.mark.parametrize("at_ms", [10**18, -(10**18), 10**30])
def test_instant_that_no_date_can_have_is_refused(at_ms: int) -> None:
    with pytest.raises(InvalidInput):
        local_day(at_ms)
    with pytest.raises(InvalidInput):
        utc_text(at_ms)


@given(st.datetimes(datetime(1992, 1, 1), datetime(2199, 12, 31)))
def test_instant_of_a_local_time_lies_on_its_day(local: datetime) -> None:
    local = local.replace(microsecond=local.microsecond // 1000 * 1000)
    at_ms = instant_ms(local.date(), local.time())
    assert at_ms == round(local.replace(tzinfo=SHANGHAI).timestamp() * 1000)
    assert local_day(at_ms) == local.date()
