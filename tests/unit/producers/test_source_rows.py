import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.producers import source_rows
from sharebus.producers.input_file import Encoding, inspect_file
from sharebus.producers.source_rows import RowFormat, RowSource, SourceRow, format_of, shorten

# A lone surrogate is no character. NUL is left to JSON: csv.writer of Python 3.11 cannot write it.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON_VALUES = st.none() | st.booleans() | st.integers() | CELLS


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows") / "file.csv"


def read(
    path: Path,
    content: bytes,
    fields: Sequence[str],
    row_format: RowFormat = "csv",
    encoding: Encoding = "utf-8",
) -> list[SourceRow]:
    path.write_bytes(content)
    return list(RowSource(inspect_file(path, encoding), row_format, fields))


def written_csv(header: Sequence[str], rows: Sequence[Sequence[str]], line_end: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS)),
    line_end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
)
def test_csv_cells_of_any_text_come_back_verbatim(
    path: Path, rows: list[tuple[str, str]], line_end: str, encoding: str
) -> None:
    content = written_csv(["a", "b"], rows, line_end).encode(encoding)
    stated: Encoding = "gb18030" if encoding == "gb18030" else "utf-8"
    found = read(path, content, ["b", "a"], encoding=stated)
    assert [row.cells for row in found] == [{"a": a, "b": b} for a, b in rows]
    assert [row.number for row in found] == list(range(1, len(rows) + 1))


@settings(deadline=None)
@given(rows=st.lists(st.tuples(st.text('ab,"\n\r'), st.text("x\n")), min_size=1))
def test_csv_line_is_where_the_row_begins(path: Path, rows: list[tuple[str, str]]) -> None:
    content = written_csv(["a", "b"], rows, "\n")
    found = read(path, content.encode(), ["a", "b"])
    lines = io.StringIO(content, newline="").readlines()
    for before, row in enumerate(found):
        begin = written_csv(["a", "b"], rows[:before], "\n")
        assert row.line == len(io.StringIO(begin, newline="").readlines()) + 1
    assert len(lines) >= found[-1].line


def test_csv_private_use_and_rare_characters_survive(path: Path) -> None:
    name = "\ue816\U00020164\U0002a6d6㐂"
    encodings: tuple[Encoding, ...] = ("utf-8", "gb18030")
    for encoding in encodings:
        content = f"a\n{name}\n".encode(encoding)
        [row] = read(path, content, ["a"], encoding=encoding)
        assert row.cells == {"a": name}


def test_csv_row_of_wrong_length_is_a_bad_row_and_the_next_is_good(path: Path) -> None:
    short, good = read(path, b"a,b\n1\n1,2\n", ["a", "b"])
    assert short.cells is None
    assert (short.line, str(short.problems[0])) == (2, "(row): expected 2 cells, found 1 cells")
    assert good.cells == {"a": "1", "b": "2"}


def test_csv_empty_lines_are_passed_over_and_counted(path: Path) -> None:
    [row] = read(path, b"a\n\n\n1\n\n", ["a"])
    assert (row.number, row.line) == (1, 4)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("a", "missing 'b'"),
        ("a,b,c", "unknown 'c'"),
        ("a,b,a", "twice 'a'"),
        ("a, b", "missing 'b'; unknown ' b'"),
        ("a;b", "missing 'a', 'b'; unknown 'a;b'"),
    ],
)
def test_csv_header_with_other_columns_is_refused_by_name(
    path: Path, header: str, found: str
) -> None:
    with pytest.raises(InvalidInput, match="columns") as refused:
        read(path, f"{header}\n1,2\n".encode(), ["a", "b"])
    assert refused.value.found == found


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'a\n1\n"never closed\n2\n', 4),
        (b'a\n1\n"closed" early\n2\n', 3),
    ],
)
def test_csv_with_broken_quotes_is_refused_with_the_line(
    path: Path, content: bytes, line: int
) -> None:
    with pytest.raises(InvalidInput, match="not well-formed CSV") as refused:
        read(path, content, ["a"])
    assert refused.value.where == f"{path}, line {line}"


def test_csv_line_without_end_is_refused_before_it_fills_the_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_rows, "LINE_CHARS_MAX", 100)
    with pytest.raises(InvalidInput, match="longer than any event") as refused:
        read(path, b"a\n1\n" + b"x" * 1000, ["a"])
    assert refused.value.where == f"{path}, line 3"


def test_csv_note_columns_are_passed_over(path: Path) -> None:
    [row] = read(path, b"sharebus_line,sharebus_reason,a\n7,wrong,1\n", ["a"])
    assert row.cells is not None
    assert row.cells["a"] == "1"
    assert row.raw == ["1"]


@settings(deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"a": JSON_VALUES, "b": JSON_VALUES})))
def test_json_lines_of_any_values_come_back(path: Path, rows: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    found = read(path, content.encode(), ["a", "b"], "jsonl")
    assert [row.cells for row in found] == rows
    assert [row.line for row in found] == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{", "no JSON from character 2 on"),
        ("[1]", "[1]"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1, "a": 2}', "a name stands twice: 'a'"),
        ("{} {}", "no JSON from character 4 on"),
        ("[" * 100_000, "deeper"),
    ],
)
def test_json_line_that_is_no_object_is_a_bad_row(path: Path, line: str, found: str) -> None:
    bad, good = read(path, f'{line}\n{{"a": 1}}\n'.encode(), ["a"], "jsonl")
    assert bad.cells is None
    assert found in bad.problems[0].found
    assert good.cells == {"a": 1}


def test_json_unknown_name_is_a_problem_of_a_row_that_is_read(path: Path) -> None:
    [row] = read(path, b'{"a": 1, "b": 2, "sharebus_line": 3}\n', ["a"], "jsonl")
    assert row.cells is not None
    assert [problem.column for problem in row.problems] == ["'b'"]


def test_json_line_too_long_is_one_bad_row(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_rows, "LINE_CHARS_MAX", 20)
    long = b'{"a": "' + b"x" * 50 + b'"}\n'
    found = read(path, long + b'{"a": 1}\n', ["a"], "jsonl")
    assert [row.cells for row in found] == [None, {"a": 1}]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.csv", "csv"), ("A.CSV", "csv"), ("a.jsonl", "jsonl")]
)
def test_format_follows_the_name(tmp_path: Path, name: str, expected: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"a\n")
    assert format_of(inspect_file(file)) == expected


def test_format_of_another_name_must_be_given(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    file.write_bytes(b"a\n")
    with pytest.raises(InvalidInput, match="does not tell"):
        format_of(inspect_file(file))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("2.5"), "2.5"), (True, "true"), (None, "null"),
        ("a\u202e", "'a\\u202e'"), (7, "7"),
        ({"甲": [Decimal("1.5"), None]}, '{"甲": ["1.5", null]}'), ("x" * 99, "'" + "x" * 58 + "…"),
    ],
)  # fmt: skip
def test_value_is_shown_in_the_words_of_its_file(value: object, shown: str) -> None:
    assert shorten(value) == shown
