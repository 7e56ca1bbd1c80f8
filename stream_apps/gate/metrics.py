"""What the gate tells Prometheus: a closed list, without a label that a provider can choose."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

EVENTS: Final = Counter(
    "sharebus_gate_events_total",
    "Events decided, by catalog entry, outcome and rule (empty unless refused or flagged)",
    ["entry", "outcome", "rule"],
)
TRANSACTIONS: Final = Counter("sharebus_gate_transactions_total", "Transactions committed")
TRANSACTION_SECONDS: Final = Histogram(
    "sharebus_gate_transaction_seconds",
    "From the first decision of a batch to its commit",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
POLICY_VERSION: Final = Gauge(
    "sharebus_gate_policy_version", "Offset in facts.policy of the last fact applied"
)
PARTITIONS: Final = Gauge("sharebus_gate_partitions", "Ingress partitions that this gate serves")
FILLING_PARTITIONS: Final = Gauge(
    "sharebus_gate_filling_partitions", "Ingress partitions with a view that is being filled"
)
ENFORCER_SILENT: Final = Counter(
    "sharebus_gate_enforcer_silent_total",
    "Times that entries went on without the enforcer having followed the policy",
)
HELD_ENTRIES: Final = Gauge(
    "sharebus_gate_held_entries",
    "Catalog entries held back: their facts are not complete, or the gate fails at them",
)
