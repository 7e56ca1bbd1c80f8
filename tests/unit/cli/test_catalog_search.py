"""A subscriber finds entries, and what it may expect of them; what is not shared tells its law."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from sharebus import InvalidInput, Refused
from sharebus.cli import catalog_due, catalog_search
from sharebus.cli.main import app
from sharebus.consumers.completeness import ClosedDelivery
from sharebus.governance.entry import UpdateDuty
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


@pytest.mark.parametrize(
    ("field", "told"), [("code", "by code, the entry's division_field"), (None, "none: the entry")]
)
def test_whoever_asks_for_return_flow_is_told_by_which_field(
    field: str | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(FakeDesk):
        def __init__(self, system: str) -> None:
            super().__init__(system)
            entry = self.catalog.entries["closed"]
            self.catalog.apply(entry.model_copy(update={"division_field": field}), 0)

    monkeypatch.setattr(catalog_search, "looking", Told)
    shown = CliRunner().invoke(app, ["catalog", "show", "closed", "--as", "tax.desk"])
    assert told in shown.stdout


def test_table_for_people_says_the_same() -> None:
    done = CliRunner().invoke(app, ["catalog", "show", "closed", "--as", "tax.desk"])
    assert done.exit_code == 0, done.output
    for text in ("依法履职", "if you asked today", "personal", "sample", "示例"):
        assert text in done.stdout


class FakeDeliveries:
    """What the gate announced of an entry."""

    def __init__(self, *closed: ClosedDelivery) -> None:
        self._closed = closed

    def __enter__(self) -> "FakeDeliveries":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def completed_periods(self) -> list[ClosedDelivery]:
        return list(self._closed)


def scheduled(monkeypatch: pytest.MonkeyPatch, *closed: ClosedDelivery) -> None:
    """The entry ``closed``, monthly, of which only these deliveries were closed."""

    class ScheduledDesk(FakeDesk):
        def __init__(self, system: str) -> None:
            super().__init__(system)
            entry = self.catalog.entries["closed"]
            schedule = {
                "kind": "periodic", "first_period": "2026-01",
                "due": {"working_day": 5, "at": "17:00"},
            }  # fmt: skip
            update = {"frequency": "monthly", "deadline": "按约定", "schedule": schedule}
            duty = UpdateDuty.model_validate(update)
            self.catalog.apply(entry.model_copy(update={"update": duty}), 0)

    def deliveries(entry: str, system: str) -> FakeDeliveries:
        if not closed:
            raise Refused("may not read")
        return FakeDeliveries(*closed)

    monkeypatch.setattr(catalog_search, "looking", ScheduledDesk)
    monkeypatch.setattr(catalog_due, "Completeness", deliveries)
    at_ms = int(datetime(2026, 10, 12, 1, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr(catalog_due, "now_ms", lambda: at_ms)


def delivery(period: str, closed: datetime, outcome: Any = "complete") -> ClosedDelivery:
    return ClosedDelivery("closed", period, f"d-{period}", outcome, int(closed.timestamp() * 1000))


# The fifth working day of October 2026 is Tuesday 13th: 8, 9, 10 (made up), 12, 13; of September,
# the 7th. On 12 October at 9:00 the data of August are the last that were due.
ON_TIME = datetime(2026, 9, 7, 8, 59, tzinfo=UTC)
LATE = datetime(2026, 9, 7, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("closed", "verdict"),
    [
        ([delivery("2026-08", ON_TIME)], "on_time"),
        ([delivery("2026-08", LATE)], "late"),
        ([delivery("2026-08", ON_TIME), delivery("2026-08", LATE)], "on_time"),
        ([delivery("2026-08", ON_TIME, "incomplete")], "missing"),
        ([delivery("2026-08", ON_TIME, "no_change")], "on_time"),
        ([delivery("2026-07", LATE), delivery("2026-09", LATE)], "missing"),
    ],
)
def test_reader_is_told_whether_the_entry_is_on_time(
    closed: list[ClosedDelivery], verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(monkeypatch, *closed)
    shown = run("show", "closed")
    assert shown["standing"]["verdict"] == verdict
    assert shown["standing"]["last_due"]["period"] == "2026-08"
    assert shown["next_due"]["period"] == "2026-09"
    assert shown["next_due"]["local"] == "2026-10-13 17:00 Asia/Shanghai"
    assert "2026-10-10 is a make-up working day" in shown["next_due"]["because"]


def test_whoever_may_not_see_deliveries_is_told_when_the_entry_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduled(monkeypatch)
    shown = run("show", "closed")
    assert shown["standing"] is None
    assert shown["next_due"]["period"] == "2026-09"
    assert shown["due"]["zh"] == "每月数据，次月第5个工作日17:00前"
    done = CliRunner().invoke(app, ["catalog", "show", "closed", "--as", "tax.desk"])
    for text in ("次月第5个工作日17:00前", "2026-10-13 17:00", "not known"):
        assert text in done.stdout


def test_late_entry_is_called_late_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(monkeypatch, delivery("2026-08", LATE))
    done = CliRunner().invoke(app, ["catalog", "show", "closed", "--as", "tax.desk"])
    for text in ("it was late", "2026-08 was due 2026-09-07 17:00", "2026-09-07 17:01"):
        assert text in " ".join(done.stdout.split())


def test_unknown_entry_names_the_way_to_find_one() -> None:
    with pytest.raises(InvalidInput, match="no such entry"):
        run("show", "nowhere")
    done = CliRunner().invoke(app, ["catalog", "show", "--as", "tax.desk"])
    assert isinstance(done.exception, InvalidInput)
