"""How the fields of a command are given on the command line: one option or argument for each."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from sharebus import InvalidInput
from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import fact_document
from sharebus.governance.local_time import local_day
from sharebus.infra.catalog_files import load_catalog_files

Given = Mapping[str, Any]
"""What was given, by the names of the parameters; what was not given is not there."""


class Field(NamedTuple):
    """A field of a command's body: the parameters that fill it, and how they are read."""

    parameters: Mapping[str, Any]
    read: Callable[[Given], Any]


def text(option: str, meaning: str) -> Field:
    """A text in one option."""
    name = _name(option)
    annotation = Annotated[str | None, typer.Option(option, metavar="TEXT", help=meaning)]
    return Field({name: annotation}, lambda given: given.get(name))


def number(option: str, meaning: str) -> Field:
    """A number above zero."""
    name = _name(option)
    annotation = Annotated[int | None, typer.Option(option, min=1, help=meaning)]
    return Field({name: annotation}, lambda given: given.get(name))


def flag(option: str, meaning: str) -> Field:
    """A statement that is made or not."""
    name = _name(option)
    annotation = Annotated[bool, typer.Option(option, help=meaning)]
    return Field({name: annotation}, lambda given: given.get(name) or None)


def texts(option: str, meaning: str) -> Field:
    """An option that may be repeated."""
    name = _name(option)
    annotation = Annotated[
        list[str] | None, typer.Option(option, metavar="TEXT", help=f"{meaning}; may be repeated.")
    ]
    return Field({name: annotation}, lambda given: given.get(name))


def day(option: str, meaning: str) -> Field:
    """A local day."""
    name = _name(option)
    annotation = Annotated[str | None, typer.Option(option, metavar="YYYY-MM-DD", help=meaning)]
    return Field({name: annotation}, lambda given: _day(given.get(name), option))


def choice(option: str, meaning: str, usual: str) -> Field:
    """A text that is nearly always the same."""
    name = _name(option)
    annotation = Annotated[str | None, typer.Option(option, help=f"{meaning} ({usual}).")]
    return Field({name: annotation}, lambda given: given.get(name) or usual)


def _term(given: Given) -> dict[str, str] | None:
    last = _day(given.get("until"), "--until")
    first = _day(given.get("first"), "--from")
    if last is None:
        return None
    return {"first_day": first or str(local_day(time.time_ns() // 1_000_000)), "last_day": last}


TERM: Final = Field(
    {
        "first": Annotated[
            str | None,
            typer.Option("--from", metavar="YYYY-MM-DD", help="First day; today if not given."),
        ],
        "until": Annotated[
            str | None, typer.Option("--until", metavar="YYYY-MM-DD", help="Last day, included.")
        ],
    },
    _term,
)


def _rows(given: Given) -> dict[str, Any] | None:
    conditions = []
    for name, option, word in (("rows", "--rows", "one_of"), ("areas", "--area", "starts_with")):
        for condition in given.get(name) or ():
            field, equals, values = condition.partition("=")
            if not equals or not values:
                raise InvalidInput(
                    "a condition on rows is FIELD=VALUE,VALUE", where=option, found=condition
                )
            conditions.append({"field": field, word: sorted(set(values.split(",")))})
    return {"all": conditions} if conditions else None


ROW_FILTER: Final = Field(
    {
        "rows": Annotated[
            list[str] | None,
            typer.Option(
                "--rows", metavar="FIELD=VALUE,…", help="Only these rows; may be repeated."
            ),
        ],
        "areas": Annotated[
            list[str] | None,
            typer.Option(
                "--area", metavar="FIELD=CODE,…",
                help="Only rows whose value begins so, as codes of an area do; may be repeated.",
            ),
        ],
    },
    _rows,
)  # fmt: skip


def file_digest(option: str, meaning: str) -> Field:
    """The SHA-256 of a file, which stays where it is."""
    name = _name(option)
    annotation = Annotated[Path | None, typer.Option(option, metavar="FILE", help=meaning)]
    return Field({name: annotation}, lambda given: _digest(given.get(name)))


def _digest(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InvalidInput(
            "The file cannot be read.", where=str(path), found=error.strerror or str(error)
        ) from error


def read_document(path: Path) -> tuple[str, dict[str, Any]]:
    """The id and the content of the one agency or entry in a file, checked as the catalog is.

    :raises InvalidInput: the file holds another number of documents, or one that is wrong; every
        problem is named with its line.
    """
    found = load_catalog_files(path).collection
    documents: list[Agency | CatalogEntry] = [*found.agencies, *found.entries]
    if len(documents) != 1:
        raise InvalidInput(
            "A command takes one document.", where=str(path), expected="one agency or one entry",
            found=f"{len(documents)} of them",
        )  # fmt: skip
    return documents[0].id, fact_document(documents[0])


def read_setting(setting: str) -> tuple[str, Any]:
    """``NAME=VALUE``: the value is JSON if it can be, else text.

    :raises InvalidInput: it is another text.
    """
    name, equals, value = setting.partition("=")
    if not equals or not name:
        raise InvalidInput("a field is NAME=VALUE", where="--set", found=setting)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _name(option: str) -> str:
    # "from" and the like are no names in Python.
    return f"{option.removeprefix('--').replace('-', '_')}_"


def _day(value: str | None, option: str) -> str | None:
    if value is None:
        return None
    try:
        return str(date.fromisoformat(value))
    except ValueError:
        raise InvalidInput(
            "this is no day", where=option, expected="YYYY-MM-DD", found=value
        ) from None


SET_DUE: Final[Mapping[str, Field]] = {
    "step": text("--step", "Which step of the rule table, as `case show` names it."),
    "due": day("--due", "Its last day, included."),
}
