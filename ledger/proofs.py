"""Inclusion and consistency proofs: RFC 6962 §2.1.1 and §2.1.2, verified as RFC 9162 §2.1.3–4.

A proof is a list of hashes of leaf ranges. Making one needs the hashes of perfect subtrees, which
``nodes`` gives: ``nodes(level, index)`` is the hash of the leaves from ``index * 2**level`` up to
``(index + 1) * 2**level``; :func:`sharebus.ledger.tiles.tile_nodes` finds them in tiles.

The verifiers raise and return nothing, so that no caller can forget to look at an answer. They
prove nothing about a root: it must come from a checkpoint whose signatures were verified.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sharebus.ledger.errors import Malformed, Unproven
from sharebus.ledger.fields import SIZE_MAX, base64_bytes, to_base64
from sharebus.ledger.hashing import EMPTY_ROOT, HASH_BYTES, node_hash

PROOF_HASHES_MAX: Final = 63
"""No path in a tree of at most 2^63 - 1 leaves is longer."""

Nodes = Callable[[int, int], bytes]


def range_root(begin: int, end: int, nodes: Nodes) -> bytes:
    """The root over leaves ``begin`` to ``end`` (exclusive), a subtree of some tree.

    ``begin`` is a multiple of the largest power of two below ``end - begin``, as it is for every
    range that RFC 6962 names.
    """
    if begin == end:
        return EMPTY_ROOT
    hashes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        hashes.append(nodes(level, begin >> level))
        begin += 1 << level
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1: the leaf's sibling first.

    :raises Malformed: there is no such leaf in a tree of this size.
    """
    _check_index(index, size)
    ranges = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return [range_root(first, last, nodes) for first, last in reversed(ranges)]


def consistency_proof(old_size: int, new_size: int, nodes: Nodes) -> list[bytes]:
    """PROOF(old_size, D[new_size]) of RFC 6962 §2.1.2; empty for an empty or an equal old tree.

    :raises Malformed: the old tree is larger than the new one.
    """
    _check_sizes(old_size, new_size)
    if old_size in (0, new_size):
        return []
    ranges = []
    begin, end = 0, new_size
    while end != old_size:
        middle = begin + _split(end - begin)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    if begin:  # otherwise it is the whole old tree, whose root the verifier holds
        ranges.append((begin, end))
    return [range_root(first, last, nodes) for first, last in reversed(ranges)]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Prove that hash ``leaf`` is that of leaf ``index`` under ``root`` (RFC 9162 §2.1.3.2).

    :raises Malformed: an index outside the tree, or something that is not a hash.
    :raises Unproven: the proof does not lead from the leaf to the root.
    """
    _check_index(index, size)
    _check_hashes(leaf, root, *proof)
    sides = _sides(index, size - 1)
    if len(proof) != len(sides):
        word = "many" if len(proof) > len(sides) else "few"
        raise _unproven_inclusion(index, size, f"the proof has too {word} hashes")
    current = leaf
    for sibling, is_left in zip(proof, sides, strict=True):
        current = node_hash(sibling, current) if is_left else node_hash(current, sibling)
    if current != root:
        raise _unproven_inclusion(index, size, f"it leads to root {current.hex()}", root.hex())


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Prove that the old tree is the beginning of the new one (RFC 9162 §2.1.4.2).

    From an empty old tree there is nothing to prove but that its root is the one of no leaves.

    :raises Malformed: the old tree is larger than the new one, or something is not a hash.
    :raises Unproven: the proof does not lead to both roots.
    """
    _check_sizes(old_size, new_size)
    _check_hashes(old_root, new_root, *proof)
    if old_size in (0, new_size):
        if proof:
            raise _unproven_consistency(old_size, new_size, "the proof has too many hashes")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise _unproven_consistency(old_size, new_size, "the empty tree has another root")
        if old_size == new_size and old_root != new_root:
            raise _unproven_consistency(old_size, new_size, "one size has two roots")
        return
    old_found, new_found = _roots_of(old_size, old_root, new_size, proof)
    if old_found != old_root:
        raise _unproven_consistency(old_size, new_size, "it leads to another old root")
    if new_found != new_root:
        raise _unproven_consistency(old_size, new_size, "it leads to another new root")


def proof_lines(proof: Sequence[bytes]) -> bytes:
    """The proof as text: base64, one hash a line (tlog-proof, tlog-witness)."""
    return b"".join(to_base64(each) + b"\n" for each in proof)


def parse_proof_lines(lines: Sequence[bytes]) -> tuple[bytes, ...]:
    """Read the lines of :func:`proof_lines`, without their newlines.

    :raises Malformed: a line is not a hash, or there are more than a proof can have.
    """
    if len(lines) > PROOF_HASHES_MAX:
        raise Malformed(
            "the proof is too long",
            expected=f"at most {PROOF_HASHES_MAX} hashes",
            found=str(len(lines)),
        )
    return tuple(base64_bytes(line, "a hash of the proof", HASH_BYTES) for line in lines)


def _roots_of(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The roots of both trees that a consistency proof leads to."""
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # a perfect old tree is itself the first hash
        path.insert(0, old_root)
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    sides = _sides(node, last)
    if len(path) != 1 + len(sides):
        word = "many" if len(path) > 1 + len(sides) else "few"
        raise _unproven_consistency(old_size, new_size, f"the proof has too {word} hashes")
    old_found = new_found = path[0]
    for sibling, is_left in zip(path[1:], sides, strict=True):
        if is_left:
            old_found = node_hash(sibling, old_found)
            new_found = node_hash(sibling, new_found)
        else:
            new_found = node_hash(new_found, sibling)
    return old_found, new_found


def _sides(node: int, last: int) -> list[bool]:
    """Whether each sibling on the way up to the root stands on the left.

    ``node`` and ``last`` are where the way begins and where its level ends (RFC 9162 §2.1.3.2, fn
    and sn; §2.1.4.2).
    """
    sides = []
    while last:
        is_left = bool(node & 1) or node == last
        sides.append(is_left)
        while is_left and not node & 1 and node:
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    return sides


def _split(leaves: int) -> int:
    """The largest power of two strictly smaller than the number of leaves."""
    return 1 << (leaves - 1).bit_length() - 1


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= SIZE_MAX:
        raise Malformed("there is no such leaf", where=f"leaf {index} of a tree of {size}")


def _check_sizes(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise Malformed(
            "only a smaller tree can be the beginning of a larger one",
            where=f"tree sizes {old_size} and {new_size}",
        )


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise Malformed("a hash has the wrong length", expected=f"{HASH_BYTES} bytes")


def _unproven_inclusion(index: int, size: int, found: str, expected: str = "") -> Unproven:
    return Unproven(
        "the proof does not show that the record is in the log",
        where=f"leaf {index} of {size}",
        expected=expected and f"root {expected}",
        found=found,
    )


def _unproven_consistency(old_size: int, new_size: int, found: str) -> Unproven:
    return Unproven(
        "the proof does not show that the log only grew",
        where=f"tree size {old_size} to {new_size}",
        found=found,
    )
