"""Events that flow into a view, and somebody who reads them as anybody does."""

import threading
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log

from ..town import DEADLINE_SECONDS, Town

EVENTS_PER_SECOND = 50


class Stream:
    """Events that go into a view until it is closed; ``sent`` tells when each was, by its value."""

    def __init__(self, town: Town, topic: str) -> None:
        self.sent: dict[bytes, float] = {}
        self._topic = topic
        self._producer = Producer({**town.admin_config, "linger.ms": 0}, logger=librdkafka_log)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(1 / EVENTS_PER_SECOND):
            value = b"event-%d" % len(self.sent)
            self.sent[value] = time.monotonic()
            self._producer.produce(self._topic, value, b"k", partition=0)
            self._producer.poll(0)

    def close(self) -> None:
        self._end.set()
        self._thread.join(DEADLINE_SECONDS)
        assert self._producer.flush(DEADLINE_SECONDS) == 0
        self._producer.close()


class PlainReader:
    """Reads what is committed, as anybody does; ``seen`` tells when each value came.

    With ``uncommitted`` it reads what may yet be aborted too.
    """

    def __init__(
        self, login: ClientConfig, topic: str, offset: int, *, uncommitted: bool = False
    ) -> None:
        self.seen: dict[bytes, float] = {}
        reading: dict[str, Any] = {
            **login, "group.id": f"{login['sasl.username']}.plain", "enable.auto.commit": False,
            "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
        }  # fmt: skip
        self._consumer = Consumer(reading, logger=librdkafka_log)
        self._consumer.assign([TopicPartition(topic, 0, offset)])
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                self.seen[message.value() or b""] = time.monotonic()

    def close(self) -> None:
        self._end.set()
        self._thread.join(DEADLINE_SECONDS)
        self._consumer.close()


def write(town: Town, topic: str, *values: bytes) -> None:
    """Write as administrator, what a gate would have released."""
    producer = Producer({**town.admin_config, "linger.ms": 0}, logger=librdkafka_log)
    for value in values:
        producer.produce(topic, value, b"k", partition=0)
    assert producer.flush(DEADLINE_SECONDS) == 0
    producer.close()
