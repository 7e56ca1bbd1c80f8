"""Drafts from CSV files: types that lose nothing, and placeholders that cannot be applied."""

import json
from pathlib import Path
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.cli.catalog_draft import draft_entry
from sharebus.infra.catalog_files import PLACEHOLDER, InvalidCatalog, load_catalog_files
from sharebus.producers.input_file import inspect_file


def types_of(path: Path) -> dict[str, Any]:
    draft = draft_entry(inspect_file(path), "shops", "shops.avsc")
    return {field["name"]: field["type"] for field in json.loads(draft.avro_schema)["fields"]}


def test_draft_keeps_codes_as_texts_and_finds_plain_numbers(tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text(
        "code,district,zip,staff,note\n"
        "0071,330203,315000,5,\n"
        "0072,330205,315100,120,关闭\n"
        "0073,330205,315100,5,\n",
        encoding="utf-8",
    )
    assert types_of(file) == {
        "code": "string",
        "district": "string",
        "zip": "string",
        "staff": "long",
        "note": ["null", "string"],
    }


def test_draft_guesses_the_first_column_that_names_each_row_once(tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("kind,code\na,1\na,2\n", encoding="utf-8")
    draft = draft_entry(inspect_file(file), "shops", "shops.avsc")
    assert "key_fields: [code]" in draft.entry


def test_draft_keeps_a_running_number_that_names_rows_as_a_text(tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("number,staff\n9,8\n10,8\n11,12\n", encoding="utf-8")
    assert types_of(file) == {"number": "string", "staff": "long"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_draft_reads_either_encoding_and_names_columns_that_cannot_be_fields(
    tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("code,名称\n1,宁波商店\n2,海曙商店\n", encoding=encoding)
    draft = draft_entry(inspect_file(file), "shops", "shops.avsc")
    assert [field["name"] for field in json.loads(draft.avro_schema)["fields"]] == [
        "code",
        "column_2",
    ]
    assert '#   "名称" is column_2' in draft.entry


def test_draft_is_refused_at_every_placeholder_until_people_fill_it_in(tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("code,name\n1,a\n", encoding="utf-8")
    draft = draft_entry(inspect_file(file), "shops", "shops.avsc")
    (tmp_path / "shops.yaml").write_text(draft.entry, encoding="utf-8")
    (tmp_path / "shops.avsc").write_text(draft.avro_schema, encoding="utf-8")
    with pytest.raises(InvalidCatalog) as refused:
        load_catalog_files(tmp_path / "shops.yaml")
    placeholders = sum(PLACEHOLDER in line for line in draft.entry.splitlines()[1:])
    assert len({problem.document for problem in refused.value.problems}) == placeholders
    filled = _fill_in(draft.entry)
    (tmp_path / "shops.yaml").write_text(filled, encoding="utf-8")
    (entry,) = load_catalog_files(tmp_path / "shops.yaml").collection.entries
    assert entry.field_names == ("code", "name")


def _fill_in(text: str) -> str:
    """What a person would answer, by the words of each placeholder."""
    answers = {
        "none, privacy": "none",
        "unconditional": "unconditional",
        "daily": "daily",
        "base": "specialised",
        "division code": '"330200"',
        "id of the agency": "bureau",
        "id of its system": "sender",
    }
    for words, answer in answers.items():
        start = text.find(f'"{PLACEHOLDER}: {words}')
        while start >= 0:
            end = text.index('>>"', start) + 3
            text = text[:start] + answer + text[end:]
            start = text.find(f'"{PLACEHOLDER}: {words}')
    return text.replace(PLACEHOLDER, "filled in")


@pytest.mark.parametrize(
    "text", ["", "code,code\n1,2\n", "code,name\n"], ids=["empty", "twice", "no rows"]
)
def test_file_that_shows_no_columns_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "shops.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput):
        draft_entry(inspect_file(file), "shops", "shops.avsc")


def test_id_that_no_topic_can_have_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("code\n1\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="not the id"):
        draft_entry(inspect_file(file), "Shops.1", "shops.avsc")
