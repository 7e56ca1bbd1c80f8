"""What the broker and the registry must hold, as follows from the facts. Pure.

Rights are in ``rights``.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import FOUNDER
from sharebus.governance.view import SHARED, view_schema
from sharebus.schemas import topic as topics
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.record import platform_records, policy_fact
from sharebus.stream_apps.enforcer.rights import (
    AccessRule,
    agency_rules,
    enforcer_rules,
    entry_rules,
    gate_rules,
    notary_rules,
    registrar_rules,
    sealed_rules,
)

_QUARANTINE_BYTES_MAX: Final = 1_310_720
"""An event of 900 kB with its own headers and those that say why it was refused."""
_PROGRESS_SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""The active segment is never compacted, and every app reads all of it when it starts."""


def _milliseconds(*, days: int) -> str:
    return str(timedelta(days=days) // timedelta(milliseconds=1))


_LOG_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
_INGRESS: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": _milliseconds(days=30),
}
_COMPACT: Final = {
    **_LOG_TIME,
    "cleanup.policy": "compact",
    # A reader that was away for a month still learns of the deletions meanwhile.
    "delete.retention.ms": _milliseconds(days=30),
}
_DATA: Final = {
    **_COMPACT,
    # What was released stays as it was released for a day, so that the books can be read again:
    # where a right ended the topic has a new segment, and the old one could go at once.
    "min.compaction.lag.ms": _milliseconds(days=1),
}
_KEPT: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
}
_SEALED: Final = {
    **_KEPT,
    # Records that were signed would vanish; whether they are flushed is the broker's setting, for
    # all topics alike (design, decision 11).
    "unclean.leader.election.enable": "false",
}
_QUARANTINE: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": _milliseconds(days=90),
    "max.message.bytes": str(_QUARANTINE_BYTES_MAX),
}
_PLATFORM_TOPICS: Final[Mapping[str, Mapping[str, str]]] = {
    topics.FACTS_POLICY: _KEPT,
    topics.FACTS_CASES: {**_COMPACT, "segment.bytes": str(_PROGRESS_SEGMENT_BYTES)},
    topics.FACTS_PROGRESS: {**_COMPACT, "segment.bytes": str(_PROGRESS_SEGMENT_BYTES)},
    topics.SHARED_CATALOG: _COMPACT,
    topics.AUDIT: _SEALED,
    topics.AUDIT_CHECKPOINTS: _SEALED,
    topics.commands_topic(FOUNDER): _KEPT,
    topics.notices_topic(FOUNDER): _KEPT,
    # Events in a topic of no entry: they belong to no agency.
    topics.quarantine_topic("platform"): _QUARANTINE,
}


_PLATFORM_RULES: Final = (gate_rules, registrar_rules, enforcer_rules, notary_rules, sealed_rules)


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
    """Everything that must be there. Schemas of a subject stand in the order of its versions."""

    topics: tuple[DesiredTopic, ...]
    rules: frozenset[AccessRule]
    schemas: tuple[SubjectSchema, ...]


class _Part(NamedTuple):
    """What follows from one agency or one entry."""

    topics: tuple[DesiredTopic, ...]
    rules: frozenset[AccessRule]
    schemas: tuple[SubjectSchema, ...] = ()


class DesiredState:
    """What follows from the facts, computed again only for the agencies and entries that changed.

    Facts are immutable, so one that is the same object as before has the same consequences.
    """

    def __init__(self, replication_factor: int = 1) -> None:
        self._common = {"min.insync.replicas": "2"} if replication_factor > 2 else {}
        self._parts: dict[str, tuple[tuple[object, ...], _Part]] = {}

    def of(self, facts: PolicyFacts, today: date) -> DesiredBroker:
        """Everything that must be there; grants give rights on the days of their term."""
        parts = [self._platform(), *self._parts_of(facts, today)]
        return DesiredBroker(
            tuple(topic for part in parts for topic in part.topics),
            frozenset().union(*(part.rules for part in parts)),
            tuple(dict.fromkeys(schema for part in parts for schema in part.schemas)),
        )

    def _parts_of(self, facts: PolicyFacts, today: date) -> Iterator[_Part]:
        for agency in facts.agencies.values():
            yield self._part(f"agency {agency.id}", (agency,), lambda: _agency_part(agency))  # noqa: B023
        for entry in shared_entries(facts):
            grants = facts.grants_of(entry.id)
            ingress = facts.schemas.get(topics.value_subject(topics.ingress_topic(entry.id)), {})
            concerned = {entry.provider.agency, *(grant.grantee.agency for grant in grants)}
            agencies = tuple(facts.agencies.get(agency) for agency in sorted(concerned))
            origin = (today, entry, *grants, *agencies, *ingress)
            yield self._part(
                f"entry {entry.id}",
                origin,
                lambda: _entry_part(facts, entry, today),  # noqa: B023 - called at once
            )

    def _part(self, name: str, origin: tuple[object, ...], make: Callable[[], _Part]) -> _Part:
        known = self._parts.get(name)
        is_same = (
            known is not None
            and len(known[0]) == len(origin)
            and all(
                before is now or (isinstance(now, date | int) and before == now)
                for before, now in zip(known[0], origin, strict=True)
            )
        )
        if known is None or not is_same:
            known = origin, self._with_common(make())
            self._parts[name] = known
        return known[1]

    def _platform(self) -> _Part:
        return self._part("platform", (), _platform_part)

    def _with_common(self, part: _Part) -> _Part:
        stated = (topic._replace(config={**topic.config, **self._common}) for topic in part.topics)
        return part._replace(topics=tuple(stated))


def desired_broker(facts: PolicyFacts, today: date, replication_factor: int = 1) -> DesiredBroker:
    """What follows from the facts; grants give rights on the days of their term."""
    return DesiredState(replication_factor).of(facts, today)


def platform_state(replication_factor: int = 1) -> DesiredBroker:
    """What must be there before the first fact can be written."""
    state = desired_broker(PolicyFacts(), date.min, replication_factor)
    return state._replace(rules=frozenset())


def shared_entries(facts: PolicyFacts) -> list[CatalogEntry]:
    """The entries that have topics: a not-shared one has none, not even to write to."""
    return [entry for entry in facts.entries.values() if entry.sharing_class != "not_shared"]


def _platform_part() -> _Part:
    catalog = canonical_json(policy_fact().avro_schema)
    return _Part(
        tuple(DesiredTopic(name, 1, config) for name, config in _PLATFORM_TOPICS.items()),
        frozenset(rule for rules in _PLATFORM_RULES for rule in rules()),
        (
            *(
                SubjectSchema(record.subject, canonical_json(record.avro_schema))
                for record in platform_records()
            ),
            SubjectSchema(topics.value_subject(topics.SHARED_CATALOG), catalog),
        ),
    )


def _agency_part(agency: Agency) -> _Part:
    """Its topics stay when it leaves: what was said to it and by it is kept."""
    names = [(topics.notices_topic(agency.id), _KEPT), (topics.commands_topic(agency.id), _KEPT)]
    if agency.system_names(SystemRole.PROVIDER):
        names.append((topics.quarantine_topic(agency.id), _QUARANTINE))
    return _Part(
        tuple(DesiredTopic(name, 1, config) for name, config in names),
        frozenset(agency_rules(agency)),
    )


def _entry_part(facts: PolicyFacts, entry: CatalogEntry, today: date) -> _Part:
    return _Part(
        tuple(_entry_topics(facts, entry)),
        frozenset(entry_rules(facts, entry, today)),
        tuple(dict.fromkeys(_schemas(facts, entry))),
    )


def _entry_topics(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[DesiredTopic]:
    yield DesiredTopic(topics.ingress_topic(entry.id), entry.partitions, _INGRESS)
    yield DesiredTopic(topics.deliveries_topic(entry.id), 1, _DATA)
    released = {topics.view_topic(entry.id, view.name) for view in facts.views_of(entry)}
    for name in sorted(released | {topics.accepted_topic(entry)}):
        yield DesiredTopic(name, entry.partitions, _DATA)


def _schemas(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[SubjectSchema]:
    ingress = topics.value_subject(topics.ingress_topic(entry.id))
    accepted = topics.accepted_topic(entry)
    for avro_schema in _versions(facts, ingress, entry.avro_schema):
        text = canonical_json(avro_schema)
        yield SubjectSchema(ingress, text)
        yield SubjectSchema(topics.value_subject(accepted), text)
        for view in facts.views_of(entry):
            released = topics.view_topic(entry.id, view.name)
            if view.name == SHARED and released == accepted:
                continue  # one copy, passed on byte for byte under the ingress schema
            text_of_view = canonical_json(view_schema(avro_schema, view.fields))
            yield SubjectSchema(topics.value_subject(released), text_of_view)


def _versions(
    facts: PolicyFacts, subject: str, current: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """All schemas under which events of the entry can come, the current one last if it is new."""
    yield from facts.schemas.get(subject, {}).values()
    yield current
