"""What must be done to the facts. Pure; ``apply`` and the enforcer do it."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from sharebus.governance.facts import (
    AnyFact,
    NotSharedListing,
    PolicyFacts,
    RegisteredSchema,
)
from sharebus.governance.public_form import public_form
from sharebus.schemas import topic as topics
from sharebus.schemas.record import command, delivery_closed
from sharebus.stream_apps.enforcer.desired import SubjectSchema, desired_broker, shared_entries
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic, Plan, difference


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


def plan_of_change(
    before: PolicyFacts, after: PolicyFacts, today: date, replication_factor: int
) -> Plan:
    """What a change of facts comes to on a broker that matches those before it.

    It is computed of the agencies and entries that differ, and of what rests on them.
    """
    entries = {
        entry.id for entry in after.entries.values() if before.entries.get(entry.id) != entry
    }
    entries |= {
        grant.entry for grant in after.grants.values() if before.grants.get(grant.id) != grant
    }
    agencies = {
        agency.id for agency in after.agencies.values() if before.agencies.get(agency.id) != agency
    }
    entries |= {e.id for e in after.entries.values() if e.provider.agency in agencies}
    entries |= {g.entry for g in after.grants.values() if g.grantee.agency in agencies}
    desired = desired_broker(_part(after, entries), today, replication_factor)
    standing = desired_broker(_part(before, entries), today, replication_factor)
    topics = {topic.name: LiveTopic(topic.partitions, topic.config) for topic in standing.topics}
    live = LiveState(topics, standing.rules, dict.fromkeys(standing.schemas, 0))
    return difference(desired, live)


def _part(facts: PolicyFacts, entries: set[str]) -> PolicyFacts:
    """The same facts, with these entries alone."""
    part = PolicyFacts()
    part.schemas, part.agencies = facts.schemas, facts.agencies
    for entry in sorted(entries & facts.entries.keys()):
        part.apply(facts.entries[entry], facts.version)
        for grant in facts.grants_of(entry):
            part.apply(grant, facts.version)
    return part


def _public_facts(merged: PolicyFacts, registered: Iterable[RegisteredSchema]) -> list[AnyFact]:
    """What every agency may know: who takes part, the catalog, what is not shared, how to write."""
    entries = [public_form(entry) for entry in shared_entries(merged)]
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
