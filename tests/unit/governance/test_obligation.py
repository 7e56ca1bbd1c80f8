"""What an entry owes, by example: each rule of the law's words on its own."""

from itertools import permutations

import pytest

from sharebus.governance.entry import UpdateDuty
from sharebus.governance.obligation import (
    Delivery,
    Obligation,
    Outage,
    Standing,
    Waiver,
    excused_until_ms,
    fulfilment,
    terms_of,
)
from sharebus.governance.obligation_book import (
    Arrival,
    Book,
    Closing,
    book_from_json,
    book_to_json,
    with_evidence,
    with_outage,
    with_waiver,
)
from sharebus.governance.obligation_verdict import judge, open_book

from .obligation_watcher import CALENDAR, DAY_MS, FIFTH, Watcher, local, terms

HOURLY = {"kind": "periodic", "first_period": "2026-09-01T00", "due": {"hours": 1}}

# Periods


def test_period_is_scheduled_open_met_and_then_settled() -> None:
    watcher = Watcher(terms())
    assert watcher.judged("2026-09-02 00:00") == [("2026-09", "scheduled")]
    assert watcher.judged("2026-10-01 00:00") == [("2026-09", "open"), ("2026-10", "scheduled")]
    watcher.arrives("2026-10-12 10:00")
    assert watcher.judged("2026-10-12 11:00") == []
    watcher.closes("2026-10-13 17:00")  # 10-10, a Saturday, is the third working day
    assert watcher.judged("2026-10-13 18:00") == [("2026-09", "met")]
    assert [each.period for each in watcher.book.obligations] == ["2026-10"]
    watcher.closes("2026-10-20 10:00", name="again")
    assert watcher.judged("2026-10-20 11:00") == []


def test_due_instant_itself_is_in_time_and_a_millisecond_more_is_not() -> None:
    watcher = Watcher(terms())
    assert watcher.judged("2026-10-13 17:00")[0] == ("2026-09", "open")
    assert ("2026-09", "missing") in watcher.judged("2026-10-13 17:00:00.001")


def test_late_is_not_missing_and_a_backfill_closes_its_own_period_alone() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-12-01 00:00")
    assert (watcher.stands("2026-09"), watcher.stands("2026-10")) == ("missing", "missing")
    watcher.closes("2026-12-02 09:00", "2026-09")
    watcher.closes("2026-12-02 09:30", "2026-11")
    watcher.judged("2026-12-02 10:00")
    assert [watcher.stands(f"2026-{month:02}") for month in (9, 10, 11)] == [
        "late", "missing", "met",
    ]  # fmt: skip


def test_delivery_before_the_period_is_over_is_early() -> None:
    watcher = Watcher(terms())
    watcher.closes("2026-09-25 10:00")
    assert watcher.judged("2026-09-26 00:00") == [("2026-09", "met_early")]


@pytest.mark.parametrize(
    ("takes", "expected"), [(True, "no_change"), (False, "missing")], ids=["allowed", "not allowed"]
)
def test_closing_without_events_counts_where_the_entry_allows_it(
    takes: bool, expected: str
) -> None:
    watcher = Watcher(terms(takes_no_change=takes))
    watcher.closes("2026-10-09 10:00", counted=0, accepted=0)
    watcher.judged("2026-10-20 00:00")
    assert watcher.stands() == expected


def test_events_without_a_closing_have_arrived_and_are_still_owed() -> None:
    watcher = Watcher(terms())
    watcher.arrives("2026-10-09 10:00")
    watcher.closes("2026-10-09 10:00", partition_count=2)
    watcher.judged("2026-10-20 00:00")
    assert watcher.stands() == "arrived_not_closed"
    watcher.closes("2026-10-21 10:00", partition=1, partition_count=2, counted=0, accepted=0)
    watcher.judged("2026-10-22 00:00")
    assert watcher.stands() == "late"


@pytest.mark.parametrize(
    ("refused_max", "refused", "accepted", "expected"),
    [(0, 1, 2, "refused_still_owed"), (1, 1, 2, "met"), (1, 2, 1, "refused_still_owed"),
     (2, 0, 1, "arrived_not_closed"), (3, 3, 0, "refused_still_owed")],
)  # fmt: skip
def test_refused_events_count_unless_the_entry_tolerates_them(
    refused_max: int, refused: int, accepted: int, expected: str
) -> None:
    watcher = Watcher(terms(refused_max=refused_max))
    watcher.closes("2026-10-09 10:00", refused=refused, accepted=accepted)
    watcher.judged("2026-10-20 00:00")
    assert watcher.stands() == expected


def test_what_was_refused_is_made_good_by_as_many_accepted_later() -> None:
    watcher = Watcher(terms())
    watcher.closes("2026-10-08 10:00", counted=100, accepted=97, refused=3)
    watcher.closes("2026-10-09 10:00", name="c1", counted=2, accepted=2)
    watcher.judged("2026-10-09 11:00")
    assert watcher.stands() == "open"
    watcher.closes("2026-10-10 10:00", name="c2", counted=1, accepted=1)
    watcher.judged("2026-10-10 11:00")
    assert watcher.stands() == "met"


def test_grace_delays_the_alert_and_never_the_verdict() -> None:
    duty = UpdateDuty.model_validate(
        {"frequency": "monthly", "deadline": "x", "schedule": FIFTH, "grace_hours": 48}
    )
    kept = terms_of(duty)
    assert kept
    book = open_book(kept, local("2026-09-01"), CALENDAR)
    _, verdicts = judge(book, kept, CALENDAR, local("2026-10-13 17:00") + 1)
    assert verdicts[0].standing is Standing.MISSING
    assert verdicts[0].alert_ms == local("2026-10-15 17:00")
    assert "2026-10-10 is a make-up working day" in verdicts[0].obligation.because


def test_longest_silence_takes_no_change_unless_the_entry_says_otherwise() -> None:
    silence = {"kind": "silence", "hours": 24}
    base = {"frequency": "on_change", "deadline": "x", "schedule": silence}
    assert terms_of(UpdateDuty.model_validate(base)) == terms(silence, takes_no_change=True)
    told = UpdateDuty.model_validate(base | {"no_change": False})
    assert terms_of(told) == terms(silence)
    assert terms_of(UpdateDuty.model_validate({"frequency": "daily", "deadline": "x"})) is None


def test_nothing_is_owed_that_was_due_before_the_entry_was_published() -> None:
    watcher = Watcher(terms(), opens="2026-11-20")
    watcher.judged("2026-12-01 00:00")
    assert [name for name, _ in watcher.told] == ["2026-11", "2026-12"]


# What is not the provider's fault


def test_waiver_names_who_and_why_and_what_is_met_anyway_is_met() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-20 00:00")
    waiver = Waiver("office", "台风停工")
    watcher.book = with_waiver(watcher.book, "2026-09", waiver)
    watcher.book = with_waiver(watcher.book, "2026-11", waiver)
    assert with_waiver(watcher.book, "2020-01", waiver) == watcher.book
    assert watcher.judged("2026-10-20 00:01") == [("2026-09", "waived")]
    watcher.closes("2026-12-01 10:00", "2026-11")
    watcher.judged("2026-12-02 00:00")
    assert watcher.stands("2026-11") == "met"


def test_time_that_an_outage_took_is_given_back() -> None:
    watcher = Watcher(terms())
    begins = local("2026-10-13 15:00")
    watcher.book = with_outage(watcher.book, Outage(begins, None, "bus down"))
    watcher.judged("2026-10-14 00:00")
    assert watcher.stands() == "platform_fault"
    watcher.book = with_outage(watcher.book, Outage(begins, local("2026-10-14 09:00"), "bus down"))
    watcher.judged("2026-10-14 11:00")
    assert watcher.stands() == "platform_fault"
    over = local("2026-10-14 11:00:00.001")
    _, verdicts = judge(watcher.book, watcher.terms, CALENDAR, over)
    assert [each.standing for each in verdicts] == [Standing.MISSING]
    watcher.closes("2026-10-14 11:00")
    watcher.judged("2026-10-20 00:00")
    assert watcher.stands() == "platform_fault"
    assert [each.period for each in watcher.book.obligations] == ["2026-10"]


def test_outage_long_before_the_due_instant_excuses_nothing() -> None:
    owed = Obligation("p", 0, 0, 1_000, False, "", "")
    assert excused_until_ms(owed, [Outage(100, 200, "x")]) == 1_000
    assert excused_until_ms(owed, [Outage(800, 950, "x")]) == 1_100
    assert excused_until_ms(owed, [Outage(800, 950, "x"), Outage(850, 1_050, "y")]) == 1_150
    assert excused_until_ms(owed, [Outage(1_000, None, "x")]) == 1_000


def test_slow_gate_never_blames_a_provider() -> None:
    """What the gate has not passed is judged by nobody; when it has, it counts by its own time."""
    watcher = Watcher(terms())
    watcher.judged("2026-10-13 16:00")
    watcher.closes("2026-10-13 16:59")  # heard of days later
    assert watcher.judged("2026-10-17 00:00") == [("2026-09", "met")]


# What is known


def test_evidence_of_several_partitions_may_come_in_any_order_and_twice() -> None:
    kept = terms()
    at = local("2026-10-09 10:00")
    first = [Arrival("2026-09", "d", 0, 1, at, True), Closing("2026-09", "d", 0, 2, at, 3, 1, 1, 0)]
    others = [Closing("2026-09", "d", p, 5, at + p, 3, 0, 0, 0) for p in (1, 2)]
    books = set()
    for order in permutations(range(4)):
        if order.index(0) > order.index(1):
            continue  # one partition keeps its order
        book = open_book(kept, local("2026-09-01"), CALENDAR)
        for number in [*order, *order]:
            book = with_evidence(book, kept, [*first, *others][number])
        books.add(book)
    (book,) = books
    _, verdicts = judge(book, kept, CALENDAR, at + DAY_MS)
    evidence = verdicts[0].evidence
    assert evidence is not None
    assert (evidence.partition, evidence.offset, evidence.at_ms) == (2, 5, at + 2)


@pytest.mark.parametrize("period", ["2026-W40", "once", "2035-09", "x", "2026-08"])
def test_period_that_is_not_owed_takes_no_room(period: str) -> None:
    watcher = Watcher(terms())
    watcher.closes("2026-09-20 10:00", period)
    assert watcher.book.deliveries == ()


def test_deliveries_of_one_period_have_a_bound_and_whole_ones_stay() -> None:
    watcher = Watcher(terms())
    watcher.closes("2026-09-20 10:00", name="whole")
    for number in range(200):
        watcher.closes("2026-09-21 10:00", name=f"d{number}", partition_count=2)
    assert len(watcher.book.deliveries) == 64
    watcher.judged("2026-09-22 00:00")
    assert watcher.stands() == "met_early"


def test_fulfilment_says_where_the_evidence_lies() -> None:
    whole = Delivery(
        1, 5, partition=3, offset=9, partition_count=1, closed=1, counted=1, accepted=1
    )
    found = fulfilment([("d", whole)], terms(), 0, 10)
    assert found is not None
    assert (found.delivery, found.partition, found.offset) == ("d", 3, 9)
    assert fulfilment([("d", whole)], terms(), 0, 5) is None
    assert fulfilment([("d", whole)], terms(), 6, 10) is None


def full_book() -> Book:
    watcher = Watcher(terms(HOURLY, takes_no_change=True))
    watcher.judged("2026-09-01 05:00")
    watcher.closes("2026-09-01 05:30", "2026-09-01T02", "a" * 64)
    watcher.book = with_waiver(watcher.book, "2026-09-01T03", Waiver("office", "台风"))
    outage = Outage(local("2026-09-01 04:00"), None, "bus down")
    watcher.book = with_outage(watcher.book, outage)
    watcher.judged("2026-09-01 06:00")
    return watcher.book


def test_book_comes_back_from_a_table_as_it_was() -> None:
    book = full_book()
    assert all(getattr(book, name) for name in ("obligations", "deliveries", "outages"))
    assert book_from_json(book_to_json(book)) == book


def test_book_of_an_entry_that_owes_little_takes_less_than_two_kilobytes() -> None:
    assert len(book_to_json(full_book()).encode()) < 2_048


def test_settled_late_ones_stay_a_while_for_a_waiver() -> None:
    watcher = Watcher(terms())
    watcher.judged("2026-10-20 00:00")
    watcher.closes("2026-10-21 10:00")
    watcher.judged("2026-10-22 00:00")
    assert watcher.stands() == "late"
    watcher.book = with_waiver(watcher.book, "2026-09", Waiver("office", "x"))
    assert watcher.judged("2026-10-22 00:01") == [("2026-09", "waived")]
