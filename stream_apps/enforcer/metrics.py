"""What the enforcer tells Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

POLICY_VERSION: Final = Gauge(
    "sharebus_enforcer_policy_version", "Offset in facts.policy up to which the broker matches"
)
RIGHTS_ENDED: Final = Counter("sharebus_enforcer_rights_ended_total", "Rights taken away")
STEP_SECONDS: Final = Histogram(
    "sharebus_enforcer_step_seconds",
    "From learning of new facts to the broker matching them",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
DRIFT: Final = Counter(
    "sharebus_enforcer_drift_total",
    "Differences that nobody decided: repaired, or left to a person",
    ["outcome"],
)
CONFLICTS: Final = Gauge(
    "sharebus_enforcer_conflicts", "Differences that stand and that only a person may change"
)
VIEWS_UNUSED: Final = Gauge(
    "sharebus_enforcer_unused_views", "Views without a grant that wait for their deletion"
)
VIEWS_DELETED: Final = Counter(
    "sharebus_enforcer_views_deleted_total", "Views deleted after they had no grant for long"
)
UNAVAILABLE: Final = Counter(
    "sharebus_enforcer_unavailable_total", "Times that broker or registry did not answer"
)
