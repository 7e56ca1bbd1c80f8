"""Views: one for each distinct policy, with a schema that tells nothing of what is withheld."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant, RowFilter
from sharebus.governance.schema_lint import lint_schema
from sharebus.governance.view import SHARED, compile_row_filter, view_of, view_schema, views_of

MakeEntry = Callable[..., CatalogEntry]
MakeGrant = Callable[..., Grant]
CONDITIONAL = {"class": "conditional", "conditions": "仅供履行职责"}


def row_filter(field: str, **condition: list[str]) -> RowFilter:
    return RowFilter.model_validate({"all": [{"field": field, **condition}]})


def test_systems_with_the_same_policy_share_one_view(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    entry = make_entry(sharing=CONDITIONAL)
    grants = [
        make_grant("one", fields=["code", "district"]),
        make_grant("two", fields=["district", "code"], system="bureau.desk"),
        make_grant("three", fields=["code"]),
        make_grant("four", fields=["code", "size"], revoked=True),
    ]
    assert [view.fields for view in views_of(entry, grants)] in (
        [("code", "district"), ("code",)],
        [("code",), ("code", "district")],
    )


def test_unconditional_entry_has_the_shared_view_without_marked_fields(
    make_entry: MakeEntry,
) -> None:
    entry = make_entry(marks={"owner": "personal"})
    (view,) = views_of(entry, ())
    assert (view.name, view.fields) == (SHARED, ("code", "district", "size"))


def test_not_shared_entry_has_no_view_even_if_somebody_grants_it(
    make_entry: MakeEntry, make_grant: MakeGrant
) -> None:
    basis = {"instrument": "示例法", "version": "2020", "article": 5}
    entry = make_entry(sharing={"class": "not_shared", "basis": basis})
    assert views_of(entry, [make_grant()]) == ()


@pytest.mark.parametrize(
    ("fields", "condition", "has_pseudonym_key", "needs_key_set"),
    [
        (["code"], None, False, False),
        (["district"], None, True, False),
        (["code"], row_filter("code", starts_with=["33"]), False, False),
        (["code"], row_filter("district", one_of=["330203"]), False, True),
    ],
    ids=["all rows", "key withheld", "filter on the key", "filter on another field"],
)
def test_view_knows_what_the_gate_must_remember(
    make_entry: MakeEntry,
    fields: list[str],
    condition: RowFilter | None,
    has_pseudonym_key: bool,
    needs_key_set: bool,
) -> None:
    view = view_of(make_entry(sharing=CONDITIONAL), fields, condition)
    assert (view.has_pseudonym_key, view.needs_key_set) == (has_pseudonym_key, needs_key_set)


def test_view_name_follows_from_the_policy_alone(make_entry: MakeEntry) -> None:
    entry = make_entry(sharing=CONDITIONAL)
    first = view_of(entry, ["code"], row_filter("district", one_of=["330203", "330205"]))
    again = view_of(entry, ["code"], row_filter("district", one_of=["330205", "330203"]))
    other = view_of(entry, ["code"], row_filter("district", starts_with=["330203", "330205"]))
    assert first.name == again.name
    assert first.name != other.name


def test_row_with_a_missing_value_passes_no_filter() -> None:
    passes = compile_row_filter(row_filter("district", starts_with=["33"]))
    assert passes({"district": "330203"})
    assert not passes({"district": "310000"})
    assert not passes({"district": None})


def test_row_filter_compares_whole_numbers_by_their_digits() -> None:
    passes = compile_row_filter(row_filter("district", one_of=["330203"]))
    assert passes({"district": 330203})
    assert not passes({"district": 33020})


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3"]), min_size=3),
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.frozensets(st.sampled_from(["1", "2", "3"]), min_size=1)
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_row_filter_is_the_conjunction_of_its_conditions(
    row: dict[str, str], conditions: list[tuple[str, frozenset[str]]]
) -> None:
    document = {"all": [{"field": name, "one_of": values} for name, values in conditions]}
    expected = all(row[name] in values for name, values in conditions)
    assert compile_row_filter(RowFilter.model_validate(document))(row) is expected


_names = st.integers(0, 10_000).map("N{}".format)
_scalars = st.sampled_from(["string", "long", "boolean", "double"])


@st.composite
def _schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Record schemas with named types that later fields use again, in and out of namespaces."""
    known: list[str] = []
    taken: set[str] = set()

    def new_name() -> str:
        name = draw(_names.filter(lambda candidate: candidate not in taken))
        taken.add(name)
        return name

    def make_type(depth: int) -> Any:
        choices = ["scalar", "enum"] + (["known"] if known else [])
        kind = draw(st.sampled_from(choices + (["record", "array", "union"] if depth else [])))
        if kind == "known":
            return draw(st.sampled_from(known))
        if kind == "enum":
            return named({"type": "enum", "symbols": ["A", "B"]})
        if kind == "record":
            definition = {"type": "record"}
            fields = [
                {"name": f"f{index}", "type": make_type(depth - 1)}
                for index in range(draw(st.integers(1, 2)))
            ]
            return named({**definition, "fields": fields})
        if kind == "array":
            return {"type": "array", "items": make_type(depth - 1)}
        if kind == "union":
            branch = make_type(0)
            return ["null", branch]
        return draw(_scalars)

    def named(definition: dict[str, Any]) -> dict[str, Any]:
        name = new_name()
        # With a namespace of its own each, so that a name means the same wherever it stands.
        known.append(f"space.{name}")
        return {**definition, "name": name, "namespace": "space"}

    fields = [
        {"name": f"field{index}", "type": make_type(2), "doc": f"secret of field{index}"}
        for index in range(draw(st.integers(2, 5)))
    ]
    return {"type": "record", "name": "Top", "namespace": "outer", "doc": "x", "fields": fields}


@given(_schemas(), st.data())
def test_view_schema_stands_by_itself_and_keeps_the_bytes_of_released_fields(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    names = [field["name"] for field in schema["fields"]]
    released = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    before = json.dumps(schema)
    view = view_schema(schema, released)
    assert json.dumps(schema) == before
    assert [field["name"] for field in view["fields"]] == [n for n in names if n in released]
    assert lint_schema(schema) == []
    assert lint_schema(view) == []
    parsed, parsed_view = parse_schema(schema), parse_schema(view)
    row = {field["name"]: _example(field["type"], schema) for field in schema["fields"]}
    full, part = BytesIO(), BytesIO()
    schemaless_writer(full, parsed, row)
    schemaless_writer(part, parsed_view, {name: row[name] for name in released})
    decoded = schemaless_reader(BytesIO(full.getvalue()), parsed, None)
    assert schemaless_reader(BytesIO(part.getvalue()), parsed_view, None) == {
        name: decoded[name] for name in released
    }


def test_regression_type_brought_forward_is_not_defined_again_where_it_stood() -> None:
    inner = {"type": "enum", "name": "Inner", "symbols": ["A"]}
    outer = {"type": "record", "name": "Outer", "fields": [{"name": "inner", "type": inner}]}
    last = [{"name": "first", "type": "Inner"}, {"name": "second", "type": "Outer"}]
    schema = {
        "type": "record",
        "name": "Top",
        "namespace": "space",
        "fields": [
            {"name": "withheld", "type": outer},
            {"name": "released", "type": {"type": "record", "name": "Last", "fields": last}},
        ],
    }
    assert lint_schema(view_schema(schema, ["released"])) == []


@given(_schemas(), st.data())
def test_view_schema_names_no_withheld_field(schema: dict[str, Any], data: st.DataObject) -> None:
    names = [field["name"] for field in schema["fields"]]
    released = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    text = json.dumps(view_schema(schema, released))
    for name in set(names) - set(released):
        assert f"secret of {name}" not in text


def _example(avro_type: Any, schema: dict[str, Any]) -> Any:
    definitions = {f"{found['namespace']}.{found['name']}": found for found in _definitions(schema)}

    def make(node: Any) -> Any:
        if isinstance(node, list):
            return make(node[1])
        if isinstance(node, str):
            if node in definitions:
                return make(definitions[node])
            return {"string": "text", "long": 7, "boolean": True, "double": 0.5}[node]
        if node["type"] == "enum":
            return "B"
        if node["type"] == "array":
            return [make(node["items"])]
        return {field["name"]: make(field["type"]) for field in node["fields"]}

    return make(avro_type)


def _definitions(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") in ("enum", "record"):
            yield node
        for value in node.values():
            yield from _definitions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _definitions(value)
