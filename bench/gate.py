"""How fast is the gate? Ratios against references in the same run, on one partition.

    python bench/gate.py                      throughput, three rounds
    python bench/gate.py --events 5000 --rounds 1       a small run, as CI makes it
    python bench/gate.py --soak 10000000      memory over ten million events
    python bench/gate.py --latency            provider to subscriber at 1,000 events a second

References: a librdkafka copy loop (consume, produce, commit in a transaction; no decoding, no
audit) and a plain per-event Faust agent. Both sides run without flushing each message, on the same
broker, on the same events.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from bench_latency import measure_latency
from bench_stage import FIELDS, MARKED, Stage, entry_of, stage
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from rich.console import Console
from rich.table import Table

from sharebus.infra.credentials import credentials_for
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.topic import ingress_topic

BATCH: Final = 5_000
_say = Console(stderr=True).print


def copy_rate(on: Stage, entry: str, count: int, target: str) -> float:
    """Events a second of a transactional librdkafka copy loop."""
    config = on.admin_config
    consumer = Consumer(
        {
            **config, "group.id": target, "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed",
            "queued.max.messages.kbytes": 16_384,
        }
    )  # fmt: skip
    producer = Producer(
        {
            **config, "transactional.id": target, "transaction.timeout.ms": 5_000,
            "linger.ms": 5, "batch.size": 1_000_000, "compression.type": "lz4",
            "queue.buffering.max.messages": 100_000, "retry.backoff.ms": 5,
        }
    )  # fmt: skip
    _create(on, target)
    producer.init_transactions()
    consumer.subscribe([ingress_topic(entry)])
    copied, started = 0, 0.0
    while copied < count:
        messages = consumer.consume(BATCH, 0.05 if started else 10)
        if not messages:
            continue
        # The clock starts with the first batch in hand, and that batch does not count: as below.
        begins = not started
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, message.value(), message.key(), 0, headers=message.headers())
        last = messages[-1]
        offsets = [TopicPartition(last.topic(), 0, last.offset() + 1)]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()
        copied += len(messages)
        if begins:
            started, first = time.perf_counter(), len(messages)
    seconds = time.perf_counter() - started
    consumer.close()
    return (copied - first) / seconds if copied > first else float("nan")


def _create(on: Stage, topic: str) -> None:
    admin = AdminClient(on.admin_config)
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result()


def gate_rate(on: Stage, entry: str, count: int) -> float:
    """Events a second of the gate: from its first audit record to its last, by the broker's time.

    The events of the first millisecond seen are not counted, since nothing tells when they began.
    """
    with on.app("gate") as gate:
        found = on.audit_times(entry, count, gate)
    return _rate(found)


def _rate(found: list[tuple[int, int]]) -> float:
    first = found[0][0]
    counted = sum(lines for at_ms, lines in found if at_ms > first)
    milliseconds = found[-1][0] - first
    return counted / (milliseconds / 1000) if milliseconds else float("nan")


def plain_faust_rate(on: Stage, entry: str, count: int, output: str) -> float:
    """Events a second of the plain Faust agent, from its first output record to its last."""
    audit = f"{output}-audit"
    _create(on, output)
    _create(on, audit)
    admin = credentials_for(on.settings, "admin")
    assert admin.password is not None
    record = {"type": "record", "name": "LegalPerson"}
    plain = [{**f, "type": "int"} if f["name"] == "registered_on" else f for f in FIELDS]
    settings = {
        "broker": on.settings.bootstrap_servers, "username": admin.username,
        "password": admin.password.get_secret_value(), "ingress": ingress_topic(entry),
        "output": output, "audit": audit, "datadir": str(on.settings.data_dir / output),
        "schema": {**record, "fields": plain},
        "view_schema": {**record, "fields": [f for f in plain if f["name"] not in MARKED]},
    }  # fmt: skip
    environment = {**os.environ, "BENCH_SETTINGS": json.dumps(settings)}
    argv = [sys.executable, "-m", "faust", "-A", "plain_faust_agent", "worker", "--without-web"]
    log_path = on.settings.data_dir / "logs" / f"{output}.log"
    with log_path.open("ab") as log:
        worker = subprocess.Popen(
            argv, env=environment, cwd=Path(__file__).parent, stdout=log, stderr=log
        )
    found: list[tuple[int, int]] = []
    reader = LogReader(on.admin_config)
    next_offset = 0
    while len(found) < count:
        next_offset = reader.read(
            output, 0, next_offset, lambda m: found.append((m.timestamp()[1], 1))
        )
        if worker.poll() is not None:
            raise SystemExit(log_path.read_text()[-2000:])
        time.sleep(0.2)
    reader.close()
    worker.terminate()
    worker.wait(60)
    return _rate(found)


def throughput(on: Stage, events: int, rounds: int) -> dict[str, Any]:
    """Rates of each round, and the medians of their ratios."""
    rates: dict[str, list[float]] = {"copy": [], "pass": [], "masked": [], "faust": []}
    plain_events = max(1_000, events // 10)
    for number in range(rounds):
        for kind in ("pass", "masked"):
            entry = f"bench-{kind}-{number}"
            on.apply(entry_of(entry, is_masked=kind == "masked"))
            on.preload(entry, events)
            _say(f"round {number + 1}: {kind}")
            # The reference runs before and after, so that a change of the machine's mood shows.
            rates["copy"].append(copy_rate(on, entry, events, f"copy-{kind}-{number}"))
            rates[kind].append(gate_rate(on, entry, events))
        _say(f"round {number + 1}: plain Faust agent")
        rates["faust"].append(
            plain_faust_rate(on, f"bench-masked-{number}", plain_events, f"plain-{number}")
        )
    copy, faust = statistics.median(rates["copy"]), statistics.median(rates["faust"])
    medians = {kind: statistics.median(values) for kind, values in rates.items()}
    return {
        "events": events, "rounds": rounds, "events_per_second": medians, "all_rounds": rates,
        "pass_to_copy": medians["pass"] / copy, "masked_to_copy": medians["masked"] / copy,
        "pass_to_faust": medians["pass"] / faust, "masked_to_faust": medians["masked"] / faust,
    }  # fmt: skip


def soak(on: Stage, events: int) -> dict[str, Any]:
    """Memory of the gate over many events, in megabytes, at each tenth."""
    entry = "bench-soak"
    on.apply(entry_of(entry, is_masked=True))
    megabytes: list[float] = []
    with on.app("gate") as gate:
        for tenth in range(10):
            on.preload(entry, events // 10, start=tenth * (events // 10))
            reader = LogReader(on.admin_config)
            while _lag(on, reader, entry) > 0:
                time.sleep(0.5)
            reader.close()
            megabytes.append(_resident_megabytes(gate.pid))
            _say(f"{(tenth + 1) * events // 10} events: {megabytes[-1]:.0f} MB")
    return {"events": events, "resident_megabytes": megabytes}


def _lag(on: Stage, reader: LogReader, entry: str) -> int:
    consumer = Consumer({**on.admin_config, "group.id": "gate"})
    (committed,) = consumer.committed([TopicPartition(ingress_topic(entry), 0)], timeout=10)
    consumer.close()
    return reader.bounds(ingress_topic(entry), 0)[1] - max(0, committed.offset)


def _resident_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the gate is gone")


def main(
    events: Annotated[int, typer.Option(help="Events of a throughput round.")] = 200_000,
    rounds: Annotated[int, typer.Option(help="Rounds; medians are told.")] = 3,
    soak_events: Annotated[int, typer.Option("--soak", help="Measure memory instead.")] = 0,
    latency: Annotated[bool, typer.Option("--latency", help="Measure latency instead.")] = False,
    seconds: Annotated[int, typer.Option(help="Length of the latency run.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the gate."""
    with stage() as on:
        if latency:
            result = measure_latency(on, seconds)
        elif soak_events:
            result = soak(on, soak_events)
        else:
            result = throughput(on, events, rounds)
    if as_json:
        typer.echo(json.dumps(result, indent=1))
        return
    table = Table(title="bench/gate.py", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in _flat(result):
        table.add_row(name, f"{value:,.2f}" if isinstance(value, float) else str(value))
    Console().print(table)


def _flat(result: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in result.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            rows.append((prefix + name, ", ".join(f"{item:,.0f}" for item in value)))
        else:
            rows.append((prefix + name, value))
    return rows


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
