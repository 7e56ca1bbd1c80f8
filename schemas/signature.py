"""Detached signatures of commands: one interface, the algorithms beside each other.

A broker's administrator can write to any topic, so who wrote a command is proved by the agency's
own key. Which algorithms a jurisdiction accepts is its configuration; GB/T 39786 asks for SM2.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sharebus import InvalidInput


class Algorithm(Protocol):
    """Signs and checks with raw keys, as bytes."""

    name: str

    def public_key(self, private_key: bytes) -> bytes:
        """The public key of a private one. :raises InvalidInput: it is no key of this algorithm."""
        ...

    def sign(self, private_key: bytes, content: bytes) -> bytes:
        """A signature. :raises InvalidInput: it is no key of this algorithm."""
        ...

    def is_valid(self, public_key: bytes, content: bytes, signature: bytes) -> bool:
        """Whether the holder of the key signed this content; whatever bytes are given."""
        ...


class Ed25519:
    """RFC 8032; keys and signatures of 32 and 64 bytes."""

    name = "ed25519"

    def public_key(self, private_key: bytes) -> bytes:
        """See `Algorithm`."""
        return _private(private_key).public_key().public_bytes_raw()

    def sign(self, private_key: bytes, content: bytes) -> bytes:
        """See `Algorithm`."""
        return _private(private_key).sign(content)

    def is_valid(self, public_key: bytes, content: bytes, signature: bytes) -> bool:
        """See `Algorithm`."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
        except (InvalidSignature, ValueError):
            return False
        return True


def _private(key: bytes) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(key)
    except ValueError as error:
        raise InvalidInput(
            "this is no Ed25519 private key", expected="32 bytes", found=f"{len(key)} bytes"
        ) from error


ALGORITHMS: Final[Mapping[str, Algorithm]] = {Ed25519.name: Ed25519()}
