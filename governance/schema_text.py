"""Makes sure that a schema is JSON of bounded size and depth before anything recurses into it."""

import json
import math
from typing import Final

from sharebus.governance.avro_types import Finding

TEXT_BYTES_MAX: Final = 64 * 1_024
# A record takes four levels of JSON (object, list of fields, field, union); DEPTH_MAX records take
# 32, and a default of that type less than as much again.
JSON_DEPTH_MAX: Final = 64


def decode_schema_text(text: str) -> tuple[object, list[Finding]]:
    """What the JSON text of a schema holds, and what is wrong with the text itself."""
    if len(text) > TEXT_BYTES_MAX:
        return None, [_too_large(len(text))]
    findings: list[Finding] = []

    def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
        # Parsers differ in which of two equal keys they keep: two readers would see two schemas.
        decoded = dict(pairs)
        if len(decoded) < len(pairs):
            findings.append(("a key stands twice in one object", "each key once", list(decoded)))
        return decoded

    try:
        return json.loads(text, object_pairs_hook=unique_keys), findings
    except ValueError as error:
        return None, [("not JSON", "the JSON text of an Avro schema", str(error))]
    except RecursionError:
        return None, [_too_deep()]


def bound_findings(schema: object) -> list[Finding]:
    """What keeps a decoded schema from being JSON within the bounds; never recurses unbounded."""
    pending: list[tuple[object, int]] = [(schema, 1)]
    visited = 0
    while pending:
        value, depth = pending.pop()
        visited += 1
        if depth > JSON_DEPTH_MAX:
            return [_too_deep()]
        # Each value takes a byte of text at least. Python objects may share parts, text may not.
        if visited > TEXT_BYTES_MAX:
            return [_too_large(visited)]
        if isinstance(value, dict):
            if not all(_is_json_text(key) for key in value):
                return [("not JSON", "keys that are text", list(value))]
            pending.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list):
            pending.extend((inner, depth + 1) for inner in value)
        elif not _is_json_scalar(value):
            return [("not JSON", "text, true, false, null, finite and 64-bit numbers", value)]
    size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode())
    return [_too_large(size)] if size > TEXT_BYTES_MAX else []


def _too_large(size: int) -> Finding:
    return "schema too large", f"at most {TEXT_BYTES_MAX} bytes of JSON", size


def _too_deep() -> Finding:
    return "schema nested too deep", f"at most {JSON_DEPTH_MAX} levels of JSON", "more"


def _is_json_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(1 << 63) <= value < 1 << 63
    return value is None or _is_json_text(value)


def _is_json_text(value: object) -> bool:
    # Half of a surrogate pair can be written in JSON but is no character.
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)
