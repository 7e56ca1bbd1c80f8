"""Fills a new view from the accepted topic, a bounded chunk in each transaction.

While a view is being filled, live events skip it; its cursor moves in the gate's transactions.
When the cursor meets the committed end, the view is live from the next event on (design,
decision 10).

Where another class takes what is accepted to another topic, what was accepted is moved there first,
and events wait meanwhile: an older row must not come after a newer one.

While it is filled every view has a key set: what is left of a deletion in the accepted topic is a
tombstone, and an entity that the view never held must leave no trace in it.
"""

from typing import Any, Final, NamedTuple

from confluent_kafka import Message

from sharebus.governance.rule import Outcome
from sharebus.infra.log_reader import LogReader
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.framing import FRAME
from sharebus.stream_apps.audit import Line
from sharebus.stream_apps.gate.judge import HeaderList, Payload, read_value
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.plan import EntryPlan, ViewPlan
from sharebus.stream_apps.gate.release import DELETED, Output, ViewState, release, replaced

CHUNK_RECORDS: Final = 2_000
"""Records copied in one transaction: a fill must not make live events wait."""


class Copied(NamedTuple):
    """What to write of a chunk of a topic, and the audit's lines of it, which name its offsets."""

    topic: str
    outputs: list[Output]
    lines: list[Line]


def copy_chunk(lane: Lane, plan: EntryPlan, log: LogReader, digest: AuditDigest) -> Copied:
    """Copy the next chunk of what the lane has to copy.

    It reads, so it is called before a transaction begins.
    """
    return (_move_accepted if lane.is_moving else _fill_view)(lane, plan, log, digest)


def _move_accepted(lane: Lane, plan: EntryPlan, log: LogReader, digest: AuditDigest) -> Copied:
    """From the topic that took what was accepted to the one that takes it under another class."""
    copied = Copied(lane.accepted_topic, [], [])

    def take(message: Message) -> None:
        key: Any = message.key()
        headers: Any = message.headers() or []
        output = (plan.accepted_topic, key, message.value(), lane.partition, headers)
        copied.outputs.append(output)
        copied.lines.append(_line(digest, digest.entity(key), output, message))

    lane.move_cursor = log.read(
        copied.topic, lane.partition, lane.move_cursor or 0, take, CHUNK_RECORDS
    )
    if lane.move_cursor >= log.end_of_all(copied.topic, lane.partition):
        lane.accepted_topic, lane.move_cursor = plan.accepted_topic, None
    return copied


def _fill_view(lane: Lane, plan: EntryPlan, log: LogReader, digest: AuditDigest) -> Copied:
    """Into the first view that is not live."""
    view = next(view for view in plan.views if not lane.views[view.name].live)
    state = lane.views[view.name]
    outputs: list[Output] = []
    lines: list[Line] = []
    chunk: list[Message] = []
    state.cursor = log.read(
        plan.accepted_topic, lane.partition, state.cursor, chunk.append, CHUNK_RECORDS
    )
    for message in chunk:
        key: Any = message.key()
        value: Any = message.value()
        headers: Any = message.headers() or []
        payload: Payload | None = None
        if value is not None:
            _, schema_id = FRAME.unpack_from(value)
            payload = read_value(value, schema_id, plan.accepted_readers[schema_id])
        output = release(view, state, key, payload, headers, lane.partition)
        if output is None:
            continue
        if state.is_refill:
            note = state.confirmed.discard if output[2] is None else state.confirmed.add
            note(output[1] or b"")
        outputs.append(output)
        lines.append(_line(digest, digest.entity(key), output, message))
    # The end with all transactions: one just committed may not be readable yet, and a view
    # that went live before copying it would lack it for ever.
    state.live = state.cursor >= log.end_of_all(plan.accepted_topic, lane.partition)
    if state.live:
        for output in _left_over(view, state, log, lane.partition):
            outputs.append(output)
            lines.append(_line(digest, b"", output))
        state.confirmed.clear()
        state.is_refill = False
        if view.passes_key is not None:
            state.key_set = None  # from now on the key alone tells what the view holds
    return Copied(plan.accepted_topic, outputs, lines)


def _left_over(view: ViewPlan, state: ViewState, log: LogReader, partition: int) -> list[Output]:
    """Tombstones for keys that the view holds from an earlier life and that are no more.

    Compaction may have taken every trace of their deletion from the accepted topic, so that the
    filling alone would leave them standing. Only then is the view itself read.
    """
    key_set = state.key_set
    if not state.is_refill or key_set is None or key_set.held_count() == len(state.confirmed):
        return []
    stale: dict[bytes, HeaderList] = {}

    def take(message: Message) -> None:
        key: Any = message.key()
        if key in key_set and key not in state.confirmed:
            stale[key] = message.headers() or []  # type: ignore[assignment]

    log.read(view.topic, partition, 0, take)
    for key in stale:
        key_set.discard(key)
    return [
        (view.topic, key, None, partition, replaced(headers, ce.TYPE, DELETED))
        for key, headers in stale.items()
    ]


def _line(
    digest: AuditDigest, entity: bytes, output: Output, message: Message | None = None
) -> Line:
    return {
        "offset": message.offset() if message else -1,
        "ingress_ms": message.timestamp()[1] if message else 0,
        "event": b"",
        "entity": entity,
        "delivery": None,
        "outcome": Outcome.ACCEPTED,
        "rule": "",
        "place": "",
        "route": (output[0],),
        "digests": digest.record(output[1] or b"", output[2]),
    }


def is_filling(lane: Lane) -> bool:
    """Whether the lane has something to copy."""
    return lane.is_moving or any(not state.live for state in lane.views.values())
