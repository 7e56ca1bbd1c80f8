"""Finds what is wrong with a row before the gate would: types, key, size, content checks."""

from typing import Final, NamedTuple

from sharebus import InvalidInput
from sharebus.governance.content_checks import compile_check
from sharebus.producers.cell_values import compile_cells
from sharebus.producers.event import EventEncoder, StoredRow
from sharebus.producers.scalar_values import Mismatch
from sharebus.producers.source_rows import (
    WHOLE_ROW,
    RowFormat,
    RowProblem,
    SourceRow,
    shorten,
)
from sharebus.producers.values import compile_values

_ABSENT: Final = object()


class CheckedRow(NamedTuple):
    """What a row is worth.

    ``key`` is there whenever the key fields could be read, even of a bad row; ``value`` only if
    there are no ``problems``. ``flags`` are failed content checks that the entry only flags.
    """

    key: bytes | None
    value: bytes | None
    problems: tuple[RowProblem, ...]
    flags: tuple[RowProblem, ...]


class RowCheck:
    """The checks of one entry for one format.

    :raises InvalidInput: the format cannot hold rows of this entry.
    """

    def __init__(self, encoder: EventEncoder, row_format: RowFormat) -> None:
        entry = encoder.entry
        compile_fields = compile_cells if row_format == "csv" else compile_values
        fields = compile_fields(entry.avro_schema)
        left_out = [name for name in entry.field_names if name not in fields]
        if left_out:
            raise InvalidInput(
                f"rows of entry '{entry.id}' cannot be given in CSV",
                where=", ".join(left_out),
                expected="fields of one simple type, or of one that may be null",
                remedy="Publish JSON Lines.",
            )
        self._encoder = encoder
        self._fields = tuple(fields.items())
        self._checks = tuple(
            (item.field, compile_check(check.name, check.codes), check.on_failure == "refuse")
            for item in entry.data_items
            for check in item.checks
        )

    def check(self, row: SourceRow) -> CheckedRow:
        """Convert, check and encode a row; collects every problem instead of the first."""
        if row.cells is None:
            return CheckedRow(None, None, row.problems, ())
        problems = list(row.problems)
        stored: StoredRow = {}
        for name, convert in self._fields:
            cell = row.cells.get(name, _ABSENT)
            if cell is _ABSENT:
                problems.append(RowProblem(name, "a value", "no such name in the line"))
                continue
            try:
                stored[name] = convert(cell)
            except Mismatch as mismatch:
                place = name + mismatch.path
                problems.append(RowProblem(place, mismatch.expected, shorten(cell)))
        return self.check_stored(stored, problems)

    def check_stored(self, stored: StoredRow, problems: list[RowProblem]) -> CheckedRow:
        """Check and encode a row that is converted already; ``problems`` are those so far."""
        flags = self._check_content(stored, problems)
        key = self._key(stored, problems)
        value = None
        if not problems:
            try:
                value = self._encoder.value(stored)
            except Mismatch as mismatch:
                problems.append(RowProblem(WHOLE_ROW, mismatch.expected, "more"))
        return CheckedRow(key, value, tuple(problems), flags)

    def _check_content(
        self, stored: StoredRow, problems: list[RowProblem]
    ) -> tuple[RowProblem, ...]:
        flags: list[RowProblem] = []
        for name, check, refuses in self._checks:
            text = stored.get(name)
            reason = None if text is None else check(text)
            if reason is not None:
                found = f"{reason}: {shorten(text)}"
                problem = RowProblem(name, "a value that passes its content check", found)
                (problems if refuses else flags).append(problem)
        return tuple(flags)

    def _key(self, stored: StoredRow, problems: list[RowProblem]) -> bytes | None:
        key_fields = self._encoder.entry.key_fields
        if not all(name in stored for name in key_fields):
            return None
        try:
            return self._encoder.key(stored)
        except Mismatch as mismatch:
            found = shorten("|".join(str(stored[name]) for name in key_fields))
            problems.append(RowProblem(", ".join(key_fields), mismatch.expected, found))
            return None
