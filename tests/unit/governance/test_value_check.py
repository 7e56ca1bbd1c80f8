import io
import math
from datetime import date, datetime, time
from decimal import Context, Decimal
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.schema_lint import (
    compile_value_check,
    lint_schema,
    nothing_to_check,
    plain_schema,
)

from ..avro_strategies import BASES, LIMITS, MILLIS, Schema, schemas_with_record, shortest


def encode(parsed: Any, value: Any) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, parsed, value, strict=True)
    return buffer.getvalue()


def decode(parsed: Any, data: bytes) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(data), parsed, None)


@settings(max_examples=300, deadline=None)
@given(schemas_with_record())
def test_clean_schema_and_its_records_make_the_round_trip_through_fastavro(
    drawn: tuple[Schema, Any],
) -> None:
    schema, record = drawn
    assert lint_schema(schema) == []
    fastavro.parse_schema(schema)
    parsed = fastavro.parse_schema(plain_schema(schema))
    data = encode(parsed, record)
    decoded = decode(parsed, data)
    assert decoded == record
    assert encode(parsed, decoded) == data
    assert compile_value_check(schema)(decoded) is None


def schema_of(kind: Any) -> Schema:
    return {"type": "record", "name": "R", "fields": [{"name": "x", "type": kind}]}


@given(st.sampled_from(sorted(LIMITS)), st.data())
def test_date_or_time_passes_exactly_within_its_limits_and_then_converts(
    logical: str, data: st.DataObject
) -> None:
    low, high = LIMITS[logical]
    schema = schema_of({"type": BASES[logical], "logicalType": logical})
    bits = 31 if BASES[logical] == "int" else 63
    edges = st.sampled_from([low - 1, low, high, high + 1])
    value = data.draw(edges | st.integers(-(1 << bits), (1 << bits) - 1))
    passes = compile_value_check(schema)({"x": value}) is None
    assert passes == (low <= value <= high)
    if passes:
        encoded = encode(fastavro.parse_schema(plain_schema(schema)), {"x": value})
        converted = decode(fastavro.parse_schema(schema), encoded)["x"]
        assert isinstance(converted, date | time)


def test_limits_are_those_of_the_calendar() -> None:
    epoch = datetime(1970, 1, 1)
    assert LIMITS["date"] == ((date.min - epoch.date()).days, (date.max - epoch.date()).days)
    assert MILLIS[0] == (datetime.min - epoch).total_seconds() * 1000
    assert MILLIS[1] == int((datetime(9999, 12, 31) - epoch).total_seconds() + 86400) * 1000 - 1


def decimal(precision: int, scale: int = 0) -> Schema:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


@given(st.integers(1, 38), st.data())
def test_decimal_written_by_fastavro_passes(precision: int, data: st.DataObject) -> None:
    scale = data.draw(st.integers(0, precision))
    limit = 10**precision - 1
    powers = st.integers(1, 15).map(lambda size: -(1 << 8 * size - 1)).filter(lambda n: n >= -limit)
    number = data.draw(st.integers(-limit, limit) | powers if limit >= 128 else st.integers(-9, 9))
    schema = schema_of(decimal(precision, scale))
    value = Decimal(number).scaleb(-scale, Context(prec=60))
    written = encode(fastavro.parse_schema(schema), {"x": value})
    plain = decode(fastavro.parse_schema(plain_schema(schema)), written)
    assert int.from_bytes(plain["x"], "big", signed=True) == number
    assert compile_value_check(schema)(plain) is None


@given(st.integers(1, 38), st.binary(max_size=20))
def test_decimal_passes_exactly_when_small_enough_and_shortest(
    precision: int, value: bytes
) -> None:
    number = int.from_bytes(value, "big", signed=True)
    fastavro_writes_longer = -number > 0 and (-number).bit_count() == 1
    assume(not (fastavro_writes_longer and len(value) == shortest(number) + 1))
    expected = abs(number) < 10**precision and len(value) == shortest(number)
    check = compile_value_check(schema_of(decimal(precision)))
    assert (check({"x": value}) is None) == expected


def test_decimal_of_200_kilobytes_is_refused_by_its_length() -> None:
    assert compile_value_check(schema_of(decimal(38)))({"x": b"\x01" * 200_000}) is not None


@pytest.mark.parametrize(("number", "passes"), [(99999, True), (-99999, True), (100000, False)])
def test_decimal_on_fixed_is_judged_by_its_digits(number: int, passes: bool) -> None:
    kind = {"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 5}
    found = compile_value_check(schema_of(kind))({"x": number.to_bytes(8, "big", signed=True)})
    assert (found is None) == passes


@given(st.uuids() | st.text(max_size=40) | st.sampled_from(["hex", "urn", "upper"]))
def test_uuid_passes_in_canonical_form_alone(drawn: UUID | str) -> None:
    check = compile_value_check(schema_of({"type": "string", "logicalType": "uuid"}))
    assert (check({"x": str(drawn)}) is None) == isinstance(drawn, UUID)


UUID_TEXT = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.mark.parametrize(
    "text", [UUID_TEXT.upper(), f"{{{UUID_TEXT}}}", UUID_TEXT.replace("-", ""), UUID_TEXT + "\n"]
)
def test_uuid_in_another_form_is_refused(text: str) -> None:
    check = compile_value_check(schema_of({"type": "string", "logicalType": "uuid"}))
    assert check({"x": text}) == ("x", "not a UUID in lower case with hyphens")


FAULTY: list[tuple[Any, Any]] = [
    ("double", math.nan), ("float", math.inf), ({"type": "double"}, -math.inf),
    ({"type": "int", "logicalType": "date"}, 2932897), (decimal(4), b"\x27\x10"),
    (decimal(4), b""), (decimal(4), b"\x00\x01"),
    ({"type": "string", "logicalType": "uuid"}, "330226199001011234"),
]  # fmt: skip
MAP_KEY = "王小明"


@st.composite
def buried_faults(draw: st.DrawFn) -> tuple[Schema, Any, str]:
    """A faulty value inside records, arrays, maps and unions; and the path it must be found at."""
    kind, value = draw(st.sampled_from(FAULTY))
    path = ""
    for level, wrapper in enumerate(
        draw(st.lists(st.sampled_from(["array", "map", "record", "null", "union"]), max_size=6))
    ):
        if wrapper == "array":
            kind, value, path = {"type": "array", "items": kind}, [value], "[]" + path
        elif wrapper == "map":
            kind, value, path = {"type": "map", "values": kind}, {MAP_KEY: value}, "{}" + path
        elif wrapper == "record":
            kind = {**schema_of(kind), "name": f"R{level}"}
            value, path = {"x": value}, ".x" + path
        elif not isinstance(kind, list):
            kind = ["null", kind] if wrapper == "null" else [kind, "boolean", "null"]
    return schema_of(kind), {"x": value}, "x" + path


@given(buried_faults())
def test_fault_is_found_at_its_path_without_value_or_map_key(
    buried: tuple[Schema, Any, str],
) -> None:
    schema, record, path = buried
    parsed = fastavro.parse_schema(plain_schema(schema))
    found = compile_value_check(schema)(decode(parsed, encode(parsed, record)))
    assert found is not None
    assert found[0] == path
    assert MAP_KEY not in str(found)
    assert "330226199001011234" not in str(found)


def test_fault_in_a_type_used_twice_is_found_in_both_places() -> None:
    point = {**schema_of("double"), "name": "Point", "namespace": "geo"}
    schema = schema_of("int") | {
        "fields": [{"name": "a", "type": point}, {"name": "b", "type": ["null", "geo.Point"]}],
    }
    check = compile_value_check(schema)
    good, bad = {"x": 1.0}, {"x": math.nan}
    assert check({"a": good, "b": good}) is None
    assert check({"a": good, "b": None}) is None
    assert check({"a": good, "b": bad}) == ("b.x", "not a finite number")
    assert check({"a": bad, "b": good}) == ("a.x", "not a finite number")


def test_union_with_a_referred_enum_is_checked_by_the_value() -> None:
    sex = {"type": "enum", "name": "Sex", "symbols": ["F", "M"]}
    schema = schema_of(sex)
    schema["fields"].append({"name": "y", "type": ["Sex", "double"]})
    check = compile_value_check(schema)
    assert check({"x": "F", "y": "M"}) is None
    assert check({"x": "F", "y": math.nan}) == ("y", "not a finite number")


def test_schema_with_nothing_to_check_gets_the_constant() -> None:
    inner = {**schema_of({"type": "array", "items": "bytes"}), "name": "Inner"}
    schema = schema_of(["null", "string", {"type": "map", "values": inner}])
    assert compile_value_check(schema) is nothing_to_check


def test_schema_that_lint_refuses_is_not_compiled() -> None:
    with pytest.raises(InvalidInput) as error:
        compile_value_check(schema_of(["double", "int"]))
    assert error.value.where == "x"
