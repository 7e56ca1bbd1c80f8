"""A broker of its own, whose audit can be written, signed and tampered with."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from sharebus.consumers.oversight.topic_verification import verify_topic
from sharebus.consumers.oversight.trust import Trust, Verification
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.infra.admin_client import read_topic_id
from sharebus.infra.audit_leaf import leaf_entry
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.tile_directory import TileWriter
from sharebus.ledger.chain import WriterHead
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.edge import Edge
from sharebus.ledger.hashing import leaf_hash
from sharebus.ledger.note import Note
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, AUDIT_CHECKPOINTS

from ...unit.consumers.oversight.audit_log import ORIGIN, POLICY, SIGNER, batch_of
from ..conftest import embedded_settings
from .segment import Segment

SECONDS_MAX = 30.0


class Copy(NamedTuple):
    """An older state of an audit."""

    disk: Path
    files: Path
    heads: dict[str, WriterHead]
    signed: CheckpointRecord | None


class SignedAudit:
    """The topics `audit` and `audit.checkpoints`, new; writers, and a notary in one call."""

    def __init__(self, kafka: EmbeddedKafka, directory: Path) -> None:
        self.kafka = kafka
        self.config: ClientConfig = client_config(
            kafka.settings, credentials_for(kafka.settings, "admin")
        )
        self.admin = AdminClient(self.config, logger=librdkafka_log)
        self.files = TileWriter(directory)
        self.files.open()
        self._heads: dict[str, WriterHead] = {}
        self._producers: dict[str, Producer] = {}
        self._signed: CheckpointRecord | None = None
        self._number = 0
        self.create_topics()
        self.write("enforcer", 1, Genesis("cluster", AUDIT, self.topic_id).batch(0))

    def segment(self) -> Segment:
        """The file of `audit`, with the markers of all that was committed."""
        log = LogReader(self.config)
        log.settle(AUDIT, 0)
        log.close()
        return Segment(self.kafka.settings.data_dir / "kafka" / "log" / f"{AUDIT}-0")

    def restart(self, change: Callable[[], object]) -> None:
        """Stop the broker, change something, and start it; its writers are new ones."""
        self.kafka.stop()
        change()
        self.kafka.start()
        self._producers.clear()

    def copy(self, into: Path) -> "Copy":
        """Everything as it stands: the broker's disk, the log's files, what the writers know."""
        disk, files = into / "disk", into / "files"
        self.restart(lambda: shutil.copytree(self.kafka.directory, disk))
        shutil.copytree(self.files.path, files)
        return Copy(disk, files, dict(self._heads), self._signed)

    def put_back(self, copy: "Copy") -> None:
        """Make all as it was, as somebody with the disks of broker and notary can."""

        def change() -> None:
            for there, path in ((copy.disk, self.kafka.directory), (copy.files, self.files.path)):
                shutil.rmtree(path)
                shutil.copytree(there, path)

        self.restart(change)
        self._heads, self._signed = dict(copy.heads), copy.signed

    def alter(self, kind: ResourceType, name: str, settings: dict[str, str]) -> None:
        entries = [
            ConfigEntry(each, value, incremental_operation=AlterConfigOpType.SET)
            for each, value in settings.items()
        ]
        resource = ConfigResource(kind, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(SECONDS_MAX)

    def settings_of(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        found = self.admin.describe_configs([resource])[resource].result(SECONDS_MAX)
        return {name: str(entry.value) for name, entry in found.items()}

    def create_topics(self) -> None:
        names = [AUDIT, AUDIT_CHECKPOINTS]
        there = set(names) & set(self.admin.list_topics(timeout=SECONDS_MAX).topics)
        for future in self.admin.delete_topics(sorted(there)).values() if there else ():
            future.result(SECONDS_MAX)
        config = {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}
        deadline = time.monotonic() + SECONDS_MAX
        left = names
        while left:
            assert time.monotonic() < deadline
            topics = [NewTopic(name, 1, 1, config=config) for name in left]
            answers = self.admin.create_topics(topics)
            left = [name for name, future in answers.items() if future.exception(SECONDS_MAX)]
        while (topic_id := read_topic_id(self.admin, AUDIT)) is None:
            assert time.monotonic() < deadline
        self.topic_id = topic_id

    def producer(self, name: str, timeout_ms: int = 15_000) -> Producer:
        if name not in self._producers:
            self._producers[name] = Producer(
                {**self.config, "transactional.id": name, "transaction.timeout.ms": timeout_ms,
                 "compression.type": "none", "linger.ms": 20},
                logger=librdkafka_log,
            )  # fmt: skip
            self._producers[name].init_transactions(SECONDS_MAX)
        return self._producers[name]

    def write(
        self, writer: str, count: int, batch: dict[str, Any] | None = None, *, commit: bool = True
    ) -> None:
        """`count` records in one transaction; an aborted one moves nothing on."""
        producer = self.producer(writer)
        head = self._heads.get(writer, WriterHead(writer))
        producer.begin_transaction()
        for _ in range(count):
            content = batch or batch_of(self._number)
            value = audit_batch().encode(1, head.link(content))
            producer.produce(AUDIT, value, writer.encode(), partition=0)
            head = head.after(value)
            self._number += 1
        if commit:
            producer.commit_transaction(SECONDS_MAX)
            self._heads[writer] = head
        else:
            producer.flush(SECONDS_MAX)
            producer.abort_transaction(SECONDS_MAX)

    def sign(self) -> VerifiedLog:
        """What the notary does with all that is committed; then what an overseer makes of it."""
        hashes: list[bytes] = []
        offsets: list[int] = []

        def take(message: Message) -> None:
            hashes.append(leaf_hash(leaf_entry(message).encode()))
            offsets.append(message.offset() or 0)

        log = LogReader(self.config)
        log.settle(AUDIT, 0)
        log.read(AUDIT, 0, 0, take)
        log.close()
        edge, full = Edge().extend(hashes)
        self.files.write(full + edge.partial_tiles())
        root = CompactRange().extend(hashes).root()
        note = Note(Checkpoint(ORIGIN, len(hashes), root).body()).signed_by(SIGNER)
        before = self._signed.checkpoint if self._signed else None
        previous = (before.size, before.root) if before else ()
        self._signed = CheckpointRecord(note, offsets[-1] + 1, self.topic_id, *previous)
        self.publish(self._signed)
        self.files.publish(note.encode())
        return self.verify().log

    def publish(self, record: CheckpointRecord) -> None:
        producer = self.producer("notary")
        producer.begin_transaction()
        producer.produce(
            AUDIT_CHECKPOINTS, record.note.encode(), ORIGIN.encode(), headers=record.headers()
        )
        producer.commit_transaction(SECONDS_MAX)

    def verify(self, held: VerifiedLog | None = None, *, is_full: bool = False) -> Verification:
        return verify_topic(self.config, Trust(POLICY), held, is_full=is_full, files=self.files)


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(embedded_settings(tmp_path_factory.mktemp("oversight"))) as kafka:
        yield kafka


@pytest.fixture
def audit(own_kafka: EmbeddedKafka, tmp_path: Path) -> SignedAudit:
    return SignedAudit(own_kafka, tmp_path)
