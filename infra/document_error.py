"""What pydantic finds wrong with a document, in the words of every other message: where, what was
expected, what was found."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_TEXT: Final = "text; in quotes if it looks like a number"
_WHOLE_NUMBER: Final = "a whole number"
_TRUTH: Final = "true or false"
_LIST: Final = "a list"
_FIELDS: Final = "fields with their values"
_DATE: Final = "a date such as 2026-11-22"
_EXPECTED: Final = {
    "bool_parsing": _TRUTH,
    "bool_type": _TRUTH,
    "date_from_datetime_inexact": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_type": _DATE,
    "dict_type": _FIELDS,
    "enum": "{expected}",
    "frozen_set_type": _LIST,
    "greater_than_equal": "at least {ge}",
    "int_from_float": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_type": _WHOLE_NUMBER,
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "missing": "a value",
    "model_attributes_type": _FIELDS,
    "model_type": _FIELDS,
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "string_type": _TEXT,
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": _LIST,
}
"""By pydantic's type of error. What is not here is said as pydantic says it."""


class DocumentError(NamedTuple):
    """What is wrong at one place; ``path`` are the keys and indices that lead to it."""

    path: tuple[int | str, ...]
    expected: str
    found: object


def document_errors(
    model: type[BaseModel], errors: Sequence[ErrorDetails]
) -> Iterator[DocumentError]:
    """The errors of a validation of ``model``."""
    for error in errors:
        place = error["loc"]
        # A list whose items are wrong is also called too short.
        has_wrong_items = any(
            other is not error and other["loc"][: len(place)] == place for other in errors
        )
        if error["type"] != "too_short" or not has_wrong_items:
            yield _document_error(model, error)


def _document_error(model: type[BaseModel], error: ErrorDetails) -> DocumentError:
    kind, given = error["type"], error["input"]
    path, allowed = _walk(model.model_json_schema(), error["loc"])
    if kind == "extra_forbidden":
        return DocumentError(path, f"one of the fields {', '.join(allowed)}", "an unknown field")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        # The one field that says which of several forms a document has.
        form = given.get("class", "nothing")
        return DocumentError((*path, "class"), _one_of(allowed), form)
    if kind == "value_error":
        # A rule between fields has the whole document as input, which tells nothing.
        found = "values that contradict it" if isinstance(given, dict) else given
        return DocumentError(path, error["msg"].removeprefix("Value error, "), found)
    expected = error["msg"]
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**error.get("ctx", {})).replace("'", "")
    if kind == "missing":
        return DocumentError(path, expected, "nothing")
    return DocumentError(path, expected, "fields" if isinstance(given, dict) else given)


def _one_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _walk(
    root: dict[str, Any], location: Sequence[int | str]
) -> tuple[tuple[int | str, ...], list[str]]:
    """The path without pydantic's tags of forms, and the names that are allowed at its end: of
    fields, or of forms. A last step that the schema does not know is left where it is."""
    path: list[int | str] = []
    node = _resolved(root, root)
    for step in location:
        forms = node.get("discriminator", {}).get("mapping", {})
        if step in forms:
            node = _resolved(root, {"$ref": forms[step]})
            continue
        path.append(step)
        known = node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step)
        if known is None:
            break
        node = _resolved(root, known)
    names = node.get("discriminator", {}).get("mapping") or node.get("properties", {})
    return tuple(path), list(names)


def _resolved(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference; of one that may be null, the other."""
    for form in node.get("anyOf", ()):
        if form.get("type") != "null":
            return _resolved(root, form)
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    return node
