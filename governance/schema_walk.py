"""The walk through a schema that finds its problems; ``schema_lint`` says why they are problems.

It recurses, so it is only for a schema whose JSON ``schema_text`` has bounded.
"""

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sharebus.governance.avro_types import (
    FIXED_BYTES_MAX,
    KINDS,
    NAMED,
    PRIMITIVES,
    Finding,
    NamedType,
    attribute_findings,
    default_fits,
    enum_findings,
    full_name,
    is_full_name,
    is_integer,
    is_name,
    logical_type_findings,
)

FIELDS_MAX: Final = 500  # in the whole schema
DEPTH_MAX: Final = 8  # records, arrays and maps inside each other, references followed

# What a union keeps apart. fastavro, choosing a branch to encode, takes an int for a float and
# bytes for an array of ints; maps and records are both dicts.
_DECODED_AS: Final = {
    "null": "nothing", "boolean": "truth", "int": "number", "long": "number", "float": "number",
    "double": "number", "string": "text", "enum": "text", "bytes": "sequence", "fixed": "sequence",
    "array": "sequence", "map": "object", "record": "object",
}  # fmt: skip
_TELLING_APART: Final = (
    "at most one number, one text (string, enum), one of bytes, fixed and array, one of map and "
    "record"
)

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 80
_shortener.maxlevel = 2


@dataclass(frozen=True, slots=True)
class LintProblem:
    """One reason to refuse a schema.

    ``path`` names the fields from the top as in ``address.street``, with ``[]`` for the items of an
    array, ``{}`` for the values of a map and nothing for a union; the schema itself is ``(top)``.
    """

    path: str
    problem: str
    expected: str
    found: str


class SchemaWalk:
    """One walk; ``depth`` counts the levels around a type, its height those from it down."""

    def __init__(self) -> None:
        self.problems: list[LintProblem] = []
        self._named: dict[str, NamedType] = {}
        self._open: set[str] = set()
        self._fields = 0

    def complain(self, path: str, findings: Iterable[Finding]) -> None:
        """Adds the findings of a rule as problems at ``path``."""
        self.problems.extend(
            LintProblem(path or "(top)", problem, expected, _shortener.repr(found))
            for problem, expected, found in findings
        )

    def visit(self, node: object, path: str, namespace: str, depth: int) -> int:
        """Lints the type ``node`` and gives its height."""
        if isinstance(node, list):
            return self._visit_union(node, path, namespace, depth)
        if isinstance(node, str) and node not in PRIMITIVES:
            return self._visit_reference(node, path, namespace, depth)
        definition = node if isinstance(node, dict) else {"type": node}
        kind = definition.get("type")
        if not isinstance(kind, str) or kind not in KINDS:
            self.complain(path, [("unknown type", ", ".join(sorted(KINDS)), node)])
            return 0
        self.complain(path, attribute_findings(definition))
        self.complain(path, logical_type_findings(definition, kind))
        if kind in NAMED:
            return self._visit_named(definition, kind, path, namespace, depth)
        if kind == "null":
            self.complain(path, [("null alone takes no byte", '["null", another type]', node)])
        if kind in PRIMITIVES:
            return 0
        self._lint_depth(path, depth, 1)
        part, mark = ("items", "[]") if kind == "array" else ("values", "{}")
        return 1 + self.visit(definition.get(part), path + mark, namespace, depth + 1)

    def _visit_union(self, branches: list[Any], path: str, namespace: str, depth: int) -> int:
        height = 0
        for branch in branches:
            if isinstance(branch, list):
                self.complain(path, [("a union in a union", "one flat union", branch)])
            elif branch != "null":
                height = max(height, self.visit(branch, path, namespace, depth))
        kinds = [self._kind(branch, namespace) for branch in branches]
        decoded = [_DECODED_AS[kind] for kind in kinds if kind in _DECODED_AS]
        if len(set(decoded)) < len(decoded):
            problem = "branches of a union cannot be told apart once decoded"
            self.complain(path, [(problem, _TELLING_APART, kinds)])
        if set(kinds) <= {"null"}:
            self.complain(path, [("a union that carries nothing", "a type besides null", branches)])
        return height

    def _kind(self, node: object, namespace: str) -> str:
        if isinstance(node, str):
            referred = self._named.get(full_name(node, namespace))
            return node if referred is None else str(referred.definition["type"])
        return str(node.get("type")) if isinstance(node, dict) else "unknown"

    def _visit_reference(self, name: str, path: str, namespace: str, depth: int) -> int:
        full = full_name(name, namespace)
        if full in self._open:
            self.complain(path, [("a type that contains itself", "no recursion", full)])
            return 0
        if full not in self._named:
            self.complain(path, [("unknown type", "a primitive or a type defined before", full)])
            return 0
        height = self._named[full].height
        self._lint_depth(path, depth, height)
        return height

    def _visit_named(
        self, definition: dict[str, Any], kind: str, path: str, namespace: str, depth: int
    ) -> int:
        before = len(self.problems)
        full = self._declare(definition, path, namespace)
        inner = full.rpartition(".")[0]
        height = 0
        if kind == "record":
            self._open.add(full)
            height = self._visit_record(definition, path, inner, depth)
            self._open.discard(full)
        elif kind == "enum":
            self.complain(path, enum_findings(definition))
        elif not is_integer(definition.get("size"), 1, FIXED_BYTES_MAX):
            size = definition.get("size")
            self.complain(path, [("size of a fixed", f"1 to {FIXED_BYTES_MAX} bytes", size)])
        sound = len(self.problems) == before
        self._named[full] = NamedType(definition, inner, height, sound)
        return height

    def _declare(self, definition: dict[str, Any], path: str, namespace: str) -> str:
        name, own = definition.get("name"), definition.get("namespace", namespace)
        if not is_full_name(name) or not (own == "" or is_full_name(own)):
            expected = "letters, digits and _, not beginning with a digit or __, joined by dots"
            self.complain(path, [("name or namespace of a type", expected, [name, own])])
            return "?"
        full = full_name(str(name), own)
        if full.rpartition(".")[2] in KINDS:
            self.complain(path, [("a type named like a type of Avro", "another name", full)])
        if full in self._named or full in self._open:
            self.complain(path, [("a type defined twice", "refer to it by its name", full)])
        return full

    def _visit_record(
        self, definition: dict[str, Any], path: str, namespace: str, depth: int
    ) -> int:
        self._lint_depth(path, depth, 1)
        fields = definition.get("fields")
        if not isinstance(fields, list) or not fields:
            self.complain(path, [("a record without fields", "one field at least", fields)])
            return 1
        if self._fields <= FIELDS_MAX < self._fields + len(fields):
            total = self._fields + len(fields)
            self.complain(path, [("too many fields", f"at most {FIELDS_MAX} in all", total)])
        self._fields += len(fields)
        height = 0
        names: set[str] = set()
        for position, field in enumerate(fields):
            name = field.get("name") if isinstance(field, dict) else None
            if not is_name(name):
                expected = "an object with a name of letters, digits and _, not beginning with __"
                self.complain(path, [(f"field {position + 1} of a record", expected, field)])
                continue
            as_seen = str(name) if depth else str(name).lower()
            if as_seen in names:
                expected = "different names; in the top record also when case is ignored"
                self.complain(path, [("two fields of one name", expected, name)])
            names.add(as_seen)
            place = f"{path}.{name}" if path else str(name)
            height = max(height, self._visit_field(field, place, namespace, depth + 1))
        return 1 + height

    def _visit_field(self, field: dict[str, Any], path: str, namespace: str, depth: int) -> int:
        self.complain(path, attribute_findings(field))
        if "logicalType" in field:
            expected = '"type": {"type": …, "logicalType": …}'
            self.complain(path, [("logicalType beside the type", expected, field["logicalType"])])
        before = len(self.problems)
        height = self.visit(field.get("type"), path, namespace, depth)
        if len(self.problems) == before and "default" in field:
            default = field["default"]
            if not default_fits(default, field["type"], namespace, self._named):
                expected = "a value of the type, for a union of its first branch"
                self.complain(path, [("default of the wrong type", expected, default)])
        return height

    def _lint_depth(self, path: str, depth: int, height: int) -> None:
        # Only where the limit is crossed: what lies deeper is not told again.
        if depth <= DEPTH_MAX < depth + height:
            finding = ("types nested too deep", f"at most {DEPTH_MAX} levels", depth + height)
            self.complain(path, [finding])
