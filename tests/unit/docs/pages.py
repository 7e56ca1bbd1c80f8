"""The pages of the documentation, and the tables in them."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
README = PROJECT / "README.md"
DOCS = PROJECT / "docs"
_CELL_END = re.compile(r"(?<!\\)\|")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def all_pages() -> list[Path]:
    return [README, PROJECT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCED.sub("", text_of(page))


def section(page: Path, heading: str) -> str:
    """The text below a heading, up to the next one of the same or a higher level."""
    level = re.match("#+", heading)
    assert level
    _, found, rest = f"\n{text_of(page)}".partition(f"\n{heading}\n")
    assert found, f"{page.name} has no heading '{heading}'"
    return re.split(rf"^#{{1,{len(level[0])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str, *columns: str) -> list[list[str]]:
    """The rows of the first table that has these columns."""
    lines = iter(text.splitlines())
    for line in lines:
        if _cells(line) == list(columns):
            next(lines)
            break
    else:
        raise AssertionError(f"there is no table with the columns {', '.join(columns)}")
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(_cells(line))
        assert len(rows[-1]) == len(columns), line
    return rows


def code(cell: str) -> str:
    """What a cell has in backticks; the empty text if it has nothing there."""
    found = re.search("`([^`]*)`", cell)
    return found[1] if found else ""


def codes(cell: str) -> list[str]:
    """Everything that a cell has in backticks."""
    return re.findall("`([^`]*)`", cell)


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(line.strip())[1:-1]]
