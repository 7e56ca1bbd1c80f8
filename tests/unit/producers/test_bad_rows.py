import csv
import json
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.producers.bad_rows import BadRowsFile, bad_rows_path
from sharebus.producers.input_file import inspect_file
from sharebus.producers.source_rows import RowFormat, RowProblem, RowSource

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
PROBLEM = RowProblem("a", "something else", "this")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bad")


def rewritten(source: Path, target: Path, row_format: RowFormat, fields: list[str]) -> RowSource:
    """All rows of ``source``, written as bad ones to ``target``."""
    rows = RowSource(inspect_file(source, "utf-8"), row_format, fields)
    with BadRowsFile(target, row_format, rows.columns()) as bad:
        for row in rows:
            bad.write(row, (*row.problems, PROBLEM))
    return RowSource(inspect_file(target, "utf-8"), row_format, fields)


@settings(deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1))
def test_csv_of_bad_rows_reads_as_the_rows_that_it_holds(
    folder: Path, rows: list[tuple[str, str]]
) -> None:
    source = folder / "in.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("b", "a"), *rows])
    once = rewritten(source, folder / "once.csv", "csv", ["a", "b"])
    twice = rewritten(once.file.path, folder / "twice.csv", "csv", ["a", "b"])
    for again in (once, twice):
        found = [{"a": (row.cells or {})["a"], "b": (row.cells or {})["b"]} for row in again]
        assert found == [{"a": a, "b": b} for b, a in rows]


@settings(deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b"]), st.none() | CELLS | st.integers() | st.lists(CELLS)
        ),
        min_size=1,
    ),
    indent=st.sampled_from([None, " "]),
)
def test_json_lines_of_bad_rows_read_as_the_rows_that_they_hold(
    folder: Path, rows: list[dict[str, Any]], indent: str | None
) -> None:
    source = folder / "in.jsonl"
    separators = (" , ", " : ") if indent else None
    source.write_text("".join(json.dumps(row, separators=separators) + "\n" for row in rows))
    once = rewritten(source, folder / "once.jsonl", "jsonl", ["a", "b"])
    twice = rewritten(once.file.path, folder / "twice.jsonl", "jsonl", ["a", "b"])
    for again in (once, twice):
        kept = [
            {name: value for name, value in (row.cells or {}).items() if name in "ab"}
            for row in again
        ]
        assert kept == rows


def test_json_number_keeps_every_digit(folder: Path) -> None:
    source = folder / "digits.jsonl"
    source.write_text('{"a": 0.10000000000000000000001}\n')
    again = rewritten(source, folder / "out.jsonl", "jsonl", ["a"])
    assert "0.10000000000000000000001" in again.file.path.read_text()


def test_line_that_is_no_object_is_kept_as_text(folder: Path) -> None:
    source = folder / "broken.jsonl"
    source.write_text('{"a": \n')
    again = rewritten(source, folder / "out.jsonl", "jsonl", ["a"])
    document = json.loads(again.file.path.read_text())
    assert document["sharebus_text"] == '{"a":'
    assert document["sharebus_line"] == 1


def test_csv_row_of_wrong_length_keeps_all_its_cells(folder: Path) -> None:
    source = folder / "long.csv"
    source.write_text("a,b\n1,2,3\n")
    target = rewritten(source, folder / "out.csv", "csv", ["a", "b"]).file.path
    assert target.read_text(encoding="utf-8-sig").splitlines()[1].endswith(",1,2,3")


def test_file_is_for_its_owner_alone_and_says_line_and_reason(folder: Path) -> None:
    source = folder / "owner.csv"
    source.write_text("a\n1\n")
    target = rewritten(source, folder / "out.csv", "csv", ["a"]).file.path
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text(encoding="utf-8-sig").splitlines() == [
        "sharebus_line,sharebus_reason,a",
        '2,"a: expected something else, found this",1',
    ]


def test_nothing_appears_without_bad_rows_or_after_an_error(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    [row] = RowSource(inspect_file(source), "csv", ["a"])
    target = bad_rows_path(source, "csv")
    assert target == tmp_path / "in.bad.csv"
    with BadRowsFile(target, "csv", ["a"]):
        pass

    def interrupted() -> None:
        with BadRowsFile(target, "csv", ["a"]) as bad:
            bad.write(row, (PROBLEM,))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("row_format", ["csv", "jsonl"])
def test_file_of_bad_rows_is_never_taken_into_version_control(row_format: RowFormat) -> None:
    name = bad_rows_path(Path(f"register.{row_format}"), row_format).name
    ignored = (Path(__file__).parents[3] / ".gitignore").read_text(encoding="utf-8").split()
    assert any(fnmatch(name, pattern) for pattern in ignored)
