"""Encodes rows of one entry as the gate expects them: key, framed Avro value, partition."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_writer

from sharebus import InvalidInput
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.schema_lint import plain_schema
from sharebus.producers.scalar_values import Mismatch
from sharebus.producers.source_rows import shorten
from sharebus.producers.values import compile_values
from sharebus.schemas.entity_key import compile_entity_key
from sharebus.schemas.framing import FRAME, MAGIC
from sharebus.schemas.partition import partition_of

KEY_BYTES_MAX: Final = 1024
"""The gate refuses a longer key."""

StoredRow = dict[str, Any]
"""A row in the values that Avro stores."""


class EventEncoder:
    """Encodes the rows of an entry under one schema id.

    Values are encoded by the plain schema, as the gate decodes them, and by fastavro, so they are
    the one encoding that their content has.
    """

    def __init__(self, entry: CatalogEntry, schema_id: int) -> None:
        self.entry = entry
        self._prefix = FRAME.pack(MAGIC, schema_id)
        self._convert = compile_values(entry.avro_schema)
        self._parsed = parse_schema(plain_schema(entry.avro_schema))
        self._entity_key = compile_entity_key(entry.key_fields)

    def stored(self, row: Mapping[str, Any]) -> StoredRow:
        """The row in stored values.

        :raises InvalidInput: a field is missing, unknown, or not of its type.
        """
        if row.keys() != self._convert.keys():
            missing = [name for name in self._convert if name not in row]
            unknown = [name for name in row if name not in self._convert]
            raise InvalidInput(
                f"this is not a row of entry '{self.entry.id}'",
                expected=", ".join(self._convert),
                found=f"missing {missing or 'none'}, unknown {unknown or 'none'}",
            )
        stored: StoredRow = {}
        for name, convert in self._convert.items():
            try:
                stored[name] = convert(row[name])
            except Mismatch as mismatch:
                raise InvalidInput(
                    f"a field of entry '{self.entry.id}' has the wrong value",
                    where=name + mismatch.path,
                    expected=mismatch.expected,
                    found=shorten(row[name]),
                ) from None
        return stored

    def key(self, stored: Mapping[str, Any]) -> bytes:
        """The entity key; of ``stored`` only the key fields are looked at.

        :raises Mismatch: the key is empty or too long.
        """
        key = self._entity_key(stored)
        if not 0 < len(key) <= KEY_BYTES_MAX:
            raise Mismatch(f"1 to {KEY_BYTES_MAX} bytes, since it names the entity")
        return key

    def key_of(self, row: Mapping[str, Any]) -> bytes:
        """The entity key of a row in which at least the key fields are given.

        :raises InvalidInput: one is missing or not of its type.
        """
        try:
            stored = {name: self._convert[name](row[name]) for name in self.entry.key_fields}
            return self.key(stored)
        except (KeyError, Mismatch) as error:
            raise InvalidInput(
                f"the key of an entity of entry '{self.entry.id}' cannot be made",
                where=", ".join(self.entry.key_fields),
                expected=error.expected if isinstance(error, Mismatch) else "all key fields",
                found=shorten(dict(row)),
            ) from None

    def value(self, stored: StoredRow) -> bytes:
        """The framed value.

        :raises Mismatch: it is larger than the entry allows.
        """
        body = BytesIO()
        body.write(self._prefix)
        schemaless_writer(body, self._parsed, stored, strict=True)
        value = body.getvalue()
        if len(value) > self.entry.event_bytes_max:
            raise Mismatch(f"an event of at most {self.entry.event_bytes_max} bytes")
        return value

    def partition(self, key: bytes) -> int:
        """Where records of the key belong."""
        return partition_of(key, self.entry.partitions)
