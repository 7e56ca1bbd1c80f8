"""What is printed of a case: everything on one screen, and nothing taken for markup."""

import json
from typing import Any

import pytest

from sharebus.cli.case_view import show_case, show_cases, show_tasks
from sharebus.producers.desk.inbox import tasks_of
from sharebus.producers.desk.mailbox import Mailbox

from ..governance.docket.town import Town
from ..producers.desk.recorded import RecordedLog


@pytest.fixture
def mailbox() -> Mailbox:
    """The provider's, of a request that was refused, and of one that waits."""
    town, log = Town(), RecordedLog("market")
    log.tell(town.ask("r-1", "closed", scenario="[bold]开业登记[/bold]"))
    log.tell(town.file("market", "request", "r-1", "refuse", legal_basis="统计法 9"))
    log.tell(town.ask("r-2", "closed"))
    reader: Any = log
    box = Mailbox(reader, "market")
    box.catch_up()
    return box


def test_case_is_shown_with_its_history_articles_and_clocks(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    show_case(mailbox.history("request", "r-1"), False)
    shown = capsys.readouterr().out
    for text in (
        "request r-1: refused", "submit", "refuse", "O Art 5, S Art 21", "统计法 9", "王某, 处长",
        "[bold]开业登记[/bold]", "review_refusal", "coordinator", "2026-01-01 to 2026-12-31",
    ):  # fmt: skip
        assert text in shown
    latest = mailbox.latest("request", "r-1")
    assert latest is not None
    for clock in latest.case.clocks:
        assert clock.local in shown


def test_role_is_called_as_the_installation_calls_it(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHAREBUS_ROLE_TITLES", '{"coordinator": "数据局"}')
    show_case(mailbox.history("request", "r-1"), False)
    shown = capsys.readouterr().out
    assert "数据局" in shown
    assert "信息化行政主管部门" not in shown


def test_case_for_programs_has_the_proof_of_each_version(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    show_case(mailbox.history("request", "r-1"), True)
    document = json.loads(capsys.readouterr().out)
    assert [version["verb"] for version in document["history"]] == ["submit", "refuse"]
    assert {version["audit"] for version in document["history"]} == {"registrar/7"}
    assert all("clock" not in clock for clock in document["clocks"])


def test_list_says_what_each_case_is_about_and_what_is_due(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    show_cases("requests", mailbox.cases(), False)
    shown = capsys.readouterr().out
    for text in ("r-1", "r-2", "closed", "refused", "submitted", "market", "tax", "answer: 2026-"):
        assert text in shown


def test_inbox_says_what_may_be_done_until_when_under_which_article(
    mailbox: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    town = Town()
    tasks = tasks_of((version.case for version in mailbox.cases()), town.author("market"))
    show_tasks("market", tasks, False)
    shown = capsys.readouterr().out
    assert "request r-2" in shown
    assert "request r-1" not in shown
    assert "list-missing, accept, refuse" in shown
    assert tasks[0].due in shown
    assert tasks[0].basis in shown
    show_tasks("market", tasks, True)
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["case"], document["due_ms"]) == ("r-2", tasks[0].due_ms)


def test_empty_inbox_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_tasks("market", [], False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Nothing waits for market" in captured.err


def in_sum(agency: str, capsys: pytest.CaptureFixture[str], *fields: str) -> str:
    town, log = Town(), RecordedLog(agency)
    log.tell(town.ask("r-1", "open", ("code", "name")))
    log.tell(town.ask("r-2", "closed", fields))
    reader: Any = log
    box = Mailbox(reader, agency)
    box.catch_up()
    show_case(box.history("request", "r-2"), False)
    return "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("agency", "is_whole"), [("tax", True), ("office", True), ("market", False)]
)
def test_what_becomes_joinable_is_shown_as_far_as_one_may_know(
    capsys: pytest.CaptureFixture[str], agency: str, is_whole: bool
) -> None:
    shown = in_sum(agency, capsys, "code", "phone")
    assert "In sum tax would hold 4 fields of 2 entries (1 personal)." in shown
    assert "firms.code" in shown
    assert ("open: code, name" in shown) == is_whole
    assert ("closed: code, phone (personal)" in shown) == is_whole
    assert "in sum {" not in shown


def test_sum_without_a_new_combination_is_a_remark(capsys: pytest.CaptureFixture[str]) -> None:
    shown = in_sum("market", capsys, "name")
    assert "In sum tax would hold 3 fields of 2 entries: nothing new is joined." in shown
    assert "Newly joinable" not in shown
