"""What becomes of a refused event: its bytes, with headers that say why, for its provider alone."""

import hashlib
from typing import Final

from sharebus.schemas.cloudevent import HEADERS_MAX
from sharebus.stream_apps.gate.judge import HeaderList, Refusal

WHOLE_BYTES_MAX: Final = 900_000
"""A value up to this size is kept whole; of a larger one the first 64 kB."""
BEGINNING_BYTES: Final = 65_536
KEY_BYTES_MAX: Final = 65_536
HEADER_NAME_CHARS_MAX: Final = 256
HEADER_VALUE_BYTES_MAX: Final = 4096


def quarantine_record(
    refusal: Refusal,
    entry: str,
    place: tuple[int, int],
    key: bytes | None,
    value: bytes | None,
    headers: HeaderList | None,
) -> tuple[bytes, bytes | None, HeaderList]:
    """Key, value and headers of the quarantine record.

    ``place`` is partition and offset of the ingress topic. Incoming headers that could be taken
    for the platform's own (``__*``, ``sharebus_*``) are left out, and so is what is too large.
    """
    kept: HeaderList = []
    for name, content in (headers or [])[:HEADERS_MAX]:
        is_ours = name.startswith(("__", "sharebus_"))
        is_small = len(name) <= HEADER_NAME_CHARS_MAX and len(content or b"") <= (
            HEADER_VALUE_BYTES_MAX
        )
        if not is_ours and is_small:
            kept.append((name, content))
    raw = value or b""
    truncated = len(raw) > WHOLE_BYTES_MAX
    kept += [
        ("sharebus_rule", refusal.rule.encode()),
        ("sharebus_place", refusal.place.encode()),
        ("sharebus_entry", entry.encode()),
        ("sharebus_partition", str(place[0]).encode()),
        ("sharebus_offset", str(place[1]).encode()),
        ("sharebus_length", str(len(raw)).encode()),
        ("sharebus_digest", hashlib.sha256(raw).hexdigest().encode()),
        ("sharebus_truncated", b"true" if truncated else b"false"),
    ]
    kept_value = raw[:BEGINNING_BYTES] if truncated else value
    return (key or b"")[:KEY_BYTES_MAX], kept_value, kept
