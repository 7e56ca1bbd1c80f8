"""The report of an emergency: totals on the screen, every event in a file or as JSON Lines."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sharebus import InvalidInput
from sharebus.cli import emergency_report
from sharebus.cli.main import app
from sharebus.consumers.oversight.releases import Released
from sharebus.governance.release import ReadingSpan

from ..governance.test_release import grant

EVENTS = [
    Released("closed", "v-1", version, version * 60_000, "ingress.closed", 0, version, "aa", "bb",
             is_standing, ("tax.desk",))
    for version, is_standing in ((3, True), (5, False), (6, False))
]  # fmt: skip


@pytest.fixture(autouse=True)
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emergency with two views, of which one released nothing."""

    def read(config: Any, spans: Any, take: Any) -> None:
        for event in EVENTS:
            take(event)

    spans = [ReadingSpan("v-1", grant(), 4, 9), ReadingSpan("v-2", grant(), 4, 9)]
    monkeypatch.setattr(emergency_report, "credentials_for", lambda *given: None)
    monkeypatch.setattr(emergency_report, "client_config", lambda *given: {})
    monkeypatch.setattr(emergency_report, "PolicyLog", lambda config: type("", (), {"history": 0}))
    monkeypatch.setattr(emergency_report, "spans_of", lambda history, emergency: spans)
    monkeypatch.setattr(emergency_report, "read_released", read)


def report(*options: str) -> str:
    done = CliRunner().invoke(app, ["emergency", "report", "e-1", *options])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_screen_has_a_line_for_each_view_and_the_sum() -> None:
    lines = [" ".join(line.replace("│", " ").split()) for line in report().splitlines()]
    one = next(line for line in lines if line.startswith("closed v-1"))
    assert one.startswith("closed v-1 3 1 tax.desk 3 to 6 1970-01-01 08:03 1970-01-01 08:06")
    assert any(line.startswith("closed v-2 0 0") for line in lines)
    assert lines[-1] == "3 events in 2 views"


def test_file_and_json_have_every_event_in_order(tmp_path: Path) -> None:
    out = tmp_path / "released.jsonl"
    printed = report("--json", "--out", str(out))
    events = [json.loads(line) for line in printed.splitlines()]
    assert [event["policy_version"] for event in events] == [3, 5, 6]
    assert events[0]["is_standing"]
    assert out.read_text("utf-8") == printed


def test_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        report("--out", str(tmp_path / "nowhere" / "x"))
