"""A subscriber finds entries, and what it may expect of them; what is not shared tells its law."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from sharebus import InvalidInput, Refused
from sharebus.cli import catalog_search
from sharebus.cli.main import app
from sharebus.governance.facts import NotSharedListing, PolicyFacts
from sharebus.governance.identity import parse_system

from ..governance.docket.town import BASIS, facts


class FakeDesk:
    """The desk of a subscriber, before the catalog that every agency may read."""

    def __init__(self, system: str) -> None:
        self.system = parse_system(system)
        self.catalog = PolicyFacts()
        for fact in facts():
            if fact.id != "secret":
                self.catalog.apply(fact, 0)
        listing = {"id": "secret", "name": "统计底册", "agency": "market", "basis": BASIS}
        self.catalog.apply(NotSharedListing.model_validate(listing), 0)

    def __enter__(self) -> "FakeDesk":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_search, "looking", FakeDesk)


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["catalog", *arguments, "--as", "tax.desk", "--json"])
    if done.exception:
        raise done.exception
    return json.loads(done.stdout)


def test_entries_are_found_by_field_and_by_provider_whatever_the_case() -> None:
    found = run("search", "PHONE")
    assert [row["entry"] for row in found] == ["closed", "few", "open"]
    assert {row["found_in"] for row in found} == {"field phone"}
    assert [row["entry"] for row in run("search", "market")] == ["closed", "few", "open"]
    assert run("search", "nothing of this kind") == []


def test_what_is_not_shared_is_found_with_the_law_that_says_so() -> None:
    (found,) = run("search", "统计")
    assert (found["entry"], found["class"]) == ("secret", "not_shared")
    assert "统计法 Art 28" in found["update"]
    with pytest.raises(Refused, match="不予共享"):
        run("show", "secret")


def test_entry_tells_class_conditions_sample_and_when_a_reply_is_due() -> None:
    shown = run("show", "closed")
    assert shown["sharing"] == {"class": "conditional", "conditions": "依法履职"}
    assert set(shown["sample"]) == {"code", "name", "phone"}
    reply = shown["expected_reply"]["fields_without_a_mark"]
    assert not reply["at_once"]
    assert reply["clocks"][0]["local"]
    assert reply["clocks"][0]["basis"]


def test_marked_fields_of_an_unconditional_entry_are_not_granted_at_once() -> None:
    expected = run("show", "open")["expected_reply"]
    assert expected["fields_without_a_mark"]["at_once"]
    assert not expected["all_fields"]["at_once"]


def test_table_for_people_says_the_same() -> None:
    done = CliRunner().invoke(app, ["catalog", "show", "closed", "--as", "tax.desk"])
    assert done.exit_code == 0, done.output
    for text in ("依法履职", "if you asked today", "personal", "sample", "示例"):
        assert text in done.stdout


def test_unknown_entry_names_the_way_to_find_one() -> None:
    with pytest.raises(InvalidInput, match="no such entry"):
        run("show", "nowhere")
    done = CliRunner().invoke(app, ["catalog", "show", "--as", "tax.desk"])
    assert isinstance(done.exception, InvalidInput)
