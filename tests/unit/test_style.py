"""House rules that no linter knows, each with its remedy in the message."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOMS = sorted(path.name for path in (PROJECT / "src" / "sharebus").iterdir() if path.is_symlink())
PURE_ROOMS = ("governance", "ledger")
LINES_MAX = 300
TEST_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
SAYS_NOTHING = frozenset(
    {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
)
# Where packages come from is for pip's, Maven's and npm's own settings.
HOSTS = re.compile(r"repo1?\.maven|maven\.org|pypi\.org|pythonhosted|npmjs\.(org|com)|npmmirror")
MACHINE_PATHS = re.compile(r"(?<![\w.<>/-])/(work|root|home|Users|tmp|var/tmp|mnt|opt/wheels)/\w")
THIS_FILE = "tests/unit/test_style.py"
CLOCKS = frozenset({"now", "today", "utcnow", "time", "time_ns", "monotonic", "monotonic_ns"})

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def tracked_files() -> tuple[Path, ...]:
    """What Git knows or would take, but for links, which stand for the rooms."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a clone: Git does not say which files belong to the project")
    files = (PROJECT / name for name in listed.stdout.split("\0") if name)
    return tuple(file for file in files if file.is_file() and not file.is_symlink())


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file below the folders, parsed."""
    for file in tracked_files():
        name = file.relative_to(PROJECT)
        if file.suffix == ".py" and name.parts[0] in folders:
            yield str(name), ast.parse(file.read_text(encoding="utf-8"))


def lines_of(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_rooms_are_found() -> None:
    assert len(ROOMS) == 8


def test_modules_are_short() -> None:
    long = {}
    for file in tracked_files():
        name = file.relative_to(PROJECT)
        limit = TEST_LINES_MAX if name.parts[0] == "tests" else LINES_MAX
        if file.suffix == ".py" and lines_of(file) > limit:
            long[str(name)] = f"{lines_of(file)} lines of at most {limit}"
    assert long == {}, "split each along an idea, and name both halves for what they are"


def test_functions_are_short() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": length
        for name, tree in modules(*ROOMS, "bench")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        # Signature and docstring are not counted: options of commands are many and flat.
        if (length := body_lines(node)) > FUNCTION_LINES_MAX
    }
    assert long == {}, f"at most {FUNCTION_LINES_MAX} lines: give a step its own name"


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_module_names_say_what_is_inside() -> None:
    named = [
        str(file.relative_to(PROJECT)) for file in tracked_files() if file.stem in SAYS_NOTHING
    ]
    assert named == [], "name the file for the noun or the step that is in it"


@cache
def texts() -> tuple[tuple[str, str], ...]:
    found = []
    for file in tracked_files():
        try:
            found.append((str(file.relative_to(PROJECT)), file.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # data in another encoding
    return tuple(found)


def matches(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        if name != THIS_FILE
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    found = matches(HOSTS)
    assert found == [], "where packages come from is set for pip, Maven and npm, not in the project"


def test_no_file_names_a_place_on_one_machine() -> None:
    found = matches(MACHINE_PATHS)
    assert found == [], "use a path relative to the project, or a setting"


def test_pure_rooms_read_no_clock() -> None:
    found = [
        f"{name}:{node.lineno}: {ast.unparse(node.func)}()"
        for name, tree in modules(*PURE_ROOMS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value) in ("date", "datetime", "time", "datetime.datetime")
    ]
    assert found == [], "take the time as an argument: `today`, `now_ms`"


def test_public_names_have_docstrings() -> None:
    bare = []
    for name, tree in modules(*ROOMS):
        if not ast.get_docstring(tree):
            bare.append(name)
        bare += [f"{name}:{node.lineno} {node.name}" for node in public_without_docstring(tree)]
    assert bare == [], "say what it is for: meaning, units, errors raised"


def public_without_docstring(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Classes, functions and methods that others may use. Protocols are described as a whole."""
    for node in tree.body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and not is_override(node):
            yield node
        if isinstance(node, ast.ClassDef):
            yield from public_without_docstring(node)


def is_override(node: Definition) -> bool:
    """A method that a library prescribes says what the library says."""
    return node.name == "settings_customise_sources"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): pass", ["f"]),
        ('def f():\n    "Says."', []),
        ("def _f(): pass", []),
        ('class A:\n    "Says."\n    def f(self): pass', ["f"]),
        ("class _A:\n    def f(self): pass", []),
        ('def f():\n    ""', ["f"]),
    ],
)
def test_missing_docstrings_are_noticed(source: str, names: list[str]) -> None:
    assert [node.name for node in public_without_docstring(ast.parse(source))] == names


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ('path = "/home/anna/project"', True),
        ("see /root/x", True),
        ("/tmp/y", True),
        ("https://example.org/home/page", False),
        ("./home/x", False),
        ("/srv/sharebus", False),
    ],
)
def test_places_on_one_machine_are_noticed(line: str, is_found: bool) -> None:
    assert bool(MACHINE_PATHS.search(line)) == is_found
