"""Reads a whole file before anything of it is sent, and finds out what would be sent.

A second reading then sends. So a broken file, a register that seems to lose half of its entities,
or one bad row under ``--strict`` stops everything while nothing has happened.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sharebus.producers.bad_rows import BadRowsFile
from sharebus.producers.progress import RECORDS_PER_PROGRESS, Progress
from sharebus.producers.repeated_keys import KeyTable, RepeatedKey
from sharebus.producers.row_check import CheckedRow, RowCheck
from sharebus.producers.row_set import RowSet
from sharebus.producers.snapshot import SnapshotComparison
from sharebus.producers.source_rows import RowProblem, RowSource

SHOWN_MAX: Final = 20
"""Bad rows kept for showing; the file of bad rows has all."""


@dataclass
class BadRow:
    """A bad row, for showing."""

    line: int
    problems: tuple[RowProblem, ...]


@dataclass
class Survey:
    """What a file holds. ``flagged_count`` rows are good, but a content check flags them.

    ``repeated_count`` entity keys stand in more than one good row; ``repeated_keys`` are the first
    of them. A comparison has its own rule for these, so then there are none.
    """

    row_count: int = 0
    bad_count: int = 0
    flagged_count: int = 0
    to_send: RowSet = field(default_factory=RowSet)
    bad_rows: list[BadRow] = field(default_factory=list)
    bad_rows_path: Path | None = None
    repeated_count: int = 0
    repeated_keys: list[RepeatedKey] = field(default_factory=list)


def survey_rows(
    source: RowSource,
    check: RowCheck,
    bad_rows_path: Path,
    comparison: SnapshotComparison | None,
    progress: Progress,
) -> Survey:
    """Check every row; write the bad ones to ``bad_rows_path``.

    To be sent are all good rows, or with a comparison those that create or update.

    :raises InvalidInput: the file's structure is broken.
    """
    survey = Survey()
    with (
        BadRowsFile(bad_rows_path, source.format, source.columns()) as bad_rows,
        KeyTable() as keys,
    ):
        for row in source:
            survey.row_count += 1
            checked = check.check(row)
            problems = checked.problems
            if comparison is not None:
                problems = _compare(comparison, row.number, row.line, checked)
            if problems:
                survey.bad_count += 1
                bad_rows.write(row, problems)
                if len(survey.bad_rows) < SHOWN_MAX:
                    survey.bad_rows.append(BadRow(row.line, problems))
            elif comparison is None and checked.key is not None:
                survey.to_send.add(row.number)
                keys.add(checked.key, row.line)
            survey.flagged_count += bool(checked.flags and not problems)
            if survey.row_count % RECORDS_PER_PROGRESS == 0:
                progress("checking", survey.row_count, None)
        survey.repeated_count, survey.repeated_keys = keys.repeated()
    if comparison is not None:
        survey.to_send = comparison.to_send
    if survey.bad_count:
        survey.bad_rows_path = bad_rows_path
    return survey


def _compare(
    comparison: SnapshotComparison, number: int, line: int, checked: CheckedRow
) -> tuple[RowProblem, ...]:
    if checked.key is None or checked.value is None:
        comparison.keep(checked.key)
        return checked.problems
    problem = comparison.take(number, line, checked.key, checked.value)
    return () if problem is None else (problem,)
