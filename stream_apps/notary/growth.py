"""The log as it grows: leaves come in, files and a root come out. Pure.

The root is computed twice and in two ways: by the tiles from the leaves as they came, and by a
compact range from the leaves as they stand in the bundles. A bit that flips in between stops the
notary before it signs what nobody could prove any more.
"""

from collections.abc import Callable, Iterable

from sharebus.ledger.bundle import decode_bundle, encode_bundle
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.edge import Edge
from sharebus.ledger.errors import Unproven
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.tiles import ENTRIES, TILE_WIDTH, Tile, tile_at

File = tuple[Tile, bytes]


class Growth:
    """The end of a log: what must be held to extend it, however large it is.

    That is one partial tile a level and the entries of the partial bundle, fewer than 256.
    """

    def __init__(self) -> None:
        self._edge = Edge()
        self._entries: list[bytes] = []
        self._in_bundles = CompactRange()

    @classmethod
    def resume(cls, size: int, root: bytes, read: Callable[[Tile], bytes]) -> "Growth":
        """Take up a log from its files; ``read`` gives their bytes.

        :raises Malformed: a file has the wrong length.
        :raises Unproven: the files do not give this root.
        """
        growth = cls()
        growth._edge = edge = Edge.read(size, root, read)
        in_tail = size % TILE_WIDTH
        if in_tail:
            bundle = tile_at(ENTRIES, size // TILE_WIDTH, size)
            growth._entries = decode_bundle(read(bundle), bundle)
            if tuple(map(leaf_hash, growth._entries)) != edge.levels[0]:
                raise Unproven(
                    "the entries at the end of the log are not those of its tile",
                    where=bundle.path(),
                )
        growth._in_bundles = Edge(size - in_tail, ((), *edge.levels[1:])).compact_range()
        return growth

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._edge.size

    def extend(self, entries: Iterable[bytes]) -> list[File]:
        """Take in leaves; gives the tiles and bundles that became full.

        :raises Unproven: what was hashed is not what stands in a bundle.
        """
        added = list(entries)
        number = self._edge.size // TILE_WIDTH
        self._edge, files = self._edge.extend(map(leaf_hash, added))
        self._entries += added
        while len(self._entries) >= TILE_WIDTH:
            bundle = Tile(ENTRIES, number)
            data = encode_bundle(self._entries[:TILE_WIDTH])
            del self._entries[:TILE_WIDTH]
            self._in_bundles = self._extended_by(bundle, data)
            files.append((bundle, data))
            number += 1
        return files

    def tail(self) -> tuple[list[File], bytes]:
        """The partial files that a checkpoint of this size needs, and the root that it signs.

        :raises Unproven: the two ways to compute the root do not agree.
        """
        files = self._edge.partial_tiles()
        in_bundles = self._in_bundles
        if self._entries:
            bundle = tile_at(ENTRIES, self.size // TILE_WIDTH, self.size)
            data = encode_bundle(self._entries)
            files.append((bundle, data))
            in_bundles = self._extended_by(bundle, data)
        root = self._edge.compact_range().root()
        if in_bundles.root() != root or in_bundles.size != self.size:
            raise Unproven(
                "the log has two roots: the machine has erred, or its memory was altered",
                where=f"tree size {self.size}",
                expected=root.hex(),
                found=in_bundles.root().hex(),
                remedy="Nothing was signed. Test the machine's memory; then start again.",
            )
        return files, root

    def _extended_by(self, bundle: Tile, data: bytes) -> CompactRange:
        return self._in_bundles.extend(map(leaf_hash, decode_bundle(data, bundle)))
