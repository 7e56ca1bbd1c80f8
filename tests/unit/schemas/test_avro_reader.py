"""The reader agrees with fastavro on every good record and refuses every other form of it."""

import io
import struct
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.governance.schema_lint import compile_value_check, plain_schema
from sharebus.schemas.avro_reader import Malformed, NotCanonical, compile_reader

from ..avro_strategies import Schema, schemas_with_record

REFUSED = (Malformed, IndexError, struct.error, UnicodeDecodeError)


def fastavro_bytes(parsed: Any, record: Any) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, parsed, record)
    return body.getvalue()


def fastavro_record(parsed: Any, body: bytes) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(body), parsed, None)


def is_canonical(parsed: Any, check: Any, body: bytes) -> bool:
    """What the reader replaces: decode, encode again, compare; then check the values.

    fastavro writes an ``int`` of more than 32 bits; only its ``validate`` knows the range.
    """
    try:
        record = fastavro_record(parsed, body)
        is_same = fastavro_bytes(parsed, record) == body
        return is_same and fastavro.validate(record, parsed) and check(record) is None
    except Exception:
        return False


@settings(max_examples=300, deadline=None)
@given(schemas_with_record())
def test_read_of_a_good_record_gives_what_fastavro_gives(drawn: tuple[Schema, Any]) -> None:
    schema, record = drawn
    plain = plain_schema(schema)
    parsed = fastavro.parse_schema(plain)
    body = fastavro_bytes(parsed, record)
    row, bounds = compile_reader(plain)(b"12345" + body, 5)
    assert row == fastavro_record(parsed, body)
    assert bounds[0] == 5
    assert bounds[-1] == 5 + len(body)


@settings(max_examples=300, deadline=None)
@given(schemas_with_record())
def test_read_bounds_cut_out_each_field_as_it_would_be_encoded_alone(
    drawn: tuple[Schema, Any],
) -> None:
    schema, record = drawn
    plain = plain_schema(schema)
    body = fastavro_bytes(fastavro.parse_schema(plain), record)
    row, bounds = compile_reader(plain)(body, 0)
    assert list(bounds) == sorted(bounds)
    lengths = []
    for count in range(1, len(plain["fields"]) + 1):
        first = {**plain, "fields": plain["fields"][:count]}
        lengths.append(len(fastavro_bytes(fastavro.parse_schema(first), row)))
    assert list(bounds[1:]) == lengths


@settings(max_examples=400, deadline=None)
@given(schemas_with_record(), st.data())
def test_read_of_damaged_bytes_accepts_exactly_what_encodes_again_to_the_same(
    drawn: tuple[Schema, Any], data: st.DataObject
) -> None:
    schema, record = drawn
    plain = plain_schema(schema)
    parsed = fastavro.parse_schema(plain)
    check = compile_value_check(schema)
    body = bytearray(fastavro_bytes(parsed, record))
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        at = data.draw(st.integers(0, len(body) - 1)) if body else 0
        if kind == "flip" and body:
            body[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "cut":
            del body[at : at + data.draw(st.integers(1, 4))]
        else:
            body[at:at] = data.draw(st.binary(min_size=1, max_size=3))
    damaged = bytes(body)
    try:
        row, _ = compile_reader(plain)(damaged, 0)
        accepted = check(row) is None
    except REFUSED:
        accepted = False
    assert accepted == is_canonical(parsed, check, damaged)


def schema_of(kind: Any) -> Schema:
    return {"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("long", b"\x80\x00", NotCanonical),
        ("long", b"\xff" * 9 + b"\x02", Malformed),
        ("long", b"\xff" * 1000, Malformed),
        ("int", b"\x80\x80\x80\x80\x10", Malformed),
        ("boolean", b"\x02", NotCanonical),
        ("string", b"\x01", Malformed),
        ("string", b"\x06ab", Malformed),
        ("string", b"\x80\x84\xaf\x5fab", Malformed),
        ("string", b"\x04\xff\xfe", UnicodeDecodeError),
        ("double", b"1234567", struct.error),
        ("long", b"", IndexError),
        ("long", b"\x02\x00", NotCanonical),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, b"\x01", Malformed),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, b"\x04", Malformed),
        (["null", "string"], b"\x01", Malformed),
        (["null", "string"], b"\x04", Malformed),
        ({"type": "array", "items": "long"}, b"\x01\x02\x02\x00", NotCanonical),
        ({"type": "array", "items": "long"}, b"\x02\x02\x02\x02\x00", NotCanonical),
        ({"type": "array", "items": "long"}, b"\x80\x80\x80\x80\x08", Malformed),
        ({"type": "map", "values": "long"}, b"\x04\x02a\x02\x02a\x02\x00", NotCanonical),
        ({"type": "fixed", "name": "F", "size": 4}, b"abc", Malformed),
    ],
    ids=str,
)
def test_read_of_a_hostile_form_is_refused(kind: Any, body: bytes, error: type) -> None:
    with pytest.raises(error):
        compile_reader(schema_of(kind))(body, 0)


def test_read_takes_field_names_and_symbols_as_data_never_as_code() -> None:
    name = '"]; raise SystemExit  #'
    kind = {"type": "enum", "name": "E", "symbols": [name]}
    schema = {"type": "record", "name": name, "fields": [{"name": name, "type": kind}]}
    assert compile_reader(schema)(b"\x00", 0)[0] == {name: name}
