"""Names the record that is wrong, with the help of the log's files."""

from collections.abc import Sequence
from typing import NamedTuple

from sharebus import Unavailable
from sharebus.consumers.oversight.alarm import AuditAlarm, Place, Since
from sharebus.consumers.oversight.checkpoint_feed import Signed
from sharebus.consumers.oversight.first_difference import first_difference
from sharebus.consumers.oversight.log_files import LogFiles
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.note import Note
from sharebus.ledger.tiles import TILE_WIDTH, tile_at


class Found(NamedTuple):
    """What stands in the topic behind the leaves that are good: hashes and offsets."""

    good: CompactRange
    hashes: Sequence[bytes]
    offsets: Sequence[int]


def name_record(
    files: LogFiles, signed: Signed, found: Found, since: Since | None
) -> AuditAlarm | None:
    """The alarm that names the first record which is not the signed one.

    None if the files do not have the root of the checkpoint either, and so know nothing.
    """
    truth = signed_leaves(files, found.good, signed.checkpoint)
    difference = first_difference(truth, found.hashes) if truth else None
    if difference is None:
        return None
    kind, index = difference
    is_there = index < len(found.offsets)
    return kind(
        "the record is not the one that was signed",
        Place(found.good.size + index, found.offsets[index] if is_there else None), since,
        expected=f"leaf hash {truth[index].hex()}",
        found=f"leaf hash {found.hashes[index].hex()}" if is_there else "no record",
    )  # fmt: skip


def signed_leaves(files: LogFiles, good: CompactRange, checkpoint: Checkpoint) -> list[bytes]:
    """The leaf hashes behind the good ones, if the files have those that the checkpoint signed.

    And a few behind it, which nobody vouches for: they tell what happened at its end.
    """
    hashes: list[bytes] = []
    count = checkpoint.size - good.size
    try:
        end = min(_size_of(files), checkpoint.size + TILE_WIDTH)
        for number in range(good.size // TILE_WIDTH, -(-end // TILE_WIDTH)):
            tile = tile_at(0, number, end)
            hashes += tile.split(files.read(tile))
    except (Unavailable, LedgerError):
        return []
    behind = hashes[good.size % TILE_WIDTH :]
    is_signed = good.extend(behind[:count]).root() == checkpoint.root
    return behind if is_signed and len(behind) >= count else []


def _size_of(files: LogFiles) -> int:
    """How many leaves the files hold, as they say themselves."""
    note = files.read_checkpoint()
    return Checkpoint.parse(Note.parse(note).text).size if note else 0
