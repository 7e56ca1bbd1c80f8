from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import NeedsConfirmation
from sharebus.producers.accepted_state import value_digest
from sharebus.producers.snapshot import SnapshotComparison, require_confirmation

KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
VALUES = st.sampled_from([b"1", b"2", b"3"])


@dataclass(frozen=True)
class FileRow:
    """A row: good with key and value, bad with or without a readable key."""

    key: bytes | None
    value: bytes | None


GOOD = st.builds(FileRow, KEYS, VALUES)
BAD = st.builds(FileRow, st.none() | KEYS, st.none())


def digests(accepted: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: value_digest(value) for key, value in accepted.items()}


def compared(accepted: dict[bytes, bytes], rows: list[FileRow]) -> SnapshotComparison:
    comparison = SnapshotComparison(digests(accepted))
    for number, row in enumerate(rows, start=1):
        if row.key is None or row.value is None:
            comparison.keep(row.key)
        else:
            comparison.take(number, number + 1, row.key, row.value)
    return comparison


@settings(deadline=None)
@given(accepted=st.dictionaries(KEYS, VALUES), rows=st.lists(GOOD | BAD))
def test_comparison_agrees_with_a_naive_model(
    accepted: dict[bytes, bytes], rows: list[FileRow]
) -> None:
    comparison = compared(dict(accepted), rows)
    values: dict[bytes, list[bytes]] = {}
    for row in rows:
        if row.key is not None and row.value is not None:
            values.setdefault(row.key, []).append(row.value)
    agreed = {key: found[0] for key, found in values.items() if len(set(found)) == 1}
    named = {row.key for row in rows}

    created = {key for key in agreed if key not in accepted}
    updated = {key for key in agreed if key in accepted and accepted[key] != agreed[key]}
    first_rows = {
        key: next(n for n, row in enumerate(rows, start=1) if row.key == key and row.value)
        for key in agreed
    }
    sent = {n for n in range(1, len(rows) + 1) if n in comparison.to_send}
    assert sent == {first_rows[key] for key in created | updated}
    assert set(comparison.deleted_keys()) == set(accepted) - named
    assert comparison.deleted_count == len(set(accepted) - named)
    assert comparison.unreadable_count == sum(row.key is None for row in rows)
    if len(agreed) == len(values):
        assert comparison.created_count == len(created)
        assert comparison.updated_count == len(updated)


@settings(deadline=None)
@given(accepted=st.dictionaries(KEYS, VALUES), rows=st.lists(GOOD, unique_by=lambda row: row.key))
def test_what_is_sent_makes_the_bus_equal_to_the_file(
    accepted: dict[bytes, bytes], rows: list[FileRow]
) -> None:
    comparison = compared(dict(accepted), rows)
    bus = dict(accepted)
    for number, row in enumerate(rows, start=1):
        if number in comparison.to_send:
            assert row.key is not None
            assert row.value is not None
            bus[row.key] = row.value
    for key in comparison.deleted_keys():
        del bus[key]
    assert bus == {row.key: row.value for row in rows}


def test_key_with_two_contents_is_a_problem_that_names_the_first_line() -> None:
    comparison = SnapshotComparison({})
    assert comparison.take(1, 2, b"a", b"1") is None
    problem = comparison.take(2, 5, b"a", b"2")
    assert problem is not None
    assert "line 2" in problem.expected
    assert len(comparison.to_send) == 0


def test_repeated_equal_row_is_sent_once() -> None:
    comparison = SnapshotComparison({})
    assert comparison.take(1, 2, b"a", b"1") is None
    assert comparison.take(2, 3, b"a", b"1") is None
    assert (len(comparison.to_send), comparison.repeated_count) == (1, 1)


def confirm(
    accepted_count: int, rows: list[FileRow], confirmed_count: int | None, share_max: float = 0.01
) -> None:
    accepted = {str(n).encode(): b"1" for n in range(accepted_count)}
    require_confirmation(compared(accepted, rows), len(rows), share_max, confirmed_count)


def rows_of(numbers: range) -> list[FileRow]:
    return [FileRow(str(n).encode(), b"1") for n in numbers]


def test_few_deletions_pass() -> None:
    confirm(100, rows_of(range(99)), None)


def test_deletions_above_the_share_need_their_exact_count() -> None:
    with pytest.raises(NeedsConfirmation, match="2 entities") as stopped:
        confirm(100, rows_of(range(98)), None)
    assert stopped.value.exit_code == 6
    with pytest.raises(NeedsConfirmation):
        confirm(100, rows_of(range(98)), 3)
    confirm(100, rows_of(range(98)), 2)
    confirm(100, rows_of(range(98)), None, share_max=0.02)


def test_empty_file_needs_confirmation_even_when_nothing_is_accepted() -> None:
    with pytest.raises(NeedsConfirmation, match="0 entities"):
        confirm(0, [], None)
    confirm(0, [], 0)


def test_unreadable_key_holds_back_every_deletion() -> None:
    rows = [*rows_of(range(999)), FileRow(None, None)]
    with pytest.raises(NeedsConfirmation, match="1 entities"):
        confirm(1000, rows, None)
    confirm(1000, rows, 1)


def test_wrong_count_stops_even_a_small_deletion() -> None:
    with pytest.raises(NeedsConfirmation):
        confirm(1000, rows_of(range(999)), 5)
