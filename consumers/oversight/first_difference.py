"""Which record is the first wrong one, and what became of it. Pure.

``truth`` are the leaf hashes that the signed root stands for, ``found`` those of the records that
are there now.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sharebus.consumers.oversight.alarm import (
    Altered,
    AuditAlarm,
    Duplicated,
    Inserted,
    Removed,
    Reordered,
    Truncated,
)


class Difference(NamedTuple):
    """Where both begin to differ, counted from their beginning, and what happened there."""

    kind: type[AuditAlarm]
    at: int


def first_difference(truth: Sequence[bytes], found: Sequence[bytes]) -> Difference | None:
    """The first wrong record; None if both agree.

    Either may go on behind the other's end: a few more records tell an insertion from a change at
    the end of what was signed. What happened is told from the records nearby: an edit
    that takes away one record and changes the next is both, and told as one.
    """
    pairs = enumerate(zip(truth, found, strict=False))
    index = next((at for at, (expected, is_) in pairs if expected != is_), None)
    if index is None:
        return Difference(Truncated, len(found)) if len(found) < len(truth) else None
    return Difference(_kind(truth, found, index), index)


def _kind(truth: Sequence[bytes], found: Sequence[bytes], index: int) -> type[AuditAlarm]:
    expected, stranger = truth[index], found[index]
    belongs_later = stranger in truth[index + 1 :]
    comes_later = expected in found[index + 1 :]
    if belongs_later and comes_later:
        return Reordered
    if belongs_later:
        return Removed
    if stranger in truth[:index]:
        return Duplicated if comes_later else Altered
    return Inserted if comes_later else Altered
