"""What is found in a file before anything is sent: needs no broker."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.governance.entry import CatalogEntry
from sharebus.producers.event import EventEncoder
from sharebus.producers.publication import PublishOptions, PublishReport, publish_file


@pytest.fixture
def check(entry: CatalogEntry) -> Any:
    provider: Any = SimpleNamespace(entry=entry, encoder=EventEncoder(entry, 1))
    options = PublishOptions(period="2026-11", check_only=True)

    def check_file(path: Path) -> PublishReport:
        return publish_file(provider, path, options, lambda *_progress: None)

    return check_file


@pytest.mark.parametrize(
    ("name", "content", "expected", "found"),
    [
        ("a.csv", "", "a line with the columns code, name, count, in any order", "an empty file"),
        (
            "a.csv",
            "\r\n",
            "a line with the columns code, name, count, in any order",
            "an empty line",
        ),
        ("a.csv", "code,name,count\n\n", "at least one row below the header", "the header alone"),
        ("a.jsonl", "\n", "at least one row, a JSON object", "no line, or empty lines"),
    ],
)
def test_file_without_rows_is_refused_by_what_was_expected_and_found(
    check: Any, tmp_path: Path, name: str, content: str, expected: str, found: str
) -> None:
    path = tmp_path / name
    path.write_text(content, newline="")
    with pytest.raises(InvalidInput) as refused:
        check(path)
    assert (refused.value.expected, refused.value.found) == (expected, found)
    assert "--no-change" in refused.value.remedy


def test_check_counts_repeated_keys_of_good_rows_with_their_lines(
    check: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("code,name,count\na,,1\nb,,1\nb,,bad\n\na,,2\na,,3\nc,,1\nc,,1\n")
    survey = check(path).survey
    assert survey.repeated_count == 2
    assert survey.repeated_keys == [(2, 7, 3), (8, 9, 2)]
    assert len(survey.to_send) == 6
