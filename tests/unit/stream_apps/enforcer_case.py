"""What the tests of the enforcer share: facts from documents, and how a broker would hold them."""

from collections.abc import Callable
from typing import Any

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.stream_apps.enforcer.desired import (
    DesiredBroker,
)
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic

MakeEntry = Callable[..., CatalogEntry]
MakeGrant = Callable[..., Grant]
CONDITIONAL = {"class": "conditional", "conditions": "仅供履行职责"}
NOT_SHARED = {
    "class": "not_shared",
    "basis": {"instrument": "示例法", "version": "2020", "article": 5},
}


NOTHING = LiveState({}, frozenset(), {})


def facts_of(*documents: Any) -> PolicyFacts:
    facts = PolicyFacts()
    for version, document in enumerate(documents):
        facts.apply(document, version)
    return facts


def rights_of(desired: DesiredBroker, system: str) -> set[tuple[str, str, str]]:
    return {
        (rule.operation, rule.resource, rule.name)
        for rule in desired.rules
        if rule.principal == f"User:agency.{system}"
    }


def topics_of(desired: DesiredBroker) -> dict[str, int]:
    return {topic.name: topic.partitions for topic in desired.topics}


def as_live(desired: DesiredBroker) -> LiveState:
    """The broker after everything was done; it states more settings than we do."""
    return LiveState(
        {
            topic.name: LiveTopic(topic.partitions, {**topic.config, "segment.ms": "604800000"})
            for topic in desired.topics
        },
        desired.rules,
        {schema: number for number, schema in enumerate(desired.schemas)},
    )
