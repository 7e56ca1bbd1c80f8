"""Alert rules ask for metrics that are served, say what is wrong, and name a page that says more.

Where Prometheus's promtool is installed it checks the rules and runs their tests.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sharebus.stream_apps.notary import metrics

PROJECT = Path(__file__).parents[3]
RULES = PROJECT / "infra" / "prometheus" / "notary_rules.yaml"
TESTS = Path(__file__).parent / "prometheus" / "notary_rules_test.yaml"


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def served() -> set[str]:
    return {metric._name for metric in vars(metrics).values() if hasattr(metric, "_name")}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_rule_asks_for_what_is_served_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert set(re.findall(r"sharebus_\w+", rule["expr"])) <= served()
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["page"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (PROJECT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_promtool_finds_the_rules_good_and_their_tests_pass(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        assert os.environ.get("SHAREBUS_REQUIRE_PROMTOOL") != "1", "promtool is missing"
        pytest.skip("promtool is missing: it comes with Prometheus")
    for file in (RULES, TESTS):
        shutil.copy(file, tmp_path)
    for what in (["check", "rules", RULES.name], ["test", "rules", TESTS.name]):
        done = subprocess.run(
            [promtool, *what], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
