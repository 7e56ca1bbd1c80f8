"""What audit and broker tell of rights that end."""

from confluent_kafka import Message

from sharebus.governance.identity import SystemName
from sharebus.infra.broker_requests import BrokerAddress, request_shares
from sharebus.infra.log_reader import LogReader
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch

from ..town import Town


def held_users(town: Town) -> dict[str, float]:
    """Users with a bounded share of the broker; those whose rights end have next to none."""
    host, _, port = town.settings.bootstrap_servers.rpartition(":")
    return request_shares(town.admin_config, BrokerAddress(host, int(port)))


def ended_ms(town: Town, who: SystemName, topic: str) -> int | None:
    """Since when a right has ended, as the audit says; None if it says nothing of it.

    Without a topic the audit speaks of all that a user lost before an enforcer died.
    """
    found: list[int] = []

    def take(message: Message) -> None:
        batch = audit_batch().decode(message.value() or b"")
        for line in batch["lines"] if batch["kind"] == "broker" else ():
            route = batch["routes"][line["route"]] if line["route"] >= 0 else []
            is_of_it = topic in route or not route
            if (line["rule"], line["place"]) == ("right.ended", who.principal) and is_of_it:
                found.append(line["ingress_ms"])

    log = LogReader(town.admin_config)
    log.read(topics.AUDIT, 0, 0, take)
    log.close()
    return found[-1] if found else None
