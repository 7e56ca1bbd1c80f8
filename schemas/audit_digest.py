"""Keyed digests of the audit: what was released can be proved, and is not told.

Entity keys and ids chosen by providers stand in the audit only as keyed pseudonyms. The MAC is
keyed BLAKE2b (RFC 7693 §2.9), 16 bytes, with a ``person`` per use, so that equal bytes in two
uses give unlike digests.
"""

from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16
KEY_BYTES: Final = 32


class AuditDigest:
    """The digests under one audit key (32 bytes, from a file)."""

    def __init__(self, key: bytes) -> None:
        self._record = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"sharebus-record")
        self._event = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"sharebus-event")
        self._entity = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"sharebus-entity")
        self._delivery = blake2b(key=key, digest_size=DIGEST_BYTES, person=b"sharebus-deliv")

    def record(self, key: bytes, value: bytes | None) -> bytes:
        """Digest of a record's key and value; a tombstone differs from an empty value."""
        mac = self._record.copy()
        mac.update(len(key).to_bytes(4, "big") + key)
        mac.update(b"\0" if value is None else b"\1" + value)
        return mac.digest()

    def event(self, event_id: bytes) -> bytes:
        """Pseudonym of an event id."""
        mac = self._event.copy()
        mac.update(event_id)
        return mac.digest()

    def entity(self, key: bytes) -> bytes:
        """Pseudonym of an entity key."""
        mac = self._entity.copy()
        mac.update(key)
        return mac.digest()

    def delivery(self, delivery: str) -> bytes:
        """Pseudonym of a delivery id."""
        mac = self._delivery.copy()
        mac.update(delivery.encode())
        return mac.digest()


def view_pseudonym_key(view_key: bytes, entry: str, view: str) -> bytes:
    """The secret under which one view's keys are pseudonyms, so two views cannot be joined."""
    return blake2b(f"{entry}/{view}".encode(), key=view_key, digest_size=KEY_BYTES).digest()


def pseudonym(key: bytes, secret: bytes) -> bytes:
    """Keyed pseudonym of a key or an id: 32 hexadecimal digits as ASCII bytes."""
    return blake2b(key, key=secret, digest_size=DIGEST_BYTES).hexdigest().encode()
