from hypothesis import given
from hypothesis import strategies as st

from sharebus.stream_apps.gate.recent import WINDOW_OFFSETS, RecentIds, payload_hash


def test_recent_ids_within_the_window_are_found_with_their_payload() -> None:
    recent = RecentIds()
    for offset in range(WINDOW_OFFSETS + 1):
        recent.remember(b"%d" % offset, payload_hash(b"k", b"%d" % offset), offset)
    # The next offset is one beyond the last, and so the window's length away from offset 1.
    assert recent.find(b"1") == payload_hash(b"k", b"1")
    assert recent.find(b"1") != payload_hash(b"k", b"2")


def test_recent_ids_beyond_the_window_are_forgotten() -> None:
    recent = RecentIds()
    recent.remember(b"old", 1, 0)
    recent.remember(b"new", 1, WINDOW_OFFSETS + 1)
    assert recent.find(b"old") is None
    assert len(recent) == 1


def test_recent_ids_stay_bounded_however_long_the_topic() -> None:
    recent = RecentIds()
    for offset in range(3 * WINDOW_OFFSETS):
        recent.remember(b"%d" % offset, 0, offset)
    assert len(recent) <= WINDOW_OFFSETS + 1


def test_payload_hash_tells_tombstone_empty_value_and_other_keys_apart() -> None:
    hashes = {payload_hash(*pair) for pair in [(b"k", None), (b"k", b""), (b"l", b""), (b"", b"k")]}
    assert len(hashes) == 4


@given(gaps=st.lists(st.integers(1, WINDOW_OFFSETS // 2), min_size=1, max_size=40))
def test_recent_ids_with_gaps_equal_the_naive_window(gaps: list[int]) -> None:
    recent = RecentIds()
    offset, offsets = 0, []
    for gap in gaps:
        offset += gap
        offsets.append(offset)
        recent.remember(b"%d" % offset, offset, offset)
        for earlier in offsets:
            expected = earlier if offset - earlier <= WINDOW_OFFSETS else None
            assert recent.find(b"%d" % earlier) == expected
