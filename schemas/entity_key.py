"""The Kafka key of an entity: the text of its key fields, joined by ``|``.

A ``|`` or ``\\`` inside a value is escaped by ``\\``, so different entities never share a key.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def compile_entity_key(key_fields: Sequence[str]) -> Callable[[Mapping[str, Any]], bytes]:
    """A function from a decoded row to its key (UTF-8 bytes)."""
    if len(key_fields) == 1:
        name = key_fields[0]

        def single(row: Mapping[str, Any]) -> bytes:
            text = str(row[name])
            return (_escape(text) if "|" in text or "\\" in text else text).encode()

        return single
    names = tuple(key_fields)

    def joined(row: Mapping[str, Any]) -> bytes:
        return "|".join(_escape(str(row[name])) for name in names).encode()

    return joined


def split_entity_key(key: bytes) -> list[str]:
    """The texts of the key fields again."""
    parts, text, escaped = [], [], False
    for char in key.decode():
        if escaped:
            text.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "|":
            parts.append("".join(text))
            text = []
        else:
            text.append(char)
    parts.append("".join(text))
    return parts


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def is_entity_key(key: bytes, field_count: int) -> bool:
    """Whether the key could be that of an entity with so many key fields."""
    try:
        parts = split_entity_key(key)
    except UnicodeDecodeError:
        return False
    return len(parts) == field_count and "|".join(map(_escape, parts)).encode() == key
