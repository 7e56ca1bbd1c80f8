from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.governance.entry import CatalogEntry
from sharebus.producers.event import EventEncoder
from sharebus.producers.row_check import CheckedRow, RowCheck
from sharebus.producers.source_rows import SourceRow

from .conftest import FIELDS, make_entry


def checked(entry: CatalogEntry, cells: dict[str, Any] | None, row_format: str) -> CheckedRow:
    check = RowCheck(EventEncoder(entry, 1), row_format)  # type: ignore[arg-type]
    return check.check(SourceRow(1, 2, cells, (), ""))


def test_good_cells_become_the_value_that_the_sdk_would_send(entry: CatalogEntry) -> None:
    found = checked(entry, {"code": "1", "name": "", "count": "3"}, "csv")
    encoder = EventEncoder(entry, 1)
    stored = encoder.stored({"code": "1", "name": None, "count": 3})
    assert found == CheckedRow(b"1", encoder.value(stored), (), ())


def test_bad_row_tells_every_problem_and_keeps_its_key(entry: CatalogEntry) -> None:
    found = checked(entry, {"code": "a\x07", "name": "b", "count": "x"}, "csv")
    assert (found.key, found.value) == (b"a\x07", None)
    assert [(problem.column, problem.found) for problem in found.problems] == [
        ("count", "'x'"),
        ("code", "control character U+0007: 'a\\x07'"),
    ]


def test_flagged_row_is_good(entry: CatalogEntry) -> None:
    found = checked(entry, {"code": "1", "name": "a\nb", "count": "3"}, "csv")
    assert found.value is not None
    assert [flag.column for flag in found.flags] == ["name"]


def test_key_that_cannot_be_read_is_none(entry: CatalogEntry) -> None:
    assert checked(entry, {"name": None, "count": 3}, "jsonl").key is None
    assert checked(entry, {"code": "", "name": None, "count": 3}, "jsonl").key is None
    assert checked(entry, None, "jsonl").key is None


def test_long_value_is_shortened_in_the_problem(entry: CatalogEntry) -> None:
    [problem] = checked(entry, {"code": "1", "name": "", "count": "9" * 9999}, "csv").problems
    assert len(problem.found) <= 60


def test_entry_with_parts_cannot_be_given_in_csv() -> None:
    array = {"name": "parts", "type": {"type": "array", "items": "int"}}
    encoder = EventEncoder(make_entry(fields=[*FIELDS, array]), 1)
    with pytest.raises(InvalidInput, match="CSV") as refused:
        RowCheck(encoder, "csv")
    assert refused.value.where == "parts"
    RowCheck(encoder, "jsonl")


def test_bad_row_leaves_nothing_behind_for_the_next(entry: CatalogEntry) -> None:
    check = RowCheck(EventEncoder(entry, 1), "jsonl")
    bad = SourceRow(1, 1, {"code": 1, "name": None, "count": 1}, (), "")
    good = SourceRow(2, 2, {"code": "1", "name": None, "count": 1}, (), "")
    assert check.check(bad).problems
    assert not check.check(good).problems
