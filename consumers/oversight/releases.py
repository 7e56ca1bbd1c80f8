"""What was released, to whom and for what: the audit's lines, with the grants that stood behind."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Message

from sharebus import InvalidInput
from sharebus.governance.docket.emergency import grant_prefix
from sharebus.governance.facts import AnyFact
from sharebus.governance.release import PolicyHistory, ReadingSpan
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.audit_digest import DIGEST_BYTES, AuditDigest
from sharebus.schemas.cloudevent import ID
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, view_topic


class Released(NamedTuple):
    """One event in one view, as the audit has it.

    ``systems`` could read it there by grants of the emergency. ``is_standing``: it was released
    before they had the grant, and stood in the view when they got it, if no newer event of its
    entity or compaction had replaced it. ``event`` and ``digest`` are the audit's keyed pseudonym
    of the event's id and keyed digest of what was released, hexadecimal.
    """

    entry: str
    view: str
    policy_version: int
    released_ms: int
    source_topic: str
    source_partition: int
    source_offset: int
    event: str
    digest: str
    is_standing: bool
    systems: tuple[str, ...]


class Release(NamedTuple):
    """Where and when the gate decided to release one record, and under which policy version."""

    entry: str
    policy_version: int
    released_ms: int
    source_topic: str
    source_partition: int
    source_offset: int
    audit_writer: str
    audit_sequence: int


class PolicyLog:
    """The history of the policy as the broker has it, with the instant of each version."""

    def __init__(self, config: ClientConfig) -> None:
        """Read it whole.

        :raises Unavailable: the broker does not answer. :raises Refused: it may not be read.
        """
        self.history = PolicyHistory()
        self._instants: list[tuple[int, int]] = []

        def learn(_: AnyFact | None, fact: AnyFact, instant_ms: int) -> None:
            self.history.take(fact, reader.facts.version)
            self._instants.append((reader.facts.version, instant_ms))

        reader = FactsReader(config, learn=learn)
        try:
            reader.settle()
        finally:
            reader.close()

    def instant_ms(self, version: int) -> int:
        """When the policy came to a version, in milliseconds since 1970-01-01T00:00Z.

        :raises InvalidInput: the policy has no such version.
        """
        place = bisect_right(self._instants, version, key=lambda item: item[0])
        if not place or version > self.history.version:
            raise InvalidInput(
                "the policy has no such version", found=str(version),
                expected=f"0 to {self.history.version}",
            )  # fmt: skip
        return self._instants[place - 1][1]


def spans_of(history: PolicyHistory, emergency: str) -> list[ReadingSpan]:
    """When which systems read which views by an emergency's grants.

    :raises InvalidInput: the policy knows no grant of such an emergency.
    """
    spans = list(history.spans(grant_prefix(emergency)))
    if not spans:
        raise InvalidInput(
            "the log knows no grant of this emergency", found=emergency,
            expected="the id of an emergency that gave a system something to read",
        )  # fmt: skip
    return spans


def read_released(
    config: ClientConfig, spans: Iterable[ReadingSpan], take: Callable[[Released], None]
) -> None:
    """Give every event that the grants released to ``take``, in the order of the audit.

    :raises Unavailable: the broker does not answer.
    """
    by_topic = topics_of(spans)

    def take_batch(batch: Mapping[str, Any]) -> None:
        for released in released_in(batch, by_topic):
            take(released)

    read_audit(config, take_batch)


def topics_of(spans: Iterable[ReadingSpan]) -> dict[str, list[ReadingSpan]]:
    """The spans by the topic that they read."""
    found: dict[str, list[ReadingSpan]] = {}
    for span in spans:
        found.setdefault(view_topic(span.grant.entry, span.view), []).append(span)
    return found


def released_in(
    batch: Mapping[str, Any], by_topic: Mapping[str, list[ReadingSpan]]
) -> Iterator[Released]:
    """The events of one audit record that the grants released."""
    version = batch["policy_version"]
    for line, number, topic in _routed(batch):
        spans = [span for span in by_topic.get(topic, ()) if not span.has_ended(version)]
        if not spans:
            continue
        yield Released(
            batch["entry"], spans[0].view, version, batch["decided_ms"], batch["source_topic"],
            batch["source_partition"], line["offset"], line["event"].hex(),
            _digest_at(line, number).hex(), not any(span.has_begun(version) for span in spans),
            tuple(sorted({span.grant.system for span in spans})),
        )  # fmt: skip


def find_release(
    config: ClientConfig, digest: AuditDigest, topic: str, partition: int, offset: int
) -> Release:
    """The decision by which a record came into a view.

    The audit does not say at which offset a record was written, but has its digest and the
    pseudonym of its event's id; of several that are alike it is the last before the record.

    :raises InvalidInput: there is no record at this place, or none that the audit knows.
    :raises Unavailable: the broker does not answer.
    """
    record = _record_at(config, topic, partition, offset)
    wanted = digest.record(bytes(record.key() or b""), record.value())
    headers = dict(record.headers() or ())
    event_id = headers.get(ID) or b""
    event = digest.event(event_id.encode() if isinstance(event_id, str) else event_id)
    written_ms = record.timestamp()[1]
    found: list[Release] = []

    def take(batch: Mapping[str, Any]) -> None:
        if batch["source_partition"] != partition or (found and batch["decided_ms"] > written_ms):
            return
        for line, number, named in _routed(batch):
            if named == topic and _is_of(line, number, wanted, event):
                found[:] = [
                    Release(
                        batch["entry"], batch["policy_version"], batch["decided_ms"],
                        batch["source_topic"], partition, line["offset"], batch["writer"],
                        batch["sequence"],
                    )
                ]  # fmt: skip

    read_audit(config, take)
    if not found:
        raise InvalidInput(
            "the audit knows of no release of this record", where=f"{topic} {partition} {offset}",
            expected="a record that the gate wrote: see `sharebus audit completeness`",
        )  # fmt: skip
    return found[0]


def _routed(batch: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, str]]:
    """Each accepted line of the gate with each topic it went to, and its place in the route."""
    if batch["kind"] != "gate":
        return
    for line in batch["lines"]:
        if line["outcome"] == "accepted" and line["route"] >= 0:
            for number, topic in enumerate(batch["routes"][line["route"]]):
                yield line, number, topic


def _is_of(line: Mapping[str, Any], number: int, wanted: bytes, event: bytes) -> bool:
    # What was copied while the view was filled has no event id in the audit.
    return _digest_at(line, number) == wanted and line["event"] in (event, b"")


def _digest_at(line: Mapping[str, Any], number: int) -> bytes:
    digests: bytes = line["digests"]
    return digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]


def read_audit(config: ClientConfig, take: Callable[[Mapping[str, Any]], None]) -> None:
    """Give every record of the audit to ``take``, in order; none of them is kept.

    :raises Unavailable: the broker does not answer.
    """
    log = LogReader(config)
    try:
        log.settle(AUDIT, 0)
        log.read(AUDIT, 0, 0, lambda message: take(audit_batch().decode(message.value() or b"")))
    finally:
        log.close()


def _record_at(config: ClientConfig, topic: str, partition: int, offset: int) -> Message:
    found: list[Message] = []
    log = LogReader(config)
    try:
        low, end = log.bounds(topic, partition)
        if low <= offset < end:
            log.read(topic, partition, offset, found.append, 1)
    finally:
        log.close()
    if not found or found[0].offset() != offset:
        raise InvalidInput(
            "there is no record at this place", where=f"{topic} partition {partition}",
            expected=f"an offset from {low} to {end - 1} that compaction has left",
            found=str(offset),
        )  # fmt: skip
    return found[0]
