from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import EMPTY_ROOT, leaf_hash
from sharebus.ledger.tiles import ENTRIES, Tile, tiles_of_level
from sharebus.stream_apps.notary.growth import Growth

SIZE_MAX = 1_100
ENTRY_LIST = [b"%d" % number * (number % 5) for number in range(SIZE_MAX)]
sizes = st.integers(0, SIZE_MAX) | st.sampled_from([0, 1, 255, 256, 257, 511, 512, 513, 1024])


@cache
def root_of(size: int) -> bytes:
    return CompactRange().extend(map(leaf_hash, ENTRY_LIST[:size])).root()


def files_of(growth: Growth, full: list[tuple[Tile, bytes]]) -> dict[Tile, bytes]:
    tail, root = growth.tail()
    assert root == root_of(growth.size)
    return dict([*full, *tail])


@given(cuts=st.lists(sizes, max_size=6).map(sorted))
def test_files_and_root_are_the_same_however_the_leaves_come(cuts: list[int]) -> None:
    growth, full = Growth(), []
    for begin, end in zip([0, *cuts], [*cuts, SIZE_MAX], strict=True):
        full += growth.extend(ENTRY_LIST[begin:end])
    files = files_of(growth, full)
    levels = (0, 1, ENTRIES)
    assert set(files) == {tile for level in levels for tile in tiles_of_level(level, SIZE_MAX)}
    for bundle in tiles_of_level(ENTRIES, SIZE_MAX):
        start = bundle.number * 256
        assert files[bundle] == encode_bundle(ENTRY_LIST[start : start + bundle.width])


@given(size=sizes)
def test_a_log_is_taken_up_from_its_last_files_alone(size: int) -> None:
    whole, asked = Growth(), set()
    files = files_of(whole, whole.extend(ENTRY_LIST[:size]))

    def read(tile: Tile) -> bytes:
        asked.add(tile)
        return files[tile]

    growth = Growth.resume(size, root_of(size), read)
    assert len(asked) <= 3  # a tile of each level, and the bundle
    files_of(growth, growth.extend(ENTRY_LIST[size:]))
    assert growth.size == SIZE_MAX


def test_an_empty_log_has_the_root_of_no_leaves() -> None:
    assert Growth().tail() == ([], EMPTY_ROOT)


def test_a_bundle_with_other_entries_is_not_taken_up() -> None:
    whole = Growth()
    files = files_of(whole, whole.extend(ENTRY_LIST[:3]))
    files[Tile(ENTRIES, 0, 3)] = encode_bundle([b"x", *ENTRY_LIST[1:3]])
    with pytest.raises(Unproven, match="not those of its tile"):
        Growth.resume(3, root_of(3), files.__getitem__)


@pytest.mark.parametrize("size", [3, 256, 300])
def test_a_bit_that_flips_between_hash_and_bundle_stops_the_notary(size: int) -> None:
    """A hash that no leaf has, once signed, ends a log for good."""
    growth = Growth()
    growth.extend(ENTRY_LIST[:2])
    growth._entries[1] = b"flipped"
    growth.extend(ENTRY_LIST[2:size])
    with pytest.raises(Unproven, match="two roots"):
        growth.tail()
