"""Numbers and base64 as they stand in notes, checkpoints, keys and proofs.

Both have one spelling only, so that whatever is parsed is written again as the same bytes: a second
spelling of a signed text is a way to show two readers two things.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

from sharebus.ledger.errors import Malformed

SIZE_MAX: Final = 2**63 - 1
"""The largest tree size and POSIX time: what every reader's signed 64-bit integer holds."""

_DECIMAL: Final = re.compile(rb"0|[1-9][0-9]{0,18}")
_SHOWN_BYTES_MAX: Final = 80


def shown(data: bytes) -> str:
    """The beginning of the bytes for an error message, on one line and with escapes."""
    return repr(data[:_SHOWN_BYTES_MAX])[1:] + ("…" if len(data) > _SHOWN_BYTES_MAX else "")


def decimal(text: bytes, what: str) -> int:
    """An ASCII decimal without sign, leading zeros or spaces, at most :data:`SIZE_MAX`.

    :raises Malformed: it is not.
    """
    value = int(text) if _DECIMAL.fullmatch(text) else -1
    if not 0 <= value <= SIZE_MAX:
        raise Malformed(
            f"{what} is not a plain decimal number",
            expected="digits without sign, leading zeros or spaces, below 2^63",
            found=shown(text),
        )
    return value


def base64_bytes(text: bytes, what: str, length_bytes: int | None = None) -> bytes:
    """What standard, padded base64 (RFC 4648 §4) stands for.

    :raises Malformed: not base64, not its canonical spelling, or not of that length.
    """
    try:
        data = b64decode(text, validate=True)
    except Base64Error:
        data = None
    if data is None or b64encode(data) != text:
        raise Malformed(f"{what} is not canonical base64", found=shown(text))
    if length_bytes is not None and len(data) != length_bytes:
        raise Malformed(
            f"{what} has the wrong length",
            expected=f"{length_bytes} bytes",
            found=f"{len(data)} bytes",
        )
    return data


def to_base64(data: bytes) -> bytes:
    """Standard, padded base64 (RFC 4648 §4)."""
    return b64encode(data)


def utf8(text: bytes, what: str) -> str:
    """The text as a string.

    :raises Malformed: it is not UTF-8.
    """
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8", found=shown(text)) from error
