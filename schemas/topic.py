"""Names of topics. Identity is the topic: who may write a topic is what the bus trusts.

``docs/topics.md`` lists owner, writers, readers and retention of each.
"""

from typing import Final

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.view import SHARED

AUDIT: Final = "audit"
AUDIT_CHECKPOINTS: Final = "audit.checkpoints"
SEALED: Final = (AUDIT, AUDIT_CHECKPOINTS)
"""What nobody may delete from, or change the settings of."""
FACTS_CASES: Final = "facts.cases"
FACTS_POLICY: Final = "facts.policy"
FACTS_PROGRESS: Final = "facts.progress"
SHARED_CATALOG: Final = "shared.catalog"
INGRESS_PREFIX: Final = "ingress."
COMMANDS_PREFIX: Final = "commands."


def ingress_topic(entry: str) -> str:
    """Where the entry's provider alone writes."""
    return INGRESS_PREFIX + entry


def entry_of_ingress(topic: str) -> str:
    """The entry whose ingress topic this is."""
    return topic.removeprefix(INGRESS_PREFIX)


def accepted_topic(entry: CatalogEntry) -> str:
    """Accepted events with all fields; for an entry that shares one copy, the shared topic."""
    return view_topic(entry.id, SHARED) if entry.shares_one_copy else f"accepted.{entry.id}"


def view_topic(entry: str, view: str) -> str:
    """Where a view is read; the view ``shared`` has a topic of its own kind."""
    return f"shared.{entry}" if view == SHARED else f"view.{entry}.{view}"


def deliveries_topic(entry: str) -> str:
    """Where closed deliveries of the entry are announced to its readers."""
    return f"deliveries.{entry}"


def quarantine_topic(agency: str) -> str:
    """Where the agency alone finds what the gate refused."""
    return f"quarantine.{agency}"


def commands_topic(agency: str) -> str:
    """Where the agency alone writes what it asks the registrar to do."""
    return COMMANDS_PREFIX + agency


def agency_of_commands(topic: str) -> str:
    """The agency whose topic of commands this is."""
    return topic.removeprefix(COMMANDS_PREFIX)


def notices_topic(agency: str) -> str:
    """Where the agency alone reads its receipts, answers and notices of its cases."""
    return f"notices.{agency}"


def value_subject(topic: str) -> str:
    """The registry subject of a topic's values (TopicNameStrategy)."""
    return f"{topic}-value"
