"""What a meter tells Prometheus: a closed list, without a label that an agency can choose."""

from typing import Final

from prometheus_client import Counter, Gauge

READ_BYTES: Final = Counter(
    "sharebus_meter_read_bytes_total",
    "Bytes that the broker gave to readers outside the platform, as far as the audit holds it",
)
REFUSALS: Final = Counter(
    "sharebus_meter_refusals_total",
    "Operations that the broker refused, as far as the audit has it",
)
GAPS: Final = Counter(
    "sharebus_meter_gaps_total", "Stretches of the access log that may be missing from the audit"
)
UNREAD_BYTES: Final = Gauge(
    "sharebus_meter_unread_bytes", "Bytes of the access log that are not counted yet"
)
