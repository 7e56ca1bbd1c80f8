import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.errors import Malformed
from sharebus.ledger.tiles import ENTRIES, Level, Tile, tile_at, tile_nodes, tiles_of_level

HASHES = [bytes([number]) * 32 for number in range(256)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 273), "tile/0/273"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 1, 17), "tile/1/001.p/17"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(63, 2**63 - 1), "tile/63/x009/x223/x372/x036/x854/x775/807"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(ENTRIES, 1234067), "tile/entries/x001/x234/067"),
    ],
)
def test_path_is_as_tlog_tiles_defines(tile: Tile, path: str) -> None:
    assert tile.path() == path
    assert Tile.parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000",
        "tile/-1/000", "tile/0/x000/001", "tile/0/001/002", "tile/0/x001", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p",
        "/tile/0/000", "tile/0/000/", "tile/0/000\n", "tile/8/0/000", "tile/data/000",
        "tile/0/٠٠٠", "tile/0/x009/x223/x372/x036/x854/x775/808", "tile/0/" + "x001/" * 7 + "000",
        "tile/0/" + "x001/" * 2_000 + "000",
        "tile/0/../000", "checkpoint",
    ],
)  # fmt: skip
def test_path_that_is_none_is_malformed(path: str) -> None:
    with pytest.raises(Malformed, match="not the path of a tile"):
        Tile.parse_path(path)


@pytest.mark.parametrize(
    "tile", [Tile(-1, 0), Tile(64, 0), Tile(0, -1), Tile(0, 2**63), Tile(0, 0, 0), Tile(0, 0, 257)]
)
def test_tile_that_cannot_be_has_no_path(tile: Tile) -> None:
    with pytest.raises(Malformed, match="no such tile"):
        tile.path()


def test_tree_of_70000_has_the_tiles_that_tlog_tiles_names() -> None:
    def counted(level: Level) -> tuple[int, list[Tile]]:
        tiles = list(tiles_of_level(level, 70_000))
        return len(tiles), [tile for tile in tiles if tile.width < 256]

    assert counted(0) == (274, [Tile(0, 273, 112)])
    assert counted(1) == (2, [Tile(1, 1, 17)])
    assert counted(2) == (1, [Tile(2, 0, 1)])
    assert counted(3) == (0, [])
    assert counted(ENTRIES) == (274, [Tile(ENTRIES, 273, 112)])


def test_tree_of_256_has_a_full_tile_and_one_hash_above() -> None:
    assert list(tiles_of_level(0, 256)) == [Tile(0, 0)]
    assert list(tiles_of_level(1, 256)) == [Tile(1, 0, 1)]


@given(
    st.sampled_from([ENTRIES, 0, 1]), st.integers(min_value=0, max_value=100_000)
)  # fmt: skip
def test_tiles_of_a_level_are_those_that_tile_at_gives(level: Level, size: int) -> None:
    tiles = list(tiles_of_level(level, size))
    assert tiles == [tile_at(level, number, size) for number in range(len(tiles))]
    for number in (-1, len(tiles)):
        with pytest.raises(Malformed, match="no such tile"):
            tile_at(level, number, size)


@pytest.mark.parametrize("width", [1, 255, 256])
def test_tile_splits_what_it_joined(width: int) -> None:
    tile = Tile(0, 5, width)
    data = tile.join(HASHES[:width])
    assert len(data) == width * 32
    assert tile.split(data) == tuple(HASHES[:width])


@pytest.mark.parametrize("change", [-33, -32, -1, 1, 32])
def test_tile_of_another_length_than_its_width_is_malformed(change: int) -> None:
    tile = Tile(0, 5, 100)
    data = (b"".join(HASHES))[: 100 * 32 + change]
    with pytest.raises(Malformed, match="wrong length") as refused:
        tile.split(data)
    assert refused.value.where == "tile/0/005.p/100"
    with pytest.raises(Malformed, match="wrong length"):
        tile.join(HASHES[:99])


@pytest.mark.parametrize(("height", "index"), [(0, 100), (3, 12), (7, 0), (8, 0), (0, -1)])
def test_subtree_that_the_tree_has_not_is_malformed(height: int, index: int) -> None:
    node = tile_nodes(100, lambda tile: b"".join(HASHES[: tile.width]))
    assert node(0, 99) == HASHES[99]
    with pytest.raises(Malformed, match="the tree has no such"):
        node(height, index)
