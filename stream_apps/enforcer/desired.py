"""What the broker and the registry must hold, as follows from the facts. Pure.

Rights follow three rules: identity is the topic, so one system alone writes ``ingress.<entry>``;
nobody has a right on ``*``; an operation that implies DESCRIBE does not state it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName
from sharebus.governance.view import SHARED, view_of_grant, view_schema
from sharebus.schemas import topic as topics
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.record import platform_records, policy_fact

GATE: Final = "gate"
REGISTRAR: Final = "registrar"
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
_KEPT: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
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
    topics.AUDIT: _KEPT,
    # Events in a topic of no entry: they belong to no agency.
    topics.quarantine_topic("platform"): _QUARANTINE,
}


class DesiredTopic(NamedTuple):
    """A topic; ``config`` are the settings that are stated, the broker's own hold for the rest."""

    name: str
    partitions: int
    config: Mapping[str, str]


class AccessRule(NamedTuple):
    """One ACL of the broker, in the broker's own words."""

    principal: str
    permission: str
    operation: str
    resource: str
    pattern: str
    name: str

    def __str__(self) -> str:
        star = "*" if self.pattern == "PREFIXED" else ""
        who = self.principal.removeprefix("User:")
        return f"{self.permission} {who} {self.operation} {self.resource} {self.name}{star}"


class SubjectSchema(NamedTuple):
    """A schema under a subject; ``text`` is its canonical JSON."""

    subject: str
    text: str


class DesiredBroker(NamedTuple):
    """Everything that must be there. Schemas of a subject stand in the order of its versions."""

    topics: tuple[DesiredTopic, ...]
    rules: frozenset[AccessRule]
    schemas: tuple[SubjectSchema, ...]


def desired_broker(facts: PolicyFacts, today: date, replication_factor: int = 1) -> DesiredBroker:
    """What follows from the facts; grants give rights on the days of their term."""
    common = {"min.insync.replicas": "2"} if replication_factor > 2 else {}
    return DesiredBroker(
        tuple(
            topic._replace(config={**topic.config, **common}) for topic in _desired_topics(facts)
        ),
        frozenset(_rules(facts, today)),
        tuple(dict.fromkeys(_schemas(facts))),
    )


def shared_entries(facts: PolicyFacts) -> list[CatalogEntry]:
    """The entries that have topics: a not-shared one has none, not even to write to."""
    return [entry for entry in facts.entries.values() if entry.sharing_class != "not_shared"]


def _desired_topics(facts: PolicyFacts) -> Iterator[DesiredTopic]:
    for name, config in _PLATFORM_TOPICS.items():
        yield DesiredTopic(name, 1, config)
    for agency in facts.agencies.values():
        yield DesiredTopic(topics.notices_topic(agency.id), 1, _KEPT)
        yield DesiredTopic(topics.commands_topic(agency.id), 1, _KEPT)
        if agency.system_names(SystemRole.PROVIDER):
            yield DesiredTopic(topics.quarantine_topic(agency.id), 1, _QUARANTINE)
    for entry in shared_entries(facts):
        yield DesiredTopic(topics.ingress_topic(entry.id), entry.partitions, _INGRESS)
        yield DesiredTopic(topics.deliveries_topic(entry.id), 1, _COMPACT)
        released = {topics.view_topic(entry.id, view.name) for view in facts.views_of(entry)}
        for name in sorted(released | {topics.accepted_topic(entry)}):
            yield DesiredTopic(name, entry.partitions, _COMPACT)


def _allow(
    principal: str, operation: str, names: Iterable[str], *, resource: str = "TOPIC",
    pattern: str = "LITERAL",
) -> Iterator[AccessRule]:  # fmt: skip
    for name in names:
        yield AccessRule(f"User:{principal}", "ALLOW", operation, resource, pattern, name)


def _rules(facts: PolicyFacts, today: date) -> Iterator[AccessRule]:
    yield from _gate_rules()
    yield from _registrar_rules()
    for agency in facts.agencies.values():
        yield from _agency_rules(agency)
    for entry in shared_entries(facts):
        yield from _provider_rules(entry, facts.provider_of(entry))
        for grant in facts.grants_of(entry.id):
            if grant.is_in_force(today):
                view = view_of_grant(entry, grant)
                released = topics.view_topic(entry.id, view.name)
                names = (released, topics.deliveries_topic(entry.id))
                yield from _allow(grant.grantee.principal, "READ", names)


def _gate_rules() -> Iterator[AccessRule]:
    reads = ("ingress.", "accepted.", "shared.", "view.", "facts.")
    writes = ("accepted.", "shared.", "view.", "deliveries.", "quarantine.", "notices.")
    yield from _allow(GATE, "READ", reads, pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", writes, pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", (topics.FACTS_PROGRESS, topics.AUDIT))
    yield from _allow(GATE, "READ", (GATE,), resource="GROUP", pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", (GATE,), resource="TRANSACTIONAL_ID", pattern="PREFIXED")
    # The prefix "shared." covers the catalog, which is not the gate's to write.
    yield AccessRule(f"User:{GATE}", "DENY", "WRITE", "TOPIC", "LITERAL", topics.SHARED_CATALOG)


def _registrar_rules() -> Iterator[AccessRule]:
    yield from _allow(REGISTRAR, "READ", (topics.COMMANDS_PREFIX, "facts."), pattern="PREFIXED")
    yield from _allow(REGISTRAR, "WRITE", ("notices.",), pattern="PREFIXED")
    written = (
        topics.FACTS_POLICY, topics.FACTS_CASES, topics.FACTS_PROGRESS, topics.SHARED_CATALOG,
        topics.AUDIT,
    )  # fmt: skip
    yield from _allow(REGISTRAR, "WRITE", written)
    yield from _allow(REGISTRAR, "WRITE", (REGISTRAR,), resource="TRANSACTIONAL_ID")


def _agency_rules(agency: Agency) -> Iterator[AccessRule]:
    common = (topics.SHARED_CATALOG, topics.notices_topic(agency.id))
    for system in agency.system_names():
        yield from _allow(system.principal, "READ", common)
        yield from _allow(system.principal, "WRITE", (topics.commands_topic(agency.id),))
        yield from _allow(
            system.principal, "READ", (system.group_prefix,), resource="GROUP", pattern="PREFIXED"
        )
    # What was refused has every field of the event: for the systems that send, not for all.
    for system in agency.system_names(SystemRole.PROVIDER):
        yield from _allow(system.principal, "READ", (topics.quarantine_topic(agency.id),))


def _provider_rules(entry: CatalogEntry, provider: SystemName) -> Iterator[AccessRule]:
    ingress = topics.ingress_topic(entry.id)
    yield from _allow(provider.principal, "WRITE", (ingress,))
    yield from _allow(
        provider.principal,
        "READ",
        (ingress, topics.accepted_topic(entry), topics.deliveries_topic(entry.id)),
    )


def _schemas(facts: PolicyFacts) -> Iterator[SubjectSchema]:
    for record in platform_records():
        yield SubjectSchema(record.subject, canonical_json(record.avro_schema))
    catalog = canonical_json(policy_fact().avro_schema)
    yield SubjectSchema(topics.value_subject(topics.SHARED_CATALOG), catalog)
    for entry in shared_entries(facts):
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
