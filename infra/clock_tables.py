"""Reads the tables that clocks need: working days, corrections of them, clock rules.

Without a path each is the one in the package; an authority keeps its own in the same form.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from sharebus import InvalidInput
from sharebus.governance.clock_rule import ClockRules
from sharebus.governance.working_days import CalendarCorrection, WorkingDayTable
from sharebus.infra.document_error import document_errors
from sharebus.infra.yaml_document import YamlDefect, YamlDocument, read_yaml

_TABLES: Final = files("sharebus.governance").joinpath("tables")
_FOUND_CHARS_MAX: Final = 120
_Table = TypeVar("_Table", bound=BaseModel)


def load_working_days(path: Path | None = None) -> WorkingDayTable:
    """The table of working days, from JSON as ``make calendar`` writes it.

    :raises InvalidInput: the file cannot be read, or its content is no such table.
    """
    source = path or _TABLES.joinpath("working_days.json")
    try:
        return WorkingDayTable.model_validate_json(_text(source))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(
            f"this is no table of working days: {first['msg']}", where=f"{source}: {place}"
        ) from None


def load_clock_rules(path: Path | None = None) -> ClockRules:
    """The rule table, from YAML; every problem is named, with its line.

    :raises InvalidInput: the file cannot be read, or a row is not as it must be.
    """
    return _load(ClockRules, path or _TABLES.joinpath("clock_rules.yaml"))


def load_calendar_correction(path: Path) -> CalendarCorrection:
    """A correction of the calendar, from YAML; every problem is named, with its line.

    :raises InvalidInput: the file cannot be read, or its content is no correction.
    """
    return _load(CalendarCorrection, path)


def _load(model: type[_Table], source: Traversable) -> _Table:
    try:
        documents = list(read_yaml(_text(source)))
    except YamlDefect as defect:
        raise InvalidInput(f"not YAML: {defect}", where=f"{source}:{defect.line}") from None
    if len(documents) != 1:
        raise InvalidInput(
            "one document is expected", where=str(source), found=f"{len(documents)} documents"
        )
    [document] = documents
    problems = [
        f"line {line}: {path}\n    expected: each key once\n    found:    the key again"
        for path, line in document.repeated_keys()
    ]
    try:
        table = model.model_validate(document.value)
    except ValidationError as invalid:
        problems += _problems(model, document, invalid)
    if problems:
        raise InvalidInput(
            "\n  ".join(["The table is refused whole.", *problems]), where=str(source)
        )
    return table


def _problems(
    model: type[BaseModel], document: YamlDocument, invalid: ValidationError
) -> list[str]:
    problems = []
    for location, expected, found in document_errors(model, invalid.errors()):
        path, line = document.locate(location)
        text = str(found)[:_FOUND_CHARS_MAX]
        problems.append(
            f"line {line}: {path or 'table'}\n    expected: {expected}\n    found:    {text}"
        )
    return problems


def _text(source: Traversable) -> str:
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "the table cannot be read", where=str(source), found=str(error)
        ) from None
