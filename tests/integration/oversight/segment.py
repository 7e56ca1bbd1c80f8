"""Rewrites a Kafka segment file as its broker's administrator could: CRCs are right afterwards.

Record batches of format 2 without compression, as Kafka's documentation of the message format has
them. Control batches and offsets stay as they are.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from aiokafka.record.util import calc_crc32c, decode_varint, encode_varint

_HEAD = struct.Struct(">qiibI")  # base offset, length, leader epoch, magic, CRC
_BODY = struct.Struct(">hiqqqhii")
"""Attributes, last offset delta, two times, producer id, epoch, base sequence, record count."""
_CRC_BEGINS = _HEAD.size
_LENGTH_BEGINS = 12
_CONTROL = 1 << 5
_LZ4 = 3


class StoredRecord(NamedTuple):
    """What stands behind a record's length: attributes, time, offset within the batch; the rest."""

    attributes: int
    time_delta: int
    offset_delta: int
    content: bytes


class Batch(NamedTuple):
    """A batch: header fields that are kept, and records."""

    base_offset: int
    leader_epoch: int
    fields: tuple[int, ...]
    records: tuple[StoredRecord, ...]
    raw: bytes

    @property
    def is_control(self) -> bool:
        return bool(self.fields[0] & _CONTROL)


Edit = Callable[[list[StoredRecord]], list[StoredRecord]]


def batches_of(data: bytes) -> list[Batch]:
    found = []
    start = 0
    while start < len(data):
        base_offset, length, epoch, magic, _ = _HEAD.unpack_from(data, start)
        assert magic == 2
        raw = data[start : start + _LENGTH_BEGINS + length]
        *fields, count = _BODY.unpack_from(raw, _CRC_BEGINS)
        assert fields[0] & 7 == 0, "the batch is compressed"
        found.append(Batch(base_offset, epoch, tuple(fields), _records(raw, count), raw))
        start += len(raw)
    return found


def _records(raw: bytes, count: int) -> tuple[StoredRecord, ...]:
    records = []
    start = _CRC_BEGINS + _BODY.size
    for _ in range(count):
        length, start = decode_varint(raw, start)
        end = start + length
        attributes = raw[start]
        time_delta, start = decode_varint(raw, start + 1)
        offset_delta, start = decode_varint(raw, start)
        records.append(StoredRecord(attributes, time_delta, offset_delta, raw[start:end]))
        start = end
    return tuple(records)


def encode(batch: Batch) -> bytes:
    records = bytearray()
    for record in batch.records:
        body = bytearray([record.attributes])
        encode_varint(record.time_delta, body.append)
        encode_varint(record.offset_delta, body.append)
        body += record.content
        encode_varint(len(body), records.append)
        records += body
    checked = _BODY.pack(*batch.fields, len(batch.records)) + records
    length = _HEAD.size - _LENGTH_BEGINS + len(checked)
    crc = calc_crc32c(checked)
    return _HEAD.pack(batch.base_offset, length, batch.leader_epoch, 2, crc) + checked


class Segment:
    """The one segment of a partition; its indexes are made again when the broker starts."""

    def __init__(self, directory: Path) -> None:
        [self.path] = directory.glob("*.log")
        self.original = self.path.read_bytes()
        assert b"".join(map(encode, batches_of(self.original))) == self.original

    def edit(self, offset: int, edit: Edit) -> None:
        """Change the records of the batch that holds an offset."""
        changed = []
        for batch in batches_of(self.path.read_bytes()):
            delta = offset - batch.base_offset
            if not batch.is_control and any(each.offset_delta == delta for each in batch.records):
                batch = batch._replace(records=tuple(edit(list(batch.records))))
            changed.append(encode(batch))
        self._write(b"".join(changed))

    def garble(self, offset: int) -> None:
        """Let the batch that holds an offset say that it is compressed, which it is not."""
        changed = []
        for batch in batches_of(self.path.read_bytes()):
            if batch.base_offset <= offset <= batch.base_offset + batch.fields[1]:
                attributes, *others = batch.fields
                batch = batch._replace(fields=(attributes | _LZ4, *others))
            changed.append(encode(batch))
        self._write(b"".join(changed))

    def cut(self, offset: int) -> None:
        """Drop every batch from the one that holds an offset on."""
        kept = [each.raw for each in batches_of(self.original) if each.base_offset < offset]
        self._write(b"".join(kept))

    def restore(self) -> None:
        """Put back what stood there at first."""
        self._write(self.original)

    def _write(self, data: bytes) -> None:
        # In place, into the pages that a running broker sends from.
        with open(self.path, "r+b") as file:
            file.write(data)
            file.truncate()
        for index in (*self.path.parent.glob("*.index"), *self.path.parent.glob("*.timeindex")):
            if len(data) != len(self.original):
                index.unlink()
