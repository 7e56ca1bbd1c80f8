"""The demonstration's data are what their generator makes, and what its catalog describes."""

import csv
import subprocess
import sys
from pathlib import Path

from sharebus.governance.content_checks import compile_check
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.takeover import check_documents
from sharebus.infra.catalog_files import load_catalog_files

DEMO = Path(__file__).parents[3] / "demo"


def rows_of(name: str) -> list[dict[str, str]]:
    with (DEMO / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_synthetic_rows_are_what_their_generator_makes(tmp_path: Path) -> None:
    script = DEMO / "data" / "make_legal_persons.py"
    subprocess.run([sys.executable, script, tmp_path], check=True)
    for name in ("legal-persons.csv", "legal-persons-bad.csv"):
        assert (tmp_path / name).read_bytes() == (DEMO / "data" / name).read_bytes()


def test_synthetic_rows_have_valid_codes_and_say_that_they_are_examples() -> None:
    rows = rows_of("legal-persons.csv")
    check = compile_check("unified_social_credit_code")
    assert len({row["uscc"] for row in rows}) == len(rows) == 1_000
    assert [row for row in rows if check(row["uscc"]) is not None] == []
    assert [row for row in rows if "示例" not in row["name"]] == []
    assert [row for row in rows if row["phone"] and not row["phone"].startswith("0574-0000")] == []


def test_demo_catalog_agrees_with_itself() -> None:
    files = load_catalog_files(DEMO / "catalog")
    assert check_documents(PolicyFacts(), files.collection) == []


def test_demo_files_have_the_columns_of_their_entries() -> None:
    entries = {entry.id: entry for entry in load_catalog_files(DEMO / "catalog").collection.entries}
    for name, entry in (
        ("divisions/edition-a.csv", "divisions-a"),
        ("divisions/edition-b.csv", "divisions-b"),
        ("legal-persons.csv", "legal-persons"),
        ("legal-persons-bad.csv", "legal-persons"),
    ):
        assert tuple(rows_of(name)[0]) == entries[entry].field_names
