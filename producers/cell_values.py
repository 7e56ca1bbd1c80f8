"""Reads CSV cells as values: the text of a cell becomes what JSON would have given.

Texts are taken byte for byte: nothing is trimmed, folded or corrected. An empty cell is null where
the field may be null, and the empty text in a text field that may not.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from sharebus.governance.avro_types import PRIMITIVES, full_name
from sharebus.producers.scalar_values import Convert, Mismatch
from sharebus.producers.values import compile_values

# Narrower than int() and float(), which take "１２", "1_000", " 12 ", "+5" and "inf". A leading
# zero means that the column is a code and no number, and would be lost.
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_TRUTHS: Final = {"true": True, "false": False}


def compile_cells(avro_schema: Mapping[str, Any]) -> dict[str, Convert]:
    """The conversion of a cell's text, for each field of a record schema that a cell can hold.

    Left out are fields that have parts (arrays, maps, records) or a choice of types.
    """
    to_values = compile_values(avro_schema)
    record = full_name(avro_schema["name"], str(avro_schema.get("namespace", "")))
    namespace = record.rpartition(".")[0]
    kinds: dict[str, str] = {}
    cells: dict[str, Convert] = {}
    for field in avro_schema["fields"]:
        node, name = field["type"], field["name"]
        branches = node if isinstance(node, list) else [node]
        present = [branch for branch in branches if branch != "null"]
        parsers = [_parser(branch, kinds, namespace) for branch in present]
        parse = parsers[0] if len(parsers) == 1 else None
        is_nullable = "null" in branches
        if present == ["string"]:
            # What a strictly decoded file holds is text: nothing to convert, nothing to check.
            cells[name] = _text_or_null if is_nullable else str
        elif parse is not None:
            cells[name] = _cell(parse, to_values[name], is_nullable=is_nullable)
    return cells


def _text_or_null(text: str) -> str | None:
    return text or None


def _cell(parse: Convert, to_value: Convert, *, is_nullable: bool) -> Convert:
    if is_nullable:
        return lambda text: to_value(parse(text) if text else None)
    return lambda text: to_value(parse(text))


def _parser(node: Any, kinds: dict[str, str], namespace: str) -> Convert | None:
    """How a cell of the type is read; None if a cell cannot hold one."""
    if isinstance(node, str):
        kind = node if node in PRIMITIVES else kinds[full_name(node, namespace)]
    else:
        kind = node["type"]
        if kind in ("record", "enum", "fixed"):
            kinds[full_name(node["name"], node.get("namespace", namespace))] = kind
        if "logicalType" in node:
            kind = "string"  # dates, times and decimals are texts to their conversions
    match kind:
        case "int" | "long":
            return _to_integer
        case "float" | "double":
            return _to_number
        case "boolean":
            return _to_truth
        case "record" | "array" | "map":
            return None
        case _:
            return lambda text: text


def _to_integer(text: str) -> int:
    if _INTEGER.fullmatch(text):
        return int(text)
    raise Mismatch("a whole number in digits 0–9, without leading zeros")


def _to_number(text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    raise Mismatch("a number like -12.5 or 3e8")


def _to_truth(text: str) -> bool:
    truth = _TRUTHS.get(text.lower())
    if truth is None:
        raise Mismatch("true or false")
    return truth
