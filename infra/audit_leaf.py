"""A record of ``audit`` as the leaf of the log that it is."""

from confluent_kafka import Message

from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import Malformed


def leaf_entry(message: Message) -> LeafEntry:
    """Key, value and headers of a committed record.

    :raises Malformed: no app of the platform writes such a record: no value, or a header without.
    """
    key, value = message.key(), message.value()
    if value is None:
        raise Malformed("a record of the audit has no value", where=_place(message))
    headers = record_headers(message)
    for name, content in headers:
        if not isinstance(content, bytes):
            raise Malformed("a header has no value", where=f"{_place(message)}, header {name}")
    given = key.encode() if isinstance(key, str) else key
    return LeafEntry(given, value, tuple(headers))  # type: ignore[arg-type]  # all are bytes


def record_headers(message: Message) -> list[tuple[str, bytes | str | None]]:
    """The headers of a record, in order."""
    headers = message.headers() or []
    return list(headers.items()) if isinstance(headers, dict) else headers


def _place(message: Message) -> str:
    return f"topic {message.topic()}, offset {message.offset()}"
