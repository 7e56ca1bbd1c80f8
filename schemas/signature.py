"""Detached signatures of commands: one interface, the algorithms beside each other.

A broker's administrator can write to any topic, so who wrote a command is proved by the agency's
own key. Which algorithms a jurisdiction accepts is its configuration; GB/T 39786 asks for SM2.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from gmalg.errors import GMError
from gmalg.sm2 import SM2 as Sm2Key

from sharebus import InvalidInput

_SM2_USER: Final = b"1234567812345678"
"""The user's identity where none was agreed on (GM/T 0009-2012, GB/T 35276-2017)."""
_SM2_NUMBER_BYTES: Final = 32
_SM2_ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


class Algorithm(Protocol):
    """Signs and checks with raw keys, as bytes."""

    name: str

    def new_private_key(self) -> bytes:
        """A private key, from the system's source of randomness."""
        ...

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

    def new_private_key(self) -> bytes:
        """See `Algorithm`."""
        return Ed25519PrivateKey.generate().private_bytes_raw()

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


class Sm2:
    """SM2 with SM3 (GB/T 32918.2, 32905), with the user identity that holds where none is agreed.

    A private key has 32 bytes; a public key is an uncompressed point: 04, x, y (65 bytes); a
    signature is r and s (64 bytes). The arithmetic is Python's and takes no constant time: sign
    where nobody else can measure it.
    """

    name = "sm2"

    def new_private_key(self) -> bytes:
        """See `Algorithm`."""
        private_key, _ = Sm2Key().generate_keypair()
        return bytes(private_key)

    def public_key(self, private_key: bytes) -> bytes:
        """See `Algorithm`."""
        return bytes(Sm2Key().generate_pk(_sm2_private(private_key)))

    def sign(self, private_key: bytes, content: bytes) -> bytes:
        """See `Algorithm`."""
        r, s = Sm2Key(_sm2_private(private_key), _SM2_USER).sign(content)
        return bytes(r) + bytes(s)

    def is_valid(self, public_key: bytes, content: bytes, signature: bytes) -> bool:
        """See `Algorithm`."""
        has_form = len(public_key) == 2 * _SM2_NUMBER_BYTES + 1 and public_key[0] == 4
        if not has_form or len(signature) != 2 * _SM2_NUMBER_BYTES:
            return False
        r, s = signature[:_SM2_NUMBER_BYTES], signature[_SM2_NUMBER_BYTES:]
        try:
            key = Sm2Key(None, _SM2_USER, public_key)
            # A point that is not on the curve would be reckoned with all the same.
            return bool(key.verify_pk(public_key) and key.verify(content, r, s))
        except (GMError, ValueError, TypeError):
            return False


def _sm2_private(key: bytes) -> bytes:
    is_key = len(key) == _SM2_NUMBER_BYTES and 1 <= int.from_bytes(key) < _SM2_ORDER - 1
    if not is_key:
        raise InvalidInput(
            "this is no SM2 private key",
            expected=f"{_SM2_NUMBER_BYTES} bytes, a number below the order of the curve less one",
            found=f"{len(key)} bytes",
        )
    return key


ALGORITHMS: Final[Mapping[str, Algorithm]] = {Ed25519.name: Ed25519(), Sm2.name: Sm2()}
