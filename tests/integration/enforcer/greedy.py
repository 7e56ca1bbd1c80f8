"""Clients of librdkafka that take whatever a topic gives, each by another way in."""

import threading
from typing import Any

from confluent_kafka import Consumer, KafkaException, ShareConsumer, TopicPartition

from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log

from .parked import AT_LEAST_BYTES, PARKED_MS

WAYS = ("assigned", "subscribed", "sharing")


class GreedyReader:
    """``values`` is all that came.

    ``way``: ``assigned`` needs no group, so it names another's; ``subscribed`` is a member of a
    group of its own; ``sharing`` takes part in a share group (KIP-932).
    """

    def __init__(self, login: ClientConfig, way: str, topic: str, group: str) -> None:
        self.values: list[bytes] = []
        self._end = threading.Event()
        reading: dict[str, Any] = {
            **login, "group.id": group, "fetch.wait.max.ms": PARKED_MS,
            "fetch.min.bytes": AT_LEAST_BYTES, "socket.timeout.ms": PARKED_MS + 10_000,
        }  # fmt: skip
        if way == "sharing":
            self._consumer: Any = ShareConsumer(reading, logger=librdkafka_log)
        else:
            committed = {"isolation.level": "read_uncommitted", "enable.auto.commit": False}
            reading |= {**committed, "auto.offset.reset": "earliest"}
            self._consumer = Consumer(reading, logger=librdkafka_log)
        if way == "assigned":
            self._consumer.assign([TopicPartition(topic, 0, 0)])
        else:
            self._consumer.subscribe([topic])
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._end.is_set():
            try:
                found = self._consumer.poll(0.05)
            except KafkaException:
                continue  # refused: it tries again
            messages = [found] if isinstance(self._consumer, Consumer) else found or ()
            self.values += [m.value() for m in messages if m is not None and m.error() is None]
        self._consumer.close()

    def close(self) -> None:
        """Leave, without waiting: the broker does not listen to this connection for a while."""
        self._end.set()
