"""What a leaf of the audit log holds: key, value and headers of one committed record.

Kafka's offset and timestamp are left out (design, decision 4): order is the leaf's index, times are
in the value, and a copy of the topic restored elsewhere still verifies. The first leaf of a log
names its cluster and topic, so an entry need not.

All integers are big-endian::

    "SBL1"
    key       00 for none, or 01, u32 length, bytes
    value     u32 length, bytes
    headers   u16 count, then for each in order: u16 length, name in UTF-8; u32 length, bytes
"""

import struct
from typing import Final, NamedTuple

from sharebus.ledger.bundle import ENTRY_BYTES_MAX
from sharebus.ledger.errors import Malformed
from sharebus.ledger.fields import shown, utf8

_MAGIC: Final = b"SBL1"
_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")
_HEADERS_MAX: Final = 65_535


class LeafEntry(NamedTuple):
    """The content of a record. A null value or header value is none: refuse it before."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()

    def encode(self) -> bytes:
        """The one encoding of this content.

        :raises Malformed: too large for an entry bundle, or a header name that is not text.
        """
        key = b"\x00" if self.key is None else b"\x01" + _prefixed(_U32, self.key)
        parts = [_MAGIC, key, _prefixed(_U32, self.value)]
        if len(self.headers) > _HEADERS_MAX:
            raise Malformed("the record has too many headers", found=str(len(self.headers)))
        parts.append(_U16.pack(len(self.headers)))
        for name, value in self.headers:
            try:
                encoded_name = name.encode()
            except UnicodeEncodeError as error:
                raise Malformed("a header name is not text", found=repr(name)) from error
            if len(encoded_name) > ENTRY_BYTES_MAX:
                raise _too_large(len(encoded_name))
            parts += [_prefixed(_U16, encoded_name), _prefixed(_U32, value)]
        entry = b"".join(parts)
        if len(entry) > ENTRY_BYTES_MAX:
            raise _too_large(len(entry))
        return entry

    @classmethod
    def decode(cls, data: bytes) -> "LeafEntry":
        """Read what :meth:`encode` writes.

        :raises Malformed: it did not write this.
        """
        if len(data) > ENTRY_BYTES_MAX:
            raise _too_large(len(data))
        reader = _Reader(data)
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise Malformed("not a leaf of the audit log", found=shown(data))
        has_key = reader.take(1)
        if has_key not in (b"\x00", b"\x01"):
            raise Malformed("the leaf says neither key nor no key", found=shown(has_key))
        key = reader.prefixed(_U32) if has_key == b"\x01" else None
        value = reader.prefixed(_U32)
        headers = tuple(
            (utf8(reader.prefixed(_U16), "a header name"), reader.prefixed(_U32))
            for _ in range(reader.number(_U16))
        )
        if reader.start != len(data):
            raise Malformed(
                "the leaf has bytes behind its end", found=f"{len(data) - reader.start} bytes"
            )
        return cls(key, value, headers)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.start = 0

    def take(self, count: int) -> bytes:
        end = self.start + count
        if end > len(self.data):
            raise Malformed("the leaf is cut short", found=f"{len(self.data)} bytes")
        taken = self.data[self.start : end]
        self.start = end
        return taken

    def number(self, width: struct.Struct) -> int:
        [number] = width.unpack(self.take(width.size))
        return int(number)

    def prefixed(self, width: struct.Struct) -> bytes:
        return self.take(self.number(width))


def _prefixed(width: struct.Struct, data: bytes) -> bytes:
    return width.pack(len(data)) + data


def _too_large(size_bytes: int) -> Malformed:
    return Malformed(
        "the record is too large for a leaf",
        expected=f"at most {ENTRY_BYTES_MAX} bytes", found=f"{size_bytes} bytes",
    )  # fmt: skip
