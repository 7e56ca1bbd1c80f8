"""Rights: who may do what on the broker, as follows from the facts. Pure.

Identity is the topic, so one system alone writes ``ingress.<entry>``; no agency has a right on
``*``; an operation that implies DESCRIBE does not state it.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, NamedTuple

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName
from sharebus.governance.shared_copy import copy_left, is_shared_copy_closed
from sharebus.governance.view import SHARED, view_of_grant
from sharebus.schemas import topic as topics

GATE: Final = "gate"
REGISTRAR: Final = "registrar"
ENFORCER: Final = "enforcer"
NOTARY: Final = "notary"
METER: Final = "meter"
EVERYBODY: Final = "*"


class AccessRule(NamedTuple):
    """One ACL of the broker, in the broker's own words."""

    principal: str
    permission: str
    operation: str
    resource: str
    pattern: str
    name: str

    @property
    def who(self) -> str:
        """The principal's name."""
        return self.principal.removeprefix("User:")

    def __str__(self) -> str:
        star = "*" if self.pattern == "PREFIXED" else ""
        return f"{self.permission} {self.who} {self.operation} {self.resource} {self.name}{star}"


def _allow(
    principal: str, operation: str, names: Iterable[str], *, resource: str = "TOPIC",
    pattern: str = "LITERAL",
) -> Iterator[AccessRule]:  # fmt: skip
    for name in names:
        yield AccessRule(f"User:{principal}", "ALLOW", operation, resource, pattern, name)


def entry_rules(facts: PolicyFacts, entry: CatalogEntry, today: date) -> Iterator[AccessRule]:
    """Of the entry's provider and of its grantees, on the days of their term."""
    if _is_on_the_bus(facts, facts.provider_of(entry)):
        yield from _provider_rules(facts, entry)
    yield from closed_copy_rules(facts, entry)
    for grant in facts.grants_of(entry.id):
        if facts.may_read(grant, today):
            view = view_of_grant(entry, grant)
            released = topics.view_topic(entry.id, view.name)
            names = (released, topics.deliveries_topic(entry.id))
            yield from _allow(grant.grantee.principal, "READ", names)


def closed_copy_rules(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[AccessRule]:
    """What holds for copies that an entry has left by another class (design, decision 5).

    Whoever could read the shared one is denied it, whatever a prefix may permit. The gate moves
    what a copy held, so nobody can be denied it under ``*``; the enforcer deletes the empty husk.
    """
    left = copy_left(facts, entry)
    if left is not None:
        yield from _allow(ENFORCER, "DELETE", (left,))
    if is_shared_copy_closed(facts, entry):
        shared = topics.view_topic(entry.id, SHARED)
        readers = {facts.provider_of(entry), *(each.grantee for each in facts.grants_of(entry.id))}
        for reader in sorted(readers):
            yield AccessRule(f"User:{reader.principal}", "DENY", "READ", "TOPIC", "LITERAL", shared)


def _is_on_the_bus(facts: PolicyFacts, system: SystemName) -> bool:
    agency = facts.agencies.get(system.agency)
    return agency is not None and not agency.suspended and system in agency.system_names()


def gate_rules() -> Iterator[AccessRule]:
    """Of the gate."""
    reads = ("ingress.", "accepted.", "shared.", "view.", "facts.")
    writes = ("accepted.", "shared.", "view.", "deliveries.", "quarantine.", "notices.")
    yield from _allow(GATE, "READ", reads, pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", writes, pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", (topics.FACTS_PROGRESS, topics.AUDIT))
    yield from _allow(GATE, "READ", (GATE,), resource="GROUP", pattern="PREFIXED")
    yield from _allow(GATE, "WRITE", (GATE,), resource="TRANSACTIONAL_ID", pattern="PREFIXED")
    # The prefix "shared." covers the catalog, which is not the gate's to write.
    yield AccessRule(f"User:{GATE}", "DENY", "WRITE", "TOPIC", "LITERAL", topics.SHARED_CATALOG)


def registrar_rules() -> Iterator[AccessRule]:
    """Of the registrar."""
    yield from _allow(REGISTRAR, "READ", (topics.COMMANDS_PREFIX, "facts."), pattern="PREFIXED")
    yield from _allow(REGISTRAR, "WRITE", ("notices.",), pattern="PREFIXED")
    written = (
        topics.FACTS_POLICY, topics.FACTS_CASES, topics.FACTS_PROGRESS, topics.SHARED_CATALOG,
        topics.AUDIT,
    )  # fmt: skip
    yield from _allow(REGISTRAR, "WRITE", written)
    yield from _allow(REGISTRAR, "WRITE", (REGISTRAR,), resource="TRANSACTIONAL_ID")
    yield from _allow(REGISTRAR, "READ", (REGISTRAR,), resource="GROUP")


def notary_rules() -> Iterator[AccessRule]:
    """Of the notary: it reads the audit and writes checkpoints, and nothing else."""
    yield from _allow(NOTARY, "READ", topics.SEALED)
    yield from _allow(NOTARY, "WRITE", (topics.AUDIT_CHECKPOINTS,))
    yield from _allow(NOTARY, "WRITE", (NOTARY,), resource="TRANSACTIONAL_ID")


def meter_rules() -> Iterator[AccessRule]:
    """Of the meter: it learns the names of topics, and reads no event."""
    named = (
        "ingress.", "accepted.", "shared.", "view.", "deliveries.", "quarantine.", "notices.",
        topics.COMMANDS_PREFIX, topics.AUDIT,
    )  # fmt: skip
    yield from _allow(METER, "DESCRIBE", named, pattern="PREFIXED")
    yield from _allow(METER, "READ", ("facts.",), pattern="PREFIXED")
    yield from _allow(METER, "WRITE", (topics.AUDIT, topics.FACTS_PROGRESS))
    yield from _allow(METER, "WRITE", (METER,), resource="TRANSACTIONAL_ID", pattern="PREFIXED")


def sealed_rules() -> Iterator[AccessRule]:
    """Nobody may delete what the audit's log holds, or change how it is kept."""
    for name in topics.SEALED:
        for operation in ("DELETE", "ALTER", "ALTER_CONFIGS"):
            yield AccessRule(f"User:{EVERYBODY}", "DENY", operation, "TOPIC", "LITERAL", name)


def enforcer_rules() -> Iterator[AccessRule]:
    """The least with which it works: no super-user, and no right to read an event or a command.

    Those on the cluster are for access rules and users (ALTER) and for quotas (ALTER_CONFIGS).
    """
    named = (
        "ingress.", "accepted.", "shared.", "view.", "deliveries.", "quarantine.", "notices.",
        topics.COMMANDS_PREFIX, "facts.",
    )  # fmt: skip
    for operation in ("CREATE", "DESCRIBE", "ALTER_CONFIGS"):
        yield from _allow(ENFORCER, operation, named, pattern="PREFIXED")
    # What is sealed it may make and look at; to change it is nobody's.
    for operation in ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS"):
        yield from _allow(ENFORCER, operation, (topics.AUDIT,), pattern="PREFIXED")
    yield from _allow(ENFORCER, "DELETE", ("view.",), pattern="PREFIXED")
    yield from _allow(ENFORCER, "READ", ("facts.", topics.SHARED_CATALOG), pattern="PREFIXED")
    # An aborted record in each partition ends the fetches that are parked there (decision 0019).
    fenced = ("accepted.", "shared.", "view.", "deliveries.", "quarantine.", "notices.")
    yield from _allow(ENFORCER, "WRITE", fenced, pattern="PREFIXED")
    yield from _allow(ENFORCER, "WRITE", (topics.FACTS_POLICY, topics.FACTS_PROGRESS, topics.AUDIT))
    yield from _allow(ENFORCER, "READ", (ENFORCER,), resource="GROUP", pattern="PREFIXED")
    yield from _allow(
        ENFORCER, "WRITE", (ENFORCER,), resource="TRANSACTIONAL_ID", pattern="PREFIXED"
    )
    for operation in ("ALTER", "ALTER_CONFIGS"):
        yield from _allow(ENFORCER, operation, ("kafka-cluster",), resource="BROKER")


def agency_rules(agency: Agency) -> Iterator[AccessRule]:
    """Of the agency's systems; while it is suspended it can be told why, and answer: no more."""
    for system in agency.system_names():
        common = [topics.notices_topic(agency.id), topics.AUDIT_CHECKPOINTS]
        if not agency.suspended:
            common.append(topics.SHARED_CATALOG)
        yield from _allow(system.principal, "READ", common)
        yield from _allow(system.principal, "WRITE", (topics.commands_topic(agency.id),))
        yield from _allow(
            system.principal, "READ", (system.group_prefix,), resource="GROUP", pattern="PREFIXED"
        )
    # What was refused has every field of the event: for the systems that send, not for all.
    if not agency.suspended:
        for system in agency.system_names(SystemRole.PROVIDER):
            yield from _allow(system.principal, "READ", (topics.quarantine_topic(agency.id),))


def _provider_rules(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[AccessRule]:
    principal, ingress = facts.provider_of(entry).principal, topics.ingress_topic(entry.id)
    yield from _allow(principal, "WRITE", (ingress,))
    yield from _allow(principal, "READ", (ingress, topics.deliveries_topic(entry.id)))
    # While rows are moved there, a snapshot would be compared with a part of them.
    if copy_left(facts, entry) is None:
        yield from _allow(principal, "READ", (topics.accepted_topic(entry),))
