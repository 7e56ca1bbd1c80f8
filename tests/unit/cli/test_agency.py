"""Agencies on the bus, as everybody may know them, with what one was told of their moves."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sharebus import InvalidInput
from sharebus.cli import agency
from sharebus.cli.main import app
from sharebus.governance.facts import PolicyFacts
from sharebus.producers.desk.mailbox import CaseVersion, Mailbox

from ..governance.docket.town import Town
from ..producers.desk.recorded import RecordedLog


class FakeDesk:
    """The coordinator's desk; the tax bureau was suspended, the health bureau has left."""

    def __init__(self, _system: str) -> None:
        town, log = Town(), RecordedLog("office")
        log.tell(town.file("office", "agency", "tax", "suspend", reason="安全事件"))
        log.tell(town.file("office", "agency", "health", "exit", reason="撤销"))
        self.catalog: PolicyFacts = town.docket.facts
        reader: Any = log
        self._mailbox = Mailbox(reader, "office")

    def __enter__(self) -> "FakeDesk":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def history(self, kind: str, case: str) -> list[CaseVersion]:
        return self._mailbox.history(kind, case)


@pytest.fixture(autouse=True)
def _desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agency, "looking", FakeDesk)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["agency", *arguments, "--as", "office.desk"])
    if done.exception:
        raise done.exception
    return done.stdout


def test_list_has_agencies_of_reviewed_files_and_only_those_that_are_there() -> None:
    listed = {each["id"] for each in json.loads(run("list", "--json"))}
    assert {"market", "tax", "office"} <= listed
    assert "health" not in listed
    assert "health" in {each["id"] for each in json.loads(run("list", "--all", "--json"))}
    assert "coordinator" in run("list")


def test_agency_is_shown_with_its_state_keys_and_moves() -> None:
    shown = run("show", "tax")
    for text in ("suspended", "ed25519 ab", "S Art 27", "王某, 处长"):
        assert text in shown
    document = json.loads(run("show", "tax", "--json"))
    assert [version["verb"] for version in document["history"]] == ["suspend"]


def test_agency_without_moves_is_shown_all_the_same_and_an_unknown_one_is_not() -> None:
    assert "CODE-MARKET" in run("show", "market")
    with pytest.raises(InvalidInput, match="no such agency"):
        run("show", "nobody")
