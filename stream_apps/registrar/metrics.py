"""What the registrar tells Prometheus: a closed list, without a label that an agency can choose."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

COMMANDS: Final = Counter(
    "sharebus_registrar_commands_total",
    "Commands decided, by outcome and rule (empty unless refused)",
    ["outcome", "rule"],
)
DECISION_SECONDS: Final = Histogram(
    "sharebus_registrar_decision_seconds",
    "From the arrival of a command at the broker to the commit of its decision",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
OPEN_CASES: Final = Gauge(
    "sharebus_registrar_open_cases", "Cases that can still move, by kind", ["kind"]
)
OVERDUE_STEPS: Final = Gauge(
    "sharebus_registrar_overdue_steps",
    "Steps of cases past their due instant (provisional ones are not counted), by kind of case",
    ["kind"],
)
WAITING_COMMANDS: Final = Gauge(
    "sharebus_registrar_waiting_commands", "Commands in all topics that are not decided yet"
)
POLICY_VERSION: Final = Gauge(
    "sharebus_registrar_policy_version", "Offset in facts.policy of the last fact applied"
)
