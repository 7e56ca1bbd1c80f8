"""What an entry owes when its calendar or its schedule is another one from an instant on."""

from sharebus.governance.local_time import local_text
from sharebus.governance.obligation_verdict import with_terms
from sharebus.governance.working_days import CalendarCorrection, WorkingDays

from .obligation_watcher import CALENDAR, FIFTH, TABLE, Watcher, local, terms

# The calendar


def corrected(*days: tuple[str, bool], horizon: str = "2026-12-28") -> WorkingDays:
    special = [{"day": day, "working": works, "name": "x"} for day, works in days]
    given = {"version": "c1", "basis": "通告", "days": special, "horizon": horizon}
    return WorkingDays(TABLE, [CalendarCorrection.model_validate(given)])


def test_correction_moves_what_lies_ahead_and_nothing_that_is_past() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-13 18:00")
    closure = corrected(("2026-10-13", False), ("2026-11-05", False))
    at = local("2026-10-13 19:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (watcher.terms, closure), at)
    watcher.calendar = closure
    due = {each.period: local_text(each.due_ms) for each in watcher.book.obligations}
    assert due == {
        "2026-09": "2026-10-13 17:00 Asia/Shanghai", "2026-10": "2026-11-09 17:00 Asia/Shanghai",
    }  # fmt: skip
    assert watcher.judged("2026-10-13 20:00") == [("2026-10", "scheduled")]


def test_correction_never_moves_a_due_instant_into_the_past() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-12 00:00")
    worked = corrected(("2026-10-04", True), ("2026-10-05", True), ("2026-10-06", True))
    at = local("2026-10-12 08:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (watcher.terms, worked), at)
    assert local_text(watcher.book.obligations[0].due_ms) == "2026-10-13 17:00 Asia/Shanghai"


def test_behind_the_horizon_nothing_is_judged_until_the_calendar_is_known() -> None:
    watcher = Watcher(terms({**FIFTH, "first_period": "2026-12"}), opens="2026-12-15")
    watcher.judged("2027-01-20 00:00")
    assert watcher.stands("2026-12") == "provisional"
    known = corrected(("2027-01-01", False), horizon="2027-12-28")
    at = local("2027-01-20 10:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (watcher.terms, known), at)
    watcher.calendar = known
    watcher.closes("2027-01-08 16:00", "2026-12")
    watcher.judged("2027-01-21 00:00")
    assert watcher.stands("2026-12") == "met"


# Another schedule


def test_tighter_schedule_does_not_make_late_what_was_in_time() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-12 00:00")
    tighter = terms({**FIFTH, "due": {"working_day": 1}})
    at = local("2026-10-12 08:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (tighter, CALENDAR), at)
    assert [local_text(each.due_ms, ends_day=True) for each in watcher.book.obligations] == [
        "2026-10-13 17:00 Asia/Shanghai", "2026-11-02 24:00 Asia/Shanghai",
    ]  # fmt: skip


def test_schedule_of_another_kind_leaves_what_was_open_and_begins_anew() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-12 00:00")
    daily = terms({"kind": "periodic", "first_period": "2026-10-12", "due": {"working_day": 1}})
    at = local("2026-10-12 08:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (daily, CALENDAR), at)
    watcher.terms = daily
    watcher.judged("2026-10-13 12:00")
    assert [each.period for each in watcher.book.obligations] == [
        "2026-09", "2026-10-12", "2026-10-13",
    ]  # fmt: skip


def test_entry_that_is_retired_owes_what_was_due_and_no_more() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-20 00:00")
    at = local("2026-10-21 00:00")
    watcher.book = with_terms(watcher.book, (watcher.terms, CALENDAR), (None, CALENDAR), at)
    assert [each.period for each in watcher.book.obligations] == ["2026-09"]
    assert watcher.judged("2027-06-01 00:00") == []
