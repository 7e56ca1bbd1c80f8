"""docs/personal-data.md: every field that can hold a text is judged, once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest
from pydantic import BaseModel, TypeAdapter

from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.governance.facts import AnyFact
from sharebus.schemas.record import platform_records

from . import pages

PAGE: Final = pages.DOCS / "personal-data.md"
DOCUMENTS: Final = (*get_args(AnyFact), Case, Answer)
"""What stands as JSON in the body of a record."""
FORMED: Final = ("pattern", "format", "enum", "const")
"""A text of such a form has no room for a name."""


def judged(heading: str, first_column: str) -> dict[str, Counter[str]]:
    rows = pages.table(pages.section(PAGE, heading), first_column, "kind", "fields")
    kinds = {
        kind for kind, _ in pages.table(pages.section(PAGE, "## Every field"), "kind", "what it is")
    }
    found: dict[str, Counter[str]] = {}
    for name, kind, fields in rows:
        assert kind in kinds, kind
        found.setdefault(pages.code(name), Counter()).update(pages.codes(fields))
    return found


def test_every_text_of_a_record_is_judged() -> None:
    expected = {
        record.avro_schema["name"]: Counter(avro_texts(record.avro_schema))
        for record in platform_records()
    }
    del expected["Command"]["head.name"], expected["Command"]["head.title"]
    assert judged("## Every field", "record") == {
        name: fields for name, fields in expected.items() if fields
    }


def avro_texts(avro_type: Any, path: str = "") -> Iterator[str]:
    if isinstance(avro_type, list):
        for branch in avro_type:
            # A record is named where it is first said, and known by its name from there on.
            yield from (f"{path}.{each}" for each in ("name", "title") if branch == "Officer")
            yield from avro_texts(branch, path)
    elif avro_type in ("string", "bytes"):
        yield path
    elif isinstance(avro_type, dict):
        yield from avro_texts(avro_type.get("items"), path)
        for field in avro_type.get("fields", ()):
            yield from avro_texts(
                field["type"], f"{path}.{field['name']}" if path else field["name"]
            )


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.__name__)
def test_every_free_text_of_a_document_is_judged(model: type[BaseModel]) -> None:
    schema = TypeAdapter(model).json_schema()
    found = set(free_texts(schema, schema.get("$defs", {})))
    assert judged("### Documents", "document").get(model.__name__, Counter()) == Counter(found)


def free_texts(
    schema: dict[str, Any],
    definitions: dict[str, Any],
    path: str = "",
    above: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """The ways to texts of any form, and to JSON of any shape."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in above:
            yield from free_texts(definitions[name], definitions, path, above | {name})
        return
    inside = [
        *(
            each
            for word in ("anyOf", "oneOf", "allOf", "prefixItems")
            for each in schema.get(word, ())
        ),
        *([schema["items"]] if "items" in schema else []),
    ]
    for each in inside:
        yield from free_texts(each, definitions, path, above)
    values = schema.get("additionalProperties")
    if values is True or (schema.get("type") == "string" and not schema.keys() & {*FORMED}):
        yield path
    elif isinstance(values, dict):
        yield from free_texts(values, definitions, f"{path}.*", above)
    for name, each in schema.get("properties", {}).items():
        yield from free_texts(each, definitions, f"{path}.{name}" if path else name, above)
