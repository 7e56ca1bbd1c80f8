"""Mutation test of the policy: each small change of its code must be noticed by a test.

    .venv/bin/python tools/mutate_policy.py [--jobs N] [--only governance/view.py]

A mutant exists in the memory of one forked process alone: an import hook compiles the changed tree
in place of the module, so no file is written and work may go on beside it. Survivors that are
equivalent to the original stand in docs/policy-proof.md with their reason; any other makes the
exit code 1.
"""

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

PROJECT: Final = Path(__file__).parents[1]
PAGE: Final = PROJECT / "docs" / "policy-proof.md"
MODULES: Final = (
    "governance/view.py",
    "governance/grant.py",
    "governance/collection.py",
    "governance/self_service.py",
    "governance/facts.py",
    "stream_apps/enforcer/rights.py",
    "stream_apps/gate/plan.py",
    "stream_apps/gate/release.py",
)
TESTS: Final = (
    "tests/unit/governance/test_view.py",
    "tests/unit/governance/test_collection.py",
    "tests/unit/governance/test_facts.py",
    "tests/unit/governance/test_entry.py",
    "tests/unit/stream_apps/test_enforcer_plan.py",
    "tests/unit/stream_apps/gate/test_plan.py",
    "tests/unit/stream_apps/gate/test_lane.py",
    "tests/unit/policy",
)
TIMEOUT_SECONDS: Final = 150
_PRELOADED: Final = (
    "pytest", "hypothesis.stateful", "pydantic", "fastavro", "confluent_kafka.admin", "cedarpy",
    "yaml", "httpx", "cryptography.hazmat.primitives.asymmetric.ed25519", "prometheus_client",
)  # fmt: skip
"""What every child would import again; nothing of sharebus."""
_COMPARED: Final[dict[type, type]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: Final[dict[type, type]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.Mult: ast.Add, ast.Div: ast.Mult,
}  # fmt: skip

_CHANGED: Final = (
    ast.If, ast.IfExp, ast.comprehension, ast.Compare, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.Constant, ast.Expr, ast.Return,
)  # fmt: skip


class Mutant(NamedTuple):
    """One change of one module; ``name`` says the line's text and what became of it."""

    module: str
    line: int
    name: str
    tree: ast.Module


def mutants(module: str) -> Iterator[Mutant]:
    """Every change of a module, one at a time."""
    source = (PROJECT / module).read_text(encoding="utf-8")
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        if not isinstance(node, _CHANGED):
            continue
        for variant in range(3):
            changed = copy.deepcopy(tree)
            nodes = list(ast.walk(changed))
            told = _change(nodes[index], variant, _parents(changed))
            if told is None:
                break
            line = getattr(nodes[index], "lineno", 0)
            ast.fix_missing_locations(changed)
            yield Mutant(module, line, told, changed)


def _parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def _change(node: Any, variant: int, parents: dict[ast.AST, ast.AST]) -> str | None:
    """Change a node in place and say how; None if there is no such variant."""
    if _is_annotation(node, parents):
        return None
    before = ast.unparse(node) if hasattr(node, "lineno") else ""
    if isinstance(node, ast.If | ast.IfExp) and variant < 2:
        before = ast.unparse(node.test)
        node.test = ast.Constant(variant == 0)
        return f"if {_short(before)} -> if {variant == 0}"
    if isinstance(node, ast.comprehension) and node.ifs and variant == 0:
        before = ast.unparse(node.ifs[0])
        node.ifs = node.ifs[1:]
        return f"for … if {_short(before)} -> without"
    if variant > 0:
        return None
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        node.ops[0] = _COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
        node.op = _COMPUTED[type(node.op)]()
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        parents[node].__dict__.update(_replaced(parents[node], node, node.operand))
        return f"{_short(before)} -> {_short(ast.unparse(node.operand))}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        node.value += 1
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
        node.value = ast.Constant(None)
    else:
        return None
    return f"{_short(before)} -> {_short(ast.unparse(node))}"


def _is_annotation(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while node in parents:
        parent = parents[node]
        if isinstance(parent, ast.AnnAssign | ast.arg) and parent.annotation is node:
            return True
        if isinstance(parent, ast.FunctionDef) and parent.returns is node:
            return True
        if isinstance(parent, ast.Assign) and isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.BitOr) and node.left.__class__ is not ast.Call
        node = parent
    return False


def _replaced(parent: ast.AST, old: ast.AST, new: ast.AST) -> dict[str, Any]:
    return {
        name: new if value is old else [new if x is old else x for x in value]
        if isinstance(value, list) else value
        for name, value in ast.iter_fields(parent)
    }  # fmt: skip


def _short(text: str) -> str:
    return " ".join(text.split())[:90]


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = "sharebus." + mutant.module.removesuffix(".py").replace("/", ".")

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(PROJECT / self._mutant.module)
        exec(compile(self._mutant.tree, module.__file__, "exec"), module.__dict__)  # noqa: S102


def _test(mutant: Mutant | None) -> int:
    """Fork, and run the tests against the mutant there; the pid of the child."""
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(TIMEOUT_SECONDS)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    code = 1
    with contextlib.suppress(BaseException):
        if mutant is not None:
            sys.meta_path.insert(0, _Mutated(mutant))
        import pytest

        options = [
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "--assert=plain",
            "--hypothesis-seed=0",
        ]
        code = pytest.main([*options, *TESTS])
    os._exit(int(code))


def _survivors(todo: list[Mutant], jobs: int) -> Iterator[Mutant]:
    running: dict[int, Mutant] = {}
    waiting = list(reversed(todo))
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[_test(mutant)] = mutant
        pid, status = os.wait()
        mutant = running.pop(pid)
        if status == 0:
            print(f"survived  {mutant.module}: {mutant.name}  (line {mutant.line})", flush=True)
            yield mutant


def main() -> int:
    """Make all mutants, test each, and compare the survivors with those that the page lists."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", action="append", choices=MODULES)
    options = parser.parse_args()
    os.chdir(PROJECT)
    for name in _PRELOADED:
        importlib.import_module(name)
    if os.waitpid(_test(None), 0)[1]:
        print("the tests fail without a mutant")
        return 2
    began = time.monotonic()
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    unlisted = 0
    for module in options.only or MODULES:
        todo = list(mutants(module))
        left = list(_survivors(todo, options.jobs))
        unlisted += sum(f"`{mutant.name}`" not in page for mutant in left)
        print(f"{module}: {len(todo)} mutants, {len(left)} survived", flush=True)
    print(f"{unlisted} survivors that are not listed; {time.monotonic() - began:.0f} s")
    return int(unlisted > 0)


if __name__ == "__main__":
    sys.exit(main())
