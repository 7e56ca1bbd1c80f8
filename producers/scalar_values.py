"""Conversions of single values: texts, numbers, dates, times, decimals, bytes; exact or refused."""

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

Convert = Callable[[Any], Any]
"""Gives the value that Avro stores, or raises :class:`Mismatch`."""


class Mismatch(Exception):
    """The value is not of its field's type. ``path`` leads into arrays, maps and records."""

    def __init__(self, expected: str, path: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path


_DAY: Final = date(1970, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1)
_UNIT: Final = {"millis": timedelta(milliseconds=1), "micros": timedelta(microseconds=1)}
# Narrower than what fromisoformat takes: 20261122 or 2026-W47-7 may be slips.
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
_TIMESTAMP: Final = re.compile(
    rf"{_DATE.pattern}[T ]{_TIME.pattern}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?"
)
_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def compile_leaf(kind: str, node: Mapping[str, Any]) -> Convert:
    """The conversion for a type without parts; ``node`` has its logical type, size or symbols."""
    logical = str(node.get("logicalType", ""))
    if logical == "decimal":
        return _decimal(node)
    if logical == "date":
        return _to_days
    if logical == "uuid":
        return _to_uuid
    if logical.startswith("time-"):
        return _time_of_day(_UNIT[logical.removeprefix("time-")])
    if logical:  # timestamp-… and local-timestamp-…
        return _timestamp(_UNIT[logical.rpartition("-")[2]], logical.startswith("local-"))
    match kind:
        case "string":
            return to_text
        case "int":
            return _integer(1 << 31)
        case "long":
            return _integer(1 << 63)
        case "float" | "double":
            return _floating("<f" if kind == "float" else "<d")
        case "boolean":
            return _to_truth
        case "enum":
            return _symbol(node["symbols"])
        case "fixed":
            return _octets(int(node["size"]))
        case _:
            return _octets(None)


def to_text(value: Any) -> str:
    """The text itself; what is not a text, or not Unicode, is no value of a string field."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Mismatch("text without halves of surrogate pairs") from None
        return value
    raise Mismatch("a text")


def _integer(limit: int) -> Convert:
    expected = f"a whole number from {-limit} to {limit - 1}"

    def to_integer(value: Any) -> int:
        if type(value) is int and -limit <= value < limit:
            return value
        raise Mismatch(expected)

    return to_integer


def _floating(packed: str) -> Convert:
    def to_floating(value: Any) -> float:
        if type(value) in (float, int, Decimal):
            try:
                number = float(value)
                struct.pack(packed, number)  # OverflowError beyond the largest float
            except OverflowError:
                number = math.inf
            if math.isfinite(number) and (type(value) is not int or int(number) == value):
                return number
        raise Mismatch("a finite number")

    return to_floating


def _to_truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise Mismatch("true or false")


def _symbol(symbols: Iterable[str]) -> Convert:
    allowed = tuple(symbols)
    known = frozenset(allowed)
    expected = f"one of {', '.join(allowed[:12])}" + (", …" if len(allowed) > 12 else "")

    def to_symbol(value: Any) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise Mismatch(expected)

    return to_symbol


def _octets(size: int | None) -> Convert:
    expected = "base64" if size is None else f"{size} bytes, in base64"

    def to_octets(value: Any) -> bytes:
        try:
            octets = base64.b64decode(value, validate=True) if isinstance(value, str) else value
        except (binascii.Error, ValueError):
            raise Mismatch(expected) from None
        if isinstance(octets, bytes) and size in (None, len(octets)):
            return octets
        raise Mismatch(expected)

    return to_octets


def _to_days(value: Any) -> int:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise Mismatch("a day that exists, YYYY-MM-DD") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return (value - _DAY).days
    raise Mismatch("a date, YYYY-MM-DD")


def _to_uuid(value: Any) -> str:
    text = str(value) if isinstance(value, UUID) else value
    try:
        if isinstance(text, str) and str(UUID(text)) == text:
            return text
    except ValueError:
        pass
    raise Mismatch("a UUID in lower case with hyphens")


def _time_of_day(unit: timedelta) -> Convert:
    def to_units(value: Any) -> int:
        if isinstance(value, str) and _TIME.fullmatch(value):
            try:
                value = time.fromisoformat(value)
            except ValueError:
                raise Mismatch("a time of day that exists, HH:MM:SS") from None
        if isinstance(value, time) and value.tzinfo is None:
            return _whole_units(datetime.combine(_DAY, value) - _EPOCH, unit)
        raise Mismatch("a time of day, HH:MM:SS")

    return to_units


def _timestamp(unit: timedelta, is_local: bool) -> Convert:
    example = "2026-11-22T08:00:00" + ("" if is_local else "+08:00")
    expected = f"a time {'without' if is_local else 'with'} offset, like {example}"

    def to_units(value: Any) -> int:
        if isinstance(value, str) and not _TIMESTAMP.fullmatch(value):
            raise Mismatch(expected)
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if not isinstance(moment, datetime) or (moment.tzinfo is None) != is_local:
                raise Mismatch(expected)
            naive = moment if is_local else moment.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):  # 30 February; the year 0 in UTC
            raise Mismatch(expected) from None
        return _whole_units(naive - _EPOCH, unit)

    return to_units


def _whole_units(span: timedelta, unit: timedelta) -> int:
    units, rest = divmod(span, unit)
    if rest:
        raise Mismatch("milliseconds, not finer")
    return units


def _decimal(node: Mapping[str, Any]) -> Convert:
    precision, scale = int(node["precision"]), int(node.get("scale", 0))
    size = node.get("size")
    expected = f"a decimal of at most {precision} digits, {scale} of them after the point"

    def to_unscaled(value: Any) -> bytes:
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise Mismatch(expected)
        if type(value) not in (str, int, Decimal):
            raise Mismatch(expected)
        number = _unscaled(value, precision, scale)
        if number is None:
            raise Mismatch(expected)
        # The shortest two's complement that holds the number.
        shortest = (number if number >= 0 else ~number).bit_length() // 8 + 1
        return number.to_bytes(size or shortest, "big", signed=True)

    return to_unscaled


def _unscaled(value: str | int | Decimal, precision: int, scale: int) -> int | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # The size first: 1E+999999999 is a short text of a number that fills the memory.
    if not number.is_finite() or number.adjusted() >= precision:
        return None
    sign, digits, exponent = number.as_tuple()
    shift = int(exponent) + scale
    text = "".join(map(str, digits))
    if shift < 0 and text[shift:].strip("0"):
        return None
    unscaled = int(text[:shift] or "0") if shift < 0 else int(text) * 10**shift
    return (-unscaled if sign else unscaled) if unscaled < 10**precision else None
