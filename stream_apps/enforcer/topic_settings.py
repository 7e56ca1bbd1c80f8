"""How each kind of topic is kept: the settings that are stated for it. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sharebus.governance.identity import FOUNDER
from sharebus.schemas import topic as topics

_QUARANTINE_BYTES_MAX: Final = 1_310_720
"""An event of 900 kB with its own headers and those that say why it was refused."""
_PROGRESS_SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""The active segment is never compacted, and every app reads all of it when it starts."""


def _milliseconds(*, days: int) -> str:
    return str(timedelta(days=days) // timedelta(milliseconds=1))


_LOG_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
INGRESS: Final = {
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
DATA: Final = {
    **_COMPACT,
    # What was released stays as it was released for a day, so that the books can be read again:
    # where a right ended the topic has a new segment, and the old one could go at once.
    "min.compaction.lag.ms": _milliseconds(days=1),
}
KEPT: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
}
_SEALED: Final = {
    **KEPT,
    # Records that were signed would vanish; whether they are flushed is the broker's setting, for
    # all topics alike (design, decision 11).
    "unclean.leader.election.enable": "false",
}
QUARANTINE: Final = {
    **_LOG_TIME,
    "cleanup.policy": "delete",
    "retention.ms": _milliseconds(days=90),
    "max.message.bytes": str(_QUARANTINE_BYTES_MAX),
}
PLATFORM_TOPICS: Final[Mapping[str, Mapping[str, str]]] = {
    topics.FACTS_POLICY: KEPT,
    topics.FACTS_CASES: {**_COMPACT, "segment.bytes": str(_PROGRESS_SEGMENT_BYTES)},
    topics.FACTS_PROGRESS: {**_COMPACT, "segment.bytes": str(_PROGRESS_SEGMENT_BYTES)},
    topics.SHARED_CATALOG: _COMPACT,
    topics.AUDIT: _SEALED,
    topics.AUDIT_CHECKPOINTS: _SEALED,
    topics.commands_topic(FOUNDER): KEPT,
    topics.notices_topic(FOUNDER): KEPT,
    # Events in a topic of no entry: they belong to no agency.
    topics.quarantine_topic("platform"): QUARANTINE,
}
