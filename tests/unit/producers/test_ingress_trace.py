from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.producers.ingress_trace import (
    IngressTrace,
    default_delivery,
    deletion_id,
    event_id_prefix,
    next_delivery,
)

DIGEST = "0123456789abcdef"
BASE = default_delivery("2026-11", DIGEST)


class FakeMessage:
    def __init__(self, partition: int, **headers: str) -> None:
        self._partition = partition
        self._headers = [(f"ce_{name}", value.encode()) for name, value in headers.items()]

    def partition(self) -> int:
        return self._partition

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


def event(partition: int, delivery: str, event_id: str) -> Any:
    return FakeMessage(partition, delivery=delivery, id=event_id, type="sharebus.record.upserted")


def closing(partition: int, delivery: str) -> Any:
    return FakeMessage(
        partition, delivery=delivery, id=f"{delivery}-close-{partition}",
        type="sharebus.delivery.closed",
    )  # fmt: skip


def traced(*messages: Any) -> IngressTrace:
    trace = IngressTrace(2, BASE, DIGEST)
    for message in messages:
        trace.take(message)
    return trace


def test_ids_follow_from_period_file_and_row_alone() -> None:
    assert BASE == "2026-11-0123456789abcdef"
    assert event_id_prefix(BASE, DIGEST) == f"{BASE}-"
    assert event_id_prefix("mine", DIGEST) == f"mine-{DIGEST}-"


@settings(deadline=None)
@given(
    sent=st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1))),
    others=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 1))),
)
def test_each_event_counts_once_however_often_it_was_sent(
    sent: list[tuple[int, int]], others: list[tuple[int, int]]
) -> None:
    # A row always has the same key, and so the same partition.
    row_events = {row: event(row % 2, BASE, f"{BASE}-{row}") for row, _ in sent}
    other_events = {n: event(n % 2, BASE, f"d-{n}") for n, _ in others}
    trace = traced(*(row_events[row] for row, _ in sent), *(other_events[n] for n, _ in others)).of(
        BASE
    )
    assert len(trace.rows) == len(row_events)
    assert all(row in trace.rows for row in row_events)
    for partition in (0, 1):
        expected = sum(n % 2 == partition for n in [*row_events, *other_events])
        assert trace.sent.counts[partition] == expected


def test_event_that_is_no_row_is_known_again() -> None:
    trace = traced(event(0, BASE, f"{BASE}-d-abc")).of(BASE)
    assert trace.holds(f"{BASE}-d-abc")
    assert not trace.holds(f"{BASE}-d-abd")


def test_other_deliveries_are_not_counted() -> None:
    trace = traced(
        event(0, "2026-11-other", f"{BASE}-1"),
        event(0, f"{BASE}-x", f"{BASE}-1"),
        FakeMessage(0),
    )
    assert not trace.of(BASE).is_begun


def test_delivery_is_closed_when_every_partition_is() -> None:
    trace = traced(event(0, BASE, f"{BASE}-1"), closing(0, BASE))
    assert trace.of(BASE).is_begun
    assert not trace.of(BASE).is_closed
    trace.take(closing(1, BASE))
    assert trace.of(BASE).is_closed


def test_latest_is_the_open_run_after_those_that_are_closed() -> None:
    second = next_delivery(BASE, 2)
    trace = traced(closing(0, BASE), closing(1, BASE), event(1, second, f"{second}-3"))
    assert trace.latest().delivery == second
    assert 3 in trace.latest().rows


def test_latest_is_the_closed_run_until_something_is_sent_after_it() -> None:
    second = next_delivery(BASE, 2)
    trace = traced(closing(0, BASE), closing(1, BASE), closing(0, second), closing(1, second))
    assert trace.latest().delivery == second
    trace.take(event(1, "another", "another-1"))
    assert trace.latest().delivery == f"{BASE}-3"


def test_deletions_and_events_of_another_content_are_told_apart() -> None:
    trace = traced(
        event(0, BASE, deletion_id(f"{BASE}-", b"a")),
        event(0, BASE, deletion_id(f"{BASE}-", b"a")),
        event(1, BASE, deletion_id(f"{BASE}-", b"b")),
        event(1, BASE, "by-hand"),
    ).of(BASE)
    assert (trace.deleted_count, trace.foreign_count) == (2, 1)


def test_id_that_only_looks_like_a_row_does_not_fill_the_memory() -> None:
    trace = traced(event(0, BASE, f"{BASE}-{10**18}")).of(BASE)
    assert (len(trace.rows), trace.sent.counts) == (0, [1, 0])


def test_last_record_of_each_partition_is_kept() -> None:
    first, second = event(0, "a", "1"), closing(0, "a")
    assert traced(first, second).last == {0: second}
