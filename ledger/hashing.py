"""Hashes of a Merkle tree: RFC 6962 §2.1, the same as RFC 9162 §2.1.1, with SHA-256.

A prefix byte keeps leaves and nodes apart: without it, a leaf made of two hashes would be a node
(second preimage).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from sharebus.ledger.errors import Malformed

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf that holds ``entry``."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """The root over neighbouring subtrees of equal height, whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(hashes[::2], hashes[1::2], strict=True)
        ]
    return hashes[0]


def split_hashes(data: bytes, what: str) -> tuple[bytes, ...]:
    """The hashes that stand one behind the other in ``data``.

    :raises Malformed: the length is not a multiple of a hash's.
    """
    if len(data) % HASH_BYTES:
        raise Malformed(
            f"{what} is cut in the middle of a hash",
            expected=f"a multiple of {HASH_BYTES} bytes",
            found=f"{len(data)} bytes",
        )
    return tuple(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES))
