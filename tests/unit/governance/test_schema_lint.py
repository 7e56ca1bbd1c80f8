import json
from types import MappingProxyType
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.schema_lint import compile_value_check, lint_schema, plain_schema

Schema = dict[str, Any]


def record(*fields: object, name: str = "Person", **attributes: object) -> Schema:
    return {"type": "record", "name": name, "fields": list(fields), **attributes}


def field(kind: object, name: str = "value", **attributes: object) -> Schema:
    return {"name": name, "type": kind, **attributes}


def one(kind: object, **attributes: object) -> Schema:
    """A schema with one field of the type."""
    return record(field(kind, **attributes))


def enum(*symbols: object, **attributes: object) -> Schema:
    return {"type": "enum", "name": "Sex", "symbols": list(symbols), **attributes}


def fixed(size: object, name: str = "Digest", **attributes: object) -> Schema:
    return {"type": "fixed", "name": name, "size": size, **attributes}


def array(items: object) -> Schema:
    return {"type": "array", "items": items}


def map_of(values: object) -> Schema:
    return {"type": "map", "values": values}


def nested(levels: int) -> object:
    return "string" if levels == 0 else array(nested(levels - 1))


def decimal(precision: object, scale: object = 0, kind: object = "bytes") -> Schema:
    return {"type": kind, "logicalType": "decimal", "precision": precision, "scale": scale}


CLEAN = {
    "every primitive": record(
        *(
            field(kind, f"field_{kind}")
            for kind in ("boolean", "int", "long", "float", "double", "bytes", "string")
        )
    ),
    "nullable": one(["null", "string"], default=None),
    "one of each kind": one(["null", "boolean", "long", "string", "bytes", map_of("int")]),
    "array and record in a union": one([array("int"), record(field("int"), name="Inner")]),
    "named type used twice": record(field(enum("F", "M"), "a"), field("Sex", "b", default="M")),
    "namespaces": record(
        field(fixed(4, "D", namespace="x.y"), "a"), field("x.y.D", "b"),
        field(record(field("int"), name="z.Inner"), "c"), field(["null", "z.Inner"], "d"),
        namespace="cn.ningbo",
    ),
    "logical types": record(
        field({"type": "int", "logicalType": "date"}, "a"),
        field({"type": "long", "logicalType": "timestamp-micros"}, "b"),
        field({"type": "string", "logicalType": "uuid"}, "c"),
        field(decimal(38, 38), "d"),
        field({**fixed(16), "logicalType": "decimal", "precision": 38, "scale": 2}, "e"),
    ),
    "defaults": record(
        field("double", "a", default=0), field({"type": "double"}, "b", default=0.5),
        field("bytes", "c", default="\u00ff"), field(fixed(2), "d", default="\u0000\u00ff"),
        field(array(["null", "int"]), "e", default=[None]), field("long", "f", default=-(2**63)),
        field(record(field("int", "x"), field("int", "y", default=1), name="P"), "g",
              default={"x": 2}),
        field(map_of("P"), "h", default={"k": {"x": 1, "y": 2}}),
    ),
    "as deep as allowed": one(nested(7)),
    "as many fields as allowed": record(*(field("int", f"f{i}") for i in range(500))),
    "inner names that differ by case": one(
        record(field("int", "a"), field("int", "A"), name="Inner")
    ),
}  # fmt: skip


@pytest.mark.parametrize("schema", CLEAN.values(), ids=CLEAN.keys())
def test_schema_without_problems_passes_and_is_parsed_by_fastavro(schema: Schema) -> None:
    assert lint_schema(schema) == []
    assert lint_schema(json.dumps(schema)) == []
    fastavro.parse_schema(schema)
    fastavro.parse_schema(plain_schema(schema))


SELF = record(field("int", "id"), field(["null", "Person"], "parent"))
MUTUAL = one(record(field(array(map_of("Person"))), name="Inner"))
WIDE = [record(*(field("int", f"f{i}") for i in range(60)), name=f"R{n}") for n in range(9)]
DEEP_BY_NAME = record(
    field(record(field(nested(4)), name="Four"), "a"),
    field(record(field(array(array("Four"))), name="Seven"), "b"),
)
BAD = {
    "recursive": (SELF, "parent", "a type that contains itself"),
    "mutually recursive": (MUTUAL, "value.value[]{}", "a type that contains itself"),
    "top is a primitive": ({"type": "string"}, "(top)", "the top must be a record"),
    "top is a union": ([one("int")], "(top)", "the top must be a record"),
    "top is a name": ('"string"', "(top)", "the top must be a record"),
    "not JSON": ("{", "(top)", "not JSON"),
    "number of 5,000 digits": ("1" * 5_000, "(top)", "not JSON"),
    "key twice": ('{"type": "string", "type": "record"}', "(top)", "a key stands twice in one"),
    "empty record": (record(), "(top)", "a record without fields"),
    "array of nulls": (one(array("null")), "value[]", "null alone takes no byte"),
    "map of nulls": (one(map_of({"type": "null"})), "value{}", "null alone takes no byte"),
    "array of empty records": (one(array(record(name="E"))), "value[]", "a record without fields"),
    "array of fixed 0": (one(array(fixed(0))), "value[]", "size of a fixed"),
    "array of records of nulls": (
        one(array(record(field("null", "n"), name="E"))), "value[].n", "null alone takes no byte"
    ),
    "union of null": (one(["null"]), "value", "a union that carries nothing"),
    "empty union": (one([]), "value", "a union that carries nothing"),
    "union in union": (one(["null", ["int"]]), "value", "a union in a union"),
    "duplicate branches": (one(["int", "int"]), "value", "branches of a union cannot be told"),
    "int and double": (one(["double", "int"]), "value", "branches of a union cannot be told"),
    "array and bytes": (one([array("int"), "bytes"]), "value", "branches of a union cannot be"),
    "two records": (
        record(field(record(field("int"), name="A"), "a"),
               field(["A", record(field("int"), name="B")], "b")),
        "b", "branches of a union cannot be told",
    ),
    "name and definition in one union": (
        one([enum("F"), "Sex"]), "value", "branches of a union cannot be told"
    ),
    "17 branches": (
        one([fixed(1, f"F{i}") for i in range(17)]), "value", "branches of a union cannot be told"
    ),
    "too many fields": (record(*(field("int", f"f{i}") for i in range(501))), "(top)", "too many"),
    "too many fields in all": (
        record(*(field(inner, f"r{n}") for n, inner in enumerate(WIDE))), "r8", "too many fields"
    ),
    "too many symbols": (one(enum(*(f"S{i}" for i in range(1001)))), "value", "symbols of an enum"),
    "symbol twice": (one(enum("F", "F")), "value", "symbols of an enum"),
    "symbol not a name": (one(enum("F", "男")), "value", "symbols of an enum"),
    "no symbols": (one(enum()), "value", "symbols of an enum"),
    "enum default": (one(enum("F", default="X")), "value", "default of an enum"),
    "nested too deep": (one(nested(8)), "value" + "[]" * 7, "types nested too deep"),
    "nested too deep by a name": (DEEP_BY_NAME, "b.value[][]", "types nested too deep"),
    "fixed too large": (one(fixed(1025)), "value", "size of a fixed"),
    "fixed size true": (one(fixed(True)), "value", "size of a fixed"),
    "precision 0": (one(decimal(0)), "value", "precision of a decimal"),
    "precision 39": (one(decimal(39)), "value", "precision of a decimal"),
    "precision missing": (one(decimal(None)), "value", "precision of a decimal"),
    "precision of a fixed": (
        one({**fixed(4), "logicalType": "decimal", "precision": 10}), "value",
        "precision of a decimal",
    ),
    "scale": (one(decimal(4, 5)), "value", "scale of a decimal"),
    "unknown logical type": (
        one({"type": "long", "logicalType": "timestamp-nanos"}), "value", "unknown logical type"
    ),
    "logical type on another": (
        one({"type": "long", "logicalType": "date"}), "value", "logical type date on long"
    ),
    "logical type in the field": (
        one("int", logicalType="date"), "value", "logicalType beside the type"
    ),
    "unknown type": (one("date"), "value", "unknown type"),
    "type in a type": (one({"type": {"type": "int"}}), "value", "unknown type"),
    "items missing": (one({"type": "array"}), "value[]", "unknown type"),
    "type used before it is defined": (
        record(field("Sex", "a"), field(enum("F"), "b")), "a", "unknown type"
    ),
    "dunder name": (one("int", name="__class__"), "(top)", "field 1 of a record"),
    "path name": (one("int", name="../../x"), "(top)", "field 1 of a record"),
    "long name": (one("int", name="a" * 129), "(top)", "field 1 of a record"),
    "field without type": (record({"name": "a"}), "a", "unknown type"),
    "field that is text": (record("a"), "(top)", "field 1 of a record"),
    "record name": ({**one("int"), "name": "a.__x.B"}, "(top)", "name or namespace of a type"),
    "namespace": ({**one("int"), "namespace": "a..b"}, "(top)", "name or namespace of a type"),
    "no name": ({**one("int"), "name": None}, "(top)", "name or namespace of a type"),
    "record named string": ({**one("int"), "name": "string"}, "(top)", "a type named like a type"),
    "type defined twice": (
        record(field(enum("F"), "a"), field(enum("M"), "b")), "b", "a type defined twice"
    ),
    "inner type named like the outer": (
        one(record(field("int"), name="Person")), "value", "a type defined twice"
    ),
    "field twice": (
        one(record(field("int"), field("int"), name="Inner")), "value", "two fields of one name"
    ),
    "field twice but for case": (
        record(field("int", "id"), field("int", "ID")), "(top)", "two fields of one name"
    ),
    "field alias": (one("int", aliases=["id"]), "value", "aliases"),
    "type alias": ({**one("int"), "aliases": []}, "(top)", "aliases"),
    "program attribute": (
        {**one("int"), "__fastavro_parsed": True}, "(top)", "an attribute reserved for programs"
    ),
    "long doc": (one("int", doc="a" * 2001), "value", "doc"),
    "schema too large": (one("int", note="鄞" * 22_000), "(top)", "schema too large"),
    "text too large": (json.dumps(one("int")) + " " * 65_536, "(top)", "schema too large"),
    "infinite number": (one("int", note=float("inf")), "(top)", "not JSON"),
    "NaN in text": (json.dumps(one("int", note=float("nan"))), "(top)", "not JSON"),
    "value of Python": (one("int", default=b"x"), "(top)", "not JSON"),
    "key of Python": ({**one("int"), 1: 2}, "(top)", "not JSON"),
    "half a surrogate pair": (one("int", doc="\ud800"), "(top)", "not JSON"),
    "mapping that is no dict": (MappingProxyType(one("int")), "(top)", "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "path", "problem"), BAD.values(), ids=BAD.keys())
def test_schema_with_one_problem_is_refused_at_its_place(
    schema: Any, path: str, problem: str
) -> None:
    problems = lint_schema(schema)
    assert [found.path for found in problems] == [path]
    assert problems[0].problem.startswith(problem)
    assert problems[0].expected
    assert len(problems[0].found) < 400


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("int", True), ("int", 2**31), ("int", 1.0), ("long", 2**63 - 1 + 0.0), ("long", "1"),
        ("boolean", 0), ("string", None), ("bytes", "Ā"), ("double", "0"), ("double", True),
        ({"type": "double"}, 0), (["string", "null"], None), (["null", "int"], 1),
        (fixed(2), "a"), (enum("F"), "M"), (array("int"), ["a"]), (array("int"), {}),
        (map_of("int"), {"a": None}), (record(field("int", "x"), name="P"), {}),
        (record(field("int", "x"), name="P"), {"x": 1, "y": 2}),
        (record(field("int", "x"), name="P"), {"x": "1"}),
    ],
)  # fmt: skip
def test_default_of_the_wrong_type_is_refused(kind: object, default: object) -> None:
    (problem,) = lint_schema(one(kind, default=default))
    assert (problem.path, problem.problem) == ("value", "default of the wrong type")


def test_every_problem_is_reported_at_once() -> None:
    schema = record(
        field("date", "a"), field(array("null"), "b"), field(enum("F", "F"), "c"),
        field("Sex", "d", default="M"), field(["int", "long"], "e", aliases=["x"]),
        field("int", "f", default="1"), field("int", "F"),
    )  # fmt: skip
    assert [(found.path, found.problem.split()[0]) for found in lint_schema(schema)] == [
        ("a", "unknown"), ("b[]", "null"), ("c", "symbols"), ("e", "aliases"), ("e", "branches"),
        ("f", "default"), ("(top)", "two"),
    ]  # fmt: skip


def deep(levels: int) -> object:
    node: object = "string"
    for _ in range(levels):
        node = {"type": "array", "items": node}
    return node


def cyclic() -> Schema:
    schema = one(["null"])
    schema["fields"].append(schema)
    return schema


def shared(levels: int) -> object:
    node: object = "string"
    for _ in range(levels):
        node = [node, node]
    return node


HOSTILE = {
    "20,000 arrays deep": one(deep(20_000)),
    "20,000 levels in an attribute": one("int", note=deep(20_000)),
    "20,000 levels in a default": one("int", default=deep(20_000)),
    "contains itself": cyclic(),
    "shares parts 2^50 times": one("int", note=shared(50)),
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE.keys())
def test_schema_that_would_overflow_a_walk_is_one_problem(schema: Schema) -> None:
    (problem,) = lint_schema(schema)
    assert problem.problem in ("schema nested too deep", "schema too large")
    for compiled in (plain_schema, compile_value_check):
        with pytest.raises(InvalidInput):
            compiled(schema)


@pytest.mark.parametrize("text", ["[" * 60_000, '{"type":' * 8_000], ids=["lists", "objects"])
def test_text_that_would_overflow_the_parser_is_one_problem(text: str) -> None:
    (problem,) = lint_schema(text)
    assert problem.problem == "schema nested too deep"


def test_plain_schema_drops_logical_types_and_nothing_else() -> None:
    inner = record(field("string", "logicalType", default="uuid"), name="Inner")
    schema = record(
        field(["null", decimal(4)], "a", doc="text"),
        field(array({"type": "int", "logicalType": "date"}), "b"),
        field(inner, "c", default={"logicalType": "date"}),
    )
    before = json.dumps(schema)
    plain = plain_schema(schema)
    assert plain["fields"] == [
        field(["null", {"type": "bytes", "precision": 4, "scale": 0}], "a", doc="text"),
        field(array({"type": "int"}), "b"),
        field(inner, "c", default={"logicalType": "date"}),
    ]
    assert json.dumps(schema) == before


WORDS = [
    "record", "enum", "fixed", "array", "map", "null", "int", "double", "string", "bytes",
    "decimal", "date", "A", "a.B", "__x", "",
]  # fmt: skip
ATTRIBUTES = [
    "type", "name", "namespace", "fields", "items", "values", "symbols", "size", "default",
    "logicalType", "precision", "scale", "doc", "aliases",
]  # fmt: skip
scalars = st.sampled_from(WORDS) | st.integers(-1, 9) | st.none() | st.booleans() | st.floats()
schema_like = st.recursive(
    scalars,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.sampled_from(ATTRIBUTES), parts, max_size=5)
        | st.builds(lambda kind, name: field(kind, name), parts, st.sampled_from("abAB"))
        | st.builds(lambda fields: record(*fields, name="A"), st.lists(parts, max_size=3))
    ),
    max_leaves=12,
)


def paths_of(node: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, object]] = []
    if isinstance(node, dict):
        inner = list(node.items())
    elif isinstance(node, list):
        inner = list(enumerate(node))
    return [path] + [found for key, part in inner for found in paths_of(part, (*path, key))]


def replaced(node: Any, path: tuple[Any, ...], part: object) -> Any:
    if not path:
        return part
    copy = node.copy()
    copy[path[0]] = replaced(node[path[0]], path[1:], part)
    return copy


def part_at(node: Any, path: tuple[Any, ...]) -> Any:
    return part_at(node[path[0]], path[1:]) if path else node


FRUITFUL = [CLEAN[name] for name in list(CLEAN)[:8]]


@st.composite
def damaged_schemas(draw: st.DrawFn) -> Any:
    """A clean schema with one part replaced by a part of it or of another, or by anything."""
    schema, donor = draw(st.sampled_from(FRUITFUL)), draw(st.sampled_from(FRUITFUL))
    place = draw(st.sampled_from(paths_of(schema)[1:]))
    part = draw(
        st.sampled_from(paths_of(donor)).map(lambda path: part_at(donor, path)) | schema_like
    )
    return replaced(schema, place, part)


@settings(max_examples=400, deadline=None)
@given(damaged_schemas() | schema_like)
def test_lint_never_raises_and_fastavro_parses_what_it_passes(schema: Any) -> None:
    problems = lint_schema(schema)
    assert lint_schema(json.dumps(schema)) == problems or isinstance(schema, str)
    if not problems:
        fastavro.parse_schema(schema)
        fastavro.parse_schema(plain_schema(schema))
        compile_value_check(schema)
