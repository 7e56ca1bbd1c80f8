import pytest

from sharebus.ledger.errors import Malformed
from sharebus.ledger.hashing import (
    EMPTY_ROOT,
    leaf_hash,
    node_hash,
    split_hashes,
    subtree_root,
)

from . import naive_tree

# Leaves and roots of transparency-dev's testonly package: vector A of the specification.
PUBLISHED_LEAVES = tuple(
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)  # fmt: skip
PUBLISHED_ROOTS = (
    "6e340b9c…a01d", "fac54203…c125", "aeb6bcfe…6e77", "d37ee418…14b7", "4e3bbb1f…64d4",
    "76e67dad…87ef", "ddb89be4…4c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)  # fmt: skip


def is_abbreviated(hash_bytes: bytes, text: str) -> bool:
    start, _, end = text.partition("…")
    return hash_bytes.hex().startswith(start) and hash_bytes.hex().endswith(end)


def test_empty_root_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex().startswith("e3b0c442")
    assert EMPTY_ROOT.hex().endswith("b855")


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots_are_reproduced_by_the_naive_tree(size: int) -> None:
    assert is_abbreviated(naive_tree.mth(PUBLISHED_LEAVES[:size]), PUBLISHED_ROOTS[size - 1])


def test_leaf_and_node_hashes_are_those_of_the_published_tree() -> None:
    first, second = (leaf_hash(entry) for entry in PUBLISHED_LEAVES[:2])
    assert is_abbreviated(first, PUBLISHED_ROOTS[0])
    assert is_abbreviated(node_hash(first, second), PUBLISHED_ROOTS[1])


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_subtree_root_is_that_of_the_published_tree(size: int) -> None:
    hashes = [leaf_hash(entry) for entry in PUBLISHED_LEAVES[:size]]
    assert is_abbreviated(subtree_root(hashes), PUBLISHED_ROOTS[size - 1])


def test_leaf_made_of_two_hashes_is_no_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    node = node_hash(left, right)
    assert leaf_hash(left + right) != node
    assert leaf_hash(b"\x01" + left + right) != node


def test_split_hashes_gives_whole_hashes_only() -> None:
    assert split_hashes(b"a" * 32 + b"b" * 32, "a tile") == (b"a" * 32, b"b" * 32)
    with pytest.raises(Malformed, match="a tile is cut"):
        split_hashes(b"a" * 63, "a tile")
