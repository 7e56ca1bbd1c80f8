"""One change as a subscriber sees it."""

import base64
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from confluent_kafka import Message

from sharebus import InvalidInput
from sharebus.consumers.row_decoder import RowDecoder
from sharebus.schemas import cloudevent
from sharebus.schemas.entity_key import split_entity_key


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one entity, in the form that the subscriber's view releases.

    ``kind`` is ``deleted`` when the entity is gone, or has left what the subscriber may see; then
    ``row`` is None and the subscriber removes what it holds under ``key``. ``row`` has Python's own
    types: Avro's logical types become ``date``, ``datetime``, ``time``, ``Decimal`` and ``UUID``.
    ``key`` holds the texts of the entry's key fields; where the view withholds one of them, a
    single pseudonym. ``key_bytes`` is the same key as the broker holds it.

    ``event_id``, ``source``, ``time`` (when the change happened, RFC 3339), ``data_period``,
    ``delivery`` and ``corrects`` (the id of the event that this one corrects, or None) are
    CloudEvents attributes. ``schema_id`` is None when there is no row.
    """

    kind: Literal["upserted", "deleted"]
    key: tuple[str, ...]
    key_bytes: bytes
    row: dict[str, Any] | None
    event_id: str
    source: str
    time: str
    data_period: str
    delivery: str
    corrects: str | None
    topic: str
    partition: int
    offset: int
    schema_id: int | None

    def to_json(self) -> str:
        """The event as one line of JSON, in UTF-8 characters.

        Dates and times are ISO 8601 texts, decimals and UUIDs their texts, bytes base64.
        """
        document = {
            "kind": self.kind,
            "key": list(self.key),
            "row": self.row,
            "id": self.event_id,
            "source": self.source,
            "time": self.time,
            "data_period": self.data_period,
            "delivery": self.delivery,
            "corrects": self.corrects,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "schema_id": self.schema_id,
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=_json_text)


def event_of(message: Message, decoder: RowDecoder) -> Event:
    """The event that a record is. An attribute that is missing becomes an empty text.

    :raises Unavailable: the schema of the value cannot be had now.
    :raises InvalidInput: the value does not decode.
    """
    headers = dict(message.headers() or ())

    def text(name: str) -> str:
        value = headers.get(name) or b""
        return value if isinstance(value, str) else value.decode("utf-8", "replace")

    key, value = message.key() or b"", message.value()
    try:
        schema_id, row = (None, None) if value is None else decoder.decode(value)
    except InvalidInput as invalid:
        invalid.where = (
            f"{message.topic()} partition {message.partition()} offset {message.offset()}"
        )
        raise
    return Event(
        kind="deleted" if row is None else "upserted",
        key=tuple(split_entity_key(key)),
        key_bytes=key,
        row=row,
        event_id=text(cloudevent.ID),
        source=text(cloudevent.SOURCE),
        time=text(cloudevent.TIME),
        data_period=text(cloudevent.DATA_PERIOD),
        delivery=text(cloudevent.DELIVERY),
        corrects=text(cloudevent.CORRECTS) or None,
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        schema_id=schema_id,
    )


def _json_text(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
