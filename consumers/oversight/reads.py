"""Who was given what of an entry, and when last: from the meter's records in the audit."""

from collections.abc import Mapping
from typing import Any

from sharebus.consumers.oversight.releases import read_audit
from sharebus.governance.view import SHARED
from sharebus.infra.credentials import ClientConfig
from sharebus.schemas.topic import view_topic


def last_reads(config: ClientConfig, entry: str) -> dict[str, int]:
    """By principal, the last minute in which the broker gave it something of the entry.

    In milliseconds since 1970-01-01T00:00Z. A minute is written when it is over.

    :raises Unavailable: the broker does not answer.
    """
    found: dict[str, int] = {}
    read_audit(config, lambda batch: take_reads(batch, entry, found))
    return found


def take_reads(batch: Mapping[str, Any], entry: str, found: dict[str, int]) -> None:
    """Add what one record of the audit says of the entry."""
    if batch["kind"] != "read":
        return
    for read in batch["reads"]:
        topic = read["topic"]
        if topic == view_topic(entry, SHARED) or topic.startswith(view_topic(entry, "")):
            principal = read["principal"]
            found[principal] = max(found.get(principal, 0), read["minute_ms"])
