"""The definitions of RFC 6962 §2.1 as they stand there: recursive, slow and plainly right."""

from functools import cache
from hashlib import sha256

LEAVES = tuple(b"leaf %d" % number for number in range(130))


def leaf(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


@cache
def mth(entries: tuple[bytes, ...]) -> bytes:
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return leaf(entries[0])
    middle = split(len(entries))
    return node(mth(entries[:middle]), mth(entries[middle:]))


def path(index: int, entries: tuple[bytes, ...]) -> list[bytes]:
    if len(entries) == 1:
        return []
    middle = split(len(entries))
    if index < middle:
        return [*path(index, entries[:middle]), mth(entries[middle:])]
    return [*path(index - middle, entries[middle:]), mth(entries[:middle])]


def proof(size: int, entries: tuple[bytes, ...]) -> list[bytes]:
    return subproof(size, entries, True)


def subproof(size: int, entries: tuple[bytes, ...], is_known: bool) -> list[bytes]:
    if size == len(entries):
        return [] if is_known else [mth(entries)]
    middle = split(len(entries))
    if size <= middle:
        return [*subproof(size, entries[:middle], is_known), mth(entries[middle:])]
    return [*subproof(size - middle, entries[middle:], False), mth(entries[:middle])]


def nodes(level: int, index: int) -> bytes:
    """Perfect subtrees of :data:`LEAVES`, as proofs ask for them."""
    wanted = LEAVES[index << level : (index + 1) << level]
    assert len(wanted) == 1 << level
    return mth(wanted)
