"""A tree in a few hashes: enough to append leaves and to know the root.

A tree of *n* leaves is a row of perfect subtrees, one for each bit of *n* that is set, the largest
at the left (RFC 6962 §2.1: every split is at a power of two). Their roots are the compact range.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import SIZE_MAX
from sharebus.ledger.hashing import EMPTY_ROOT, HASH_BYTES, node_hash, split_hashes

_SIZE_BYTES = 8


class CompactRange(NamedTuple):
    """The first ``size`` leaves of a log, as roots of perfect subtrees, the largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extend(self, leaf_hashes: Iterable[bytes]) -> "CompactRange":
        """The range with these leaves behind it; about one node hash for each leaf."""
        size, hashes = self.size, list(self.hashes)
        for current in leaf_hashes:
            carry = size
            while carry & 1:
                current = sha256(b"\x01" + hashes.pop() + current).digest()
                carry >>= 1
            hashes.append(current)
            size += 1
        return CompactRange(size, tuple(hashes))

    def root(self) -> bytes:
        """The root of the tree (RFC 6962 §2.1)."""
        if not self.hashes:
            return EMPTY_ROOT
        root, *larger = reversed(self.hashes)
        for left in larger:
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """The size as eight bytes, big-endian, then the hashes; see :meth:`from_bytes`."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> "CompactRange":
        """Read what :meth:`to_bytes` wrote.

        Any hashes of the right number are taken: compare the root with a signed one.

        :raises Malformed: the length does not fit the size.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        expected = _SIZE_BYTES + size.bit_count() * HASH_BYTES
        if len(data) != expected or size > SIZE_MAX:
            raise Malformed(
                "the bytes are not a compact range",
                expected=f"{expected} bytes for size {size}",
                found=f"{len(data)} bytes",
            )
        return cls(size, split_hashes(data[_SIZE_BYTES:], "a compact range"))
