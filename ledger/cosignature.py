"""Cosignatures: C2SP tlog-cosignature, signature type 0x04 ("cosignature/v1", Ed25519).

With it a witness says: at that time, the largest consistent tree that I have seen of this origin
has this root. The signed message does not name the witness, so one key must serve one witness only.
"""

from typing import Final

from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import SIZE_MAX
from sharebus.ledger.keys import ED25519_COSIGNATURE, Ed25519Key, Ed25519Secret
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


class Cosigner(Ed25519Secret[CosignatureKey]):
    """The private key of a witness."""

    KEY = CosignatureKey

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
