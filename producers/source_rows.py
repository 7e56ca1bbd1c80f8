"""Reads CSV and JSON Lines row by row, in bounded memory.

A row of the wrong shape is a bad row. A file whose structure is broken (a quote that is never
closed, a header with other columns than the entry's) is refused whole, since from there on nobody
can tell where a row begins.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, TextIO

from sharebus import InvalidInput
from sharebus.governance.entry import EVENT_BYTES_MAX
from sharebus.producers.input_file import InputFile

RowFormat = Literal["csv", "jsonl"]

LINE_CHARS_MAX: Final = 6 * EVENT_BYTES_MAX
"""A longer line cannot hold an event even if JSON escapes every character of it."""
FOUND_CHARS_MAX: Final = 60
WHOLE_ROW: Final = "(row)"

LINE_COLUMN: Final = "sharebus_line"
REASON_COLUMN: Final = "sharebus_reason"
NOTE_COLUMNS: Final = (LINE_COLUMN, REASON_COLUMN)
"""What the file of bad rows adds. They are passed over on reading, so that the corrected file of
bad rows can be published as it is."""


class RowProblem(NamedTuple):
    """Why a row is bad: in which column, what was expected, what was found (shortened)."""

    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.column}: expected {self.expected}, found {self.found}"


class SourceRow(NamedTuple):
    """A row as the file has it.

    ``number`` counts data rows from 1; ``line`` is the physical line on which the row begins.
    ``cells`` maps columns to texts (CSV) or JSON values, and is None if the row cannot be taken
    apart. ``raw`` is what the file of bad rows keeps: the cells, or the line.
    """

    number: int
    line: int
    cells: dict[str, Any] | None
    problems: tuple[RowProblem, ...]
    raw: list[str] | str


def shorten(value: object) -> str:
    """A value as it is shown to its own provider."""
    text = _plain(value)
    return text if len(text) <= FOUND_CHARS_MAX else text[: FOUND_CHARS_MAX - 1] + "…"


def _plain(value: object) -> str:
    """A text in quotes; another JSON value as JSON writes it."""
    match value:
        case Decimal():
            return str(value)
        case bool() | None:
            return json.dumps(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return repr(value)


def format_of(file: InputFile) -> RowFormat:
    """The format that the file's name says.

    :raises InvalidInput: it says neither.
    """
    suffix = file.path.suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    raise InvalidInput(
        "The file's name does not tell its format.",
        where=str(file.path),
        expected=".csv, .jsonl or .ndjson",
        found=suffix or "no suffix",
        remedy="Give --format csv or --format jsonl.",
    )


@dataclass(frozen=True)
class RowSource:
    """The rows of one file; can be iterated again, and gives the same rows with the same numbers.

    Iterating raises InvalidInput when the file's structure is broken.
    """

    file: InputFile
    format: RowFormat
    fields: Sequence[str]

    def __iter__(self) -> Iterator[SourceRow]:
        try:
            if self.format == "csv":
                with self._open(newline="") as text:
                    yield from self._csv_rows(text)
            else:
                with self._open(newline="\n") as text:
                    yield from self._json_rows(text)
        except UnicodeDecodeError:
            self.file.require_unchanged()
            raise

    def columns(self) -> list[str]:
        """The columns of a CSV file in its order, without notes; none for JSON Lines.

        :raises InvalidInput: they are not the fields of the entry.
        """
        if self.format != "csv":
            return []
        with self._open(newline="") as text:
            header = _next_cells(self._csv_reader(text), self.file)
            return [name for name in self._checked_header(header) if name in self.fields]

    def _open(self, newline: str) -> TextIO:
        return self.file.path.open(encoding=self.file.encoding, errors="strict", newline=newline)

    def _csv_reader(self, text: TextIO) -> "_CsvReader":
        # The module's own limit is for the whole process; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), EVENT_BYTES_MAX))
        return csv.reader(_bounded_lines(text, self.file), strict=True)

    def _csv_rows(self, text: TextIO) -> Iterator[SourceRow]:
        reader = self._csv_reader(text)
        header = self._checked_header(_next_cells(reader, self.file))
        notes = {index for index, name in enumerate(header) if name not in self.fields}
        number = 0
        while True:
            line = reader.line_num + 1
            cells = _next_cells(reader, self.file)
            if cells is None:
                return
            if not cells:  # an empty line
                continue
            number += 1
            raw = [cell for index, cell in enumerate(cells) if index not in notes]
            if len(cells) == len(header):
                yield SourceRow(number, line, dict(zip(header, cells, strict=True)), (), raw)
            else:
                shape = RowProblem(WHOLE_ROW, f"{len(header)} cells", f"{len(cells)} cells")
                yield SourceRow(number, line, None, (shape,), raw)

    def _checked_header(self, header: list[str] | None) -> list[str]:
        if not header:
            raise InvalidInput(
                "The file has no header.",
                where=f"{self.file.path}, line 1",
                expected=f"a line with the columns {', '.join(self.fields)}, in any order",
                found="an empty file" if header is None else "an empty line",
                remedy="Write the header and the rows. If nothing changed in the data period, say "
                "so with --no-change.",
            )
        names = header
        missing = [name for name in self.fields if name not in names]
        unknown = [n for n in names if n not in self.fields and n not in NOTE_COLUMNS]
        twice = sorted({name for name in names if names.count(name) > 1})
        if missing or unknown or twice:
            found = [
                f"{label} {', '.join(map(repr, some[:20]))}"
                for label, some in (("missing", missing), ("unknown", unknown), ("twice", twice))
                if some
            ]
            raise InvalidInput(
                "The columns are not the fields of the entry.",
                where=f"{self.file.path}, line 1",
                expected=", ".join(self.fields) + ", in any order",
                found="; ".join(found),
            )
        return names

    def _json_rows(self, text: TextIO) -> Iterator[SourceRow]:
        number = 0
        for line_number, line in enumerate(_whole_lines(text), start=1):
            stripped = line.strip(" \t\r\n")
            if stripped:
                number += 1
                cells, problems = self._read_object(stripped)
                yield SourceRow(number, line_number, cells, problems, stripped)

    def _read_object(self, line: str) -> tuple[dict[str, Any] | None, tuple[RowProblem, ...]]:
        if len(line) >= LINE_CHARS_MAX:
            limit = f"a line of less than {LINE_CHARS_MAX} characters"
            return None, (RowProblem(WHOLE_ROW, limit, "more"),)
        try:
            decoded = json.loads(
                line,
                parse_float=Decimal,  # exact: a decimal field must not go through binary
                parse_constant=_refuse_constant,
                object_pairs_hook=_unique_names,
            )
        except RecursionError:
            return None, (RowProblem(WHOLE_ROW, "JSON of sane depth", "deeper"),)
        except json.JSONDecodeError as error:
            found = f"no JSON from character {error.pos + 1} on"
            return None, (RowProblem(WHOLE_ROW, "one JSON object", found),)
        except ValueError as error:
            return None, (RowProblem(WHOLE_ROW, "one JSON object", str(error)),)
        if not isinstance(decoded, dict):
            return None, (RowProblem(WHOLE_ROW, "one JSON object", shorten(decoded)),)
        return decoded, tuple(
            RowProblem(shorten(name), "a field of the entry", "an unknown name")
            for name in decoded
            if name not in self.fields and name not in NOTE_COLUMNS
        )


_CsvReader = Any  # typeshed's name for it is private


def _next_cells(reader: _CsvReader, file: InputFile) -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        raise InvalidInput(
            "The file is not well-formed CSV; nothing after this place can be trusted.",
            where=f"{file.path}, line {reader.line_num}",
            expected='cells separated by commas; a cell with comma, quote or line break in "…"',
            found=str(error),
        ) from error


def _bounded_lines(text: TextIO, file: InputFile) -> Iterator[str]:
    count = 0
    while line := text.readline(LINE_CHARS_MAX):
        count += 1
        if len(line) == LINE_CHARS_MAX:
            raise InvalidInput(
                "A line is longer than any event may be.",
                where=f"{file.path}, line {count}",
                expected=f"less than {LINE_CHARS_MAX} characters",
            )
        yield line.removeprefix("\ufeff") if count == 1 else line


def _whole_lines(text: TextIO) -> Iterator[str]:
    """Lines; of one that is too long the beginning, which its length betrays."""
    is_first = True
    while line := text.readline(LINE_CHARS_MAX):
        yield line.removeprefix("\ufeff") if is_first else line
        is_first = False
        rest = line
        while len(rest) == LINE_CHARS_MAX and not rest.endswith("\n"):
            rest = text.readline(LINE_CHARS_MAX)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    decoded = dict(pairs)
    if len(decoded) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"a name stands twice: {', '.join(map(shorten, twice))}")
    return decoded
