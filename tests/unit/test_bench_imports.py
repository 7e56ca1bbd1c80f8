"""Benchmarks are programs that no other code imports: what they ask the rooms for must be there."""

import ast
import importlib
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize("program", sorted(BENCH.glob("*.py")), ids=lambda path: path.name)
def test_benchmark_imports_what_exists(program: Path) -> None:
    for node in ast.walk(ast.parse(program.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sharebus"):
            module = importlib.import_module(str(node.module))
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []
