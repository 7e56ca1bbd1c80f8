"""Entry bundles: C2SP tlog-tiles, "Log entries". The leaves themselves, 256 to a file."""

from collections.abc import Sequence
from typing import Final

from sharebus.ledger.errors import Malformed
from sharebus.ledger.tiles import ENTRIES, Tile

ENTRY_BYTES_MAX: Final = 65_535
"""What the length of an entry, two bytes, can say."""
_LENGTH_BYTES: Final = 2


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Each entry behind its length: two bytes, big-endian.

    :raises Malformed: an entry is larger than :data:`ENTRY_BYTES_MAX`.
    """
    for number, entry in enumerate(entries):
        if len(entry) > ENTRY_BYTES_MAX:
            raise Malformed(
                "the entry is too large for a bundle",
                where=f"entry {number} of the bundle",
                expected=f"at most {ENTRY_BYTES_MAX} bytes",
                found=f"{len(entry)} bytes",
            )
    return b"".join(len(each).to_bytes(_LENGTH_BYTES, "big") + each for each in entries)


def decode_bundle(data: bytes, tile: Tile) -> list[bytes]:
    """The entries of the bundle ``tile`` (level :data:`ENTRIES`), as many as its width.

    :raises Malformed: cut short, or anything behind the last entry.
    """
    if tile.level != ENTRIES:
        raise Malformed("not the name of a bundle", found=tile.path())
    entries: list[bytes] = []
    start = 0
    for _ in range(tile.width):
        begin = start + _LENGTH_BYTES
        end = begin + int.from_bytes(data[start:begin], "big")
        if end > len(data):
            raise _wrong_length(tile, f"{len(data)} bytes end in entry {len(entries)}")
        entries.append(data[begin:end])
        start = end
    if start != len(data):
        raise _wrong_length(tile, f"{len(data) - start} bytes behind the last entry")
    return entries


def _wrong_length(tile: Tile, found: str) -> Malformed:
    return Malformed(
        "the bundle does not hold what its name says",
        where=tile.path(), expected=f"{tile.width} entries", found=found,
    )  # fmt: skip
