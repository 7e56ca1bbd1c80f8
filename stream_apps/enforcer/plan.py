"""What must be done to the facts. Pure; ``apply`` and the enforcer do it."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple, TypeVar

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection, Problem, check_change, check_collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import (
    AnyFact,
    NotSharedListing,
    PolicyFacts,
    RegisteredSchema,
)
from sharebus.governance.grant import Grant
from sharebus.governance.self_service import automatic_grants
from sharebus.schemas import topic as topics
from sharebus.schemas.record import command, delivery_closed
from sharebus.stream_apps.enforcer.desired import (
    SubjectSchema,
    shared_entries,
)

_Document = TypeVar("_Document", Agency, CatalogEntry, Grant)


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


def merged_facts(in_force: PolicyFacts, documents: Collection, today: date) -> PolicyFacts:
    """The facts in force with the documents in their place, and the grants that follow from them.

    Documents that are not given stay in force: an entry does not end because a file is missing.
    """
    merged = PolicyFacts()
    for fact in in_force:
        merged.apply(fact, in_force.version)
    for document in _facts_of(documents):
        merged.apply(document, in_force.version)
    automatic = automatic_grants(
        merged.agencies.values(), merged.entries.values(), merged.grants.values(), today
    )
    for grant in automatic:
        merged.apply(grant, in_force.version)
    return merged


def check_documents(in_force: PolicyFacts, documents: Collection) -> list[Problem]:
    """Every problem of the documents, with each other and with what is in force."""

    problems = check_collection(
        _with_standing(documents.agencies, in_force.agencies),
        _with_standing(documents.entries, in_force.entries),
        _with_standing(documents.grants, in_force.grants),
    )
    for entry in documents.entries:
        if entry.id in in_force.entries:
            problems += check_change(in_force.entries[entry.id], entry)
    for grant in documents.grants:
        before = in_force.grants.get(grant.id)
        if before and (before.entry, before.system) != (grant.entry, grant.system):
            found = f"{grant.system} on {grant.entry}"
            expected = (
                f"{before.system} on {before.entry}, as published; another grant has another id"
            )
            problems.append(Problem(f"grant {grant.id}", "system, entry", expected, found))
    return problems


def _facts_of(documents: Collection) -> list[AnyFact]:
    return [*documents.agencies, *documents.entries, *documents.grants]


def _with_standing(
    given: Iterable[_Document], standing: Mapping[str, _Document]
) -> list[_Document]:
    documents = list(given)
    replaced = {document.id for document in documents}
    return documents + [fact for fact in standing.values() if fact.id not in replaced]


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
    documents = Collection(
        tuple(merged.agencies.values()),
        tuple(merged.entries.values()),
        tuple(merged.grants.values()),
    )
    return FactChanges(
        _changed([*registered, *_facts_of(documents)], in_force),
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
