"""Rows from values in Confluent framing, each by the schema that wrote it."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_reader

from sharebus import InvalidInput
from sharebus.schemas.framing import FRAME, FRAME_BYTES, MAGIC

FindSchema = Callable[[int], dict[str, Any]]
"""Gives the Avro schema of an id. Raises Unavailable when nobody answers who knows it."""


class RowDecoder:
    """Decodes values; each schema is asked for once and then known."""

    def __init__(self, find_schema: FindSchema) -> None:
        self._find_schema = find_schema
        self._parsed: dict[int, Any] = {}

    def decode(self, value: bytes) -> tuple[int, dict[str, Any]]:
        """The schema id and the row of a framed value.

        :raises Unavailable: the schema is not known yet and cannot be had now; ask again later.
        :raises InvalidInput: the value is not framed, or does not decode under its schema.
        """
        if len(value) < FRAME_BYTES or value[0] != MAGIC:
            raise InvalidInput(
                "a value is not in Confluent framing",
                expected=f"byte {MAGIC}, a schema id in four bytes, Avro",
                found=f"{len(value)} bytes, beginning {value[:FRAME_BYTES].hex() or 'nowhere'}",
            )
        _, schema_id = FRAME.unpack_from(value)
        parsed = self._parsed.get(schema_id)
        if parsed is None:
            parsed = self._parsed[schema_id] = parse_schema(self._find_schema(schema_id))
        body = BytesIO(value[FRAME_BYTES:])
        try:
            row = schemaless_reader(body, parsed, None)
        except Exception as error:  # fastavro promises no type of error for bytes that are wrong
            raise InvalidInput(
                "a value does not decode under its schema",
                where=f"schema id {schema_id}",
                found=type(error).__name__,
            ) from error
        if not isinstance(row, dict) or body.tell() != len(value) - FRAME_BYTES:
            raise InvalidInput(
                "a value is not one record of its schema",
                where=f"schema id {schema_id}",
                expected=f"a record of {len(value) - FRAME_BYTES} bytes",
                found=f"{type(row).__name__} of {body.tell()} bytes",
            )
        return schema_id, row
