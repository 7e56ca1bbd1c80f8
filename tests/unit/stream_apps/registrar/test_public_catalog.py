"""What every agency reads names no officer of an entry; what decides and what proves is whole."""

import json
from typing import Any

import pytest

from sharebus.consumers.oversight.replay import replay
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.public_form import WITHHELD, as_published
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch, policy_fact
from sharebus.stream_apps.enforcer.plan import fact_changes

from .memory_registrar import MemoryRegistrar

NAME = "王某"


def told(registrar: MemoryRegistrar, topic: str) -> dict[str, dict[str, Any]]:
    """The last document of each fact in a topic, by its key."""
    found = {}
    for record in registrar.broker.topics[topic]:
        if record.value() is not None:
            content = policy_fact().decode(record.value() or b"")
            found[f"{content['kind']}/{content['id']}"] = json.loads(content["body"])
    return found


def test_officer_of_an_entry_stands_with_title_alone_in_what_everybody_reads(
    registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = told(registrar, topics.SHARED_CATALOG)
    assert shown["entry/open"]["provider"]["officer"] == {"name": WITHHELD, "title": "处长"}
    assert not [
        key for key, body in shown.items() if key.startswith("entry/") and NAME in str(body)
    ]
    decided = told(registrar, topics.FACTS_POLICY)
    assert decided["entry/open"]["provider"]["officer"]["name"] == NAME
    assert decided["agency/tax"] == shown["agency/tax"]  # its contact, Order 171 Art 27
    assert replay(registrar.written(monkeypatch)) == []


def test_audit_names_the_record_of_each_topic(registrar: MemoryRegistrar) -> None:
    batches = [
        audit_batch().decode(record.value() or b"")
        for record in registrar.broker.topics[topics.AUDIT]
    ]
    routes = [
        batch["routes"][line["route"]]
        for batch in batches
        for line in batch["lines"]
        if line["place"] == "entry/open"
    ]
    assert sorted(routes) == [[topics.FACTS_POLICY], [topics.SHARED_CATALOG]]


def test_enforcer_writes_over_a_name_that_was_published_and_then_finds_nothing_to_do(
    registrar: MemoryRegistrar,
) -> None:
    def entries(published: PolicyFacts) -> list[CatalogEntry]:
        changes = fact_changes(registrar.facts, published, registrar.facts, {})
        return [fact for fact in changes.catalog if isinstance(fact, CatalogEntry)]

    before = entries(registrar.facts)
    assert {entry.id for entry in before} == {"open", "few", "closed"}
    assert NAME not in str(before)
    assert entries(as_published(registrar.facts)) == []
