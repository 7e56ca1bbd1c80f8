"""CloudEvents 1.0, Kafka protocol binding, binary mode: the headers of a change event.

Beside the required attributes each event carries two extension attributes, since timeliness and
comparison are judged by data period: ``dataperiod`` (which period the data describes) and
``delivery`` (which delivery of the provider it belongs to).
"""

from typing import Final

SPECVERSION: Final = "1.0"

ID: Final = "ce_id"
SOURCE: Final = "ce_source"
SPEC: Final = "ce_specversion"
TYPE: Final = "ce_type"
TIME: Final = "ce_time"
DATA_PERIOD: Final = "ce_dataperiod"
DELIVERY: Final = "ce_delivery"

REQUIRED: Final = (SPEC, ID, SOURCE, TYPE, TIME, DATA_PERIOD, DELIVERY)
"""Headers every ingress record must have, once each."""

CORRECTS: Final = "ce_corrects"
"""Optional: the id of the event that this one corrects."""

OPTIONAL: Final = (CORRECTS,)
"""Headers that pass to readers when they are there; every other header ends at the gate."""

TYPE_UPSERTED: Final = "sharebus.record.upserted"
TYPE_DELETED: Final = "sharebus.record.deleted"
TYPE_DELIVERY_CLOSED: Final = "sharebus.delivery.closed"

HEADERS_MAX: Final = 32
"""More headers than this are an attack (sixty thousand were tried), not an event."""
ID_CHARS_MAX: Final = 128
DELIVERY_CHARS_MAX: Final = 64

Headers = list[tuple[str, bytes]]


def source_of(principal: str) -> str:
    """``ce_source`` of everything a principal sends."""
    return f"/systems/{principal}"


def change_headers(
    *, event_id: str, source: str, event_type: str, time: str, data_period: str, delivery: str
) -> Headers:
    """The headers of one event, in a fixed order. ``time`` is RFC 3339 with an offset."""
    return [
        (SPEC, b"1.0"),
        (ID, event_id.encode()),
        (SOURCE, source.encode()),
        (TYPE, event_type.encode()),
        (TIME, time.encode()),
        (DATA_PERIOD, data_period.encode()),
        (DELIVERY, delivery.encode()),
    ]
