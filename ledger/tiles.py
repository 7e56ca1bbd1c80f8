"""Tiles: C2SP tlog-tiles, the hashes of a log as files that anybody can serve.

A tile of level *L* holds up to 256 hashes of neighbouring perfect subtrees of 256^L leaves, so it
stands for 256^(L+1) leaves. The last tile of each level is partial until it is full, and only full
tiles are hashed into the level above. Entry bundles have the same numbers, under ``entries``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import SIZE_MAX, shown
from sharebus.ledger.hashing import HASH_BYTES, split_hashes, subtree_root
from sharebus.ledger.proofs import Nodes

TILE_WIDTH: Final = 256
TILE_HEIGHT: Final = 8
LEVEL_MAX: Final = 63
CHECKPOINT_PATH: Final = "checkpoint"
ENTRIES: Final = "entries"

Level = int | Literal["entries"]

_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_NUMBER_DIGITS_MAX: Final = 21


class Tile(NamedTuple):
    """The name of a tile, or of a bundle if the level is :data:`ENTRIES`.

    ``width`` counts its hashes or entries: 1 to 256.
    """

    level: Level
    number: int
    width: int = TILE_WIDTH

    def path(self) -> str:
        """Where the tile is served, below the log's prefix.

        :raises Malformed: a level, number or width that no tile has.
        """
        is_level = self.level == ENTRIES or (
            isinstance(self.level, int) and 0 <= self.level <= LEVEL_MAX
        )
        if not is_level or not 0 <= self.number <= SIZE_MAX or not 1 <= self.width <= TILE_WIDTH:
            raise Malformed("there is no such tile", found=repr(self))
        digits = str(self.number)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{place}{part}"

    @classmethod
    def parse_path(cls, path: str) -> "Tile":
        """Read what :meth:`path` writes.

        :raises Malformed: not the path of a tile or bundle.
        """
        match = _PATH.fullmatch(path)
        digits = match[2].replace("x", "").replace("/", "") if match else ""
        if match and len(digits) <= _NUMBER_DIGITS_MAX and int(digits) <= SIZE_MAX:
            level: Level = ENTRIES if match[1] == ENTRIES else int(match[1])
            tile = cls(level, int(digits), int(match[3] or TILE_WIDTH))
            # A second spelling, such as tile/0/x000/001, is no path.
            if level == ENTRIES or int(level) <= LEVEL_MAX:
                if tile.width <= TILE_WIDTH and tile.path() == path:
                    return tile
        raise Malformed(
            "not the path of a tile", found=shown(path.encode(errors="backslashreplace"))
        )

    def join(self, hashes: Sequence[bytes]) -> bytes:
        """The bytes of this tile.

        :raises Malformed: it has another number of hashes.
        """
        return self._checked(b"".join(hashes))

    def split(self, data: bytes) -> tuple[bytes, ...]:
        """The hashes of this tile.

        :raises Malformed: the length is not that of a tile of this width.
        """
        return split_hashes(self._checked(data), self.path())

    def _checked(self, data: bytes) -> bytes:
        if len(data) != self.width * HASH_BYTES:
            raise Malformed(
                "the tile has the wrong length",
                where=self.path(),
                expected=f"{self.width * HASH_BYTES} bytes",
                found=f"{len(data)} bytes",
            )
        return data


def tiles_of_level(level: Level, size: int) -> Iterator[Tile]:
    """Every tile of this level (or every bundle) in a tree of ``size`` leaves, in order."""
    full, rest = divmod(_hashes_at(level, size), TILE_WIDTH)
    for number in range(full):
        yield Tile(level, number)
    if rest:
        yield Tile(level, full, rest)


def tile_at(level: Level, number: int, size: int) -> Tile:
    """The tile of this level and number in a tree of ``size`` leaves, with its width.

    :raises Malformed: the tree has no such tile.
    """
    width = min(_hashes_at(level, size) - number * TILE_WIDTH, TILE_WIDTH)
    if number < 0 or width < 1:
        raise Malformed(
            "the tree has no such tile", where=f"level {level}, tile {number}, tree size {size}"
        )
    return Tile(level, number, width)


def tile_nodes(size: int, read: Callable[[Tile], bytes]) -> Nodes:
    """How proofs find hashes in the tiles of a tree of ``size`` leaves.

    ``read`` gives the bytes of a tile and may well remember them: a proof asks for one tile more
    than once. What it gives is not trusted here; a proof made of it proves itself to its verifier.

    The function that is returned raises :class:`Malformed` for a tile of the wrong length, and for
    a subtree that the tree does not have.
    """

    def node(height: int, index: int) -> bytes:
        level, within = divmod(height, TILE_HEIGHT)
        first = index << within
        tile = tile_at(level, first // TILE_WIDTH, size)
        start = first % TILE_WIDTH
        hashes = tile.split(read(tile))[start : start + (1 << within)]
        if len(hashes) != 1 << within:
            raise Malformed(
                "the tree has no such subtree",
                where=f"height {height}, number {index}, tree size {size}",
            )
        return subtree_root(hashes)

    return node


def _hashes_at(level: Level, size: int) -> int:
    """How many hashes the tiles of a level hold together."""
    return size if level == ENTRIES else size >> TILE_HEIGHT * int(level)
