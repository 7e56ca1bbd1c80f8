"""Publishes facts: all of one change in one transaction, with the audit record that proves it."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import KafkaException, Producer

from sharebus import Unavailable
from sharebus.governance.facts import AnyFact, fact_to_json
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.chain import WriterHead
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.record import PlatformRecord, audit_batch, policy_fact, progress
from sharebus.schemas.topic import AUDIT, FACTS_POLICY, FACTS_PROGRESS, SHARED_CATALOG
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.progress import ENFORCER_KEY, ProgressReader, writer_key

ENFORCER: Final = "enforcer"
CATALOG: Final = "catalog"
"""Who applies a catalog; a running enforcer is another writer, so neither fences the other."""
_AUDIT_LINES_MAX: Final = 256
_PLACE_CHARS_MAX: Final = 64
_MESSAGE_BYTES_MAX: Final = 1_048_576
_TRANSACTION_MS_MAX: Final = 15_000
_SECONDS_MAX: Final = 30.0


class PublishedRecord(NamedTuple):
    """One fact as it was written, and to which topics."""

    name: str
    key: bytes
    value: bytes
    route: tuple[str, ...]


class BrokerEvent(NamedTuple):
    """What was done to the broker, or found there: for the audit.

    ``rule`` says what (``right.ended``, ``drift.repaired``, ``drift.raised``), ``name`` whose or
    what it was, ``topic`` on what, or is empty; ``instant_ms`` since when it is so.
    """

    rule: str
    name: str
    topic: str
    instant_ms: int


class Standing(NamedTuple):
    """The policy version that stands on the broker, and since when."""

    policy_version: int
    effective_ms: int


class FactsPublisher:
    """Publishes facts as one writer; use it as a context.

    Entering fences whoever else holds the writer's transactional id: two applications of a catalog
    at one time cannot interleave, the earlier one fails.
    """

    def __init__(self, config: ClientConfig, digest: AuditDigest, writer: str) -> None:
        self._config = config
        self._digest = digest
        self._writer = writer
        self._last_head: WriterHead | None = None
        self._producer = Producer(
            {
                **config,
                "transactional.id": writer,
                "transaction.timeout.ms": _TRANSACTION_MS_MAX,
                "message.max.bytes": _MESSAGE_BYTES_MAX,
                "linger.ms": 5,
            },
            logger=librdkafka_log,
        )

    def __enter__(self) -> Self:
        _transact("begin", lambda: self._producer.init_transactions(_SECONDS_MAX))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # After a failure there may be a transaction that we cannot end; closing would try to.
        if kind is None:
            self._producer.close()

    def publish(
        self,
        changes: FactChanges,
        schema_ids: Mapping[str, int],
        policy_version: int,
        source_epoch: str,
        events: Sequence[BrokerEvent] = (),
        standing: Standing | None = None,
        genesis: Genesis | None = None,
    ) -> None:
        """Write the facts, the audit records and our place in their chain; all or nothing.

        ``genesis`` is given with the first facts of a bus: it is the first record of the audit.

        ``schema_ids`` gives the id of each platform record by its subject; ``policy_version`` is
        the one before, which the decision followed; ``source_epoch`` the id of ``facts.policy``.

        :raises Unavailable: it was not committed; nothing of it is in force.
        """
        now_ms = time.time_ns() // 1_000_000
        records = list(_records(changes, schema_ids, now_ms))
        head = self._last_head or self._head()
        producer = self._producer
        producer.begin_transaction()
        try:
            for record in records:
                for topic in record.route:
                    self._produce(topic, record.key, record.value)
            source = _Source(policy_version, source_epoch, now_ms)
            batches = chain(
                [genesis.batch(now_ms)] if genesis else [],
                _audit_batches("policy", _fact_lines(records, self._digest, now_ms), source),
                _audit_batches("broker", _event_lines(events, self._digest), source),
            )
            for batch in batches:
                value = _framed(audit_batch(), schema_ids, head.link(batch))
                self._produce(AUDIT, self._writer.encode(), value)
                head = head.after(value)
            place = {"writer": head._asdict()}
            place_record = _framed(progress(), schema_ids, place)
            self._produce(FACTS_PROGRESS, writer_key(self._writer), place_record)
            if standing is not None:
                done = _framed(progress(), schema_ids, {"enforcer": standing._asdict()})
                self._produce(FACTS_PROGRESS, ENFORCER_KEY, done)
            _transact("commit", lambda: producer.commit_transaction(_SECONDS_MAX))
            self._last_head = head
        except BaseException:
            _abort(producer)
            raise

    def _produce(self, topic: str, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition=0)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise Unavailable(
                    f"a record for {topic} cannot be sent", found=str(error)
                ) from error
            else:
                return

    def _head(self) -> WriterHead:
        """Where our chain stands, from the last committed record of progress."""
        log = LogReader(self._config)
        try:
            progress_reader = ProgressReader(log)
            progress_reader.settle()  # a gate's open transaction would hide our last record
            return progress_reader.writer_head(self._writer)
        finally:
            log.close()


def _framed(
    record: PlatformRecord, schema_ids: Mapping[str, int], content: dict[str, Any]
) -> bytes:
    return record.encode(schema_ids[record.subject], content)


def _records(
    changes: FactChanges, schema_ids: Mapping[str, int], now_ms: int
) -> Iterator[PublishedRecord]:
    routes: dict[str, tuple[AnyFact, list[str]]] = {}
    for topic, facts in ((FACTS_POLICY, changes.policy), (SHARED_CATALOG, changes.catalog)):
        for fact in facts:
            routes.setdefault(f"{fact.kind}/{fact.id}", (fact, []))[1].append(topic)
    for name, (fact, route) in routes.items():
        content = {
            "kind": fact.kind,
            "id": fact.id,
            "body": fact_to_json(fact),
            "recorded_ms": now_ms,
        }
        value = _framed(policy_fact(), schema_ids, content)
        yield PublishedRecord(name, name.encode(), value, tuple(route))


class _Source(NamedTuple):
    policy_version: int
    epoch: str
    decided_ms: int


_RoutedLine = tuple[dict[str, Any], tuple[str, ...]]


def _audit_batches(
    kind: str, lines: Iterable[_RoutedLine], source: _Source
) -> Iterator[dict[str, Any]]:
    """A line's offset is its index in the change, since nothing here has a source."""
    numbered = list(enumerate(lines))
    parts = range(0, len(numbered), _AUDIT_LINES_MAX)
    for part, start in enumerate(parts, start=1):
        chosen = numbered[start : start + _AUDIT_LINES_MAX]
        routes = sorted({route for _, (_, route) in chosen if route})
        yield {
            "decided_ms": source.decided_ms,
            "kind": kind,
            "entry": "",
            "source_topic": FACTS_POLICY,
            "source_partition": 0,
            "source_epoch": source.epoch,
            "policy_version": source.policy_version,
            "part": part,
            "parts": len(parts),
            "deliveries": [],
            "routes": [list(route) for route in routes],
            "lines": [
                {
                    "event": b"",
                    "delivery": -1,
                    "outcome": "accepted",
                    "rule": "",
                    **line,
                    "offset": index,
                    "route": routes.index(route) if route else -1,
                }
                for index, (line, route) in chosen
            ],
        }


def _fact_lines(
    records: Iterable[PublishedRecord], digest: AuditDigest, now_ms: int
) -> Iterator[_RoutedLine]:
    for record in records:
        line = {
            "ingress_ms": now_ms,
            "entity": digest.entity(record.key),
            "place": record.name[:_PLACE_CHARS_MAX],
            "digests": digest.record(record.key, record.value) * len(record.route),
        }
        yield line, record.route


def _event_lines(events: Iterable[BrokerEvent], digest: AuditDigest) -> Iterator[_RoutedLine]:
    for event in events:
        name = event.name.encode()
        line = {
            "ingress_ms": event.instant_ms,
            "entity": digest.entity(name),
            "rule": event.rule,
            "place": event.name[:_PLACE_CHARS_MAX],
            "digests": digest.record(name, event.rule.encode()) if event.topic else b"",
        }
        yield line, (event.topic,) if event.topic else ()


def _transact(step: str, call: Any) -> None:
    try:
        call()
    except KafkaException as error:
        raise Unavailable(
            f"The transaction of the facts did not {step}.",
            found=error.args[0].str(),
            remedy="Apply the catalog again; what is done already is not done twice.",
        ) from error


def _abort(producer: Producer) -> None:
    try:
        producer.abort_transaction(_SECONDS_MAX)
    except KafkaException:
        # The broker aborts it at its time limit; the cause is what the caller is to see.
        return
