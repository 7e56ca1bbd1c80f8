"""The benchmarks run; how fast the machine is today is not a test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

BENCH = Path(__file__).parents[2] / "bench" / "gate.py"


def test_bench_gate_small_run_tells_all_rates() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--events", "12000", "--rounds", "1", "--json"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["events"] == 12_000
    assert all(rate > 0 for rate in result["events_per_second"].values())
    assert result["pass_to_copy"] > 0
