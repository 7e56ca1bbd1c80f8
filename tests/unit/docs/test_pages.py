"""All pages: links lead somewhere, code that is named exists, programs shown can be imported."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from . import pages

ALL = [pytest.param(page, id=str(page.relative_to(pages.PROJECT))) for page in pages.all_pages()]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SOURCE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|md|toml|sha256|xml|mjs|yaml))`")
DECISION_LINES_MAX = 60


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.*)$", pages.prose_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL)
def test_relative_links_lead_to_a_page_and_a_heading(page: Path) -> None:
    dead = []
    for link in _LINK.findall(pages.prose_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", ALL)
def test_page_has_one_title(page: Path) -> None:
    assert len(re.findall(r"^# ", pages.prose_of(page), flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("page", ALL)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = _SOURCE.findall(pages.prose_of(page))
    assert [name for name in named if not (pages.PROJECT / name).exists()] == []


@pytest.mark.parametrize("page", ALL)
def test_programs_that_a_page_shows_import_what_exists(page: Path) -> None:
    for text in re.findall(
        r"^```python\n(.*?)^```$", pages.text_of(page), re.DOTALL | re.MULTILINE
    ):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sharebus"):
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_decisions_are_numbered_without_a_gap_and_short() -> None:
    records = sorted((pages.DOCS / "decisions").glob("*.md"))
    numbers = [int(record.name[:4]) for record in records]
    assert numbers == list(range(1, len(records) + 1))
    for record in records:
        text = pages.text_of(record)
        assert text.startswith(f"# {record.name[:4]}: ")
        assert len(text.splitlines()) <= DECISION_LINES_MAX, f"{record.name} is too long"
        for part in ("Context", "Decision", "Evidence", "Consequences"):
            assert f"\n**{part}.** " in text, f"{record.name} has no part {part}"


def test_decisions_that_the_code_names_exist() -> None:
    written = {record.name[:4] for record in (pages.DOCS / "decisions").glob("*.md")}
    named = set()
    for room in (pages.PROJECT / "src" / "sharebus").iterdir():
        if room.is_symlink():
            for module in room.rglob("*.py"):
                named |= set(re.findall(r"decision (\d{4})", module.read_text(encoding="utf-8")))
    assert named
    assert named <= written
