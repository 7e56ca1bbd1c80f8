"""One audit on a real broker: topics, writers, a notary as a process, and what it left behind."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Message, Producer, TopicPartition
from confluent_kafka.admin import AclBinding, AdminClient, NewTopic

from sharebus.consumers.oversight.files_verification import verify_files
from sharebus.consumers.oversight.topic_verification import verify_topic
from sharebus.consumers.oversight.trust import Trust
from sharebus.infra.admin_client import read_topic_id
from sharebus.infra.audit_leaf import leaf_entry, record_headers
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.infra.tile_directory import TileDirectory, ledger_directory
from sharebus.ledger.bundle import encode_bundle
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.edge import Edge
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.note import Note
from sharebus.ledger.proofs import consistency_proof, verify_consistency
from sharebus.ledger.tiles import CHECKPOINT_PATH, ENTRIES, tile_nodes, tiles_of_level
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, AUDIT_CHECKPOINTS, SEALED
from sharebus.stream_apps.enforcer.broker import _binding
from sharebus.stream_apps.enforcer.desired import platform_state
from sharebus.stream_apps.enforcer.rights import enforcer_rules, notary_rules, sealed_rules
from sharebus.stream_apps.notary.register import linked
from sharebus.stream_apps.notary.signing import load_policy, load_signer

from ..app_process import DEADLINE_SECONDS, AppProcess, wait_until
from ..oversight.segment import batches_of


class Archive:
    """Topics of its own in a broker that several archives use one after the other."""

    def __init__(self, broker: Any, directory: Path) -> None:
        self.broker = broker
        self.settings: Settings = broker.settings.model_copy(update={"ledger_dir": directory})
        self.admin: AdminClient = broker.admin
        self.config = broker.client_config("admin")
        self.files = TileDirectory(ledger_directory(self.settings))
        self.key = load_signer(self.settings).key
        self.reader = LogReader(self.config)
        self.notary = AppProcess(self.settings, "notary", "notary")
        self.others: list[AppProcess] = []
        self._producers: list[Producer] = []
        self.make_topics()

    def make_topics(self) -> None:
        """Topics and rights as the enforcer makes them, and the genesis in it."""
        for topic in SEALED:
            self.delete(topic)
        wanted = [topic for topic in platform_state().topics if topic.name in SEALED]
        new = [NewTopic(t.name, t.partitions, 1, config=dict(t.config)) for t in wanted]
        for future in self.admin.create_topics(new).values():
            future.result(DEADLINE_SECONDS)
        rules: list[AclBinding] = [
            _binding(rule) for rule in (*enforcer_rules(), *notary_rules(), *sealed_rules())
        ]
        for future in self.admin.create_acls(rules).values():
            future.result(DEADLINE_SECONDS)
        self.writer = self.audit_writer("catalog")
        topic_id = wait_until(lambda: read_topic_id(self.admin, AUDIT), "there is an audit")
        cluster_id = self.admin.describe_cluster().result(DEADLINE_SECONDS).cluster_id
        self.writer.write([Genesis(str(cluster_id), AUDIT, topic_id).batch(1_000)])

    def delete(self, topic: str) -> None:
        if read_topic_id(self.admin, topic) is None:
            return
        self.admin.delete_topics([topic])[topic].result(DEADLINE_SECONDS)
        wait_until(lambda: read_topic_id(self.admin, topic) is None, f"{topic} is gone")

    def audit_writer(self, name: str) -> "AuditWriter":
        settings: ClientConfig = {
            **self.config,
            "transactional.id": f"{name}-{uuid.uuid4().hex}",
            "transaction.timeout.ms": 5_000,
            "compression.type": "none",  # so that a test can rewrite what the broker stores
        }
        producer = Producer(settings, logger=librdkafka_log)
        producer.init_transactions(DEADLINE_SECONDS)
        self._producers.append(producer)
        return AuditWriter(producer, name)

    def another_notary(self) -> AppProcess:
        """A second process on the same log."""
        port = self.settings.metrics_port  # no gate runs here
        settings = self.settings.model_copy(update={"notary_metrics_port": port})
        other = AppProcess(settings, "notary", "notary")
        other.log = self.settings.data_dir / "other-notary.log"
        self.others.append(other)
        return other

    def close(self) -> None:
        for process in (self.notary, *self.others):
            if process.poll() is None and process._process is not None:
                process.kill()
        self.reader.close()
        for producer in self._producers:
            producer.close()

    # Looking

    def records(self) -> list[CheckpointRecord]:
        """Every checkpoint that was ever committed."""
        found: list[CheckpointRecord] = []

        def take(message: Message) -> None:
            assert message.key() == self.key.name.encode()
            found.append(CheckpointRecord.parse(message.value(), record_headers(message)))

        self.reader.read(AUDIT_CHECKPOINTS, 0, 0, take)
        return found

    def entries(self) -> list[bytes]:
        """The leaves, as anybody can read them from the topic."""
        found: list[bytes] = []
        self.reader.settle(AUDIT, 0)
        self.reader.read(AUDIT, 0, 0, lambda message: found.append(leaf_entry(message).encode()))
        return found

    def public(self) -> Checkpoint | None:
        data = self.files.read_checkpoint()
        return open_checkpoint(Note.parse(data), self.key.name, [self.key]) if data else None

    def wait_until_signed(self) -> Checkpoint:
        """The public checkpoint, once it covers everything that is in the topic."""
        size = len(self.entries())

        def is_signed() -> Checkpoint | None:
            self.notary.tend()
            public = self.public()
            return public if public and public.size >= size else None

        signed: Checkpoint = wait_until(is_signed, f"{size} records are signed")
        return signed

    def check(self) -> None:
        """The topic, the directory and all checkpoints are one log: by hand, and to an overseer."""
        entries = self.entries()
        records = self.records()
        assert not linked(records).strays
        checkpoints = [open_checkpoint(r.note, self.key.name, [self.key]) for r in records]
        last = checkpoints[-1]
        assert last == self.public()
        edge, full = Edge().extend(map(leaf_hash, entries[: last.size]))
        assert edge.compact_range().root() == last.root
        expected = {tile.path(): data for tile, data in [*full, *edge.partial_tiles()]}
        for bundle in tiles_of_level(ENTRIES, last.size):
            start = bundle.number * 256
            expected[bundle.path()] = encode_bundle(entries[start : start + bundle.width])
        found = dict(self._stored())
        assert {path: data for path, data in found.items() if path in expected} == expected
        latest = {path.partition(".p/")[0]: data for path, data in expected.items()}
        for path in found.keys() - expected.keys():
            # Of an earlier checkpoint, or of a notary that was paused: the beginning of the latest.
            name, is_partial, _ = path.partition(".p/")
            assert is_partial, path
            assert latest[name].startswith(found[path]), path
        nodes = tile_nodes(last.size, self.files.read)
        for one in checkpoints:
            proof = consistency_proof(one.size, last.size, nodes)
            verify_consistency(one.size, one.root, last.size, last.root, proof)
        trust = Trust(load_policy(self.settings, self.key))
        verified = verify_topic(self.config, trust, None, is_full=True, files=self.files)
        assert verified.log.checkpoint == last
        assert verify_files(self.files, trust, None).log.checkpoint == last

    def _stored(self) -> Iterator[tuple[str, bytes]]:
        for path in self.files.path.rglob("*"):
            name = str(path.relative_to(self.files.path))
            if path.is_file() and name != CHECKPOINT_PATH:
                yield name, path.read_bytes()

    def cut_end(self, offset: int) -> None:
        """Drop what is stored from an offset on, as somebody at the broker's disk can."""
        kafka = self.broker.kafka
        kafka.stop()
        [segment] = (kafka.settings.data_dir / "kafka" / "log" / f"{AUDIT}-0").glob("*.log")
        kept = [b.raw for b in batches_of(segment.read_bytes()) if b.base_offset < offset]
        segment.write_bytes(b"".join(kept))
        for index in (*segment.parent.glob("*.index"), *segment.parent.glob("*.timeindex")):
            index.unlink()
        kafka.start()

    def truncate(self, offset: int) -> None:
        """Delete records below an offset, as an administrator can."""
        place = TopicPartition(AUDIT, 0, offset)
        [future] = self.admin.delete_records([place]).values()
        future.result(DEADLINE_SECONDS)


class AuditWriter:
    """An app that writes to the audit: its records numbered and chained."""

    def __init__(self, producer: Producer, name: str) -> None:
        self._producer = producer
        self._head = WriterHead(name)

    def write(self, batches: Iterable[dict[str, Any]]) -> None:
        """In one transaction."""
        with self.transaction():
            self.add(batches)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._producer.begin_transaction()
        yield
        self._producer.commit_transaction(DEADLINE_SECONDS)

    def begin(self) -> None:
        self._producer.begin_transaction()

    def abort(self) -> None:
        self._producer.flush(DEADLINE_SECONDS)
        self._producer.abort_transaction(DEADLINE_SECONDS)

    def add(self, batches: Iterable[dict[str, Any]]) -> None:
        head = self._head
        for batch in batches:
            value = audit_batch().encode(7, head.link(batch))
            self._producer.produce(AUDIT, value, head.writer.encode(), 0)
            head = head.after(value)
        self._head = head

    def decisions(self, count: int) -> Iterator[dict[str, Any]]:
        """Something to write: as much as a decision on a few events takes."""
        for number in range(count):
            line = {
                "offset": number, "ingress_ms": 1_000, "event": uuid.uuid4().bytes,
                "entity": uuid.uuid4().bytes, "delivery": -1, "outcome": "accepted", "rule": "",
                "place": "", "route": -1, "digests": uuid.uuid4().bytes,
            }  # fmt: skip
            yield {
                **Genesis("", AUDIT, "").batch(1_000), "kind": "gate", "entry": "shops",
                "lines": [line] * (number % 3 + 1),
            }  # fmt: skip
