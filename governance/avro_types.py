"""What Avro 1.11 knows, and the rules about one definition that need no walk through a schema.

A rule is a generator of findings: what is wrong, what would be right, what is there. Nothing here
recurses deeper than the JSON it is given, which ``schema_text`` bounds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SYMBOLS_MAX: Final = 1_000
FIXED_BYTES_MAX: Final = 1_024
PRECISION_MAX: Final = 38
NAME_CHARACTERS_MAX: Final = 128
DOC_CHARACTERS_MAX: Final = 2_000

PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)
NAMED: Final = frozenset({"record", "enum", "fixed"})
KINDS: Final = PRIMITIVES | NAMED | {"array", "map"}
LOGICAL_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "date": frozenset({"int"}),
    "time-millis": frozenset({"int"}),
    "time-micros": frozenset({"long"}),
    "timestamp-millis": frozenset({"long"}),
    "timestamp-micros": frozenset({"long"}),
    "local-timestamp-millis": frozenset({"long"}),
    "local-timestamp-micros": frozenset({"long"}),
    "decimal": frozenset({"bytes", "fixed"}),
    "uuid": frozenset({"string"}),
}
_INTEGER_BITS: Final = {"int": 31, "long": 63}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Finding = tuple[str, str, object]


@dataclass(frozen=True, slots=True)
class NamedType:
    """A record, enum or fixed that later types refer to by its full name.

    ``namespace`` is the one that names inside it are looked up in; ``height`` counts the records,
    arrays and maps from it down; ``sound`` tells that nothing in it was found wrong.
    """

    definition: dict[str, Any]
    namespace: str
    height: int
    sound: bool


def full_name(name: str, namespace: str) -> str:
    """The full name of a type that is called ``name`` within ``namespace``."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


def is_name(name: object) -> bool:
    """Whether this may name a field or a symbol: no dots, no dunder, not too long."""
    return (
        isinstance(name, str)
        and len(name) <= NAME_CHARACTERS_MAX
        and _NAME.fullmatch(name) is not None
        and not name.startswith("__")
    )


def is_full_name(name: object) -> bool:
    """Whether this may name a type or a namespace: names joined by dots."""
    return (
        isinstance(name, str)
        and len(name) <= NAME_CHARACTERS_MAX
        and all(is_name(part) for part in name.split("."))
    )


def attribute_findings(definition: dict[str, Any]) -> Iterator[Finding]:
    """Attributes that no type and no field may carry."""
    for key in definition:
        # fastavro takes a schema with "__fastavro_parsed" as already checked.
        if key.startswith("__"):
            yield "an attribute reserved for programs", "no attribute that begins with __", key
    if "aliases" in definition:
        yield "aliases", "none: a withheld field could come back by one", definition["aliases"]
    doc = definition.get("doc", "")
    if not isinstance(doc, str) or len(doc) > DOC_CHARACTERS_MAX:
        yield "doc", f"a text of at most {DOC_CHARACTERS_MAX} characters", doc


def logical_type_findings(definition: dict[str, Any], kind: str) -> Iterator[Finding]:
    """A logical type must be known, stand on a type that can carry it and be complete."""
    if "logicalType" not in definition:
        return
    logical = definition["logicalType"]
    if not isinstance(logical, str) or logical not in LOGICAL_TYPES:
        yield "unknown logical type", ", ".join(LOGICAL_TYPES), logical
    elif kind not in LOGICAL_TYPES[logical]:
        yield f"logical type {logical} on {kind}", " or ".join(sorted(LOGICAL_TYPES[logical])), kind
    elif logical == "decimal":
        precision_max = PRECISION_MAX
        if kind == "fixed" and is_integer(definition.get("size"), 1, FIXED_BYTES_MAX):
            precision_max = min(precision_max, len(str(1 << (8 * definition["size"] - 1))) - 1)
        precision: Any = definition.get("precision")
        if not is_integer(precision, 1, precision_max):
            yield "precision of a decimal", f"1 to {precision_max} digits", precision
        elif not is_integer(definition.get("scale", 0), 0, precision):
            yield "scale of a decimal", f"0 to {precision} digits", definition["scale"]


def enum_findings(definition: dict[str, Any]) -> Iterator[Finding]:
    """Symbols are names, each once, not too many; the default is one of them."""
    symbols = definition.get("symbols")
    if not isinstance(symbols, list) or not 1 <= len(symbols) <= SYMBOLS_MAX:
        yield "symbols of an enum", f"a list of 1 to {SYMBOLS_MAX}", symbols
        return
    wrong = [symbol for symbol in symbols if not is_name(symbol)]
    if wrong:
        yield "symbols of an enum", "names: letters, digits, _", wrong
    elif len(set(symbols)) < len(symbols):
        yield "symbols of an enum", "each symbol once", sorted(symbols)
    if "default" in definition and definition["default"] not in symbols:
        yield "default of an enum", "one of its symbols", definition["default"]


def default_fits(
    value: object, node: object, namespace: str, named: Mapping[str, NamedType]
) -> bool:
    """Whether ``value`` is a default of the type ``node``, which itself has no problem.

    The default of a union belongs to its first branch, as Avro up to 1.11 has it. A named type that
    is not sound is given the benefit of the doubt: its own problems come first.
    """
    if isinstance(node, list):
        return default_fits(value, node[0], namespace, named)
    if isinstance(node, str) and node not in PRIMITIVES:
        referred = named[full_name(node, namespace)]
        return _named_default_fits(value, referred, named)
    definition: dict[str, Any] = node if isinstance(node, dict) else {"type": node}
    match definition["type"]:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long" as kind:
            limit = 1 << _INTEGER_BITS[kind]
            return is_integer(value, -limit, limit - 1)
        case "float" | "double":
            # fastavro wants 0.0, not 0, where the type is written as an object.
            is_float = isinstance(value, float)
            return is_float or (isinstance(node, str) and _is_plain_integer(value))
        case "string":
            return isinstance(value, str)
        case "bytes":
            return _is_octets(value)
        case "array":
            items = definition["items"]
            return isinstance(value, list) and all(
                default_fits(item, items, namespace, named) for item in value
            )
        case "map":
            values = definition["values"]
            return isinstance(value, dict) and all(
                default_fits(item, values, namespace, named) for item in value.values()
            )
        case _:
            inner = full_name(definition["name"], definition.get("namespace", namespace))
            return _named_default_fits(value, named[inner], named)


def _named_default_fits(value: object, named: NamedType, others: Mapping[str, NamedType]) -> bool:
    definition = named.definition
    if not named.sound:
        return True
    if definition["type"] == "enum":
        return value in definition["symbols"]
    if definition["type"] == "fixed":
        return _is_octets(value) and len(str(value)) == definition["size"]
    fields = {field["name"]: field for field in definition["fields"]}
    return (
        isinstance(value, dict)
        and value.keys() <= fields.keys()
        and all(
            default_fits(value[name], field["type"], named.namespace, others)
            if name in value
            else "default" in field
            for name, field in fields.items()
        )
    )


def is_integer(value: object, low: int, high: int) -> bool:
    """Whether this is a whole number, and no boolean, from ``low`` to ``high``."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_plain_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_octets(value: object) -> bool:
    return isinstance(value, str) and all(ord(character) < 256 for character in value)
