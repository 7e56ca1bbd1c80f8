"""What is owed after an event, within hours of a change, once, and after a silence."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.local_time import local_text
from sharebus.governance.obligation_book import Arrival, with_call, with_evidence
from sharebus.governance.obligation_verdict import judge

from .obligation_watcher import CALENDAR, HOUR_MS, Watcher, local, terms


def test_event_calls_for_a_delivery_within_working_days() -> None:
    watcher = Watcher(terms({"kind": "after_event", "working_days": 5}))
    at = local("2026-09-29 15:00")
    for _ in range(2):  # told twice
        watcher.book = with_call(watcher.book, watcher.terms, "2026-09-29", at, 7, CALENDAR)
    watcher.closes("2026-09-29 10:00", "2026-09-29", "before")
    watcher.judged("2026-09-30 00:00")
    assert watcher.told == [(f"2026-09-29@{at}", "open")]
    assert local_text(watcher.book.obligations[0].due_ms, ends_day=True).startswith("2026-10-12 24")
    watcher.closes("2026-10-12 23:59", "2026-09-29", "after")
    watcher.judged("2026-10-13 00:00")
    assert watcher.told[-1] == (f"2026-09-29@{at}", "met")


def test_delivery_that_came_before_its_event_was_told_of_counts() -> None:
    watcher = Watcher(terms({"kind": "on_change", "hours": 24}))
    watcher.closes("2026-09-29 18:00", "2026-09-29")
    watcher.judged("2026-09-30 00:00")
    at = local("2026-09-29 15:00")
    watcher.book = with_call(watcher.book, watcher.terms, "2026-09-29", at, 7, CALENDAR)
    assert watcher.judged("2026-09-30 00:01") == [(f"2026-09-29@{at}", "met")]
    for number in range(100):
        watcher.closes("2026-09-30 10:00", "2026-09-30", f"d{number}")
    assert len(watcher.book.deliveries) == 32


def test_one_delivery_is_owed_once() -> None:
    watcher = Watcher(terms({"kind": "once", "day": "2026-09-30"}))
    watcher.closes("2026-09-20 10:00", "2026-09-20")
    watcher.judged("2026-09-21 00:00")
    watcher.closes("2026-10-02 10:00", "once")
    watcher.judged("2026-10-03 00:00")
    assert watcher.told == [("once", "open"), ("once", "late")]


def test_silence_is_too_long_and_then_broken() -> None:
    watcher = Watcher(terms({"kind": "silence", "hours": 24}))
    assert watcher.judged("2026-09-02 00:00") == []
    name = "2026-08-31T16:00:00.000Z"
    assert watcher.judged("2026-09-02 00:00:00.001") == [(name, "missing")]
    watcher.arrives("2026-09-02 08:00", accepted=False)
    assert watcher.judged("2026-09-02 09:00") == []
    watcher.arrives("2026-09-02 10:00", "2026-09-02")
    assert watcher.judged("2026-09-02 11:00") == [(name, "late")]
    assert watcher.judged("2026-09-03 10:00") == []


@given(
    st.lists(st.integers(1, 400), max_size=12), st.integers(1, 60), st.integers(1, 500),
    st.randoms(),
)  # fmt: skip
def test_silences_are_those_that_hours_on_a_list_show(
    hours: list[int], longest: int, known: int, rng: Any
) -> None:
    begins = local("2026-09-01")
    watcher = Watcher(terms({"kind": "silence", "hours": longest}))
    expected, last = [], 0
    for hour in [*sorted(hour for hour in hours if hour < known), None]:
        if hour is None and known > last + longest:
            expected.append((last, "missing"))
        if hour is not None and hour > last + longest:
            expected.append((last, "late"))
        last = hour or last
    rng.shuffle(hours)
    for hour in [*hours, *hours[:3]]:
        event = Arrival("2026-09", "d", 0, hour, begins + hour * HOUR_MS, True)
        watcher.book = with_evidence(watcher.book, watcher.terms, event)
    _, verdicts = judge(watcher.book, watcher.terms, CALENDAR, begins + known * HOUR_MS)
    found = [((each.obligation.opens_ms - begins) // HOUR_MS, str(each.standing))
             for each in verdicts]  # fmt: skip
    assert found == expected
