"""What the broker and the registry must hold, as follows from the facts. Pure.

Rights are in ``rights``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.shared_copy import copy_left, is_shared_copy_closed
from sharebus.governance.view import view_schema
from sharebus.schemas import topic as topics
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.record import platform_records, policy_fact
from sharebus.stream_apps.enforcer.concern import Concern
from sharebus.stream_apps.enforcer.rights import (
    AccessRule,
    agency_rules,
    closed_copy_rules,
    enforcer_rules,
    entry_rules,
    gate_rules,
    meter_rules,
    notary_rules,
    registrar_rules,
    sealed_rules,
)
from sharebus.stream_apps.enforcer.topic_settings import (
    DATA,
    INGRESS,
    KEPT,
    PLATFORM_TOPICS,
    QUARANTINE,
)

_PLATFORM_RULES: Final = (
    gate_rules, registrar_rules, enforcer_rules, notary_rules, meter_rules, sealed_rules,
)  # fmt: skip


class DesiredTopic(NamedTuple):
    """A topic; ``config`` are the settings that are stated, the broker's own hold for the rest."""

    name: str
    partitions: int
    config: Mapping[str, str]


class SubjectSchema(NamedTuple):
    """A schema under a subject; ``text`` is its canonical JSON."""

    subject: str
    text: str


class DesiredBroker(NamedTuple):
    """What must be there: all, or what follows from some agencies and entries.

    Schemas of a subject stand in the order of its versions.
    """

    topics: tuple[DesiredTopic, ...] = ()
    rules: frozenset[AccessRule] = frozenset()
    schemas: tuple[SubjectSchema, ...] = ()


_Known = tuple[tuple[object, ...], DesiredBroker]
"""What follows from an agency or entry, after the facts that it follows from."""


class DesiredState:
    """What follows from the facts, computed again only for the agencies and entries that changed.

    Facts are immutable, so one that is the same object as before has the same consequences. No
    topic, right or schema follows from two agencies or entries.
    """

    def __init__(self, replication_factor: int = 1) -> None:
        self._common = {"min.insync.replicas": "2"} if replication_factor > 2 else {}
        self._platform = self._with_common(_platform_part())
        self._agencies: dict[str, _Known] = {}
        self._entries: dict[str, _Known] = {}

    def of(self, facts: PolicyFacts, today: date) -> DesiredBroker:
        """Everything that must be there; grants give rights on the days of their term."""
        self._agencies = {agency: self._of_agency(facts, agency) for agency in facts.agencies}
        self._entries = {entry: self._of_entry(facts, entry, today) for entry in facts.entries}
        known = (*self._agencies.values(), *self._entries.values())
        return joined([self._platform, *(part for _, part in known)])

    def changed(
        self, facts: PolicyFacts, concerned: Concern, today: date
    ) -> tuple[DesiredBroker, DesiredBroker]:
        """What followed from some agencies and entries when last asked, and what does now.

        What follows from all others is as it was, if the day is.
        """
        nothing: _Known = (), DesiredBroker()
        before = [self._agencies.pop(agency, nothing)[1] for agency in concerned.agencies]
        before += [self._entries.pop(entry, nothing)[1] for entry in concerned.entries]
        agencies = {agency: self._of_agency(facts, agency) for agency in concerned.agencies}
        entries = {entry: self._of_entry(facts, entry, today) for entry in concerned.entries}
        self._agencies |= agencies
        self._entries |= entries
        after = (part for _, part in (*agencies.values(), *entries.values()))
        return joined(before), joined(after)

    def _of_agency(self, facts: PolicyFacts, agency_id: str) -> _Known:
        agency = facts.agencies[agency_id]
        known = self._agencies.get(agency_id)
        return self._part(known, (agency,), lambda: _agency_part(agency))

    def _of_entry(self, facts: PolicyFacts, entry_id: str, today: date) -> _Known:
        entry, grants = facts.entries[entry_id], facts.grants_of(entry_id)
        ingress = facts.schemas.get(topics.value_subject(topics.ingress_topic(entry_id)), {})
        concerned = {entry.provider.agency, *(grant.grantee.agency for grant in grants)}
        agencies = tuple(facts.agencies.get(agency) for agency in sorted(concerned))
        copies = (copy_left(facts, entry) is not None, is_shared_copy_closed(facts, entry))
        origin = (today, entry, *grants, *agencies, *copies, *ingress)
        known = self._entries.get(entry_id)
        return self._part(known, origin, lambda: _entry_part(facts, entry, today))

    def _part(
        self,
        known: _Known | None,
        origin: tuple[object, ...],
        make: Callable[[], DesiredBroker],
    ) -> _Known:
        is_same = (
            known is not None
            and len(known[0]) == len(origin)
            and all(
                before is now or (isinstance(now, date | int) and before == now)
                for before, now in zip(known[0], origin, strict=True)
            )
        )
        return known if known and is_same else (origin, self._with_common(make()))

    def _with_common(self, part: DesiredBroker) -> DesiredBroker:
        stated = (topic._replace(config={**topic.config, **self._common}) for topic in part.topics)
        return part._replace(topics=tuple(stated))


def joined(parts: Iterable[DesiredBroker]) -> DesiredBroker:
    """All that the parts ask for."""
    all_parts = list(parts)
    return DesiredBroker(
        tuple(topic for part in all_parts for topic in part.topics),
        frozenset().union(*(part.rules for part in all_parts)),
        tuple(dict.fromkeys(schema for part in all_parts for schema in part.schemas)),
    )


def desired_broker(facts: PolicyFacts, today: date, replication_factor: int = 1) -> DesiredBroker:
    """What follows from the facts; grants give rights on the days of their term."""
    return DesiredState(replication_factor).of(facts, today)


def platform_state(replication_factor: int = 1) -> DesiredBroker:
    """What must be there before the first fact can be written."""
    state = desired_broker(PolicyFacts(), date.min, replication_factor)
    return state._replace(rules=frozenset())


def is_of_platform(topic: str) -> bool:
    """Whether a topic is the platform's own, and of no entry or agency."""
    return topic in PLATFORM_TOPICS


def shared_entries(facts: PolicyFacts) -> list[CatalogEntry]:
    """The entries that have topics: a not-shared one has none, not even to write to."""
    return [entry for entry in facts.entries.values() if is_shared(entry)]


def is_shared(entry: CatalogEntry) -> bool:
    """Whether the entry has topics."""
    return entry.sharing_class != "not_shared"


def _platform_part() -> DesiredBroker:
    catalog = canonical_json(policy_fact().avro_schema)
    return DesiredBroker(
        tuple(DesiredTopic(name, 1, config) for name, config in PLATFORM_TOPICS.items()),
        frozenset(rule for rules in _PLATFORM_RULES for rule in rules()),
        (
            *(
                SubjectSchema(record.subject, canonical_json(record.avro_schema))
                for record in platform_records()
            ),
            SubjectSchema(topics.value_subject(topics.SHARED_CATALOG), catalog),
        ),
    )


def _agency_part(agency: Agency) -> DesiredBroker:
    """Its topics stay when it leaves: what was said to it and by it is kept."""
    names = [(topics.notices_topic(agency.id), KEPT), (topics.commands_topic(agency.id), KEPT)]
    if agency.system_names(SystemRole.PROVIDER):
        names.append((topics.quarantine_topic(agency.id), QUARANTINE))
    return DesiredBroker(
        tuple(DesiredTopic(name, 1, config) for name, config in names),
        frozenset(agency_rules(agency)),
    )


def _entry_part(facts: PolicyFacts, entry: CatalogEntry, today: date) -> DesiredBroker:
    if not is_shared(entry):
        return DesiredBroker(rules=frozenset(closed_copy_rules(facts, entry)))
    return DesiredBroker(
        tuple(_entry_topics(facts, entry)),
        frozenset(entry_rules(facts, entry, today)),
        tuple(dict.fromkeys(_schemas(facts, entry))),
    )


def _entry_topics(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[DesiredTopic]:
    yield DesiredTopic(topics.ingress_topic(entry.id), entry.partitions, INGRESS)
    yield DesiredTopic(topics.deliveries_topic(entry.id), 1, DATA)
    released = {topics.view_topic(entry.id, view.name) for view in facts.views_of(entry)}
    for name in sorted(released | {topics.accepted_topic(entry)}):
        yield DesiredTopic(name, entry.partitions, DATA)


def _schemas(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[SubjectSchema]:
    ingress = topics.value_subject(topics.ingress_topic(entry.id))
    accepted = topics.accepted_topic(entry)
    for avro_schema in _versions(facts, ingress, entry.avro_schema):
        text = canonical_json(avro_schema)
        yield SubjectSchema(ingress, text)
        yield SubjectSchema(topics.value_subject(accepted), text)
        for view in facts.views_of(entry):
            released = topics.view_topic(entry.id, view.name)
            if released == accepted:
                continue  # one copy, passed on byte for byte under the ingress schema
            text_of_view = canonical_json(view_schema(avro_schema, view.fields))
            yield SubjectSchema(topics.value_subject(released), text_of_view)


def _versions(
    facts: PolicyFacts, subject: str, current: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """All schemas under which events of the entry can come, the current one last if it is new."""
    yield from facts.schemas.get(subject, {}).values()
    yield current
