"""Reads what a command filled, which may be anything that JSON can say."""

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sharebus import Refused
from sharebus.governance.collection import Problem

_Document = TypeVar("_Document", bound=BaseModel)
_FOUND_CHARS_MAX = 200
_PROBLEMS_MAX = 100
_EXTENSION_MAX = 1000


def read_document(model: type[_Document], value: Any, where: str) -> _Document:
    """A whole document.

    :raises Refused: it is not as it must be; every problem is named.
    """
    try:
        return model.model_validate(value)
    except ValidationError as invalid:
        problems = [
            Problem(where, ".".join(map(str, error["loc"])) or where, error["msg"], "")
            for error in invalid.errors(include_url=False)
        ]
    raise refused(problems, where)


def refused(problems: list[Problem], where: str) -> Refused:
    """The refusal of a document that names all its problems."""
    shown = problems[:_PROBLEMS_MAX]
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    return Refused(
        f"the document is refused whole: {count}", where=where,
        expected="; ".join(f"{each.field}: {each.expected}" for each in shown),
        found="; ".join(short(each.found) for each in shown if each.found),
        remedy="correct every place that is named, and give the command anew",
    )  # fmt: skip


def read_text(content: Mapping[str, Any], name: str) -> str:
    """A text that a command filled.

    :raises Refused: it is another thing than text.
    """
    value = content.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{name} is a text", expected="text", found=short(value))
    return value.strip()


def read_texts(content: Mapping[str, Any], name: str) -> list[str]:
    """A list of different texts that a command filled.

    :raises Refused: it is another thing, or empty, or a text is in it twice.
    """
    value = content.get(name)
    texts = value if isinstance(value, list | tuple) else []
    is_text = all(isinstance(text, str) and text for text in texts)
    if not texts or not is_text or len(set(texts)) != len(texts):
        raise Refused(
            f"{name} is a list of texts, each once", expected="[text, …]", found=short(value)
        )
    return list(texts)


def read_extension(content: Mapping[str, Any]) -> int:
    """How many working days a provider asks for.

    :raises Refused: it is no such number.
    """
    asked = content.get("extension")
    if type(asked) is not int or not 1 <= asked <= _EXTENSION_MAX:
        raise Refused(
            "extension is a number of working days", expected="1 or more", found=short(asked)
        )
    return asked


def read_day(content: Mapping[str, Any], name: str, after: date) -> date:
    """A local day that a command set, which has not passed.

    :raises Refused: it is no date, or lies before ``after``.
    """
    text = read_text(content, name)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not after <= day < date.max:
        raise Refused(
            f"{name} is a day that has not passed", expected=f"a date from {after} on", found=text
        )
    return day


def short(value: object) -> str:
    """A value for an error, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _FOUND_CHARS_MAX else text[: _FOUND_CHARS_MAX - 1] + "…"
