"""The file of bad rows: the rows as they were, each with its line and what is wrong with it.

It can be corrected and published as it is: the two columns that it adds are passed over on reading.
It is written beside its final name and renamed when complete, and only its owner may read it.
"""

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from sharebus import InvalidInput
from sharebus.producers.source_rows import (
    LINE_COLUMN,
    NOTE_COLUMNS,
    REASON_COLUMN,
    RowFormat,
    RowProblem,
    SourceRow,
)

_TEXT_NAME = "sharebus_text"


def bad_rows_path(source: Path, row_format: RowFormat) -> Path:
    """Where the bad rows of a file go unless said otherwise: ``data.csv`` → ``data.bad.csv``."""
    return source.with_name(f"{source.stem}.bad.{row_format}")


class BadRowsFile:
    """Use it as a context; the file appears when the context ends without an error.

    Nothing is written, and an older file stays, if there is no bad row. ``columns`` are those of
    the CSV file that the rows come from.
    """

    def __init__(self, path: Path, row_format: RowFormat, columns: list[str]) -> None:
        self.path = path
        self.count = 0
        self._format = row_format
        self._columns = columns
        self._part = path.with_name(path.name + ".part")
        self._file: TextIO | None = None
        self._csv: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        self._file.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink()

    def write(self, row: SourceRow, problems: tuple[RowProblem, ...]) -> None:
        """Add a bad row."""
        file = self._file or self._open()
        reason = "; ".join(map(str, problems))
        if self._format == "csv":
            # The notes stand first, so that a row with too many cells keeps its shape.
            self._csv.writerow([row.line, reason, *row.raw])
        else:
            notes = {LINE_COLUMN: row.line, REASON_COLUMN: reason}
            file.write(json.dumps(notes, ensure_ascii=False)[:-1] + _rest_of_line(row) + "\n")
        self.count += 1

    def _open(self) -> TextIO:
        try:
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise InvalidInput(
                "The file of bad rows cannot be written.",
                where=str(self.path),
                found=error.strerror or str(error),
                remedy="Give another place with --bad-rows.",
            ) from error
        # With a byte order mark, so that spreadsheets show Chinese text as it is.
        encoding = "utf-8-sig" if self._format == "csv" else "utf-8"
        self._file = os.fdopen(descriptor, "w", encoding=encoding, newline="")
        if self._format == "csv":
            self._csv = csv.writer(self._file)
            self._csv.writerow([*NOTE_COLUMNS, *self._columns])
        return self._file


def _rest_of_line(row: SourceRow) -> str:
    """What follows the notes in the JSON object: the members of the line, as they were written."""
    text = str(row.raw)
    if row.cells is None:
        return f", {json.dumps(_TEXT_NAME)}: {json.dumps(text, ensure_ascii=False)}}}"
    kept = [member for name, member in _members(text) if name not in NOTE_COLUMNS]
    return "".join(f", {member}" for member in kept) + "}"


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Name and text of each member of a valid JSON object: numbers keep every digit."""
    decoder = json.JSONDecoder()
    position = _skip(text, 1, "")
    while text[position] != "}":
        begin = position
        name, position = decoder.raw_decode(text, position)
        _, position = decoder.raw_decode(text, _skip(text, position, ":"))
        yield name, text[begin:position]
        position = _skip(text, position, ",")


def _skip(text: str, position: int, mark: str) -> int:
    blank = " \t\r\n" + mark
    while text[position] in blank:
        position += 1
    return position
