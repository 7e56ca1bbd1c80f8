"""Provider to subscriber, in milliseconds: how long until a change is where it belongs."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench_stage import Stage, credit_code, entry_of, headers_of, value_of
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from sharebus.governance.view import view_of_grant
from sharebus.schemas.topic import ingress_topic, value_subject, view_topic

RATE: Final = 1_000
ENTRIES: Final = (1, 10)
WARM_UP_SECONDS: Final = 10


def measure_latency(on: Stage, seconds: int) -> dict[str, Any]:
    """Percentiles with one and with ten active entries, of the gate and of a copy loop.

    The copy loop has the gate's clients and transactions and none of its work: what it needs is
    what the broker and this machine need at that moment.
    """
    result: dict[str, Any] = {"events_per_second": RATE, "seconds": seconds}
    for count in ENTRIES:
        entries = [entry_of(f"bench-l{count}-{n}", is_masked=True) for n in range(count)]
        on.apply(*entries)
        plain = {f"plain-{count}-{n}": f"copy-{count}-{n}" for n in range(count)}
        with _copy_loop(on, plain):
            copied = _percentiles(_run(on, plain, seconds))
        facts = on.facts()
        governed_topics = {
            ingress_topic(e.id): view_topic(e.id, view_of_grant(e, facts.grants_of(e.id)[0]).name)
            for e in entries
        }
        with on.app("gate"):
            governed = _percentiles(_run(on, governed_topics, seconds))
        result[f"{count}_active"] = {
            "copy": copied,
            "gate": governed,
            "p99_to_copy": governed["p99_ms"] / copied["p99_ms"],
        }
    return result


def _percentiles(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    return {
        "p50_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[len(ordered) * 99 // 100],
        "max_ms": ordered[-1],
    }


@contextmanager
def _copy_loop(on: Stage, topics: dict[str, str]) -> Iterator[None]:
    targets = {source: [copy, f"{copy}-again"] for source, copy in topics.items()}
    admin = AdminClient(on.admin_config)
    names = [*topics, *(name for pair in targets.values() for name in pair)]
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result()
    settings = json.dumps({"client": on.admin_config, "targets": targets})
    argv = [sys.executable, str(Path(__file__).with_name("copy_loop.py"))]
    loop = subprocess.Popen(argv, env={**os.environ, "BENCH_SETTINGS": settings})
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def _run(on: Stage, topics: dict[str, str], seconds: int) -> list[float]:
    """Latencies in milliseconds, from topics to write to topics to read."""
    consumer = Consumer(
        {**on.admin_config, "group.id": "bench-latency", "isolation.level": "read_committed",
         "enable.auto.commit": False, "fetch.wait.max.ms": 100}
    )  # fmt: skip
    consumer.assign([TopicPartition(output, 0, 0) for output in topics.values()])
    producer = Producer({**on.admin_config, "partitioner": "murmur2_random", "linger.ms": 20})
    schemas = on.facts().schemas
    sources = [(topic, max(schemas.get(value_subject(topic), [1]))) for topic in topics]
    sent: dict[str, float] = {}
    latencies: list[float] = []
    total = RATE * (seconds + WARM_UP_SECONDS)
    done = threading.Event()

    def receive() -> None:
        seen = 0
        while seen < total and not done.is_set():
            for message in consumer.consume(500, 0.005):
                if message.error() is None:
                    seen += 1
                    _note(message, sent, latencies)

    receiver = threading.Thread(target=receive)
    receiver.start()
    started = time.perf_counter()
    for number in range(total):
        wait = started + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        topic, schema_id = sources[number % len(sources)]
        code = credit_code(number)
        if number >= RATE * WARM_UP_SECONDS:
            sent[f"bench-{number}"] = time.perf_counter()
        producer.produce(
            topic, value_of(code, schema_id), code.encode(), headers=headers_of(number)
        )  # fmt: skip
        producer.poll(0)
    producer.flush()
    receiver.join(60)
    done.set()
    consumer.close()
    assert len(latencies) == RATE * seconds, f"{len(latencies)} of {RATE * seconds} arrived"
    return latencies


def _note(message: Message, sent: dict[str, float], latencies: list[float]) -> None:
    headers: Any = message.headers()
    at = sent.get(dict(headers)["ce_id"].decode())
    if at is not None:
        latencies.append((time.perf_counter() - at) * 1000)
