"""What the notary tells Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge

TREE_SIZE: Final = Gauge("sharebus_notary_tree_size", "Leaves of the last signed checkpoint")
PUBLISHED_SIZE: Final = Gauge(
    "sharebus_notary_published_size", "Leaves of the last checkpoint that was published"
)
CHECKPOINT_TIME: Final = Gauge(
    "sharebus_notary_checkpoint_time_seconds", "When the last checkpoint was signed, POSIX time"
)
UNSIGNED_LEAVES: Final = Gauge(
    "sharebus_notary_unsigned_leaves", "Records read and not covered by a checkpoint yet"
)
UNSIGNED_SECONDS: Final = Gauge(
    "sharebus_notary_unsigned_seconds", "For how long the oldest of them has been in the topic"
)
BACKLOG: Final = Gauge(
    "sharebus_notary_backlog_offsets", "Committed offsets of audit that are not read yet"
)
OPEN_SECONDS: Final = Gauge(
    "sharebus_notary_open_transaction_seconds",
    "For how long the committed end of audit has stood still before its end",
)
COSIGNATURES: Final = Gauge(
    "sharebus_notary_cosignatures", "Witnesses that cosigned the last checkpoint they were asked"
)
QUORUM_MISSED: Final = Counter(
    "sharebus_notary_quorum_missed_total", "Checkpoints for which too few witnesses signed in time"
)
