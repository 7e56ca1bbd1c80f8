"""An entry of which a right has ended waits for the enforcer, and not for one that is not there."""

from types import SimpleNamespace
from typing import Any

import pytest

from sharebus.stream_apps.gate import standing as standing_module
from sharebus.stream_apps.gate.standing import STANDING_SECONDS_MAX, Standing

from . import case


class Enforcer:
    """What ``facts.progress`` says of it, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stands: int) -> None:
        self.written = self.read = stands
        self.now = 100.0
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(standing_module, "time", clock)

    def catch_up(self) -> None:
        self.read = self.written

    def standing_version(self) -> int:
        return self.read


def standing_of(monkeypatch: pytest.MonkeyPatch, stands: int) -> tuple[Standing, Enforcer]:
    enforcer: Any = Enforcer(monkeypatch, stands)
    return Standing(enforcer), enforcer


def test_entry_waits_until_the_enforcer_has_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    standing, enforcer = standing_of(monkeypatch, 6)
    standing.require("shops", 8)
    for stands, waits in ((6, True), (7, True), (8, False)):
        enforcer.written = stands
        gone = standing.look()
        assert (standing.is_awaited("shops"), standing.is_any_awaited) == (waits, waits)
        assert gone == (frozenset() if waits else {"shops"})
    assert not standing.is_awaited("alleys")


@pytest.mark.parametrize("stands", [8, 9])
def test_nobody_waits_for_what_stands(monkeypatch: pytest.MonkeyPatch, stands: int) -> None:
    standing, _ = standing_of(monkeypatch, stands)
    standing.require("shops", 8)
    assert not standing.is_any_awaited


def test_bus_that_never_had_an_enforcer_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    standing, _ = standing_of(monkeypatch, -1)
    standing.require("shops", 8)
    assert not standing.is_any_awaited


def test_silent_enforcer_is_waited_for_once_until_it_speaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    standing, enforcer = standing_of(monkeypatch, 6)
    standing.require("shops", 8)
    enforcer.now += STANDING_SECONDS_MAX
    assert standing.look() == frozenset()
    enforcer.now += 0.1
    assert standing.look() == {"shops"}
    assert "shops" in caplog.text
    standing.require("shops", 9)
    assert not standing.is_any_awaited
    enforcer.written = 7
    standing.require("shops", 9)
    assert standing.is_awaited("shops")


def test_plan_tells_which_rights_have_ended() -> None:
    entry = case.entry()
    wide = case.grant("g-1", fields=["code", "name"])
    narrow = case.grant("g-1", fields=["code"])
    rowed = case.grant("g-1", conditions=[{"field": "code", "one_of": ["a"]}])
    reader = case.subscriber()

    def rights(*grants: Any, **changes: Any) -> Any:
        facts = case.facts_of(entry, *grants)
        facts.apply(reader.model_copy(update=changes), facts.version)
        return case.compile_plan(facts, entry, case.VIEW_KEY).rights

    assert len(rights(wide)) == 1
    for fewer in (narrow, rowed, wide.model_copy(update={"revoked": True})):
        assert rights(wide) - rights(fewer)
    assert rights(wide) - rights(wide, suspended=True)
    assert not rights(narrow) - rights(narrow, wide.model_copy(update={"id": "g-2"}))
    renewed = wide.term.model_copy(update={"last_day": wide.term.last_day.replace(year=2100)})
    assert rights(wide) == rights(wide.model_copy(update={"term": renewed}))
