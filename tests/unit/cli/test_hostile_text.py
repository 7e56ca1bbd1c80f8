"""What other agencies wrote reaches a terminal as text alone: it is shown, and never obeyed."""

import ast
import io
import json
import unicodedata
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import Refused
from sharebus.cli import output
from sharebus.cli.case_view import show_case, show_cases, show_tasks
from sharebus.governance.docket import Notice
from sharebus.producers.desk import CaseVersion
from sharebus.producers.desk.inbox import tasks_of

from ..governance.docket.town import Town

CLI = Path(output.__file__).parent
BIDI = "‪‫‬‭‮⁦⁧⁨⁩"
HOSTILE = f"台风\x1b[2J\x1b]0;x\x07\x9b31m\r\n\u2028  remedy:   none{BIDI}"


def is_obeyed(character: str) -> bool:
    """By the Unicode database, and not by what the code leaves out."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in BIDI


@given(st.text(st.characters(exclude_categories=())))
def test_one_line_has_nothing_that_is_obeyed_and_the_rest_as_it_was(text: str) -> None:
    shown = output.visible(text)
    assert not any(map(is_obeyed, shown))
    shown.encode()
    if not any(map(is_obeyed, text)):
        assert shown == text


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_document(document: object) -> None:
    text = json.dumps(document, ensure_ascii=False)
    assert json.loads(output.visible(text)) == document


PRINTERS: dict[str, Callable[[], None]] = {
    "json": lambda: output.print_json({HOSTILE: HOSTILE}),
    "line": lambda: output.print_line(HOSTILE),
    "text": lambda: output.print_text(f"{HOSTILE}\n"),
    "table": lambda: output.print_table(HOSTILE, (HOSTILE, "x"), [(HOSTILE, HOSTILE)]),
    "note": lambda: output.print_note(HOSTILE),
    "state": lambda: output.print_state(HOSTILE, HOSTILE, "", HOSTILE),
    "error": lambda: output.print_error(Refused(HOSTILE, found=HOSTILE)),
}


@pytest.mark.parametrize("printer", PRINTERS)
def test_whatever_prints_shows_it(printer: str, capsys: pytest.CaptureFixture[str]) -> None:
    PRINTERS[printer]()
    printed = "".join(capsys.readouterr())
    assert "台风" in printed
    assert not [character for character in printed if is_obeyed(character) and character != "\n"]


def test_what_has_lines_of_its_own_passes_for_no_other_part_of_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.print_error(Refused("no", found="x\n  remedy:   pay me", remedy="ask"))
    printed = capsys.readouterr().err
    assert [line for line in printed.splitlines() if line.startswith("  remedy:")] == [
        "  remedy:   ask"
    ]


def test_reason_of_another_agency_is_shown_in_cases_and_in_the_inbox() -> None:
    town = Town()
    town.ask("r-1", "closed", scenario=HOSTILE)
    told = [notice for outcome in town.outcomes for notice in outcome.notices]
    versions = [_version(notice) for notice in told if notice.agency == "market"]
    printed = io.StringIO()
    with redirect_stdout(printed):
        show_case(versions, as_json=False)
        show_case(versions, as_json=True)
        show_cases(HOSTILE, versions, as_json=False)
        show_tasks(HOSTILE, tasks_of([versions[-1].case], town.author("market")), as_json=False)
    assert "台风" in printed.getvalue()
    assert not [
        character for character in printed.getvalue() if is_obeyed(character) and character != "\n"
    ]


@pytest.mark.parametrize(
    "module", [path for path in sorted(CLI.glob("*.py")) if path.name != "output.py"],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_no_command_prints_past_the_one_place(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            source = node.module if isinstance(node, ast.ImportFrom) else ""
            for name in [source or "", *names]:
                assert name.partition(".")[0] != "rich", f"{module.name}:{node.lineno}"
            assert not {"echo", "secho"} & set(names), f"{module.name}:{node.lineno}"
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert called != "print", f"{module.name}:{node.lineno}"
        assert called.rpartition(".")[2] not in ("echo", "secho", "Console"), (
            f"{module.name}:{node.lineno}"
        )
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("stdout", "stderr", "__stdout__", "__stderr__"), (
                f"{module.name}:{node.lineno}"
            )


def _version(notice: Notice) -> CaseVersion:
    case = notice.case
    return CaseVersion(case, notice.verb, notice.basis, notice.author, case.changed_ms, "w", 1)
