"""The schemas that the registry holds under the subjects of our topics."""

import json
from collections.abc import Collection, Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sharebus import InvalidInput
from sharebus.governance.facts import PolicyFacts
from sharebus.infra.registry import SchemaRegistry
from sharebus.schemas.canonical import canonical_json
from sharebus.stream_apps.enforcer.desired import SubjectSchema
from sharebus.stream_apps.enforcer.difference import Conflict, Plan

_REGISTRATIONS_AT_ONCE: Final = 8
_SCHEMAS_FEW: Final = 20
"""So many are asked for one by one; for more, all subjects are listed."""


class Subjects:
    """The registry; methods raise Unavailable when it does not answer."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry

    def names(self) -> frozenset[str]:
        """All subjects."""
        return frozenset(self._registry.subjects())

    def ids(
        self,
        desired: Collection[SubjectSchema],
        in_force: PolicyFacts,
        subjects: Container[str] | None = None,
    ) -> dict[SubjectSchema, int]:
        """Ids of those that are there.

        With ``subjects``, all that the registry lists, a schema that is a fact is not asked for.
        """
        if subjects is None and len(desired) <= _SCHEMAS_FEW:
            asked = {s: self._registry.id_of(s.subject, json.loads(s.text)) for s in desired}
            return {schema: number for schema, number in asked.items() if number is not None}
        subjects = self.names() if subjects is None else subjects
        known = {
            SubjectSchema(subject, canonical_json(avro_schema)): schema_id
            for subject, by_id in in_force.schemas.items()
            for schema_id, avro_schema in by_id.items()
        }
        found: dict[SubjectSchema, int] = {}
        for schema in desired:
            if schema.subject in subjects:
                schema_id = known.get(schema)
                if schema_id is None:
                    schema_id = self._registry.id_of(schema.subject, json.loads(schema.text))
                if schema_id is not None:
                    found[schema] = schema_id
        return found

    def check(self, plan: Plan) -> None:
        """Ask the registry whether it would take every schema, before anything is done.

        :raises InvalidInput: a schema contradicts an earlier version of its subject.
        """
        known = self._known(plan.register)
        for schema in plan.register:
            if schema.subject in known:
                self._registry.check_compatible(schema.subject, json.loads(schema.text))

    def possible(self, plan: Plan) -> Plan:
        """The plan without the schemas that the registry refuses: they stand as conflicts then."""
        conflicts, register = list(plan.conflicts), []
        known = self._known(plan.register)
        for schema in plan.register:
            try:
                if schema.subject in known:
                    self._registry.check_compatible(schema.subject, json.loads(schema.text))
            except InvalidInput as refused:
                topic = schema.subject.removesuffix("-value")
                conflicts.append(Conflict(topic, refused.problem, refused.expected, refused.found))
            else:
                register.append(schema)
        return plan._replace(register=tuple(register), conflicts=tuple(conflicts))

    def _known(self, schemas: Collection[SubjectSchema]) -> frozenset[str]:
        """Subjects that may have versions: one without is contradicted by none, so in a large
        catalog that is new there is nothing to ask for."""
        if len(schemas) > _SCHEMAS_FEW:
            return self.names()
        return frozenset(schema.subject for schema in schemas)

    def remove(self, subjects: Iterable[str]) -> None:
        """Forget subjects with all their versions; one that is not there is no error."""
        for subject in subjects:
            self._registry.delete(subject)

    def register(self, schemas: Iterable[SubjectSchema]) -> dict[SubjectSchema, int]:
        """Subjects side by side, for each registration waits for the registry's own log; the
        versions of one subject in their order."""
        by_subject: dict[str, list[SubjectSchema]] = {}
        for schema in schemas:
            by_subject.setdefault(schema.subject, []).append(schema)

        def register(versions: list[SubjectSchema]) -> dict[SubjectSchema, int]:
            return {
                schema: self._registry.register(schema.subject, json.loads(schema.text))
                for schema in versions
            }

        with ThreadPoolExecutor(_REGISTRATIONS_AT_ONCE) as pool:
            parts = list(pool.map(register, by_subject.values()))
        return {schema: schema_id for part in parts for schema, schema_id in part.items()}
