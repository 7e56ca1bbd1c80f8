"""The first record of the audit: it says of which log all that follow are.

A leaf holds neither Kafka's cluster nor topic, so without it the beginning of one log could be
passed off as that of another.
"""

from typing import Any, Final, NamedTuple

from sharebus import InvalidInput
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT

KIND: Final = "genesis"


class Genesis(NamedTuple):
    """Which log it is: Kafka's cluster id, the name of the topic, Kafka's id of it."""

    cluster_id: str
    topic: str
    topic_id: str

    @classmethod
    def of(cls, value: bytes) -> "Genesis | None":
        """What a record says; None if it is not a genesis."""
        try:
            batch = audit_batch().decode(value)
        except InvalidInput:
            return None
        if batch["kind"] != KIND or len(batch["lines"]) != 1:
            return None
        return cls(batch["lines"][0]["place"], batch["source_topic"], batch["source_epoch"])

    def batch(self, decided_ms: int) -> dict[str, Any]:
        """The record, but for its place in its writer's chain."""
        return {
            "decided_ms": decided_ms, "kind": KIND, "entry": "", "source_topic": AUDIT,
            "source_partition": 0, "source_epoch": self.topic_id, "policy_version": -1,
            "part": 1, "parts": 1, "deliveries": [], "routes": [],
            "lines": [
                {
                    "offset": 0, "ingress_ms": decided_ms, "event": b"", "entity": b"",
                    "delivery": -1, "outcome": "accepted", "rule": "", "place": self.cluster_id,
                    "route": -1, "digests": b"",
                }
            ],
        }  # fmt: skip
