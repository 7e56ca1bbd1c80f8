"""What must be done to the facts. Pure; ``apply`` and the enforcer do it."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sharebus.governance.facts import (
    AnyFact,
    NotSharedListing,
    PolicyFacts,
    RegisteredSchema,
)
from sharebus.schemas import topic as topics
from sharebus.schemas.record import command, delivery_closed
from sharebus.stream_apps.enforcer.desired import (
    SubjectSchema,
    shared_entries,
)


class FactChanges(NamedTuple):
    """Facts to publish: in ``facts.policy`` for the apps, in ``shared.catalog`` for everybody."""

    policy: tuple[AnyFact, ...]
    catalog: tuple[AnyFact, ...]

    @property
    def is_empty(self) -> bool:
        """Whether all facts are published already."""
        return not any(self)

    def joined(self, later: "FactChanges") -> "FactChanges":
        """These and those that were published after them."""
        return FactChanges(self.policy + later.policy, self.catalog + later.catalog)


def fact_changes(
    in_force: PolicyFacts,
    published: PolicyFacts,
    merged: PolicyFacts,
    schema_ids: Mapping[SubjectSchema, int],
) -> FactChanges:
    """The facts that are not yet published; ``published`` is what ``shared.catalog`` holds."""
    registered = [
        RegisteredSchema(
            subject=schema.subject, schema_id=schema_id, avro_schema=json.loads(schema.text)
        )
        for schema, schema_id in schema_ids.items()
    ]
    wanted: list[AnyFact] = [*registered, *merged.agencies.values(), *merged.entries.values()]
    return FactChanges(
        _changed([*wanted, *merged.grants.values()], in_force),
        _changed(_public_facts(merged, registered), published),
    )


def _public_facts(merged: PolicyFacts, registered: Iterable[RegisteredSchema]) -> list[AnyFact]:
    """What every agency may know: who takes part, the catalog, what is not shared, how to write."""
    entries = shared_entries(merged)
    subjects = {topics.value_subject(topics.ingress_topic(entry.id)) for entry in entries}
    subjects |= {delivery_closed().subject, command().subject}
    listings = [
        NotSharedListing(
            id=entry.id, name=entry.name, agency=entry.provider.agency, basis=entry.sharing.basis
        )
        for entry in merged.entries.values()
        if entry.sharing.sharing_class == "not_shared"
    ]
    schemas = (fact for fact in registered if fact.subject in subjects)
    return [*schemas, *merged.agencies.values(), *entries, *listings]


def _changed(wanted: Iterable[AnyFact], standing: PolicyFacts) -> tuple[AnyFact, ...]:
    return tuple(fact for fact in wanted if standing.standing(fact) != fact)
