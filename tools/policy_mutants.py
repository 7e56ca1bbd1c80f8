"""Mutants of a module: its program with one small change, each with a name that stays.

Changed are comparisons, and/or and each of their operands, not, arithmetic and sets, truth values,
numbers, words, conditions, filters of comprehensions, statements and results. Left alone are types,
docstrings, decorators and what is only said to people: the texts of problems and errors.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_COMPARED: Final[dict[type, type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMPUTED: Final[dict[type, type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.Mult: ast.Add, ast.Div: ast.Mult,
}  # fmt: skip
_SAID: Final = ("Problem", "problem", "NotProvisioned", "InvalidInput", "ValueError")
"""Calls that say something to people."""
_NAME_CHARS: Final = 90


class Mutant(NamedTuple):
    """One change of one module; ``name`` tells the function, the text before and the text after."""

    module: str
    line: int
    name: str
    tree: ast.Module


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every change of a module, one at a time."""
    tree = ast.parse(source)
    told: Counter[str] = Counter()
    for node, scope in _places(tree, ""):
        for replacement in _replacements(node):
            name = f"{scope}: {_short(node)} -> {_short(replacement)}"
            told[name] += 1
            if told[name] > 1:
                name += f" ({told[name]})"
            changed = copy.deepcopy(tree, {id(node): replacement})
            ast.fix_missing_locations(changed)
            yield Mutant(module, getattr(node, "lineno", 0), name, changed)


def mutants_of(project: Path, module: str) -> list[Mutant]:
    """Every change of a module of the project."""
    return list(mutants(module, (project / module).read_text(encoding="utf-8")))


def _places(node: ast.AST, scope: str) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that may be changed, each with the name of its function or class."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        scope = f"{scope}.{node.name}" if scope else node.name
    yield node, scope or "module"
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_alone(node, field, child):
                yield from _places(child, scope)


def _is_left_alone(node: ast.AST, field: str, child: ast.AST) -> bool:
    if field in ("annotation", "returns", "decorator_list", "ops", "op", "ctx"):
        return True
    if isinstance(node, ast.JoinedStr | ast.Raise):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SAID:
        return isinstance(child, ast.Constant)
    if isinstance(node, ast.Assign) and isinstance(child, ast.BinOp):
        return isinstance(child.op, ast.BitOr) and not isinstance(child.left, ast.Call)  # a type
    return isinstance(node, ast.Expr) and isinstance(child, ast.Constant)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    match node:
        case ast.If() | ast.IfExp():
            for truth in (True, False):
                yield _with(node, test=ast.Constant(truth))
        case ast.comprehension():
            for number in range(len(node.ifs)):
                yield _with(node, ifs=_without(node.ifs, number))
        case ast.Compare():
            for number, comparison in enumerate(node.ops):
                if type(comparison) in _COMPARED:
                    other = _COMPARED[type(comparison)]()
                    yield _with(node, ops=[*node.ops[:number], other, *node.ops[number + 1 :]])
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            for number in range(len(node.values)):
                left = _without(node.values, number)
                yield left[0] if len(left) == 1 else _with(node, values=left)
        case ast.BinOp() if type(node.op) in _COMPUTED:
            yield _with(node, op=_COMPUTED[type(node.op)]())
        case ast.UnaryOp() if isinstance(node.op, ast.Not):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(int(str(node.value)) + 1)
        case ast.Constant(value=str()):
            yield ast.Constant(str(node.value) + "~")
        case ast.Return() if not isinstance(node.value, ast.Constant | None):
            yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.AugAssign():
            yield ast.Pass()
        case ast.Expr() if not isinstance(node.value, ast.Constant):
            yield ast.Pass()


def _with(node: Any, **changes: Any) -> Any:
    changed = copy.copy(node)
    changed.__dict__.update(changes)
    return changed


def _without(nodes: list[Any], number: int) -> list[Any]:
    return nodes[:number] + nodes[number + 1 :]


def _short(node: ast.AST) -> str:
    if isinstance(node, ast.If | ast.IfExp):
        text = f"if {ast.unparse(node.test)}"
    else:
        text = ast.unparse(node)
    return " ".join(text.split())[:_NAME_CHARS]
