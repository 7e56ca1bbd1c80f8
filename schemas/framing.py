"""Confluent wire format: magic byte 0, schema id (4 bytes, big-endian), Avro binary."""

import struct
from typing import Final

FRAME: Final = struct.Struct(">bI")
FRAME_BYTES: Final = FRAME.size
MAGIC: Final = 0


def frame(schema_id: int, body: bytes) -> bytes:
    """Put the prefix before an Avro body."""
    return FRAME.pack(MAGIC, schema_id) + body
