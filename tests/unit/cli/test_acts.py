"""A command for each move: every example of the help is one that the lifecycle takes."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import typer.main
import yaml
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from sharebus import InvalidInput, Refused
from sharebus.cli import acts, case, usage
from sharebus.cli.main import app
from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.lifecycle import CLOCK
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.infra.private_key import new_key, save_key
from sharebus.producers.desk import Inspection
from sharebus.producers.desk.mailbox import CaseVersion

from ..governance.docket.town import Town, agency_document, entry_document

GROUPS = {
    "request": "request", "grant": "grant", "agreement": "agreement", "dispute": "dispute",
    "demand": "demand", "emergency": "emergency", "agency": "agency", "catalog": "entry",
    "usage": "usage",
}  # fmt: skip
NO_MOVES = {"list", "show", "apply", "close", "init", "import", "search"}
FROM_THE_LOG = {("emergency", "report")}
ROOT = typer.main.get_command(app)


def examples() -> Iterator[Any]:
    assert isinstance(ROOT, TyperGroup)
    for group, kind in GROUPS.items():
        members = ROOT.commands[group]
        assert isinstance(members, TyperGroup)
        for word, command in members.commands.items():
            if word not in NO_MOVES and (group, word) not in FROM_THE_LOG:
                yield pytest.param(kind, command, id=f"{group}-{word}")


class FakeDesk:
    """Keeps what is filed, and accepts it."""

    filed: dict[str, Any]
    outcome = "accepted"

    def __init__(self, system: str) -> None:
        self.system, self.agency = system, system.partition(".")[0]
        town = Town()
        town.ask("r-1", "closed", ("code", "name"))
        self.version = CaseVersion(town.case("request", "r-1"), "submit", "", "tax", 0, "", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def latest(self, kind: str, case_id: str) -> CaseVersion | None:
        return self.version if (kind, case_id) == ("request", "r-1") else None

    def known(self, kind: str, case_id: str) -> CaseVersion:
        return self.version

    def cases(self) -> Iterator[CaseVersion]:
        yield self.version

    def history(self, kind: str, case_id: str) -> list[CaseVersion]:
        return [self.version]

    def wait_until(self, is_met: Any, wait_seconds: float | None = None) -> None:
        self.filed["is_waited_for"] = True

    def inspect(self, entry: str, agency: str | None) -> Inspection:
        self.file("usage", "u-1", "inspect", {"entry": entry})
        return Inspection("u-1", "S Art 29", ())

    def file(
        self, kind: str, case_id: str, verb: str, body: dict[str, Any], head: Officer | None = None,
        *, command_id: str | None = None,
    ) -> Answer:  # fmt: skip
        self.filed |= {
            "kind": kind, "case": case_id, "verb": verb, "body": body, "head": head,
            "command": command_id,
        }  # fmt: skip
        return Answer(
            agency=self.agency, command="c", case_kind=kind, case=case_id, verb=verb,
            outcome=self.outcome, state="there", version=1, basis="O Art 18", decided_ms=0,
            problem="" if self.outcome == "accepted" else "not so",
        )  # fmt: skip


@pytest.fixture
def filed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the command files; the files that the examples name are there."""
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    monkeypatch.setattr(FakeDesk, "filed", found, raising=False)
    for module in (acts, case, usage):
        monkeypatch.setattr(module, "acting", lambda system, key, officer: FakeDesk(system))
    texts = {
        "rivers.yaml": {"kind": "entry", **entry_document("rivers")},
        "nb-health.yaml": {"kind": "agency", **agency_document("nb-health")},
    }
    for name, document in texts.items():
        Path(name).write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    for name in ("agreement.pdf", "released.jsonl"):
        Path(name).write_bytes(b"text")
    save_key(Path("new.toml"), new_key("ed25519"))
    return found


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize(("kind", "command"), list(examples()))
def test_example_of_the_help_files_a_move_with_all_that_it_needs(
    kind: str, command: TyperCommand, filed: dict[str, Any]
) -> None:
    example = shlex.split((command.epilog or "").partition("sharebus ")[2])
    run(*example)
    assert filed["kind"] == kind
    json.dumps(filed["body"])
    moves = [move for move in LIFECYCLES[kind].moves if move.verb == filed["verb"]]
    assert moves
    for move in moves:
        assert set(move.needs) <= set(filed["body"]) <= {*move.needs, *move.may}
        assert bool(filed["head"]) == move.head


@pytest.mark.parametrize("kind", GROUPS.values())
def test_every_move_of_a_person_has_a_command(kind: str, filed: dict[str, Any]) -> None:
    taken = set()
    for parameter in examples():
        of_kind, command = parameter.values
        if of_kind == kind:
            run(*shlex.split((command.epilog or "").partition("sharebus ")[2]))
            taken.add(filed["verb"])
    people = {move.verb for move in LIFECYCLES[kind].moves if set(move.actors) != {CLOCK}}
    assert taken == people


def test_consent_is_to_all_fields_asked_for_unless_some_are_named(filed: dict[str, Any]) -> None:
    run("request", "accept", "r-1", "--as", "market.desk")
    assert filed["body"] == {"accepted_fields": ["code", "name"]}
    run("request", "accept", "r-1", "--as", "market.desk", "--field", "code")
    assert filed["body"] == {"accepted_fields": ["code"]}


def test_completion_keeps_what_was_stated_and_is_not_given_anew(filed: dict[str, Any]) -> None:
    run("request", "complete", "r-1", "--as", "tax.desk", "--scenario", "核验")
    assert filed["body"]["scenario"] == "核验"
    assert filed["body"]["scope"] == "宁波市"
    assert filed["body"]["term"] == {"first_day": "2026-01-01", "last_day": "2026-12-31"}


def test_rows_are_narrowed_by_values_and_by_areas(filed: dict[str, Any]) -> None:
    run("request", "submit", "e", "--as", "tax.desk", "--rows", "level=b,a", "--area", "code=3302")
    assert filed["body"]["row_filter"] == {
        "all": [
            {"field": "level", "one_of": ["a", "b"]}, {"field": "code", "starts_with": ["3302"]},
        ]
    }  # fmt: skip


def test_new_case_has_an_id_of_its_own_or_the_one_that_is_given(filed: dict[str, Any]) -> None:
    run("request", "submit", "e", "--as", "tax.desk")
    first = filed["case"]
    run("request", "submit", "e", "--as", "tax.desk")
    assert first != filed["case"]
    run("request", "submit", "e", "--as", "tax.desk", "--id", "r-7", "--command", "x")
    assert (filed["case"], filed["command"]) == ("r-7", "x")


def test_refusal_is_an_error_and_is_not_waited_on(
    filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDesk, "outcome", "refused")
    with pytest.raises(Refused, match="not so"):
        run("request", "submit", "e", "--as", "tax.desk", "--wait")
    assert "is_waited_for" not in filed


def test_any_move_is_filed_with_fields_as_json_or_text(filed: dict[str, Any]) -> None:
    run(
        "case", "file", "request", "ask-extension", "r-1", "--as", "market.desk",
        "--set", "extension=3", "--set", "reason=需会商",
    )  # fmt: skip
    assert (filed["verb"], filed["body"]) == ("ask_extension", {"extension": 3, "reason": "需会商"})
    run(
        "case", "file", "emergency", "end", "e-1", "--as", "office.desk",
        "--set", 'seal_by={"a": [1]}',
    )  # fmt: skip
    assert filed["body"] == {"seal_by": {"a": [1]}}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["request", "submit", "e", "--until", "tomorrow"], "no day"),
        (["request", "submit", "e", "--rows", "level"], "condition on rows"),
        (["request", "accept", "r-9"], "knows no request"),
        (["catalog", "submit", "e", "--head", "李某"], "a name and a title"),
        (["catalog", "draft", "nowhere.yaml"], "nowhere.yaml"),
        (["agreement", "propose", "x", "--text", "nowhere.pdf"], "cannot be read"),
        (["case", "file", "request", "submit", "r-1", "--set", "x"], "NAME=VALUE"),
        (["case", "file", "requests", "submit", "r-1"], "change, demand, request"),
        (["case", "file", "request", "r-1", "accept"], "the order is KIND VERB CASE"),
        (["case", "file", "request", "answer", "r-1"], "list-missing, complete, ask-extension"),
        (["case", "file", "request", "supply", "r-1"], "supply is no move of a request"),
        (["case", "file", "request", "withdraw", "r-1", "--set", "a=1"], "no field at all"),
        (["case", "file", "request", "refuse", "r-1"], "legal_basis=…"),
        (["case", "show", "requests", "r-1"], "no such kind of case"),
    ],
)
def test_what_is_given_wrong_is_told_before_anything_is_filed(
    filed: dict[str, Any], arguments: list[str], problem: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(*arguments, "--as", "tax.desk")
    assert problem in str(refused.value)
    assert filed == {}
