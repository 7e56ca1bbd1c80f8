"""Fills a new view from the accepted topic, a bounded chunk in each transaction.

While a view is being filled, live events skip it; its cursor moves in the gate's transactions.
When the cursor meets the committed end, the view is live from the next event on (design,
decision 10).

While it is filled every view has a key set: what is left of a deletion in the accepted topic is a
tombstone, and an entity that the view never held must leave no trace in it.
"""

from typing import Any, Final

from confluent_kafka import Message

from sharebus.governance.rule import Outcome
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.framing import FRAME
from sharebus.stream_apps.gate.audit import Line
from sharebus.stream_apps.gate.judge import Payload, read_value
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.gate.release import Output, release

CHUNK_RECORDS: Final = 500
"""Records copied in one transaction: a fill must not make live events wait."""


def fill_views(
    lane: Lane, plan: EntryPlan, log: LogReader, digest: AuditDigest
) -> tuple[list[Output], list[Line]]:
    """Copy the next chunk into each view that is not live; gives what to write.

    Lines name the accepted topic's offsets; the caller seals them as a batch of that source.
    """
    outputs: list[Output] = []
    lines: list[Line] = []
    for view in plan.views:
        state = lane.views[view.name]
        if state.live:
            continue
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
                payload = read_value(value, schema_id, plan.readers[schema_id])
            output = release(view, state, key, payload, headers, lane.partition)
            if output is None:
                continue
            outputs.append(output)
            _, released_at_ms = message.timestamp()
            lines.append(
                {
                    "offset": message.offset(),
                    "ingress_ms": released_at_ms,
                    "event": b"",
                    "entity": digest.entity(key),
                    "delivery": None,
                    "outcome": Outcome.ACCEPTED,
                    "rule": "",
                    "place": "",
                    "route": (view.topic,),
                    "digests": digest.record(output[1] or b"", output[2]),
                }
            )
        # The end with all transactions: one just committed may not be readable yet, and a view
        # that went live before copying it would lack it for ever.
        state.live = state.cursor >= log.end_of_all(plan.accepted_topic, lane.partition)
        if state.live and view.passes_key is not None:
            state.key_set = None  # from now on the key alone tells what the view holds
    return outputs, lines


def is_filling(lane: Lane) -> bool:
    """Whether any view of the lane is not live yet."""
    return any(not state.live for state in lane.views.values())
