from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.ledger.compact import CompactRange
from sharebus.ledger.edge import Edge
from sharebus.ledger.errors import Malformed, Unproven
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.proofs import (
    consistency_proof,
    inclusion_proof,
    range_root,
    verify_consistency,
    verify_inclusion,
)
from sharebus.ledger.tiles import Tile, tile_nodes, tiles_of_level

from . import samples

SIZE_MAX = 66_000
"""Beyond 256 * 256, so that a tile of level 2 begins."""
EDGES = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, SIZE_MAX]

sizes = st.integers(min_value=0, max_value=SIZE_MAX) | st.sampled_from(EDGES)


@cache
def hashes() -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(SIZE_MAX)]


@cache
def whole() -> tuple[Edge, dict[Tile, bytes]]:
    edge, full = Edge().extend(hashes())
    return edge, dict(full + edge.partial_tiles())


def read_for(size: int) -> dict[Tile, bytes]:
    """All tiles of a tree, cut out of those of the largest."""
    _, tiles = whole()
    largest = {tile[:2]: data for tile, data in tiles.items()}
    return {
        tile: largest[tile[:2]][: tile.width * 32]
        for level in range(3)
        for tile in tiles_of_level(level, size)
    }


def root_of(size: int) -> bytes:
    return CompactRange().extend(hashes()[:size]).root()


def test_tiles_are_all_those_of_the_tree_and_no_others() -> None:
    _, tiles = whole()
    assert set(tiles) == {tile for level in range(4) for tile in tiles_of_level(level, SIZE_MAX)}
    assert all(len(data) == tile.width * 32 for tile, data in tiles.items())
    assert tiles[Tile(0, 3)] == b"".join(hashes()[768:1024])
    assert tiles[Tile(1, 0)][:32] == CompactRange().extend(hashes()[:256]).root()
    assert tiles[Tile(2, 0, 1)] == root_of(65_536)


def test_published_tile_is_reproduced() -> None:
    edge, full = Edge().extend(samples.LEAF_HASHES)
    assert full == []
    assert edge.partial_tiles() == [(Tile(0, 0, 15), b"".join(samples.LEAF_HASHES))]
    assert edge.compact_range().root() == samples.ROOT


@given(st.lists(sizes, max_size=6).map(sorted))
@settings(max_examples=10, deadline=None)
def test_extend_in_pieces_writes_the_same_tiles(cuts: list[int]) -> None:
    edge, tiles, start = Edge(), dict[Tile, bytes](), 0
    for cut in [*cuts, SIZE_MAX]:
        edge, full = edge.extend(hashes()[start:cut])
        assert not tiles.keys() & dict(full).keys()
        tiles.update(full)
        start = cut
    expected, expected_tiles = whole()
    assert edge == expected
    assert tiles | dict(edge.partial_tiles()) == expected_tiles


@pytest.mark.parametrize("size", EDGES)
def test_read_takes_the_log_up_where_it_was(size: int) -> None:
    asked: list[Tile] = []
    tiles = read_for(size)

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    edge = Edge.read(size, root_of(size), read)
    extended, _ = Edge().extend(hashes()[:size])
    assert edge.compact_range() == CompactRange().extend(hashes()[:size])
    assert edge.partial_tiles() == extended.partial_tiles()
    assert len(asked) <= 3
    assert edge.extend(hashes()[size:])[0] == whole()[0]


def test_read_of_a_tile_with_a_flipped_bit_is_refused() -> None:
    tiles = read_for(70)
    [(tile, data)] = tiles.items()
    with pytest.raises(Unproven, match="do not have the root of its checkpoint"):
        Edge.read(70, root_of(70), lambda _: bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(Malformed, match="wrong length") as refused:
        Edge.read(70, root_of(70), lambda _: data[:-32])
    assert refused.value.where == tile.path()


def test_read_of_the_tiles_of_a_smaller_tree_is_refused() -> None:
    with pytest.raises(Malformed, match="wrong length"):
        Edge.read(71, root_of(71), lambda _: read_for(70)[Tile(0, 0, 70)])


def test_extend_leaves_the_old_edge_as_it_was() -> None:
    old, _ = Edge().extend(hashes()[:300])
    old.extend(hashes()[300:600])
    assert old.compact_range().root() == root_of(300)


@given(sizes, sizes, sizes)
@settings(max_examples=30, deadline=None)
def test_proofs_made_from_tiles_verify(first: int, second: int, third: int) -> None:
    index, old_size, new_size = sorted((first, second, third))
    nodes = tile_nodes(new_size, read_for(new_size).__getitem__)
    new_root = root_of(new_size)
    assert range_root(0, new_size, nodes) == new_root
    verify_consistency(
        old_size, root_of(old_size), new_size, new_root,
        consistency_proof(old_size, new_size, nodes),
    )  # fmt: skip
    if index < new_size:
        proof = inclusion_proof(index, new_size, nodes)
        verify_inclusion(hashes()[index], index, new_size, proof, new_root)


def test_proof_made_from_swapped_tiles_is_refused() -> None:
    size = 1024
    tiles = read_for(size)
    tiles[Tile(0, 1)], tiles[Tile(0, 2)] = tiles[Tile(0, 2)], tiles[Tile(0, 1)]
    proof = inclusion_proof(300, size, tile_nodes(size, tiles.__getitem__))
    with pytest.raises(Unproven):
        verify_inclusion(hashes()[300], 300, size, proof, root_of(size))
