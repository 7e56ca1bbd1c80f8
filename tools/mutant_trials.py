"""Tries mutants: which of them a test notices, each in the memory of a process of its own.

First a mutant is tried quickly: a process in which the tests are collected already takes the code
of the changed function in place of its own. What survives that, and what is not inside a function,
is tried anew: a process imports everything, and an import hook compiles the changed tree in place
of the module. So a survivor is one whatever was computed while the tests were collected.
"""

import ast
import importlib
import importlib.abc
import importlib.util
import inspect
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from policy_mutants import Mutant

PROJECT: Final = Path(__file__).parents[1]
_SECONDS: Final = 120
"""What a mutant may take of a processor before it is called endless."""
_MEMORY_BYTES: Final = 4 * 1024**3
_UNSUITED, _BROKEN, _FAULT = 70, 71, 72
"""Exit codes of a child: the change is in no function; the module cannot be imported; the tool
itself failed."""
_VERDICTS: Final = {
    0: "survived", 1: "killed", 2: "killed", _UNSUITED: "unsuited", _BROKEN: "broken",
}  # fmt: skip
_PRELOADED: Final = (
    "pytest", "hypothesis.stateful", "pydantic", "fastavro", "confluent_kafka.admin", "cedarpy",
    "yaml", "httpx", "cryptography.hazmat.primitives.asymmetric.ed25519", "prometheus_client",
)  # fmt: skip
"""What every child would import again; nothing of sharebus."""
_OPTIONS: Final = (
    "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:terminal", "--assert=plain",
    "--hypothesis-seed=0",
)  # fmt: skip


def prepare() -> None:
    """Make this process one that mutants can be forked from."""
    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT / "src"))
    for name in _PRELOADED:
        importlib.import_module(name)
    import hypothesis

    # A failure ends a mutant: it is neither made smaller nor kept for the next.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("mutants")


def verdicts(todo: list[Mutant], jobs: int, tests: Iterable[str]) -> Iterator[tuple[Mutant, str]]:
    """What becomes of each mutant, as soon as it is known."""
    again = []
    for mutant, verdict in try_quickly(todo, jobs, tests):
        if verdict in ("survived", "unsuited"):
            print(f"{verdict} so far: {mutant.module}:{mutant.line} {mutant.name}", file=sys.stderr)
            again.append(mutant)
        else:
            yield mutant, verdict
    yield from try_anew(again, jobs, tests)


def _verdict(status: int) -> str:
    if os.WIFSIGNALED(status):
        return "endless" if os.WTERMSIG(status) == signal.SIGXCPU else "killed"
    code = os.WEXITSTATUS(status)
    if code not in _VERDICTS:
        raise SystemExit(f"a child ended with {code}: the tests cannot be run")
    return _VERDICTS[code]


def _pool(
    todo: Iterable[Mutant], jobs: int, work: Callable[[Mutant], int]
) -> Iterator[tuple[Mutant, int]]:
    """Fork a child for each mutant, ``jobs`` at a time; the wait status of each."""
    running: dict[int, Mutant] = {}
    waiting = list(reversed(list(todo)))
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            pid = os.fork()
            if not pid:
                code = _FAULT
                try:
                    code = work(mutant)
                finally:
                    os._exit(code)
            running[pid] = mutant
        pid, status = os.wait()
        yield running.pop(pid), status


def _be_silent() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _limit(seconds: int) -> None:
    """In a child: end in time, and do not fill the memory."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def try_quickly(
    todo: list[Mutant], jobs: int, tests: Iterable[str], seconds: int = _SECONDS
) -> Iterator[tuple[Mutant, str]]:
    """Collect the tests in one child, whose children are the mutants."""
    verdicts_end, told_end = os.pipe()
    pid = os.fork()
    if not pid:
        code = _FAULT
        try:
            os.close(verdicts_end)
            with open(told_end, "w", encoding="utf-8") as told:
                import pytest

                _be_silent()
                trial = _Trial(todo, jobs, seconds, told)
                code = int(pytest.main([*_OPTIONS, *tests], plugins=[trial]))
        finally:
            os._exit(code)
    os.close(told_end)
    with open(verdicts_end, encoding="utf-8") as told:
        for line in told:
            number, status = json.loads(line)
            yield todo[number], _verdict(status)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("the tests cannot be collected, or fail without a mutant: run them alone")


class _Trial:
    """A plugin of pytest: all tests for each mutant in a child, the shortest first."""

    def __init__(self, todo: list[Mutant], jobs: int, seconds: int, told: Any) -> None:
        self._todo, self._jobs, self._seconds, self._told = todo, jobs, seconds, told

    def pytest_runtestloop(self, session: Any) -> bool:
        seconds = self._seconds_of(session.items)
        session.items.sort(key=lambda item: seconds[item.nodeid])
        numbers = {id(mutant): number for number, mutant in enumerate(self._todo)}

        def work(mutant: Mutant) -> int:
            _limit(self._seconds)
            return self._run(session.items) if swap(mutant) else _UNSUITED

        for mutant, status in _pool(self._todo, self._jobs, work):
            print(json.dumps([numbers[id(mutant)], status]), file=self._told, flush=True)
        return True

    def _seconds_of(self, items: list[Any]) -> dict[str, float]:
        """How long each test takes without a mutant; in a child, so that nothing is kept here."""
        known_end, told_end = os.pipe()
        if not os.fork():
            seconds = {}
            for item in items:
                began = time.monotonic()
                failed = self._run([item])
                seconds[item.nodeid] = 0.0 if failed else time.monotonic() - began
            os.write(told_end, json.dumps(seconds).encode())
            os._exit(0)
        os.close(told_end)
        with open(known_end, encoding="utf-8") as told:
            known: dict[str, float] = json.load(told)
        os.wait()
        if not all(known.values()):
            raise RuntimeError("a test fails without a mutant")
        return known

    @staticmethod
    def _run(items: list[Any]) -> int:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if item.session.testsfailed:
                return 1
        return 0


def swap(mutant: Mutant) -> bool:
    """Give the functions of the module that is in memory the code of the mutant.

    False if that is not the whole change: it is in what runs once, when the module is imported.
    """
    name = _import_name(mutant)
    module = importlib.import_module(name)
    path = str(PROJECT / mutant.module)
    source = Path(path).read_text(encoding="utf-8")
    (outline, before), (changed_outline, after) = (
        _anatomy(compile(program, path, "exec")) for program in (ast.parse(source), mutant.tree)
    )
    changed = {place for place in after if after[place] != before.get(place)}
    living = dict(_functions(module, name))
    if outline != changed_outline or before.keys() != after.keys() or not changed <= living.keys():
        return False
    for place in changed:
        living[place].__code__ = after[place]
    return True


def _anatomy(code: CodeType) -> tuple[list[Any], dict[str, CodeType]]:
    """What runs when it is imported, and the functions by their qualified names."""
    constants, functions, outlines = [], {}, []
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            constants.append(repr(constant))
        elif constant.co_flags & inspect.CO_OPTIMIZED:
            functions[constant.co_qualname] = constant
        else:
            outline, inner = _anatomy(constant)
            outlines.append(outline)
            functions |= inner
    return [code.co_code, code.co_names, constants, outlines], functions


def _functions(holder: Any, module: str) -> Iterator[tuple[str, FunctionType]]:
    for value in list(vars(holder).values()):
        found = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
        if isinstance(found, FunctionType) and found.__module__ == module:
            yield found.__qualname__, found
        elif isinstance(value, type) and value.__module__ == module:
            yield from _functions(value, module)


def _import_name(mutant: Mutant) -> str:
    return "sharebus." + mutant.module.removesuffix(".py").replace("/", ".")


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        is_meant = name == _import_name(self._mutant)
        return importlib.util.spec_from_loader(name, self) if is_meant else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(PROJECT / self._mutant.module)
        exec(compile(self._mutant.tree, module.__file__, "exec"), module.__dict__)  # noqa: S102


def try_anew(
    todo: list[Mutant], jobs: int, tests: Iterable[str], seconds: int = _SECONDS
) -> Iterator[tuple[Mutant, str]]:
    for mutant, status in _pool(todo, jobs, lambda mutant: _run_anew(mutant, tests, seconds)):
        yield mutant, _verdict(status)


def _run_anew(mutant: Mutant, tests: Iterable[str], seconds: int) -> int:
    import pytest

    _be_silent()
    _limit(seconds)
    sys.meta_path.insert(0, _Mutated(mutant))
    try:
        importlib.import_module(_import_name(mutant))
    except Exception:
        return _BROKEN
    return int(pytest.main([*_OPTIONS, *tests]))
