"""Schemas that pass the lint, with data of theirs, as hypothesis draws them."""

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
KIND_GROUPS = [
    ["boolean"],
    ["int", "long", "float", "double", "date", "time-millis", "time-micros", "timestamp-millis",
     "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros"],
    ["string", "uuid", "enum"],
    ["bytes", "decimal", "fixed", "decimal-fixed", "array"],
    ["map", "record"],
]  # fmt: skip
KINDS = [kind for group in KIND_GROUPS for kind in group]
BASES = {
    "date": "int", "time-millis": "int", "time-micros": "long", "timestamp-millis": "long",
    "timestamp-micros": "long", "local-timestamp-millis": "long",
    "local-timestamp-micros": "long", "uuid": "string",
}  # fmt: skip
MILLIS = (-62135596800000, 253402300799999)
LIMITS = {
    "date": (-719162, 2932896),
    "time-millis": (0, 86399999),
    "time-micros": (0, 86399999999),
    "timestamp-millis": MILLIS,
    "local-timestamp-millis": MILLIS,
    "timestamp-micros": (MILLIS[0] * 1000, MILLIS[1] * 1000 + 999),
    "local-timestamp-micros": (MILLIS[0] * 1000, MILLIS[1] * 1000 + 999),
}


class Types:
    """Draws the types of one schema; remembers what it named, to refer to it later."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.named: dict[str, Schema] = {}
        self.serial = 0

    def name(self) -> str:
        self.serial += 1
        return f"T{self.serial}"

    def record(self, levels: int) -> Schema:
        name = self.name()
        fields = []
        for position in range(self.draw(st.integers(1, 4))):
            kind = self.type(levels - 1)
            fields.append({"name": f"f{position}", "type": kind})
            if self.draw(st.booleans()):
                default = self.draw(values_of(kind, self.named, first_branch=True))
                fields[-1]["default"] = as_default(default)
        self.named[name] = {"type": "record", "name": name, "fields": fields}
        return self.named[name]

    def type(self, levels: int) -> Any:
        if self.draw(st.integers(0, 3)) == 0:
            return self.union(levels)
        if self.named and self.draw(st.integers(0, 4)) == 0:
            name = self.draw(st.sampled_from(sorted(self.named)))
            return name if height(name, self.named) <= levels else "string"
        return self.of_kind(self.draw(st.sampled_from(KINDS)), levels)

    def union(self, levels: int) -> list[Any]:
        groups = self.draw(st.lists(st.sampled_from(range(5)), min_size=1, unique=True))
        branches = [
            self.of_kind(self.draw(st.sampled_from(KIND_GROUPS[group])), levels) for group in groups
        ]
        if self.draw(st.booleans()):
            branches.insert(self.draw(st.integers(0, len(branches))), "null")
        return branches

    def of_kind(self, kind: str, levels: int) -> Any:
        if kind in BASES:
            return {"type": BASES[kind], "logicalType": kind}
        if kind == "enum":
            named = {"type": "enum", "name": self.name(), "symbols": ["A", "B"]}
            return self.named.setdefault(named["name"], named)
        if kind in ("fixed", "decimal-fixed"):
            named = {"type": "fixed", "name": self.name(), "size": 3}
            if kind == "decimal-fixed":
                named |= {"logicalType": "decimal", "precision": 5}
            return self.named.setdefault(named["name"], named)
        if kind == "decimal":
            precision = self.draw(st.integers(1, 38))
            scale = self.draw(st.integers(0, precision))
            return {"type": "bytes", "logicalType": kind, "precision": precision, "scale": scale}
        if kind in ("array", "map", "record") and levels <= 0:
            return "bytes" if kind == "array" else {"type": "map", "values": "double"}
        if kind == "array":
            return {"type": "array", "items": self.type(levels - 1)}
        if kind == "map":
            return {"type": "map", "values": self.type(levels - 1)}
        return self.record(levels) if kind == "record" else kind


def height(node: Any, named: dict[str, Schema]) -> int:
    if isinstance(node, list):
        return max(height(branch, named) for branch in node)
    if isinstance(node, str):
        return height(named[node], named) if node in named else 0
    if node["type"] == "record":
        return 1 + max(height(field["type"], named) for field in node["fields"])
    part = node.get("items", node.get("values"))
    return 0 if part is None else 1 + height(part, named)


def values_of(
    node: Any, named: dict[str, Schema], first_branch: bool = False
) -> st.SearchStrategy[Any]:
    """Plain values of a type that pass its value check."""
    if isinstance(node, list):
        branches = [values_of(branch, named, first_branch) for branch in node]
        return branches[0] if first_branch else st.one_of(branches)
    if isinstance(node, str) and node in named:
        return values_of(named[node], named, first_branch)
    definition = {"type": node} if isinstance(node, str) else node
    kind = definition.get("logicalType", definition["type"])
    if kind in LIMITS:
        return st.integers(*LIMITS[kind])
    if kind == "decimal":
        digits = 10 ** definition["precision"] - 1
        size = definition.get("size")
        return st.integers(-digits, digits).map(
            lambda number: number.to_bytes(size or shortest(number), "big", signed=True)
        )
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**63), 2**63 - 1)
        case "float":
            return st.floats(width=32, allow_nan=False, allow_infinity=False)
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "string":
            return st.text(max_size=5)
        case "uuid":
            return st.uuids().map(str)
        case "bytes":
            return st.binary(max_size=5)
        case "fixed":
            return st.binary(min_size=3, max_size=3)
        case "enum":
            return st.sampled_from(definition["symbols"])
        case "array":
            return st.lists(values_of(definition["items"], named, first_branch), max_size=3)
        case "map":
            inner = values_of(definition["values"], named, first_branch)
            return st.dictionaries(st.text(max_size=3), inner, max_size=3)
        case _:
            return st.fixed_dictionaries(
                {
                    field["name"]: values_of(field["type"], named, first_branch)
                    for field in definition["fields"]
                }
            )


def shortest(number: int) -> int:
    return next(size for size in range(1, 40) if -(1 << 8 * size - 1) <= number < 1 << 8 * size - 1)


def as_default(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [as_default(item) for item in value]
    if isinstance(value, dict):
        return {key: as_default(item) for key, item in value.items()}
    return value


@st.composite
def schemas_with_record(draw: st.DrawFn) -> tuple[Schema, Any]:
    types = Types(draw)
    schema = types.record(draw(st.integers(1, 5)))
    return schema, draw(values_of(schema, types.named))
