"""The deadline of any number of rows, pauses and an extension, against a slow model."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
from hypothesis import given
from hypothesis import strategies as st

from sharebus import Refused
from sharebus.governance.clock import (
    Extension,
    deadline_of,
    extend_clock,
    record_event,
    start_clock,
)
from sharebus.governance.clock_rule import CaseEvent, ClockRule
from sharebus.governance.role import Role
from sharebus.governance.working_days import WorkingDays
from sharebus.infra.clock_tables import load_working_days

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkingDays(load_working_days())
DAY_MS = 86_400_000


def ms(text: str) -> int:
    """The instant of a local time in Shanghai."""
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


def row(amount: int, extensible: int, is_pausing: bool) -> ClockRule:
    pause = {"begins": "missing_listed", "ends": "application_complete"}
    extension = {"amount": extensible, "consents": ["coordinator"]}
    return ClockRule.model_validate({
        "procedure": "order-809", "step": "reply_conditional", "title": "reply",
        "actor": "provider", "starts": "application_complete", "amount": amount, "unit": "wd",
        "extension": extension if extensible else None, "pauses": [pause] if is_pausing else [],
        "basis": {"instrument": "条例", "version": "2025-08-01", "article": 21},
        "valid_from": "2025-08-01",
    })  # fmt: skip


CHINA = holidays.country_holidays("CN", years=range(2024, 2028))


def modelled_due_ms(amount: int, start: date, paused: list[tuple[date, date]]) -> int:
    day = start
    while amount:
        day += timedelta(days=1)
        is_paused = any(first <= day <= last for first, last in paused)
        amount -= CHINA.is_working_day(day) and not is_paused
    return ms(f"{day} 00:00") + DAY_MS


rows_strategy = st.lists(
    st.builds(row, st.integers(1, 20), st.integers(0, 10), st.booleans()), min_size=1, max_size=4
)


@given(
    rows_strategy, st.dates(date(2025, 8, 1), date(2026, 7, 31)), st.integers(0, 10),
    st.lists(st.integers(0, 5), max_size=3).map(lambda steps: steps * 2),
)  # fmt: skip
def test_deadline_is_the_earliest_that_a_slow_model_finds(
    rows: list[ClockRule], start: date, added: int, steps: list[int]
) -> None:
    running = start_clock(tuple(rows), ms(f"{start} 10:00"))
    if added:
        asked = Extension(
            amount=added, unit="wd", consents=(Role.COORDINATOR,), at_ms=running.started_ms
        )
        try:
            running = extend_clock(running, asked, CALENDAR)
        except Refused:
            added = 0
    at, paused = start, []
    for number, step in enumerate(steps):
        at += timedelta(days=step)
        event = CaseEvent.APPLICATION_COMPLETE if number % 2 else CaseEvent.MISSING_LISTED
        running = record_event(running, event, ms(f"{at} {10 + number:02}:00"))
        if number % 2:
            paused.append((at - timedelta(days=step), at))
    expected = []
    for rule in rows:
        assert rule.amount
        allowed = rule.extension.amount if rule.extension else 0
        amount = rule.amount + (added if added <= allowed else 0)
        counted: list[tuple[date, date]] = []
        for pause in paused if rule.pauses else []:
            # A pause that begins when the period has ended changes nothing.
            if ms(f"{pause[0]} 10:00") <= modelled_due_ms(amount, start, counted):
                counted.append(pause)
        expected.append(modelled_due_ms(amount, start, counted))
    deadline = deadline_of(running, CALENDAR)
    assert deadline
    assert deadline.due_ms == min(expected)
