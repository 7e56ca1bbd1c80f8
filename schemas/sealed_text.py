"""Sealed text: a name or words that only holders of the case's key can read.

It stands wherever a text may, in commands, cases, notices and archives, is signed and decided as it
stands, and is never opened by the platform. When the key is destroyed, nobody can read it any more,
and everything that was signed, hashed or proved stays as it was.

``sealed:1:<key id>:<base64 of nonce and AES-256-GCM>``; the case, as ``kind/id``, is authenticated
with it, so a sealed text put into another case does not open there.
"""

import secrets
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sharebus import InvalidInput

_PREFIX: Final = "sealed:1:"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
TEXT_BYTES_MAX: Final = 1_400
"""Sealed it is as long as a text of 2,000 characters, which is what most fields take."""


class CaseKey(NamedTuple):
    """The key of what one agency sealed in one case; it shows itself to nobody."""

    secret: bytes

    @classmethod
    def new(cls) -> "CaseKey":
        """A key, from the system's source of randomness."""
        return cls(secrets.token_bytes(_KEY_BYTES))

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the key and tell nothing of it."""
        return sha256(b"sharebus case key 1\n" + self.secret).digest()[:_ID_BYTES].hex()

    def __repr__(self) -> str:
        return f"CaseKey {self.id}"


def seal(text: str, key: CaseKey, case: str) -> str:
    """The text, sealed for a case (``kind/id``).

    :raises InvalidInput: it is too long.
    """
    encoded = text.encode()
    if len(encoded) > TEXT_BYTES_MAX:
        raise InvalidInput(
            "the text is too long to be sealed", expected=f"at most {TEXT_BYTES_MAX} bytes",
            found=f"{len(encoded)} bytes",
        )  # fmt: skip
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key.secret).encrypt(nonce, encoded, case.encode())
    return f"{_PREFIX}{key.id}:{b64encode(sealed).decode()}"


def key_id_of(text: str) -> str | None:
    """Which key a text is sealed with; None if it is not sealed."""
    return text.removeprefix(_PREFIX).partition(":")[0] if text.startswith(_PREFIX) else None


def unseal(text: str, key: CaseKey, case: str) -> str:
    """What was sealed.

    :raises InvalidInput: not with this key, not in this case, or it was changed.
    """
    try:
        data = b64decode(text.removeprefix(f"{_PREFIX}{key.id}:"), validate=True)
        opened = AESGCM(key.secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], case.encode())
        return opened.decode()
    except (InvalidTag, ValueError, Base64Error):
        raise InvalidInput(
            "the sealed text does not open", where=case, expected=f"sealed here with key {key.id}"
        ) from None
