from datetime import date
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput, Unavailable
from sharebus.consumers.row_decoder import RowDecoder
from sharebus.schemas.framing import frame

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Division",
    "fields": [
        {"name": "code", "type": "string"},
        {"name": "since", "type": {"type": "int", "logicalType": "date"}},
    ],
}
ROW = {"code": "330203", "since": date(1949, 5, 25)}


def encoded(row: dict[str, Any], schema_id: int = 7) -> bytes:
    body = BytesIO()
    schemaless_writer(body, SCHEMA, row)
    return frame(schema_id, body.getvalue())


def test_decode_gives_the_schema_id_and_a_row_of_python_values() -> None:
    assert RowDecoder(lambda _: SCHEMA).decode(encoded(ROW)) == (7, ROW)


def test_decode_asks_for_each_schema_once() -> None:
    asked: list[int] = []

    def find_schema(schema_id: int) -> dict[str, Any]:
        asked.append(schema_id)
        return SCHEMA

    decoder = RowDecoder(find_schema)
    for schema_id in (7, 7, 8, 7):
        decoder.decode(encoded(ROW, schema_id))
    assert asked == [7, 8]


def test_decode_after_an_unavailable_schema_asks_again() -> None:
    answers = iter([Unavailable("down"), SCHEMA])

    def find_schema(_: int) -> dict[str, Any]:
        answer = next(answers)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    decoder = RowDecoder(find_schema)
    with pytest.raises(Unavailable):
        decoder.decode(encoded(ROW))
    assert decoder.decode(encoded(ROW)) == (7, ROW)


@pytest.mark.parametrize(
    "value",
    [b"", b"\0\0\0\0", b"\1" + encoded(ROW)[1:], encoded(ROW)[:-1], encoded(ROW) + b"\0"],
    ids=["empty", "too short", "wrong magic", "truncated", "trailing byte"],
)
def test_decode_of_a_damaged_value_is_invalid_input(value: bytes) -> None:
    with pytest.raises(InvalidInput):
        RowDecoder(lambda _: SCHEMA).decode(value)


@given(st.binary(max_size=64))
def test_decode_of_any_bytes_gives_a_row_or_invalid_input(body: bytes) -> None:
    try:
        _, row = RowDecoder(lambda _: SCHEMA).decode(frame(7, body))
    except InvalidInput:
        return
    assert set(row) == {"code", "since"}
