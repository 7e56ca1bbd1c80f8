from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.governance.schema_lint import compile_value_check, lint_schema, plain_schema
from sharebus.producers.cell_values import compile_cells
from sharebus.producers.scalar_values import Mismatch
from sharebus.producers.values import compile_values

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.datetimes(
    min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=st.just(UTC)
)
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}
FIXED_DECIMAL = {
    "type": "fixed", "name": "Money", "size": 8, "logicalType": "decimal", "precision": 12,
    "scale": 2,
}  # fmt: skip
INNER = {
    "type": "record",
    "name": "Inner",
    "fields": [{"name": "n", "type": "int"}, {"name": "t", "type": ["null", "string"]}],
}
TYPES: dict[str, Any] = {
    "text": "string",
    "nullable": ["null", "string"],
    "whole": "int",
    "long": "long",
    "real": "double",
    "single": "float",
    "truth": "boolean",
    "octets": "bytes",
    "fixed": {"type": "fixed", "name": "F", "size": 4},
    "symbol": {"type": "enum", "name": "E", "symbols": ["a", "b"]},
    "day": {"type": "int", "logicalType": "date"},
    "hour": {"type": "long", "logicalType": "time-micros"},
    "hour_ms": {"type": "int", "logicalType": "time-millis"},
    "moment": {"type": "long", "logicalType": "timestamp-micros"},
    "moment_ms": {"type": "long", "logicalType": "timestamp-millis"},
    "local": {"type": "long", "logicalType": "local-timestamp-micros"},
    "amount": DECIMAL,
    "money": FIXED_DECIMAL,
    "uuid": {"type": "string", "logicalType": "uuid"},
    "items": {"type": "array", "items": "int"},
    "map": {"type": "map", "values": "string"},
    "inner": INNER,
    "inner_again": "Inner",
    "either": ["null", "boolean", "long", "string"],
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Row",
    "namespace": "test",
    "fields": [{"name": name, "type": kind} for name, kind in TYPES.items()],
}
INNERS = st.fixed_dictionaries({"n": st.integers(-(2**31), 2**31 - 1), "t": st.none() | TEXTS})
ROWS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "nullable": st.none() | TEXTS,
        "whole": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "real": st.floats(allow_nan=False, allow_infinity=False),
        "single": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "truth": st.booleans(),
        "octets": st.binary(),
        "fixed": st.binary(min_size=4, max_size=4),
        "symbol": st.sampled_from("ab"),
        "day": st.dates(),
        "hour": st.times(),
        "hour_ms": st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
        "moment": MOMENTS,
        "moment_ms": MOMENTS.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
        "local": MOMENTS.map(lambda t: t.replace(tzinfo=None)),
        "amount": st.decimals(-999_999_999, 999_999_999, places=3),
        "money": st.decimals(-999_999_999, 999_999_999, places=2),
        "uuid": st.uuids(),
        "items": st.lists(st.integers(-(2**31), 2**31 - 1)),
        "map": st.dictionaries(TEXTS, TEXTS),
        "inner": INNERS,
        "inner_again": INNERS,
        "either": st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXTS,
    }
)


def stored_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: convert(row[name]) for name, convert in compile_values(SCHEMA).items()}


def test_schema_of_these_tests_is_one_that_an_entry_may_have() -> None:
    assert lint_schema(SCHEMA) == []


@settings(deadline=None)
@given(row=ROWS)
def test_values_come_back_from_avro_as_they_were_given(row: dict[str, Any]) -> None:
    stored = stored_row(row)
    assert compile_value_check(SCHEMA)(stored) is None
    body = BytesIO()
    schemaless_writer(body, parse_schema(plain_schema(SCHEMA)), stored, strict=True)
    decoded = schemaless_reader(BytesIO(body.getvalue()), parse_schema(SCHEMA), None)
    assert isinstance(decoded, dict)
    assert {**decoded, "uuid": UUID(str(decoded["uuid"]))} == row


JSON_FORMS: list[tuple[str, Any, Any]] = [
    ("day", "2026-11-22", date(2026, 11, 22)),
    ("hour", "08:09:10.000001", time(8, 9, 10, 1)),
    ("moment", "2026-11-22T08:00:00+08:00", datetime(2026, 11, 22, tzinfo=UTC)),
    ("moment", "2026-11-22 00:00:00Z", datetime(2026, 11, 22, tzinfo=UTC)),
    ("local", "2026-11-22T08:00:00", datetime(2026, 11, 22, 8)),
    ("amount", "12.30", Decimal("12.3")),
    ("amount", 12, Decimal(12)),
    ("uuid", "00000000-0000-0000-0000-00000000000a", UUID(int=10)),
    ("octets", "AAE=", b"\0\1"),
    ("real", Decimal("0.1"), 0.1),
    ("real", 5, 5.0),
]  # fmt: skip


@pytest.mark.parametrize(("field", "given_form", "python_form"), JSON_FORMS)
def test_json_form_is_stored_as_the_python_form(
    field: str, given_form: Any, python_form: Any
) -> None:
    convert = compile_values(SCHEMA)[field]
    assert convert(given_form) == convert(python_form)


WRONG: list[tuple[str, Any]] = [
    ("text", None), ("text", 1), ("text", b"x"), ("text", "\ud800"),
    ("whole", True), ("whole", 1.0), ("whole", "1"), ("whole", 2**31), ("whole", -(2**31) - 1),
    ("long", 2**63), ("real", True), ("real", "1"), ("real", float("nan")),
    ("real", float("inf")), ("real", Decimal("1e400")), ("real", 2**53 + 1), ("single", 1e39),
    ("truth", 1), ("truth", "true"), ("octets", "not base64!"), ("fixed", b"abc"),
    ("symbol", "c"), ("symbol", None),
    ("day", 1), ("day", datetime(2026, 1, 1)), ("day", "20261122"), ("day", "2026-02-30"),
    ("day", "２０２６-11-22"), ("hour", "25:00:00"), ("hour", "08:00"),
    ("hour_ms", time(0, 0, 0, 1)),
    ("moment", datetime(2026, 1, 1)), ("moment", "2026-01-01T00:00:00"), ("moment", 0),
    ("moment", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8)))),
    ("moment_ms", "2026-01-01T00:00:00.000001Z"),
    ("local", "2026-01-01T00:00:00Z"),
    ("amount", 1.5), ("amount", "1.2345"), ("amount", Decimal("1e9")), ("amount", "1e3"),
    ("amount", Decimal("1E+999999999")), ("amount", Decimal("NaN")), ("amount", "١"),
    ("amount", True), ("uuid", "0000000000000000000000000000000a"),
    ("uuid", "00000000-0000-0000-0000-00000000000A"),
    ("items", "12"), ("items", [1, "2"]), ("map", {"a": 1}), ("map", []), ("map", {"\ud800": "a"}),
    ("inner", {"n": 1}), ("inner", {"n": 1, "t": None, "x": 1}), ("inner", {"n": "1", "t": None}),
    ("either", 1.5), ("either", []),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_value_of_another_type_is_refused(field: str, value: Any) -> None:
    convert = compile_values(SCHEMA)[field]
    with pytest.raises(Mismatch):
        convert(value)


def test_mismatch_deep_inside_names_the_path() -> None:
    schema = {
        "type": "record",
        "name": "Row",
        "fields": [{"name": "a", "type": {"type": "array", "items": INNER}}],
    }
    convert = compile_values(schema)["a"]
    with pytest.raises(Mismatch) as mismatch:
        convert([{"n": 1, "t": None}, {"n": "1", "t": None}])
    assert mismatch.value.path == "[1].n"


SIMPLE = [name for name in TYPES if name not in ("items", "map", "inner", "inner_again", "either")]
CELL_FORMS: list[tuple[str, str, Any]] = [
    ("text", "", ""), ("text", " a ", " a "), ("nullable", "", None), ("nullable", " ", " "),
    ("whole", "-12", -12), ("whole", "0", 0), ("long", str(2**63 - 1), 2**63 - 1),
    ("real", "-1.5e3", -1500.0), ("truth", "TRUE", True), ("truth", "false", False),
    ("symbol", "a", "a"), ("day", "1970-01-02", 1), ("amount", "-0.128", b"\x80"),
    ("octets", "AAE=", b"\0\1"), ("moment", "1970-01-01T00:00:01Z", 1_000_000),
]  # fmt: skip


def test_cells_leave_out_what_a_cell_cannot_hold() -> None:
    assert list(compile_cells(SCHEMA)) == SIMPLE


@pytest.mark.parametrize(("field", "text", "stored"), CELL_FORMS)
def test_cell_is_read_as_its_field_says(field: str, text: str, stored: Any) -> None:
    assert compile_cells(SCHEMA)[field](text) == stored


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("whole", ""), ("whole", "007"), ("whole", "+5"), ("whole", "1_000"), ("whole", " 1"),
        ("whole", "１２"), ("whole", "-0"), ("whole", "1.0"), ("whole", str(2**31)),
        ("whole", "9" * 5000), ("real", "nan"), ("real", "inf"), ("real", "1e999"),
        ("real", ".5"), ("real", "1,5"), ("truth", "1"), ("truth", "是"), ("truth", ""),
        ("symbol", ""), ("day", ""), ("amount", ""),
    ],
)  # fmt: skip
def test_cell_that_is_not_of_its_field_is_refused(field: str, text: str) -> None:
    convert = compile_cells(SCHEMA)[field]
    with pytest.raises(Mismatch):
        convert(text)


@settings(deadline=None)
@given(text=TEXTS)
def test_text_cell_is_taken_byte_for_byte(text: str) -> None:
    cells = compile_cells(SCHEMA)
    assert cells["text"](text) == text
    assert cells["nullable"](text) == (text or None)
