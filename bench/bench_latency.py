"""Provider to subscriber, in milliseconds: how long until a change is where it belongs."""

import threading
import time
from typing import Any, Final

from bench_stage import Stage, credit_code, entry_of, headers_of, value_of
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from sharebus.governance.view import view_of_grant
from sharebus.schemas.topic import ingress_topic, view_topic

RATE: Final = 1_000
ENTRIES: Final = (1, 10)
WARM_UP_SECONDS: Final = 10


def measure_latency(on: Stage, seconds: int) -> dict[str, Any]:
    """50th and 99th percentile with one and with ten active entries at 1,000 events a second."""
    result: dict[str, Any] = {"events_per_second": RATE, "seconds": seconds}
    for count in ENTRIES:
        entries = [entry_of(f"bench-l{count}-{n}", is_masked=True) for n in range(count)]
        on.apply(*entries)
        facts = on.facts()
        views = {
            e.id: view_topic(e.id, view_of_grant(e, facts.grants_of(e.id)[0]).name) for e in entries
        }
        with on.gate():
            latencies = _run(on, views, seconds)
        latencies.sort()
        name = f"{count}_entries" if count > 1 else "1_entry"
        result[name] = {
            "events": len(latencies),
            "p50_ms": latencies[len(latencies) // 2],
            "p99_ms": latencies[len(latencies) * 99 // 100],
            "max_ms": latencies[-1],
        }
    return result


def _run(on: Stage, views: dict[str, str], seconds: int) -> list[float]:
    consumer = Consumer(
        {**on.admin_config, "group.id": "bench-latency", "isolation.level": "read_committed",
         "enable.auto.commit": False, "fetch.wait.max.ms": 100}
    )  # fmt: skip
    consumer.assign([TopicPartition(view, 0, 0) for view in views.values()])
    producer = Producer({**on.admin_config, "partitioner": "murmur2_random", "linger.ms": 20})
    schema_ids = {entry: on.schema_id(entry) for entry in views}
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
    entries = list(views)
    started = time.perf_counter()
    for number in range(total):
        wait = started + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        entry = entries[number % len(entries)]
        code = credit_code(number)
        if number >= RATE * WARM_UP_SECONDS:
            sent[f"bench-{number}"] = time.perf_counter()
        producer.produce(
            ingress_topic(entry), value_of(code, schema_ids[entry]), code.encode(),
            headers=headers_of(number),
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
