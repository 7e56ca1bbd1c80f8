"""Refuses Avro schemas that could harm the bus: at registration, with every problem at once.

Avro decoders trust the schema, so a hostile one crashes or floods whoever decodes with it: data of
a recursive schema overflows the stack, and five bytes make an array of millions of nulls. What is
linted here is therefore a promise that the gate, the SDKs and every subscriber build on:

- the top is a record, and no type contains itself;
- every value takes at least one byte on the wire;
- names, texts, enums, fixed types, decimals, fields and depth have caps (``*_MAX``);
- the branches of a union decode to different kinds of Python value, so that a value tells its
  branch without ``return_record_name`` and is encoded again to the same bytes;
- no aliases, and the field names of the top record differ by more than case: a withheld field
  cannot come back under another name;
- logical types are known and complete, and stand where decoders look for them.
"""

from collections.abc import Mapping

from sharebus import InvalidInput
from sharebus.governance.schema_text import bound_findings, decode_schema_text
from sharebus.governance.schema_walk import LintProblem, SchemaWalk
from sharebus.governance.value_check import ValueCheck, compile_record_check, nothing_to_check

__all__ = [
    "LintProblem",
    "ValueCheck",
    "compile_value_check",
    "lint_schema",
    "nothing_to_check",
    "plain_schema",
]


def lint_schema(schema: Mapping[str, object] | list[object] | str) -> list[LintProblem]:
    """Every problem of an Avro schema, given as JSON text or as what JSON decodes to.

    An empty list means that the schema keeps the promises of this module and that fastavro parses
    it. Nothing is raised, whatever the schema holds.
    """
    walk = SchemaWalk()
    decoded: object = schema
    if isinstance(schema, str):
        decoded, findings = decode_schema_text(schema)
        walk.complain("", findings)
    # The walk recurses: what bounds its depth comes first.
    if not walk.problems:
        walk.complain("", bound_findings(decoded))
    if not walk.problems:
        if isinstance(decoded, dict) and decoded.get("type") == "record":
            walk.visit(decoded, "", "", 0)
        else:
            finding = ("the top must be a record", '{"type": "record", …}', decoded)
            walk.complain("", [finding])
    return walk.problems


def compile_value_check(schema: Mapping[str, object]) -> ValueCheck:
    """A check of records decoded by ``plain_schema(schema)``; ``schema`` keeps its logical types.

    The check gives None, or the path (as ``LintProblem`` writes it) and the reason of the first
    fault found; neither holds a value or a map key. Faults are: floats that are not finite; dates
    and timestamps outside the years 0001 to 9999; times of day beyond the day; decimals of more
    digits than their precision, or not in the shortest two's complement form; UUIDs in another
    than the canonical form. A schema with nothing of the kind gets ``nothing_to_check`` itself, so
    that a caller may leave the check out.

    Records must be decoded with fastavro's ``return_record_name`` off. A union then yields the bare
    value, and the value's Python type tells the branch, because ``lint_schema`` lets no other union
    pass. Raises InvalidInput for a schema that it refuses.
    """
    for problem in lint_schema(schema):
        raise InvalidInput(
            f"schema refused: {problem.problem}",
            where=problem.path,
            expected=problem.expected,
            found=problem.found,
        )
    return compile_record_check(schema)


def plain_schema(schema: Mapping[str, object]) -> dict[str, object]:
    """A copy of the schema without logical types, by which values are decoded as they are stored.

    Raises InvalidInput for what is not JSON or is larger or deeper than ``lint_schema`` lets pass.
    """
    for problem, expected, found in bound_findings(schema):
        raise InvalidInput(problem, expected=expected, found=repr(found)[:80])
    return _plain_definition(schema)


def _plain_definition(definition: Mapping[str, object]) -> dict[str, object]:
    # Types stand in these places only: a default may well hold a key called logicalType.
    return {
        key: _plain(value) if key in ("type", "items", "values", "fields") else value
        for key, value in definition.items()
        if key != "logicalType"
    }


def _plain(node: object) -> object:
    if isinstance(node, list):
        return [_plain(part) for part in node]
    return _plain_definition(node) if isinstance(node, dict) else node
