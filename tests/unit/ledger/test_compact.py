import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import Malformed

from .naive_tree import LEAVES, leaf, mth

HASHES = [leaf(entry) for entry in LEAVES]


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_root_of_every_size_is_the_naive_tree_s(size: int) -> None:
    compact = CompactRange().extend(HASHES[:size])
    assert compact.size == size
    assert compact.root() == mth(LEAVES[:size])
    assert len(compact.hashes) == size.bit_count()


@given(st.lists(st.integers(min_value=0, max_value=len(LEAVES)), max_size=8).map(sorted))
def test_extend_in_pieces_gives_the_same_range(cuts: list[int]) -> None:
    compact, start = CompactRange(), 0
    for cut in [*cuts, len(LEAVES)]:
        compact = CompactRange.from_bytes(compact.to_bytes()).extend(HASHES[start:cut])
        start = cut
    assert compact == CompactRange().extend(HASHES)


def test_extend_leaves_the_old_range_as_it_was() -> None:
    old = CompactRange().extend(HASHES[:5])
    old.extend(HASHES[5:9])
    assert old.root() == mth(LEAVES[:5])


def test_to_bytes_is_size_then_hashes_from_the_largest_subtree() -> None:
    compact = CompactRange().extend(HASHES[:6])
    assert compact.to_bytes() == bytes(7) + b"\x06" + mth(LEAVES[:4]) + mth(LEAVES[4:6])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(8) + bytes(32),
        b"\x00" * 7 + b"\x03" + bytes(32),
        b"\x00" * 7 + b"\x03" + bytes(65),
        b"\x80" + bytes(7) + bytes(32),
    ],
)
def test_from_bytes_of_another_length_than_the_size_asks_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="not a compact range"):
        CompactRange.from_bytes(data)
