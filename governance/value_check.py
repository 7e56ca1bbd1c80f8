"""Checks of decoded values that an Avro decoder does not make, compiled from the schema.

The gate decodes by a *plain* schema, one without logical types: a date stays an int and a decimal
stays bytes, which is faster, loses nothing and cannot raise. What the logical types promise is then
checked here, and so is that numbers are finite.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from sharebus.governance.avro_types import PRIMITIVES, full_name

Fault = tuple[str, str]
ValueCheck = Callable[[dict[str, Any]], Fault | None]
_Check = Callable[[Any], Fault | None]


class _Leaf(NamedTuple):
    """A type without parts: a value passes or has the one fault of its type."""

    passes: Callable[[Any], object]
    reason: str


_SECONDS_FROM_YEAR_1: Final = -62_135_596_800  # 0001-01-01T00:00:00 to 1970
_SECONDS_TO_YEAR_9999: Final = 253_402_300_800  # 1970 to the end of 9999
_DAY_SECONDS: Final = 86_400
_YEARS: Final = "outside the years 0001 to 9999"


def _range(first_second: int, end_second: int, parts: int, reason: str) -> _Leaf:
    # Membership in a range of ints is two comparisons in C.
    return _Leaf(range(first_second * parts, end_second * parts).__contains__, reason)


def _instants(parts: int) -> _Leaf:
    return _range(_SECONDS_FROM_YEAR_1, _SECONDS_TO_YEAR_9999, parts, _YEARS)


_FINITE: Final = _Leaf(math.isfinite, "not a finite number")
_LEAVES: Final[Mapping[str, _Leaf]] = {
    "float": _FINITE,
    "double": _FINITE,
    "date": _range(
        _SECONDS_FROM_YEAR_1 // _DAY_SECONDS, _SECONDS_TO_YEAR_9999 // _DAY_SECONDS, 1, _YEARS
    ),
    "time-millis": _range(0, _DAY_SECONDS, 1_000, "not a time of day"),
    "time-micros": _range(0, _DAY_SECONDS, 1_000_000, "not a time of day"),
    "timestamp-millis": _instants(1_000),
    "timestamp-micros": _instants(1_000_000),
    "local-timestamp-millis": _instants(1_000),
    "local-timestamp-micros": _instants(1_000_000),
    "uuid": _Leaf(
        re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch,
        "not a UUID in lower case with hyphens",
    ),
}
_PYTHON_TYPES: Final = {
    "boolean": bool, "int": int, "long": int, "float": float, "double": float, "string": str,
    "enum": str, "bytes": bytes, "fixed": bytes, "array": list, "map": dict, "record": dict,
}  # fmt: skip


def nothing_to_check(record: dict[str, Any]) -> None:
    """The check of a schema whose types promise nothing beyond what decoding ensures."""


def compile_record_check(schema: Mapping[str, Any]) -> ValueCheck:
    """``schema_lint.compile_value_check`` for a schema that ``lint_schema`` is known to pass."""
    check = _Compiler().compile_record(schema, schema.get("namespace", ""), lead="")
    return check or nothing_to_check


class _Compiler:
    """Turns types into leaves and checks, and into None where there is nothing to check."""

    def __init__(self) -> None:
        self._named: dict[str, _Leaf | _Check | None] = {}
        self._kinds: dict[str, str] = {}

    def compile_record(self, node: Mapping[str, Any], namespace: str, lead: str) -> _Check | None:
        inner = full_name(node["name"], namespace).rpartition(".")[0]
        leaves = []
        checks = []
        for field in node["fields"]:
            compiled = self._compile(field["type"], inner)
            path = lead + field["name"]
            if isinstance(compiled, _Leaf):
                leaves.append((field["name"], compiled.passes, (path, compiled.reason)))
            elif compiled is not None:
                checks.append((field["name"], compiled, path))
        return _record(leaves, checks) if leaves or checks else None

    def _compile(self, node: Any, namespace: str) -> _Leaf | _Check | None:
        if isinstance(node, list):
            return self._compile_union(node, namespace)
        if isinstance(node, str):
            return (
                _LEAVES.get(node) if node in PRIMITIVES else self._named[full_name(node, namespace)]
            )
        if node["type"] == "array":
            return _items(self._compile(node["items"], namespace), "[]")
        if node["type"] == "map":
            return _values(_items(self._compile(node["values"], namespace), "{}"))
        if node["type"] in PRIMITIVES:
            return _leaf(node)
        own = node.get("namespace", namespace)
        compiled = self.compile_record(node, own, ".") if node["type"] == "record" else _leaf(node)
        full = full_name(node["name"], own)
        self._named[full] = compiled
        self._kinds[full] = node["type"]
        return compiled

    def _compile_union(self, branches: list[Any], namespace: str) -> _Leaf | _Check | None:
        present = [branch for branch in branches if branch != "null"]
        compiled = [self._compile(branch, namespace) for branch in present]
        if len(present) == 1:
            return compiled[0]  # whoever holds a value skips None
        kinds = [
            branch["type"]
            if isinstance(branch, dict)
            else self._kinds.get(full_name(branch, namespace), branch)
            for branch in present
        ]
        checks = {
            _PYTHON_TYPES[kind]: _as_check(check)
            for kind, check in zip(kinds, compiled, strict=True)
            if check is not None
        }
        return _union(checks) if checks else None


def _leaf(node: dict[str, Any]) -> _Leaf | None:
    logical = node.get("logicalType", node["type"])
    if logical != "decimal":
        return _LEAVES.get(logical)
    limit = 10 ** int(node["precision"])
    reason = f"not a decimal of at most {node['precision']} digits"
    if node["type"] == "fixed":
        return _Leaf(_decimal_of_size(limit), reason)
    return _Leaf(_shortest_decimal(limit), f"{reason} in its shortest form")


def _decimal_of_size(limit: int) -> Callable[[bytes], bool]:
    return lambda value: -limit < int.from_bytes(value, "big", signed=True) < limit


def _shortest_decimal(limit: int) -> Callable[[bytes], bool]:
    length_max = limit.bit_length() // 8 + 1

    def passes(value: bytes) -> bool:
        if len(value) > length_max:  # before the work that a long one would make
            return False
        number = int.from_bytes(value, "big", signed=True)
        # fastavro takes one byte more than the shortest for -128, -32768 and so on: both pass.
        return -limit < number < limit and (
            len(value) == number.bit_length() // 8 + 1
            or (number < 0 and len(value) == (~number).bit_length() // 8 + 1)
        )

    return passes


def _as_check(compiled: _Leaf | _Check) -> _Check:
    if not isinstance(compiled, _Leaf):
        return compiled
    passes, fault = compiled.passes, ("", compiled.reason)
    return lambda value: None if passes(value) else fault


def _record(
    leaves: list[tuple[str, Callable[[Any], object], Fault]],
    checks: list[tuple[str, _Check, str]],
) -> _Check:
    def check_record(record: dict[str, Any]) -> Fault | None:
        for name, passes, fault in leaves:
            value = record[name]
            if value is not None and not passes(value):
                return fault
        for name, check, path in checks:
            value = record[name]
            if value is not None and (found := check(value)) is not None:
                return path + found[0], found[1]
        return None

    return check_record


def _items(compiled: _Leaf | _Check | None, mark: str) -> _Check | None:
    if compiled is None:
        return None
    check = _as_check(compiled)

    def check_items(items: Iterable[Any]) -> Fault | None:
        for item in items:
            if item is not None and (found := check(item)) is not None:
                return mark + found[0], found[1]
        return None

    return check_items


def _values(check: _Check | None) -> _Check | None:
    return None if check is None else lambda values: check(values.values())


def _union(checks: dict[type, _Check]) -> _Check:
    def check_branch(value: Any) -> Fault | None:
        check = checks.get(type(value))
        return None if check is None else check(value)

    return check_branch
