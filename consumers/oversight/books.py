"""Reads the books back from the broker, as somebody who may read everything."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Final

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from sharebus.consumers.oversight.reconciliation import Books
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, FACTS_POLICY, INGRESS_PREFIX, SHARED_CATALOG

WRITTEN_PREFIXES: Final = ("accepted.", "shared.", "view.")
POLICY_TOPICS: Final = (FACTS_POLICY, SHARED_CATALOG)
METADATA_SECONDS_MAX: Final = 15.0


def read_books(
    config: ClientConfig, digest: AuditDigest, entries: Iterable[str] | None = None
) -> Books:
    """Every record of the entries' topics (of all, unless told) and of the policy, and the audit.

    Waits until no transaction is open in them, so that the books are of one moment if nobody
    writes.

    :raises Unavailable: the broker does not answer, or a transaction stays open.
    """
    wanted = None if entries is None else frozenset(entries)
    books = Books(entries=wanted)
    reader = LogReader(config)
    try:
        for topic, partition in _partitions(config):
            prefix, _, rest = topic.partition(".")
            is_wanted = wanted is None or rest.split(".")[0] in wanted
            if topic not in POLICY_TOPICS and not is_wanted:
                continue
            reader.settle(topic, partition)
            if topic.startswith(INGRESS_PREFIX):
                offsets = books.ingress.setdefault((topic, partition), [])
                reader.read(topic, partition, 0, partial(_take_offset, offsets))
            elif topic in POLICY_TOPICS or f"{prefix}." in WRITTEN_PREFIXES:
                counts = books.written.setdefault(topic, Counter())
                reader.read(topic, partition, 0, partial(_count, digest, counts))
        reader.settle(AUDIT, 0)
        reader.read(AUDIT, 0, 0, partial(_take_batch, books))
    finally:
        reader.close()
    return books


def _partitions(config: ClientConfig) -> list[tuple[str, int]]:
    metadata = AdminClient(config, logger=librdkafka_log).list_topics(timeout=METADATA_SECONDS_MAX)
    return [
        (name, partition)
        for name in sorted(metadata.topics)
        for partition in sorted(metadata.topics[name].partitions)
    ]


def _take_offset(offsets: list[int], message: Message) -> None:
    offsets.append(message.offset() or 0)


def _count(digest: AuditDigest, counts: Counter[bytes], message: Message) -> None:
    key, value = message.key(), message.value()
    counts[digest.record(key if isinstance(key, bytes) else b"", value)] += 1


def _take_batch(books: Books, message: Message) -> None:
    value = message.value() or b""
    books.batches.append((audit_batch().decode(value), value))
