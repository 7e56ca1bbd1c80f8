from importlib.resources import files
from pathlib import Path

import pytest

from sharebus import InvalidInput
from sharebus.infra.clock_tables import (
    load_calendar_correction,
    load_clock_rules,
    load_working_days,
)

TABLES = files("sharebus.governance").joinpath("tables")
DEFAULT_RULES = TABLES.joinpath("clock_rules.yaml").read_text(encoding="utf-8")


def write(directory: Path, text: str, name: str = "table.yaml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_copy_of_the_default_rules_is_the_same_table(tmp_path: Path) -> None:
    assert load_clock_rules(write(tmp_path, DEFAULT_RULES)) == load_clock_rules()


def test_copy_of_the_working_days_is_the_same_table(tmp_path: Path) -> None:
    text = TABLES.joinpath("working_days.json").read_text(encoding="utf-8")
    assert load_working_days(write(tmp_path, text)) == load_working_days()


def test_every_problem_of_a_rule_table_is_named_with_its_line(tmp_path: Path) -> None:
    text = DEFAULT_RULES.replace("starts: consent_given", "starts: consent_givn", 1)
    text = text.replace("unit: wd", "unit: month", 1)
    text = text.replace("article: 26}", "article: 26, section: 4}")
    with pytest.raises(InvalidInput) as refused:
        load_clock_rules(write(tmp_path, text))
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if "consent_givn" in line or "unit: month" in line or "section: 4" in line:
            assert f"line {number}: rules[" in str(refused.value)
    assert str(refused.value).count("expected:") == 3


def test_row_that_contradicts_itself_is_named(tmp_path: Path) -> None:
    text = DEFAULT_RULES.replace("    times: 1\n", "    times: 1\n    set_by: coordinator\n")
    with pytest.raises(InvalidInput, match=r"rules\[2\]") as refused:
        load_clock_rules(write(tmp_path, text))
    assert "give exactly one of" in str(refused.value)


def test_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    text = DEFAULT_RULES.replace("    amount: 20\n", "    amount: 20\n    amount: 30\n")
    with pytest.raises(InvalidInput, match=r"rules\[3\]\.amount"):
        load_clock_rules(write(tmp_path, text))


@pytest.mark.parametrize("text", ["", "version: 1\n---\nversion: 2\n", "a: [", "just text\n"])
def test_text_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InvalidInput) as refused:
        load_clock_rules(path)
    assert str(path) in refused.value.where


@pytest.mark.parametrize("text", ["", "{}", '{"version": "x"}', "not JSON"])
def test_text_that_is_no_calendar_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match="no table of working days"):
        load_working_days(write(tmp_path, text))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"version: \xe9\n")
    for path in (tmp_path / "missing.yaml", tmp_path / "latin.yaml", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be read"):
            load_clock_rules(path)
        with pytest.raises(InvalidInput, match="cannot be read"):
            load_working_days(path)


def test_correction_is_read_with_its_days(tmp_path: Path) -> None:
    text = (
        "version: c1\nbasis: 停工通告\njurisdiction: '3302'\n"
        "days: [{day: 2026-08-11, working: false, name: 台风停工}]\n"
    )
    correction = load_calendar_correction(write(tmp_path, text))
    assert correction.jurisdiction == "3302"
    assert [(str(d.day), d.working) for d in correction.days] == [("2026-08-11", False)]


def test_correction_without_quotes_around_its_divisions_is_refused(tmp_path: Path) -> None:
    text = (
        "version: c1\nbasis: b\njurisdiction: 3302\n"
        "days: [{day: 2026-08-11, working: false, name: x}]\n"
    )
    with pytest.raises(InvalidInput, match="line 3: jurisdiction"):
        load_calendar_correction(write(tmp_path, text))
