"""What the access log costs the broker: the same work with it and without, in turns.

    python -m bench.access_log [--rounds N]

Prints, for each kind of work, the median rate with the log over that without.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from sharebus.infra import scram
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import load_settings

TOPIC, READER, PASSWORD = "view.bench.v-1", "agency.bench.reader", "bench"
EVENTS: Final = 200_000
POLLS: Final = 3_000
_PORT_FIRST: Final = 21_400


class Bus:
    """One broker with a topic of events and a reader outside the platform."""

    def __init__(self, directory: Path, number: int, *, is_metered: bool) -> None:
        port = _PORT_FIRST + number * 10
        settings = load_settings(
            data_dir=directory / f"broker-{number}", kafka_port=port, kafka_mtls_port=port + 1,
            controller_port=port + 2, meter_reads=is_metered, flush_every_message=False,
        )  # fmt: skip
        self.kafka = EmbeddedKafka(settings).start()
        self._config: dict[str, Any] = client_config(settings, credentials_for(settings, "admin"))
        admin = self.kafka.admin()
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result()
        scram.set_passwords(admin, {READER: PASSWORD})
        rule = AclBinding(
            ResourceType.TOPIC, TOPIC, ResourcePatternType.LITERAL, f"User:{READER}", "*",
            AclOperation.READ, AclPermissionType.ALLOW,
        )  # fmt: skip
        admin.create_acls([rule])[rule].result()
        self._producer = Producer(
            {**self._config, "linger.ms": 5, "compression.type": "lz4"}, logger=librdkafka_log
        )

    def write(self) -> float:
        """Events a second into the topic, batched."""
        start = time.perf_counter()
        for number in range(EVENTS):
            while True:
                try:
                    self._producer.produce(TOPIC, f"{number:08}" * 20, str(number).encode())
                    break
                except BufferError:
                    self._producer.poll(0.05)
        self._producer.flush()
        return EVENTS / (time.perf_counter() - start)

    def read(self) -> float:
        """Events a second out of it, from the beginning, in large fetches."""
        return self._read({}, EVENTS)

    def read_in_small_fetches(self) -> float:
        """The same with some 4,000 bytes a fetch: one line of the log for few events."""
        return self._read(
            {"max.partition.fetch.bytes": 4_000, "fetch.max.bytes": 4_000,
             "message.max.bytes": 4_000, "queued.max.messages.kbytes": 64},
            POLLS * 10,
        )  # fmt: skip

    def _read(self, options: dict[str, Any], count: int) -> float:
        login = {"sasl.username": READER, "sasl.password": PASSWORD, "group.id": READER}
        consumer = Consumer({**self._config, **login, **options}, logger=librdkafka_log)
        try:
            consumer.assign([TopicPartition(TOPIC, 0, 0)])
            start, taken = time.perf_counter(), 0
            while taken < count:
                taken += sum(m.error() is None for m in consumer.consume(10_000, 1))
            return count / (time.perf_counter() - start)
        finally:
            consumer.close()


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        buses = [Bus(Path(directory), n, is_metered=bool(n)) for n in range(2)]
        try:
            works: dict[str, Callable[[Bus], float]] = {
                "write": Bus.write, "read": Bus.read,
                "read_in_small_fetches": Bus.read_in_small_fetches,
            }  # fmt: skip
            for bus in buses:
                bus.write()
            figures = {
                name: [[work(bus) for bus in buses] for _ in range(rounds)]
                for name, work in works.items()
            }
        finally:
            for bus in buses:
                bus.kafka.stop()
    print(json.dumps({
        name: {
            "with_over_without": round(statistics.median(b / a for a, b in pairs), 3),
            "without_per_second": round(statistics.median(a for a, _ in pairs)),
        }
        for name, pairs in figures.items()
    }))  # fmt: skip


if __name__ == "__main__":
    main()
