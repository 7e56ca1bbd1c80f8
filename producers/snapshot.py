"""Compares a whole register with what is accepted on the bus: creates, updates, deletes.

A row that fails a check is never a deletion: its entity keeps what is accepted. When even the key
of a bad row cannot be read, any missing entity may be that row, so no deletion is sure.
"""

import struct
from collections.abc import Iterator
from typing import Final

from sharebus import NeedsConfirmation
from sharebus.producers.accepted_state import DIGEST_BYTES, value_digest
from sharebus.producers.row_set import RowSet
from sharebus.producers.source_rows import RowProblem

_CREATED, _UPDATED, _UNCHANGED = range(3)
_SEEN: Final = struct.Struct(f">{DIGEST_BYTES}sQQB")  # digest, row, line, what it does


class SnapshotComparison:
    """The difference between the rows taken so far and what is accepted.

    ``accepted`` maps entity keys to value digests; it is used up: what is left of it at the end
    are the deletions. ``to_send`` are the rows that create or update.
    """

    def __init__(self, accepted: dict[bytes, bytes]) -> None:
        self.accepted_count = len(accepted)
        self.to_send = RowSet()
        self.unreadable_count = 0
        self.repeated_count = 0
        self._counts = [0, 0, 0]
        self._missing = accepted
        self._kept: dict[bytes, bytes] = {}
        self._seen: dict[bytes, bytes] = {}

    @property
    def created_count(self) -> int:
        """Rows of entities that the bus does not have."""
        return self._counts[_CREATED]

    @property
    def updated_count(self) -> int:
        """Rows of entities that the bus has with another content."""
        return self._counts[_UPDATED]

    @property
    def unchanged_count(self) -> int:
        """Rows that the bus has."""
        return self._counts[_UNCHANGED]

    @property
    def deleted_count(self) -> int:
        """Entities that the bus has and the file has not."""
        return len(self._missing)

    def deleted_keys(self) -> Iterator[bytes]:
        """Their keys."""
        yield from self._missing

    def take(self, number: int, line: int, key: bytes, value: bytes) -> RowProblem | None:
        """Compare a good row; gives a problem if an earlier row has its key with other content.

        Then neither is sent, since nobody here can tell which is right.
        """
        digest = value_digest(value)
        if key in self._seen:
            return self._take_again(key, digest)
        known = self._missing.pop(key, None) or self._kept.get(key)
        does = _CREATED if known is None else _UNCHANGED if known == digest else _UPDATED
        self._seen[key] = _SEEN.pack(digest, number, line, does)
        self._counts[does] += 1
        if does != _UNCHANGED:
            self.to_send.add(number)
        return None

    def _take_again(self, key: bytes, digest: bytes) -> RowProblem | None:
        seen_digest, number, line, does = _SEEN.unpack(self._seen[key])
        if seen_digest == digest:
            self.repeated_count += 1
            return None
        if number in self.to_send:
            self.to_send.discard(number)
            self._counts[does] -= 1
        expected = f"a key of its own (the row on line {line} has it too; neither is sent)"
        return RowProblem("(key)", expected, "another content")

    def keep(self, key: bytes | None) -> None:
        """Note a bad row: its entity stays as it is accepted."""
        if key is None:
            self.unreadable_count += 1
            return
        digest = self._missing.pop(key, None)
        if digest is not None:
            self._kept[key] = digest


def require_confirmation(
    comparison: SnapshotComparison,
    row_count: int,
    delete_share_max: float,
    confirmed_count: int | None,
    deleted_before_count: int = 0,
) -> None:
    """Stop what would delete much, before anything is sent.

    ``deleted_before_count`` entities were deleted by an interrupted run of the same delivery. What
    is confirmed is the number of the whole snapshot, so that the same command goes on.

    :raises NeedsConfirmation: the file is empty, or more than ``delete_share_max`` of what is
        accepted would be deleted, or a key could not be read, and ``confirmed_count`` is not the
        exact number of deletions; or it is given and wrong.
    """
    left = comparison.deleted_count
    deleted = left + deleted_before_count
    accepted_count = comparison.accepted_count + deleted_before_count
    reasons = []
    if row_count == 0:
        reasons.append("the file has no rows")
    if left and deleted > delete_share_max * accepted_count:
        reasons.append(f"that is more than {delete_share_max:.2%} of {accepted_count}")
    if left and comparison.unreadable_count:
        reasons.append(
            f"the keys of {comparison.unreadable_count} bad rows cannot be read: any of them may "
            "be one of the entities that seem to be missing"
        )
    if confirmed_count is None and not reasons:
        return
    if confirmed_count != deleted:
        so_far = (
            f"{deleted_before_count} of them were deleted by an interrupted run; nothing more was "
            "sent"
            if deleted_before_count
            else "nothing was sent"
        )
        raise NeedsConfirmation(
            f"{deleted} entities would be deleted; {so_far}",
            expected=f"--confirm-deletes {deleted}, if that is what you mean",
            found="; ".join(reasons) or f"--confirm-deletes {confirmed_count}",
        )
