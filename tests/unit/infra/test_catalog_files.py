"""Files of the catalog: every problem at once, with file, line, field, expected and found."""

import json
from pathlib import Path

import pytest

from sharebus import InvalidInput
from sharebus.infra.catalog_files import InvalidCatalog, load_catalog_files

DEMO_CATALOG = Path(__file__).parents[3] / "demo" / "catalog"
AGENCY = """\
kind: agency
id: bureau
code: TEST-1
name: 示例
jurisdiction: "330200"
officer: {name: 示例, title: 专员}
systems:
  - {id: sender, name: 发送, roles: [provider]}
"""
GRANT = """\
kind: grant
id: persons
entry: legal-persons
system: nb-tax.levy
fields: [uscc]
purpose: {legal_basis: 示例, scenario: 示例, scope: 示例}
term:
  first_day: 2026-01-01
  last_day: 2026-12-31
"""


def problems_of(path: Path) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidCatalog) as refused:
        load_catalog_files(path)
    return [
        (Path(problem.document).name, problem.field, problem.found)
        for problem in refused.value.problems
    ]


def test_demo_catalog_is_read_with_the_line_of_each_document() -> None:
    files = load_catalog_files(DEMO_CATALOG)
    assert {entry.id for entry in files.collection.entries} == {
        "divisions-a",
        "divisions-b",
        "legal-persons",
        "statistical-survey",
    }
    place = files.places["agency zj-planning"]
    name, _, line = place.rpartition(":")
    assert Path(name).read_text("utf-8").splitlines()[int(line) - 1] == "kind: agency"


def test_all_problems_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        AGENCY.replace("TEST-1", "x").replace("330200", "宁波"), encoding="utf-8"
    )
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.yml").write_text(
        "kind: planet\n---\n" + AGENCY.replace("id: bureau", "id: gate"), encoding="utf-8"
    )
    assert problems_of(tmp_path) == [
        ("a.yaml:3", "code", "x"),
        ("a.yaml:5", "jurisdiction", "宁波"),
        ("b.yml:1", "kind", "planet"),
        ("b.yml:4", "id", "gate"),
    ]


FIELDS_OF_AGENCY = (
    "kind, id, code, name, jurisdiction, officer, systems, offices, keys, suspended, left"
)


@pytest.mark.parametrize(
    ("before", "after", "field", "expected", "found"),
    [
        ("class: conditional", "class: open", "sharing.class",
         "conditional, not_shared or unconditional", "open"),
        ("class: conditional\n", "agencies: []\n", "sharing.class",
         "conditional, not_shared or unconditional", "nothing"),
        ("class: conditional", "class: conditional\n  conditoins: x", "sharing.conditoins",
         "one of the fields class, conditions", "an unknown field"),
        ("mark: personal", "mrak: personal", "data_items[2].mrak",
         "one of the fields field, name, mark, origin, content_item, checks", "an unknown field"),
        ("mark: personal", "mark: 个人", "data_items[2].mark",
         "none, privacy, personal, sensitive_personal, commercial_secret, state_secret or "
         "work_secret", "个人"),
        ("partitions: 2", "partitions: 65", "partitions", "at most 64", "65"),
        ("partitions: 2", "partitions: two", "partitions", "a whole number", "two"),
        ("partitions: 2", "partitions: 2\nsuspended: perhaps", "suspended", "true or false",
         "perhaps"),
        ("key_fields: [uscc]", "key_fields: uscc", "key_fields", "a list", "uscc"),
        ("key_fields: [uscc]", "key_fields: []", "key_fields", "a list of at least 1", "[]"),
        ("key_fields: [uscc]", "key_fields: [ ' ' ]", "key_fields[0]",
         "text of the form ^[A-Za-z_][A-Za-z0-9_]{0,62}$", " "),
    ],
)  # fmt: skip
def test_wrong_value_of_an_entry_is_told_with_field_expected_and_found(
    tmp_path: Path, before: str, after: str, field: str, expected: str, found: str
) -> None:
    source = DEMO_CATALOG / "entries" / "legal-persons.yaml"
    text = source.read_text("utf-8").replace(
        "legal-person.avsc", str(source.parent / "legal-person.avsc")
    )
    assert before in text
    (tmp_path / "e.yaml").write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(InvalidCatalog) as refused:
        load_catalog_files(tmp_path / "e.yaml")
    [problem] = refused.value.problems
    assert problem[1:] == (field, expected, found)


@pytest.mark.parametrize(
    ("before", "after", "field", "expected", "found"),
    [
        ("kind: agency", "kind: agency\ncolour: red", "colour",
         f"one of the fields {FIELDS_OF_AGENCY}", "an unknown field"),
        ("{name: 示例, title: 专员}", "示例", "officer", "fields with their values", "示例"),
        ("name: 示例\n", "name: 12\n", "name", "text; in quotes if it looks like a number", "12"),
        ("name: 示例\n", "name: ' '\n", "name", "at least 1 characters", " "),
        ("roles: [provider]", "roles: {provider: yes}", "systems[0].roles", "a list", "fields"),
        ("roles: [provider]", "roles: [reader]", "systems[0].roles[0]", "provider or subscriber",
         "reader"),
    ],
)  # fmt: skip
def test_wrong_value_of_an_agency_is_told_with_field_expected_and_found(
    tmp_path: Path, before: str, after: str, field: str, expected: str, found: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(AGENCY.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(InvalidCatalog) as refused:
        load_catalog_files(file)
    [problem] = refused.value.problems
    assert problem[1:] == (field, expected, found)


@pytest.mark.parametrize(
    ("before", "after", "field", "expected"),
    [
        ("nb-tax.levy", "nb-tax", "system", "<agency>.<system>"),
        ("first_day: ", "first_day: gestern #", "term.first_day", "a date such as 2026-11-22"),
    ],
)
def test_wrong_value_of_a_grant_is_told_with_its_field(
    tmp_path: Path, before: str, after: str, field: str, expected: str
) -> None:
    text = GRANT.replace(before, after, 1)
    assert text != GRANT
    (tmp_path / "g.yaml").write_text(text, "utf-8")
    with pytest.raises(InvalidCatalog) as refused:
        load_catalog_files(tmp_path / "g.yaml")
    [problem] = refused.value.problems
    assert problem.field == field
    assert problem.expected.startswith(expected)


def test_missing_field_is_named_at_the_line_of_its_document(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# a remark\n" + AGENCY.replace("code: TEST-1\n", ""), encoding="utf-8")
    assert problems_of(file) == [("a.yaml:2", "code", "nothing")]


def test_code_without_quotes_is_a_number_and_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(AGENCY.replace('"330200"', "330200"), encoding="utf-8")
    assert problems_of(file) == [("a.yaml:5", "jurisdiction", "330200")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("code: TEST-1", "code: TEST-1\ncode: TEST-2", ("a.yaml:4", "code", "the key again")),
        ("title: 专员", 'title: "<<fill in: title>>"', ("a.yaml:6", "officer.title", "")),
        ("name: 示例\n", "name: [unclosed\n", ("a.yaml:5", "document", "")),
        ("name: 示例\n", "name: &n 示例\nalso: *n\n", ("a.yaml:5", "document", "")),
        ("name: 示例\n", "name: !!python/name:os.system\n", ("a.yaml:4", "document", "")),
    ],
    ids=["key twice", "placeholder", "no YAML", "alias", "tag"],
)
def test_text_that_is_not_what_it_seems_is_refused(
    tmp_path: Path, before: str, after: str, expected: tuple[str, str, str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(AGENCY.replace(before, after, 1), encoding="utf-8")
    ((place, field, found),) = problems_of(file)
    assert (place, field) == expected[:2]
    assert found.startswith(expected[2])


def test_words_that_other_yaml_readers_take_for_truths_and_dates_stay_texts(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.yaml"
    text = AGENCY.replace("name: 示例\n", "name: no\n").replace("title: 专员", "title: 2026-01-01")
    file.write_text(text, encoding="utf-8-sig")
    (agency,) = load_catalog_files(file).collection.agencies
    assert (agency.name, agency.officer.title) == ("no", "2026-01-01")


@pytest.mark.parametrize(
    ("schema", "found_in_field"),
    [
        ("{", "not JSON"),
        ('{"type": "record", "type": "record"}', "twice"),
        (json.dumps({"type": "record", "name": "R", "fields": [{"type": "string"}]}), "field"),
    ],
    ids=["cut off", "key twice", "a field without name"],
)
def test_schema_file_with_a_fault_is_refused_at_the_entry_that_names_it(
    tmp_path: Path, schema: str, found_in_field: str
) -> None:
    (tmp_path / "broken.avsc").write_text(schema, encoding="utf-8")
    entry = (DEMO_CATALOG / "entries" / "divisions-a.yaml").read_text("utf-8")
    (tmp_path / "e.yaml").write_text(entry.replace("division.avsc", "broken.avsc"), "utf-8")
    problems = problems_of(tmp_path / "e.yaml")
    assert {place for place, _, _ in problems} == {"e.yaml:6"}
    assert found_in_field in problems[0][1]


def test_schema_file_that_is_missing_is_named(tmp_path: Path) -> None:
    entry = (DEMO_CATALOG / "entries" / "divisions-a.yaml").read_text("utf-8")
    (tmp_path / "e.yaml").write_text(entry, "utf-8")
    assert [(place, field) for place, field, _ in problems_of(tmp_path / "e.yaml")] == [
        ("division.avsc", "file")
    ]


def test_directory_without_documents_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no catalog to read"):
        load_catalog_files(tmp_path)
