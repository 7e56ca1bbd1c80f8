"""How fast an overseer verifies the audit: from the topic of a real broker, and from its files.

    python bench/audit_verify.py
        2,000 records of 256 decisions, then 100,000 records of one
    python bench/audit_verify.py --full-records 20 --single-records 200
        a small run

It writes the records as a gate does (lz4, chained), signs one checkpoint over them, and verifies
from the first record: leaf hashes, roots, writers' chains. Prints one line of JSON.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from sharebus.cli.demo import free_ports
from sharebus.consumers.oversight.files_verification import verify_files
from sharebus.consumers.oversight.topic_verification import verify_topic
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.infra.admin_client import read_topic_id
from sharebus.infra.audit_leaf import leaf_entry
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import PORT_SETTINGS, load_settings
from sharebus.infra.tile_directory import TileWriter
from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.edge import Edge
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Policy
from sharebus.ledger.tiles import ENTRIES, tiles_of_level
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, AUDIT_CHECKPOINTS

SIGNER: Final = NoteSigner.from_seed("bench.local/audit", bytes(32))
TRUST: Final = Trust(Policy.parse(f"log {SIGNER.key.vkey()}\nquorum none\n".encode()))
WRITER: Final = "gate-0"
LINES: Final = 256
_WAIT_SECONDS: Final = 60.0
_IN_TRANSACTION: Final = 500


def main() -> None:
    """Print decisions and records a second, for both kinds of record and both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full-records", type=int, default=2_000, help="of 256 decisions")
    parser.add_argument("--single-records", type=int, default=100_000, help="of one decision")
    arguments = parser.parse_args()
    result: dict[str, Any] = {}
    for name, count, lines in (
        ("full", arguments.full_records, LINES), ("single", arguments.single_records, 1),
    ):  # fmt: skip
        with tempfile.TemporaryDirectory() as directory:
            for way, seconds in measure(Path(directory), count, lines).items():
                result[f"{name}_{way}_records_per_second"] = round(count / seconds)
                result[f"{name}_{way}_decisions_per_second"] = round(count * lines / seconds)
    print(json.dumps(result))


def measure(directory: Path, count: int, lines: int) -> dict[str, float]:
    """Seconds to verify ``count`` records, from the topic and from the files."""
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    settings = load_settings(data_dir=directory / "data", **ports)
    with EmbeddedKafka(settings) as kafka:
        config = client_config(kafka.settings, credentials_for(kafka.settings, "admin"))
        topic_id = create_topics(config)
        write(config, topic_id, count, lines)
        files = sign(config, topic_id, directory / "ledger")
        return {
            "topic": seconds_of(lambda: verify_topic(config, TRUST, None), count),
            "files": seconds_of(lambda: verify_files(files, TRUST, None), count),
        }


def seconds_of(verify: Callable[[], Verification], count: int) -> float:
    """Seconds that a verification of all takes."""
    began = time.perf_counter()
    found = verify()
    seconds = time.perf_counter() - began
    assert (found.records, found.unsigned) == (count + 1, 0)
    return seconds


def create_topics(config: ClientConfig) -> str:
    """Both topics of the log; gives the id of ``audit``."""
    admin = AdminClient(config, logger=librdkafka_log)
    topics = [NewTopic(name, 1, 1) for name in (AUDIT, AUDIT_CHECKPOINTS)]
    for future in admin.create_topics(topics).values():
        future.result(_WAIT_SECONDS)
    return read_topic_id(admin, AUDIT) or ""


def write(config: ClientConfig, topic_id: str, count: int, lines: int) -> None:
    """The genesis, then ``count`` records, in transactions."""
    producer = transactional(config, WRITER)
    head = WriterHead(WRITER)
    batches = [Genesis("bench", AUDIT, topic_id).batch(0), *[batch_of(lines)] * count]
    for start in range(0, len(batches), _IN_TRANSACTION):
        producer.begin_transaction()
        for batch in batches[start : start + _IN_TRANSACTION]:
            value = audit_batch().encode(1, head.link(batch))
            head = head.after(value)
            producer.produce(AUDIT, value, WRITER.encode(), partition=0)
            producer.poll(0)
        producer.commit_transaction(_WAIT_SECONDS)


def batch_of(lines: int) -> dict[str, Any]:
    """A record as the gate writes it; digests are random, since real ones do not compress."""
    return {
        "decided_ms": 0, "kind": "gate", "entry": "legal-persons",
        "source_topic": "ingress.legal-persons", "source_partition": 0,
        "source_epoch": "AAAAAAAAAAAAAAAAAAAAAA", "policy_version": 7, "part": 1, "parts": 1,
        "deliveries": [{"period": "2026-11", "delivery": os.urandom(16)}],
        "routes": [["shared.legal-persons"]],
        "lines": [
            {
                "offset": number, "ingress_ms": number, "event": os.urandom(16),
                "entity": os.urandom(16), "delivery": 0, "outcome": "accepted", "rule": "",
                "place": "", "route": 0, "digests": os.urandom(16),
            }
            for number in range(lines)
        ],
    }  # fmt: skip


def sign(config: ClientConfig, topic_id: str, directory: Path) -> TileWriter:
    """One checkpoint over all, in the topic and beside the files."""
    entries: list[bytes] = []
    ends: list[int] = []

    def take(message: Message) -> None:
        entries.append(leaf_entry(message).encode())
        ends.append((message.offset() or 0) + 1)

    log = LogReader(config)
    log.settle(AUDIT, 0)
    log.read(AUDIT, 0, 0, take)
    log.close()
    files = TileWriter(directory)
    files.open()
    edge, full = Edge().extend(map(leaf_hash, entries))
    files.write([*full, *edge.partial_tiles(), *bundles(entries)])
    root = edge.compact_range().root()
    note = Note(Checkpoint(SIGNER.key.name, edge.size, root).body()).signed_by(SIGNER)
    files.publish(note.encode())
    record = CheckpointRecord(note, ends[-1], topic_id)
    producer = transactional(config, "notary")
    producer.begin_transaction()
    producer.produce(AUDIT_CHECKPOINTS, note.encode(), headers=record.headers())
    producer.commit_transaction(_WAIT_SECONDS)
    return files


def bundles(entries: Sequence[bytes]) -> list[tuple[Any, bytes]]:
    """The entry bundles of a log."""
    return [
        (tile, encode_bundle(entries[tile.number * LINES : tile.number * LINES + tile.width]))
        for tile in tiles_of_level(ENTRIES, len(entries))
    ]


def transactional(config: ClientConfig, name: str) -> Producer:
    """A producer like the gate's."""
    producer = Producer(
        {
            **config, "transactional.id": name, "transaction.timeout.ms": 15_000,
            "compression.type": "lz4", "linger.ms": 5,
        },
        logger=librdkafka_log,
    )  # fmt: skip
    producer.init_transactions(_WAIT_SECONDS)
    return producer


if __name__ == "__main__":
    main()
