"""YAML as reviewed documents want it: plain values, each key once, and the line of each value."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml


class _Loader(yaml.SafeLoader):
    """YAML in which a text is what it looks like: no dates, no yes and no, no octal numbers."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="an alias: write the value out, so that the document says what it says",
                problem_mark=self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        return super().compose_node(parent, index)


_IMPLICIT_TYPES: Final = (
    ("bool", r"true|false", ["t", "f"]),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
)
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in _IMPLICIT_TYPES:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )


class YamlDefect(Exception):
    """The text is no such YAML: what is wrong, and in which line (0: unknown)."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True)
class YamlDocument:
    """One document: its value, and the nodes that know the lines."""

    value: Any
    node: yaml.Node

    @property
    def line(self) -> int:
        """The line on which the document begins."""
        return _line(self.node)

    def locate(self, location: Sequence[int | str]) -> tuple[str, int]:
        """Path and line of a place in the document; steps that it does not have are left out.

        A value that is missing has the line of the mapping that should hold it.
        """
        node, path = self.node, ""
        for index, step in enumerate(location):
            child = _child(node, step)
            if child is None and index < len(location) - 1:
                continue
            path = _join(path, step)
            node = child or node
        return path, _line(node)

    def repeated_keys(self) -> Iterator[tuple[str, int]]:
        """Keys that stand twice in one mapping, with their lines."""
        for path, node in _walk(self.node):
            if isinstance(node, yaml.MappingNode):
                seen: set[str] = set()
                for key, _ in node.value:
                    if key.value in seen:
                        yield _join(path, key.value), _line(key)
                    seen.add(key.value)

    def texts(self) -> Iterator[tuple[str, int, str]]:
        """Path and line of every scalar, and the scalar as it is written."""
        for path, node in _walk(self.node):
            if isinstance(node, yaml.ScalarNode):
                yield path, _line(node), node.value


def read_yaml(text: str) -> Iterator[YamlDocument]:
    """The documents of a text.

    :raises YamlDefect: the text is no YAML, or uses an alias or a tag.
    """
    try:
        loader = _Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                if node is not None:
                    yield YamlDocument(loader.construct_document(node), node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise YamlDefect(error.problem or "not YAML", mark.line + 1 if mark else 0) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlDefect(str(error).splitlines()[0], 0) from error


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value  # type: ignore[no-any-return]
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]  # type: ignore[no-any-return]
    return None


def _walk(node: yaml.Node, path: str = "") -> Iterator[tuple[str, yaml.Node]]:
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, _join(path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, _join(path, index))


def _join(path: str, step: int | str) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step
