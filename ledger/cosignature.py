"""Cosignatures: C2SP tlog-cosignature, signature type 0x04 ("cosignature/v1", Ed25519).

With it a witness says: at that time, the largest consistent tree that I have seen of this origin
has this root. The signed message does not name the witness, so one key must serve one witness only.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import SIZE_MAX
from sharebus.ledger.keys import (
    ED25519_COSIGNATURE,
    Ed25519Key,
    parse_signer_key,
    private_key_of,
)
from sharebus.ledger.note import Signature

_TIME_BYTES: Final = 8


class CosignatureKey(Ed25519Key):
    """Verifies what a witness signs: time and text of a checkpoint."""

    SIGNATURE_TYPE = ED25519_COSIGNATURE

    def verifies(self, text: bytes, blob: bytes) -> bool:
        """Whether this key signed the text at the time that the signature names."""
        time_seconds = _time_of(blob)
        if time_seconds > SIZE_MAX:
            return False
        return self.is_signature(_message(text, time_seconds), blob[_TIME_BYTES:])


class Cosigner:
    """The private key of a witness. It never shows itself."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.key: Final = CosignatureKey(name, private_key.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> "Cosigner":
        """The cosigner of a 32-byte secret.

        :raises Malformed: the name cannot be a key's, or the secret has another length.
        """
        return cls(name, private_key_of(seed))

    @classmethod
    def from_text(cls, text: str) -> "Cosigner":
        """Read a signer key as Go's ``sumdb/note`` writes it; its key id is that of type 0x01.

        :raises Malformed: not such a key. The message does not repeat it.
        """
        name, seed = parse_signer_key(text)
        return cls.from_seed(name, seed)

    def cosign(self, body: bytes, time_seconds: int) -> Signature:
        """The signature line over the text of a checkpoint, at a POSIX time.

        Whoever calls has compared the checkpoint with the last one this key signed.

        :raises Malformed: the time is zero (a witness must name one), negative or beyond 2^63 - 1.
        """
        if not 0 < time_seconds <= SIZE_MAX:
            raise Malformed("not a POSIX time", found=str(time_seconds))
        signature = self._private_key.sign(_message(body, time_seconds))
        blob = time_seconds.to_bytes(_TIME_BYTES, "big") + signature
        return Signature(self.key.name, self.key.key_id, blob)


def cosigned_seconds(signature: Signature) -> int:
    """The POSIX time of a verified cosignature, in seconds."""
    return _time_of(signature.blob)


def _time_of(blob: bytes) -> int:
    return int.from_bytes(blob[:_TIME_BYTES], "big")


def _message(body: bytes, time_seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time_seconds + body
