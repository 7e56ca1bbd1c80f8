"""Turns what a provider gives into the values that Avro stores, exactly or not at all.

fastavro would write 1.5 as the int 1 and True as 1; here a value that is not of its field's type is
refused. Logical types become what they are stored as (a date is a number of days), since values are
encoded by the plain schema, as the gate decodes them.
"""

from collections.abc import Mapping
from typing import Any

from sharebus.governance.avro_types import PRIMITIVES, full_name
from sharebus.producers.scalar_values import Convert, Mismatch, compile_leaf, to_text


def compile_values(avro_schema: Mapping[str, Any]) -> dict[str, Convert]:
    """For each field of a record schema, the conversion of Python or JSON values.

    The schema must be one that ``governance.schema_lint`` lets pass. Bytes in JSON are base64;
    dates, times and timestamps ISO 8601; decimals numbers or texts.
    """
    return _Compiler().fields(avro_schema, str(avro_schema.get("namespace", "")))


class _Compiler:
    def __init__(self) -> None:
        self._named: dict[str, Convert] = {}

    def fields(self, node: Mapping[str, Any], namespace: str) -> dict[str, Convert]:
        inner = full_name(node["name"], namespace).rpartition(".")[0]
        return {field["name"]: self._compile(field["type"], inner) for field in node["fields"]}

    def _compile(self, node: Any, namespace: str) -> Convert:
        if isinstance(node, list):
            return self._union(node, namespace)
        if isinstance(node, str):
            if node not in PRIMITIVES:
                return self._named[full_name(node, namespace)]
            node = {"type": node}
        kind = node["type"]
        if kind == "array":
            return _array(self._compile(node["items"], namespace))
        if kind == "map":
            return _map(self._compile(node["values"], namespace))
        if kind not in ("record", "enum", "fixed"):
            return compile_leaf(kind, node)
        own = node.get("namespace", namespace)
        convert = _record(self.fields(node, own)) if kind == "record" else compile_leaf(kind, node)
        self._named[full_name(node["name"], own)] = convert
        return convert

    def _union(self, branches: list[Any], namespace: str) -> Convert:
        present = [self._compile(branch, namespace) for branch in branches if branch != "null"]
        is_nullable = "null" in branches
        if len(present) == 1 and is_nullable:
            convert = present[0]
            return lambda value: None if value is None else convert(value)

        def first_that_fits(value: Any) -> Any:
            if value is None and is_nullable:
                return None
            expected = []
            for convert in present:
                try:
                    return convert(value)
                except Mismatch as mismatch:
                    expected.append(mismatch.expected)
            raise Mismatch(" or ".join(expected))

        return first_that_fits


def _array(convert: Convert) -> Convert:
    def to_items(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Mismatch("an array")
        return [_at(convert, item, f"[{index}]") for index, item in enumerate(value)]

    return to_items


def _map(convert: Convert) -> Convert:
    def to_map(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Mismatch("an object")
        return {to_text(name): _at(convert, item, f".{name}") for name, item in value.items()}

    return to_map


def _record(fields: Mapping[str, Convert]) -> Convert:
    names = ", ".join(fields)

    def to_record(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or value.keys() != fields.keys():
            raise Mismatch(f"an object with exactly {names}")
        return {name: _at(fields[name], value[name], f".{name}") for name in fields}

    return to_record


def _at(convert: Convert, value: Any, step: str) -> Any:
    try:
        return convert(value)
    except Mismatch as mismatch:
        raise Mismatch(mismatch.expected, step + mismatch.path) from None
