"""What the tests of the enforcer share: a view with a grantee, and what audit and broker tell."""

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch

from ..town import DEADLINE_SECONDS, Town

CONDITIONAL = {"class": "conditional", "conditions": "示例"}


def granted(town: Town) -> tuple[CatalogEntry, Grant, str]:
    """A conditional entry, a grant of it, and the topic of its view."""
    entry = town.entry(sharing=CONDITIONAL)
    grant = town.grant(entry)
    town.apply(entry, grants=(grant,))
    return entry, grant, topics.view_topic(entry.id, view_of_grant(entry, grant).name)


def told(config: ClientConfig, rule: str, name: str) -> bool:
    """Whether the audit says so of a name, or of a topic."""
    found: list[bool] = []

    def take(message: Message) -> None:
        batch = audit_batch().decode(message.value() or b"")
        if batch["kind"] == "broker":
            for line in batch["lines"]:
                route = batch["routes"][line["route"]] if line["route"] >= 0 else []
                found.append(line["rule"] == rule and name in (line["place"], *route))

    log = LogReader(config)
    log.read(topics.AUDIT, 0, 0, take)
    log.close()
    return any(found)


def topic_names(config: ClientConfig) -> frozenset[str]:
    """All topics of the broker."""
    admin = AdminClient(config, logger=librdkafka_log)
    return frozenset(admin.list_topics(timeout=DEADLINE_SECONDS).topics)
