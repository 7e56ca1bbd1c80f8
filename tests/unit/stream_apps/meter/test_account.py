"""What is counted of fetches: each once, between the right offsets, or as an upper bound."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sharebus.stream_apps.meter.access_line import Fetch, Life, Part, Refusal
from sharebus.stream_apps.meter.account import MINUTE_MS, Account, Gap, Minute

T = "topic-id"
LEFT_OUT = ("gate", "meter")


def fetch(
    first: int | None, bound: int, *, at_ms: int = 1_000, who: str = "agency.a.r",
    connection: str = "c1", **session: Any,
) -> Fetch:  # fmt: skip
    number = session.get("session", 0)
    asked = {} if first is None else {(T, 0): first}
    return Fetch(
        at_ms, who, connection, number, session.get("is_new", False),
        session.get("asked", asked), session.get("forgotten", ()), (Part(T, 0, first, bound, 100),),
    )  # fmt: skip


def ranges(minute: Minute) -> list[tuple[str, int, int, bool, int]]:
    return [
        (read.principal, read.range.first, read.range.end, read.range.is_exact, read.range.fetches)
        for read in minute.reads
    ]


def counted(*accesses: Fetch | Refusal | Life) -> Minute:
    account = Account(LEFT_OUT)
    for access in accesses:
        account.add(access)
    return account.close()


def test_next_fetch_tells_where_the_one_before_ended() -> None:
    minute = counted(fetch(0, 500), fetch(120, 500), fetch(500, 700))
    assert ranges(minute) == [("agency.a.r", 0, 700, False, 3)]
    minute = counted(fetch(0, 500), fetch(500, 500, connection="c1"))
    assert ranges(minute) == [("agency.a.r", 0, 500, False, 2)]


def test_last_fetch_is_at_most_to_what_the_reader_could_see() -> None:
    assert ranges(counted(fetch(3, 90))) == [("agency.a.r", 3, 90, False, 1)]


def test_reader_that_goes_back_is_counted_twice() -> None:
    found = ranges(counted(fetch(0, 100), fetch(100, 100), fetch(0, 100)))
    assert [(first, end) for _, first, end, _, _ in found] == [(0, 100), (0, 100)]


def test_reader_that_jumps_leaves_an_upper_bound_behind() -> None:
    found = ranges(counted(fetch(0, 100), fetch(5_000, 6_000)))
    assert [each[:4] for each in found] == [
        ("agency.a.r", 0, 100, False), ("agency.a.r", 5_000, 6_000, False),
    ]  # fmt: skip


def test_connections_of_one_principal_do_not_tell_of_each_other() -> None:
    found = ranges(counted(fetch(0, 100), fetch(50, 100, connection="c2")))
    assert [(first, end) for _, first, end, _, _ in found] == [(0, 100), (50, 100)]


def test_session_remembers_where_its_partitions_stand() -> None:
    minute = counted(
        fetch(7, 50, session=9, is_new=True),
        fetch(50, 60, session=9),
        fetch(None, 80, session=9, asked={(T, 0): 60}),
    )
    assert ranges(minute) == [("agency.a.r", 7, 80, False, 3)]


def test_session_that_nobody_knows_is_counted_from_the_beginning_as_an_upper_bound() -> None:
    assert ranges(counted(fetch(None, 80, session=9))) == [("agency.a.r", 0, 80, False, 1)]
    forgotten = counted(
        fetch(7, 50, session=9, is_new=True, forgotten=((T, 0),)), fetch(None, 80, session=9)
    )
    assert ranges(forgotten)[-1][:3] == ("agency.a.r", 0, 80)


def test_platform_is_left_out() -> None:
    refusal = Refusal(1, "gate", "READ", "Topic x", "Fetch", "DefaultDeny", 1)
    assert counted(fetch(0, 9, who="gate"), refusal).is_empty


def test_same_refusals_of_a_minute_are_one() -> None:
    refusal = Refusal(1, "a.b", "READ", "Topic x", "Fetch", "DefaultDeny", 2)
    minute = counted(refusal, refusal._replace(at_ms=59_000, times=1))
    assert [(each.refusal.principal, each.times) for each in minute.refusals] == [("a.b", 3)]


def test_broker_that_was_killed_leaves_a_gap_and_one_that_was_stopped_none() -> None:
    starts = Life(70_000, "SHUTDOWN", "STARTING")
    assert counted(starts).gaps == ()
    assert counted(Life(50_000, "SHUTTING_DOWN", "SHUTDOWN"), starts).gaps == ()
    [gap] = counted(fetch(0, 9, at_ms=60_500), starts).gaps
    assert gap[:2] == (60_500, 70_000)


def test_gap_is_seen_by_an_account_that_was_restored() -> None:
    account = Account(LEFT_OUT, 60_500, is_up=True)
    account.add(Life(70_000, "SHUTDOWN", "STARTING"))
    assert account.close().gaps == (Gap(60_500, 70_000, "the broker ended without a word"),)


def test_minute_is_over_with_the_first_line_of_another() -> None:
    account = Account(LEFT_OUT)
    assert not account.is_over(5)
    account.add(fetch(0, 9, at_ms=MINUTE_MS - 1))
    assert not account.is_over(MINUTE_MS - 1)
    assert account.is_over(MINUTE_MS)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=30),
    st.integers(0, 60),
    st.lists(st.booleans(), max_size=30),
)
def test_steady_reader_is_given_exactly_what_its_fetches_gave(
    given: list[int], lag: int, closes: list[bool]
) -> None:
    """A reader in one connection, whose log grows by ``lag`` beyond each fetch; minutes end
    anywhere. What is counted covers what was given, and nothing below it."""
    account, at, minutes = Account(LEFT_OUT), 0, []
    for number, step in enumerate(given):
        account.add(fetch(at, at + step + lag))
        at += step
        if number < len(closes) and closes[number]:
            minutes.append(account.close())
    minutes.append(account.close())
    covered: set[int] = set()
    for minute in minutes:
        for read in minute.reads:
            covered |= set(range(read.range.first, read.range.end))
            if read.range.is_exact:
                assert read.range.end <= at
    assert covered >= set(range(at))
    assert max(covered) < at + lag
    assert sum(read.range.fetches for minute in minutes for read in minute.reads) == len(given)
