"""docs/topics.md against the desired topics and rights, the headers and the Avro records."""

import re
from datetime import date
from functools import cache
from typing import Any

from sharebus.governance.agency import SystemRole
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName
from sharebus.governance.rule import Rule
from sharebus.governance.takeover import merged_facts
from sharebus.infra.catalog_files import load_catalog_files
from sharebus.schemas import cloudevent
from sharebus.schemas.record import platform_records
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.enforcer.rights import AccessRule
from sharebus.stream_apps.gate.judge import Refusal
from sharebus.stream_apps.gate.quarantine import WHOLE_BYTES_MAX, quarantine_record

from . import pages

PAGE = pages.DOCS / "topics.md"
TODAY = date(2026, 11, 22)
KINDS = {"TOPIC": "", "GROUP": "group ", "TRANSACTIONAL_ID": "transactional id "}


@cache
def demo_facts() -> PolicyFacts:
    files = load_catalog_files(pages.PROJECT / "demo" / "catalog")
    return merged_facts(PolicyFacts(), files.collection, TODAY)


def family(name: str) -> str:
    """A topic's name with its ids left open, as the page writes it."""
    facts = demo_facts()
    for agency in sorted(facts.agencies, key=len, reverse=True):
        name = re.sub(rf"(?<=\.){re.escape(agency)}(?=\.|$)", "<agency>", name)
    for entry in sorted(facts.entries, key=len, reverse=True):
        name = re.sub(rf"(?<=\.){re.escape(entry)}(?=\.|$)", "<entry>", name)
    return re.sub(r"\.v-[0-9a-f]+$", ".<view>", name)


def systems(role: SystemRole | None = None) -> dict[str, SystemName]:
    return {
        name.principal: name
        for agency in demo_facts().agencies.values()
        for name in agency.system_names(role)
    }


def documented_rule(rule: AccessRule) -> tuple[str, str, str]:
    """A right of the demonstration as a row of the page."""
    principal = rule.who
    if rule.resource == "BROKER":
        return principal, rule.operation, "the cluster"
    kind = KINDS[rule.resource]
    star = "*" if rule.pattern == "PREFIXED" else ""
    name = family(rule.name.rstrip(".")) + ("." if rule.name.endswith(".") else "")
    operation = rule.operation if rule.permission == "ALLOW" else f"DENY {rule.operation}"
    return role_of(principal, rule), operation, f"{kind}`{name}{star}`"


def role_of(principal: str, rule: AccessRule) -> str:
    if principal not in systems():
        return principal
    facts = demo_facts()
    entry = rule.name.split(".")[1] if "." in rule.name else ""
    provider = facts.provider_of(facts.entries[entry]) if entry in facts.entries else None
    if provider == systems()[principal]:
        return "provider"
    if entry in facts.entries:
        return "grantee"
    if rule.name.startswith("quarantine."):
        assert principal in systems(SystemRole.PROVIDER)
        return "provider system"
    return "system"


def test_topics_and_their_settings_are_those_of_the_enforcer() -> None:
    desired = desired_broker(demo_facts(), TODAY)
    expected = {family(topic.name): dict(topic.config) for topic in desired.topics}
    rows = pages.table(pages.section(PAGE, "## Settings of topics"), "topic", "settings")
    documented = {
        pages.code(name): dict(item.split("=", 1) for item in pages.codes(settings))
        for name, settings in rows
    }
    assert documented == expected
    listed = pages.table(
        pages.section(PAGE, "## Topics"),
        "topic", "partitions", "written by", "what it holds", "key",
    )  # fmt: skip
    assert {pages.code(row[0]) for row in listed} == set(expected)


def test_partition_counts_are_those_of_the_enforcer() -> None:
    rows = pages.table(
        pages.section(PAGE, "## Topics"),
        "topic", "partitions", "written by", "what it holds", "key",
    )  # fmt: skip
    documented = {pages.code(row[0]): row[1] for row in rows}
    for topic in desired_broker(demo_facts(), TODAY).topics:
        partitions = documented[family(topic.name)]
        entry = demo_facts().entries.get(topic.name.split(".")[1] if "." in topic.name else "")
        if partitions == "the entry's":
            assert entry is not None
            assert topic.partitions == entry.partitions
        else:
            assert topic.partitions == int(partitions)


def test_rights_are_those_of_the_enforcer() -> None:
    rows = pages.table(pages.section(PAGE, "## Rights"), "principal", "right", "on")
    documented = {(who, right, on.partition(" (")[0]) for who, right, on in rows}
    expected = {documented_rule(rule) for rule in desired_broker(demo_facts(), TODAY).rules}
    assert documented == expected


def test_headers_are_those_that_the_gate_requires_and_lets_pass() -> None:
    rows = pages.table(
        pages.section(PAGE, "## Headers of a change event"), "header", "required", "value"
    )
    required = {pages.code(name) for name, is_required, _ in rows if is_required == "yes"}
    optional = {pages.code(name) for name, is_required, _ in rows if is_required == "no"}
    assert required == set(cloudevent.REQUIRED)
    assert optional == set(cloudevent.OPTIONAL)
    types = next(value for name, _, value in rows if pages.code(name) == cloudevent.TYPE)
    assert set(pages.codes(types)) == {
        cloudevent.TYPE_UPSERTED, cloudevent.TYPE_DELETED, cloudevent.TYPE_DELIVERY_CLOSED,
    }  # fmt: skip


def test_headers_of_a_refused_event_are_those_that_the_gate_writes() -> None:
    rows = pages.table(pages.section(PAGE, "## Headers of a refused event"), "header", "value")
    refusal = Refusal(Rule.FRAME_MAGIC, "byte 0")
    _, _, headers = quarantine_record(refusal, "shops", (0, 7), b"k", b"v", [])
    assert [pages.code(name) for name, _ in rows] == [name for name, _ in headers]
    assert f"{WHOLE_BYTES_MAX:,}" in rows[-1][1]


def test_every_record_of_the_platform_is_described_field_by_field() -> None:
    for record in platform_records():
        name = record.avro_schema["name"]
        described = pages.section(PAGE, f"### {name}")
        assert f"`{record.subject}`" in described
        rows = pages.table(described, "field", "meaning")
        assert [pages.code(field) for field, _ in rows] == list(fields_of(record.avro_schema))
        assert [field for field, meaning in rows if not meaning] == []


def fields_of(avro_type: Any, path: str = "") -> list[str]:
    """Every field of a record, those of records inside with the way to them."""
    found: list[str] = []
    if isinstance(avro_type, list):
        for branch in avro_type:
            found += fields_of(branch, path)
    elif isinstance(avro_type, dict):
        if avro_type["type"] == "array":
            found += fields_of(avro_type["items"], path)
        for field in avro_type.get("fields", ()):
            name = f"{path}.{field['name']}" if path else field["name"]
            found += [name, *fields_of(field["type"], name)]
    return found
