"""Keys of notes: Ed25519, written as verifier keys ("vkeys") and as Go's signer keys.

C2SP signed-note, "Verifier keys" and "Ed25519 signatures". The name is part of the key: the same
bytes under another name have another key id, and so has each signature type.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import base64_bytes, shown, to_base64
from sharebus.ledger.note import KEY_ID_BYTES, Signature, check_key_name

ED25519_NOTE: Final = 0x01
ED25519_COSIGNATURE: Final = 0x04
PUBLIC_KEY_BYTES: Final = 32

_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")
_PRIVATE: Final = "PRIVATE+KEY+"

KeyT = TypeVar("KeyT", bound="Ed25519Key")


def key_id(name: str, signature_type: int, public_key: bytes) -> bytes:
    """The four bytes that stand for a key in its signatures; an identifier, not a strong hash."""
    hashed = name.encode() + b"\n" + bytes([signature_type]) + public_key
    return sha256(hashed).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True)
class Ed25519Key:
    """A named public key for one signature type.

    :raises Malformed: the name or the key cannot be one.
    """

    name: str
    public_key: bytes

    SIGNATURE_TYPE: ClassVar[int]

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise Malformed(
                "the public key has the wrong length",
                where=shown(self.name.encode()),
                expected=f"{PUBLIC_KEY_BYTES} bytes",
                found=f"{len(self.public_key)} bytes",
            )

    @property
    def key_id(self) -> bytes:
        """See :func:`key_id`."""
        return key_id(self.name, self.SIGNATURE_TYPE, self.public_key)

    def vkey(self) -> str:
        """``<name>+<key id in hex>+<base64 of type and key>``."""
        encoded = to_base64(bytes([self.SIGNATURE_TYPE]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """Read what :meth:`vkey` writes.

        :raises Malformed: not a verifier key, of another signature type, or with an id that is not
            this key's.
        """
        name, written_id, data = _split_key(text, "verifier key")
        if data[:1] != bytes([cls.SIGNATURE_TYPE]):
            raise Malformed(
                "the verifier key is for another kind of signature",
                where=shown(name.encode()),
                expected=f"type {cls.SIGNATURE_TYPE:#04x}",
                found=f"type {data[0]:#04x}" if data else "nothing",
            )
        key = cls(name, data[1:])
        _check_key_id(key, written_id)
        return key

    def is_signature(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made the Ed25519 signature (RFC 8032) over the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class NoteKey(Ed25519Key):
    """Verifies what a log signs: signature type 0x01, over the text of the note."""

    SIGNATURE_TYPE = ED25519_NOTE

    def verifies(self, text: bytes, blob: bytes) -> bool:
        """Whether this key signed the text."""
        return self.is_signature(text, blob)


class Ed25519Secret(Generic[KeyT]):
    """A named private key. It never shows itself: not in a message, not in ``repr``."""

    KEY: ClassVar[type[Any]]
    """The class of its public key."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.key: Final[KeyT] = self.KEY(name, private_key.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """The signer of a 32-byte secret.

        :raises Malformed: the name cannot be a key's, or the secret has another length.
        """
        return cls(name, private_key_of(seed))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a signer key as Go's ``sumdb/note`` writes it; its key id is that of type 0x01.

        :raises Malformed: not such a key. The message does not repeat it.
        """
        name, seed = parse_signer_key(text)
        return cls.from_seed(name, seed)


class NoteSigner(Ed25519Secret[NoteKey]):
    """The private key of a log."""

    KEY = NoteKey

    def sign(self, text: bytes) -> Signature:
        """The signature line over the text of a note."""
        return Signature(self.key.name, self.key.key_id, self._private_key.sign(text))


def private_key_of(seed: bytes) -> Ed25519PrivateKey:
    """The Ed25519 key of a 32-byte secret.

    :raises Malformed: the secret has another length.
    """
    if len(seed) != PUBLIC_KEY_BYTES:
        raise Malformed("the secret of a signer key must have 32 bytes", found=f"{len(seed)} bytes")
    return Ed25519PrivateKey.from_private_bytes(seed)


def signer_key(name: str, seed: bytes) -> str:
    """``PRIVATE+KEY+<name>+<key id in hex>+<base64 of type and secret>``: a secret, to be kept."""
    key = NoteSigner.from_seed(name, seed).key
    encoded = to_base64(bytes([ED25519_NOTE]) + seed).decode()
    return f"{_PRIVATE}{key.name}+{key.key_id.hex()}+{encoded}"


def parse_signer_key(text: str) -> tuple[str, bytes]:
    """Name and 32-byte secret of what :func:`signer_key` writes.

    :raises Malformed: not such a key. The message does not repeat it.
    """
    try:
        name, written_id, data = _split_key(text.removeprefix(_PRIVATE), "signer key")
        if not text.startswith(_PRIVATE) or data[:1] != bytes([ED25519_NOTE]):
            raise Malformed("not an Ed25519 signer key")
        _check_key_id(NoteSigner.from_seed(name, data[1:]).key, written_id)
    except Malformed:
        # What was found is a secret, even where it is damaged.
        raise Malformed(
            "the signer key is not valid", expected=f"{_PRIVATE}<name>+<key id>+<base64>"
        ) from None
    return name, data[1:]


def _split_key(text: str, what: str) -> tuple[str, str, bytes]:
    """Name, key id in hex and decoded rest. The base64 may itself hold plus signs."""
    name, _, rest = text.partition("+")
    written_id, _, encoded = rest.partition("+")
    data = encoded.encode("ascii", "replace")  # a question mark is no base64
    if not _KEY_ID.fullmatch(written_id):
        raise Malformed(
            f"not a {what}", expected="<name>+<8 hex digits>+<base64>",
            found=shown(text.encode(errors="replace")),
        )  # fmt: skip
    return check_key_name(name), written_id, base64_bytes(data, f"a {what}")


def _check_key_id(key: Ed25519Key, written_id: str) -> None:
    if key.key_id.hex() != written_id:
        raise Malformed(
            "the key id is not that of this name and key",
            where=shown(key.name.encode()), expected=key.key_id.hex(), found=written_id,
        )  # fmt: skip
