"""Tables lose nothing where there is little room, or no terminal."""

import io
import re
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest

from sharebus.cli import status
from sharebus.cli.demo_report import Received, Sent, Story, Turned, print_story
from sharebus.infra.supervision import PartStatus, Status

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
LONG = "nb-market-regulation.registration"
STORY = Story(
    sent=[Sent("legal-persons", LONG, 1003, 1000, 3, 0, "incomplete")],
    received=[
        Received("legal-persons", LONG, "view.legal-persons.a", 99, 99, 901,
                 ["legal_representative", "phone"], True)
    ],
    turned=[Turned(f"{LONG} writes statistical-survey", "broker", "TOPIC_AUTHORIZATION_FAILED")],
    audit_records=23,
    audit_lines={"accepted": 1000, "refused": 3},
)  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def columns_of(printed: str) -> list[str]:
    """The text of each column of each table, with the lines that a cell was folded into joined."""
    texts: list[list[str]] = []
    for line in _STYLE.sub("", printed).splitlines():
        cells = [cell.strip() for cell in line.replace("┃", "│").split("│")[1:-1]]
        if "┏" in line:
            texts.append([])
        elif cells:
            table = texts[-1]
            if not table:
                table += [""] * len(cells)
            for index, cell in enumerate(cells):
                table[index] += cell.replace(" ", "")
    return [column for table in texts for column in table]


def printed_to(
    stdout: io.StringIO, monkeypatch: pytest.MonkeyPatch, write: Callable[[], None]
) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    with redirect_stdout(stdout):
        write()
    return stdout.getvalue()


@pytest.mark.parametrize("stdout", [Terminal(), io.StringIO()], ids=["80 columns", "no terminal"])
def test_demo_tells_every_word_of_its_story(
    stdout: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = printed_to(stdout, monkeypatch, lambda: print_story(STORY))
    columns = columns_of(printed)
    for text in (
        LONG, "1003", "1000", "incomplete", "901", "legal_representative,phone", "pseudonym",
        f"{LONG}writesstatistical-survey", "TOPIC_AUTHORIZATION_FAILED", "rowsfiltered",
    ):  # fmt: skip
        assert any(text in column for column in columns), text
    assert "audit (监察): 23 records; lines: 1000 accepted, 3 refused" in printed


@pytest.mark.parametrize("stdout", [Terminal(), io.StringIO()], ids=["80 columns", "no terminal"])
def test_status_tells_every_word_of_a_part(
    stdout: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, why = "http://127.0.0.1:18081/apis/ccompat/v7", "ended with status 70: a long reason"
    part = PartStatus(name="registry", state="failing", since_ms=0, address=address, message=why)
    report = Status(alive=True, parts=(part,))
    columns = columns_of(printed_to(stdout, monkeypatch, lambda: status._print(report, "folder")))
    for text in ("registry", "failing", address, why.replace(" ", "")):
        assert any(text in column for column in columns), text
