"""The right edge of a log: all that must be held to extend its tiles and to know its root.

It is the partial tile of each level, at most 255 hashes a level, so a log of any size goes on after
reading a few tiles of 8 kB (C2SP tlog-tiles, "Partial Tiles").
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import subtree_root
from sharebus.ledger.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, tile_at


class Edge(NamedTuple):
    """The first ``size`` leaves of a log as the hashes of its partial tiles, by level."""

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()

    @classmethod
    def read(cls, size: int, root: bytes, read: Callable[[Tile], bytes]) -> "Edge":
        """Take up a log from its tiles.

        :raises Malformed: a tile has the wrong length.
        :raises Unproven: the tiles do not have this root.
        """
        levels = []
        for level in range(-(-size.bit_length() // TILE_HEIGHT)):
            count = (size >> TILE_HEIGHT * level) % TILE_WIDTH
            if count:
                tile = tile_at(level, size >> TILE_HEIGHT * (level + 1), size)
                levels.append(tile.split(read(tile)))
            else:
                levels.append(())
        edge = cls(size, tuple(levels))
        found = edge.compact_range().root()
        if found != root:
            raise Unproven(
                "the tiles at the end of the log do not have the root of its checkpoint",
                where=f"tree size {size}",
                expected=root.hex(),
                found=found.hex(),
            )
        return edge

    def extend(self, leaf_hashes: Iterable[bytes]) -> tuple["Edge", list[tuple[Tile, bytes]]]:
        """The edge with these leaves behind it, and the tiles that became full."""
        levels = [list(hashes) for hashes in self.levels]
        full: list[tuple[Tile, bytes]] = []
        added = list(leaf_hashes)
        size = self.size + len(added)
        level = 0
        while added:
            if level == len(levels):
                levels.append([])
            hashes = levels[level] + added
            added = []
            number = self.size >> TILE_HEIGHT * (level + 1)
            for start in range(0, len(hashes) - TILE_WIDTH + 1, TILE_WIDTH):
                chunk = hashes[start : start + TILE_WIDTH]
                tile = Tile(level, number + start // TILE_WIDTH)
                full.append((tile, b"".join(chunk)))
                added.append(subtree_root(chunk))
            levels[level] = hashes[len(added) * TILE_WIDTH :]
            level += 1
        return Edge(size, tuple(map(tuple, levels))), full

    def partial_tiles(self) -> list[tuple[Tile, bytes]]:
        """The tiles that are not full: to be served for every checkpoint that is published."""
        return [
            (tile_at(level, self.size >> TILE_HEIGHT * (level + 1), self.size), b"".join(hashes))
            for level, hashes in enumerate(self.levels)
            if hashes
        ]

    def compact_range(self) -> CompactRange:
        """The same leaves as a compact range, whose root is the log's."""
        perfect: list[bytes] = []
        for hashes in reversed(self.levels):
            start = 0
            for height in reversed(range(TILE_HEIGHT)):
                if len(hashes) >> height & 1:
                    perfect.append(subtree_root(hashes[start : start + (1 << height)]))
                    start += 1 << height
        return CompactRange(self.size, tuple(perfect))
