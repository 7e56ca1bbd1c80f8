"""Mutation test of the policy: each small change of its code must be noticed by a test.

    .venv/bin/python tools/mutate_policy.py [--only governance/view.py] [--resume FILE] [--json]

No file is written, for a mutant exists in the memory of one process alone; but nobody may change
the code meanwhile.
Mutants that end before a test judges them are counted apart: ``broken`` ones cannot be imported,
``endless`` ones run out of time. Before all else the controls say whether the tool can be believed.
Survivors that are equivalent to the original stand in docs/policy-proof.md with their reason; any
other makes the exit code 1.
"""

import argparse
import ast
import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from mutant_trials import PROJECT, prepare, try_anew, try_quickly, verdicts
from policy_mutants import Mutant, mutants_of

PAGE: Final = PROJECT / "docs" / "policy-proof.md"
_GOVERNANCE, _APPS = "tests/unit/governance", "tests/unit/stream_apps"
_DOCKET: Final = tuple(
    f"{_GOVERNANCE}/docket/test_{name}.py" for name in ("request", "agency_case", "entry_case")
)
MODULES: Final = {
    "governance/grant.py": (f"{_GOVERNANCE}/test_facts.py",),
    "governance/view.py": (f"{_GOVERNANCE}/test_view.py",),
    "governance/collection.py": (f"{_GOVERNANCE}/test_collection.py",),
    "governance/shared_copy.py": (
        f"{_GOVERNANCE}/test_shared_copy.py", f"{_GOVERNANCE}/docket/test_class_change.py",
    ),
    "governance/self_service.py": (f"{_GOVERNANCE}/test_collection.py",),
    "governance/facts.py": (f"{_GOVERNANCE}/test_facts.py",),
    "governance/entry.py": (
        f"{_GOVERNANCE}/test_entry.py", f"{_GOVERNANCE}/test_update_schedule.py", *_DOCKET,
    ),
    "governance/agency.py": _DOCKET,
    "governance/application.py": _DOCKET,
    "governance/narrowing.py": (f"{_GOVERNANCE}/test_narrowing.py", *_DOCKET),
    "stream_apps/enforcer/rights.py": (f"{_APPS}/test_enforcer_state.py",),
    "stream_apps/enforcer/desired.py": (
        f"{_APPS}/test_enforcer_state.py", f"{_APPS}/test_enforcer_parts.py",
    ),
    "stream_apps/gate/release.py": (
        f"{_APPS}/gate/test_lane.py", f"{_APPS}/gate/test_view_property.py",
    ),
    "stream_apps/gate/plan.py": (
        f"{_APPS}/gate/test_plan.py", f"{_APPS}/gate/test_lane.py",
        f"{_APPS}/gate/test_standing.py",
    ),
}  # fmt: skip
"""What decides who sees what, each with the tests of its own; ``TESTS`` are for all."""
TESTS: Final = (f"{_APPS}/test_enforcer_plan.py", "tests/unit/policy")
_CONTROLLED: Final = "governance/grant.py"
_CONTROL_TESTS: Final = ("tests/unit/policy/test_released.py",)
_CONTROL_SECONDS: Final = 8
_IN_FORCE: Final = "        return not self.revoked and"
_CONTROLS: Final = (
    ("survived", _IN_FORCE, "        return (not self.revoked) and"),
    ("survived", "{condition.field for condition in", "{each.field for each in"),
    ("killed", _IN_FORCE, "        return True or"),
    ("killed", "    revoked: bool = False", "    revoked: bool = True"),
    ("broken", "    revoked: bool = False", "    revoked: bool = nothing"),
    ("endless", _IN_FORCE, "        while True: continue\n        return"),
)
"""Changes of which the verdict is known: none, another program, no program, and one without end."""


class Record:
    """Verdicts that are known from an earlier run over the same programs: a file of JSON lines."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        self._known = {
            (each["program"], each["name"]): each["verdict"] for each in map(json.loads, lines)
        }

    def verdict(self, mutant: Mutant) -> str | None:
        """What is known of a mutant; a survivor is tried again, for there may be new tests."""
        known = self._known.get((_program(mutant), mutant.name))
        return None if known == "survived" else known

    def add(self, mutant: Mutant, verdict: str) -> dict[str, Any]:
        """Keep a verdict."""
        told = {
            "module": mutant.module, "line": mutant.line, "name": mutant.name, "verdict": verdict,
            "program": _program(mutant),
        }  # fmt: skip
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
        return told


def _program(mutant: Mutant) -> str:
    return hashlib.sha256((PROJECT / mutant.module).read_bytes()).hexdigest()[:16]


def controls() -> list[str]:
    """What the tool says wrongly of changes of which the verdict is known: nothing, one hopes."""
    wrong = []
    for expected, before, after in _CONTROLS:
        text = (PROJECT / _CONTROLLED).read_text(encoding="utf-8")
        if text.count(before) != 1:
            return [f"{_CONTROLLED} has no longer one {before!r}"]
        mutant = Mutant(_CONTROLLED, 0, after, ast.parse(text.replace(before, after)))
        ways = {
            way: dict(trial([mutant], 1, _CONTROL_TESTS, _CONTROL_SECONDS)).get(mutant)
            for way, trial in (("quickly", try_quickly), ("anew", try_anew))
        }
        for way, verdict in ways.items():
            if verdict != expected and (way, verdict) != ("quickly", "unsuited"):
                wrong.append(f"{after!r} is {verdict} when tried {way}, not {expected}")
    return wrong


def is_listed(mutant: Mutant, page: str) -> bool:
    """Whether the page has the survivor, as equivalent and with a reason."""
    name = mutant.name.replace("|", "\\|")
    return f"| `{mutant.module}` | `{name}` |" in page


def _tests_of(module: str) -> list[str]:
    return [*MODULES[module], *TESTS]


def _judge(module: str, options: argparse.Namespace, record: Record) -> list[Mutant]:
    """Try the mutants of a module; those that survived."""
    began = time.monotonic()
    todo, survivors, count = [], [], Counter[str]()
    for mutant in mutants_of(PROJECT, module):
        known = record.verdict(mutant)
        count.update([known] if known else [])
        todo += [] if known else [mutant]
    for mutant, verdict in verdicts(todo, options.jobs, _tests_of(module)):
        count[verdict] += 1
        told = record.add(mutant, verdict)
        if options.json:
            print(json.dumps(told, ensure_ascii=False), flush=True)
        if verdict == "survived":
            survivors.append(mutant)
            print(f"survived  {module}:{mutant.line}  {mutant.name}", file=sys.stderr, flush=True)
    counts = ", ".join(f"{count[verdict]} {verdict}" for verdict in sorted(count))
    seconds = time.monotonic() - began
    print(
        f"{module}: {count.total()} mutants: {counts}; {seconds:.0f} s", file=sys.stderr, flush=True
    )
    return survivors


def main() -> int:
    """Make all mutants, try each, and compare the survivors with those that the page lists."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument(
        "--only", action="append", choices=list(MODULES), help="these modules alone"
    )
    parser.add_argument("--resume", type=Path, metavar="FILE", help="keep verdicts there; go on")
    parser.add_argument("--json", action="store_true", help="print each verdict as a JSON line")
    options = parser.parse_args()
    options.resume = options.resume and options.resume.absolute()
    prepare()
    wrong = controls()
    if wrong:
        print("\n".join(["the tool cannot be believed:", *wrong]), file=sys.stderr)
        return 2
    page = PAGE.read_text(encoding="utf-8")
    record = Record(options.resume)
    unlisted = 0
    for module in options.only or MODULES:
        survivors = _judge(module, options, record)
        unlisted += sum(not is_listed(mutant, page) for mutant in survivors)
    print(f"{unlisted} survivors that are not listed", file=sys.stderr)
    return int(unlisted > 0)


if __name__ == "__main__":
    sys.exit(main())
