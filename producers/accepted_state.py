"""What is accepted on the bus for an entry: a 16-byte digest of each entity's value."""

import time
from hashlib import blake2b
from typing import Any, Final

from confluent_kafka import Message

from sharebus import Unavailable
from sharebus.infra.log_reader import LogReader

DIGEST_BYTES: Final = 16
_PAUSE_SECONDS: Final = 0.05


def value_digest(value: bytes) -> bytes:
    """Digest of a framed value; the schema id is part of it, so a new schema is a change."""
    return blake2b(value, digest_size=DIGEST_BYTES).digest()


class AcceptedState:
    """The accepted topic, compacted: entity key → digest of its value.

    ``event_ids`` tells for keys that are ``watched`` which event decided them last.
    """

    def __init__(
        self, log: LogReader, topic: str, partition_count: int, watched: frozenset[bytes]
    ) -> None:
        self.digests: dict[bytes, bytes] = {}
        self.event_ids: dict[bytes, bytes] = {}
        self._log = log
        self._topic = topic
        self._watched = watched
        self._next_offsets = dict.fromkeys(range(partition_count), 0)

    def catch_up(self) -> None:
        """Take in everything committed up to now. Raises Unavailable when it cannot be read."""
        for partition, offset in self._next_offsets.items():
            self._next_offsets[partition] = self._log.read(
                self._topic, partition, offset, self._take
            )

    def catch_up_to_all(self, deadline: float) -> None:
        """Take in also what is committed and not yet shown as such; ``deadline`` is monotonic.

        A transaction ends in one topic after the other, so its receipt may be seen before the
        events that it is about.

        :raises Unavailable: a transaction stays open.
        """
        ends = {p: self._log.end_of_all(self._topic, p) for p in self._next_offsets}
        self.catch_up()
        while any(self._next_offsets[partition] < end for partition, end in ends.items()):
            if time.monotonic() > deadline:
                raise Unavailable(f"a transaction on topic {self._topic} does not end")
            time.sleep(_PAUSE_SECONDS)
            self.catch_up()

    def _take(self, message: Message) -> None:
        key = message.key() or b""
        value = message.value()
        if value is None:
            self.digests.pop(key, None)
        else:
            self.digests[key] = value_digest(value)
        if key in self._watched:
            self.event_ids[key] = event_id_of(message)


def event_id_of(message: Message) -> bytes:
    """The CloudEvents id of a record; empty if it has none."""
    headers: Any = message.headers() or ()
    for name, content in headers:
        if name == "ce_id" and isinstance(content, bytes):
            return content
    return b""
