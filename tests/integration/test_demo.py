"""The demonstration, as `make demo` runs it, and what it says when the numbers disagree."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sharebus import EXIT_NUMBERS_DISAGREE, NumbersDisagree
from sharebus.cli import demo
from sharebus.cli.demo_report import Story
from sharebus.cli.main import app

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
DEMO_SECONDS_MAX = 240
"""The promise is 60 s on a quiet machine; this bound only ends a demo that hangs."""


def test_demo_on_real_input_adds_up(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sharebus.cli", "demo", "--from", str(ROOT / "demo"), "--json"],
        cwd=tmp_path,
        env={
            "SHAREBUS_ARTIFACTS_DIR": str(ROOT / ".sharebus/artifacts"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    assert story["problems"] == []
    assert {s["entry"]: s["accepted"] for s in story["sent"] if s["accepted"]} == {
        "divisions-a": 1477,
        "divisions-b": 1488,
        "legal-persons": 1000,
    }
    assert story["audit_lines"] == {"accepted": 3965, "closed": 6, "refused": 3}
    assert story["log"]["tree_size"] >= story["audit_records"]
    assert {t["by"] for t in story["turned"]} == {"broker", "gate"}
    by_system = {r["system"]: r for r in story["received"] if r["entry"] == "legal-persons"}
    haishu = by_system["nb-haishu-district.services"]
    assert haishu["events"] + haishu["rows_filtered"] == 1000
    assert haishu["fields_withheld"] == ["legal_representative", "phone"]
    assert by_system["nb-statistics.analysis"]["has_pseudonym_key"]


def test_demo_with_numbers_that_disagree_exits_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "run_demo", lambda *_: Story(problems=["one event is missing"]))
    result = CliRunner().invoke(app, ["demo"])
    assert isinstance(result.exception, NumbersDisagree)
    assert result.exception.exit_code == EXIT_NUMBERS_DISAGREE
    assert "one event is missing" in result.output + str(result.exception)
