"""One ingress partition: turns its events into records to write, and remembers what it must.

A lane is deterministic: the same state, plan and arrivals give the same decision. All of its state
is in ``facts.progress``, in the ingress topic, or in the views it writes; after an abort it is
thrown away and made again from there.
"""

from collections import deque
from typing import Any, Final, NamedTuple

from sharebus.governance.rule import Outcome, Rule
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.entity_key import is_entity_key
from sharebus.schemas.record import delivery_closed
from sharebus.stream_apps.audit import Line
from sharebus.stream_apps.gate.delivery import DeliveryCounts
from sharebus.stream_apps.gate.judge import (
    DeliveryName,
    Envelope,
    EnvelopeCache,
    HeaderList,
    Payload,
    Refusal,
    check_key,
    open_envelope,
    read_value,
    schema_id_of,
)
from sharebus.stream_apps.gate.plan import EntryPlan
from sharebus.stream_apps.gate.quarantine import quarantine_record
from sharebus.stream_apps.gate.recent import WINDOW_OFFSETS, RecentIds, payload_hash
from sharebus.stream_apps.gate.release import FROM_START, Output, ViewState, release

Arrival = tuple[int, int, bytes | None, bytes | None, HeaderList | None]
"""Offset, ingress time (ms), key, value, headers."""
UNREADABLE: Final[HeaderList] = [("unreadable", b"")]
"""Stands for the headers of a record whose bytes nobody can unpack."""
HARMFUL: Final[HeaderList] = [("harmful", b"")]
"""Stands for the headers of a record of which processes died."""
PLATFORM_QUARANTINE: Final = "quarantine.platform"
_NOTHING: Final[tuple[str, ...]] = ()
_CLOSED: Final = ce.TYPE_DELIVERY_CLOSED.encode()
_DELETED: Final = ce.TYPE_DELETED.encode()


class Closing(NamedTuple):
    """A delivery was closed in this partition; its receipt waits for its audit position."""

    name: DeliveryName
    offset: int
    ingress_ms: int
    declared: int
    partition_count: int
    no_change: bool
    accepted: int
    refused: int
    duplicate: int

    @property
    def counts(self) -> dict[str, int]:
        """As the audit has them; ``counted`` are the events that the provider says it sent."""
        counts = {"counted": self.declared, "accepted": self.accepted, "refused": self.refused}
        return {"partition_count": self.partition_count, **counts}

    @property
    def outcome(self) -> str:
        """``no_change``; ``complete`` when all declared events were accepted; else not."""
        if self.no_change and self.declared == self.accepted == 0:
            return "no_change"
        return "complete" if self.accepted == self.declared else "incomplete"


class Decision:
    """What one lane decided of one batch."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.lines: list[Line] = []
        self.closings: list[Closing] = []


class Lane:
    """The state of one ingress partition between two transactions."""

    def __init__(
        self,
        entry: str,
        partition: int,
        epoch: str,
        digest: AuditDigest,
        progress: dict[str, Any] | None = None,
    ) -> None:
        self.entry = entry
        self.partition = partition
        self.epoch = epoch
        self.next_offset: int = progress["next_offset"] if progress else 0
        self.recent = RecentIds()
        self.refused_recent: deque[int] = deque(progress["refused_recent"] if progress else ())
        self.deliveries = DeliveryCounts(progress["deliveries"] if progress else ())
        # Where accepted events lie, and the next one to move from there to where they go now.
        self.accepted_topic: str = progress["accepted_topic"] if progress else ""
        self.move_cursor: int | None = progress["move_cursor"] if progress else None
        self.views: dict[str, ViewState] = {}
        # Views as of the last commit; asked once, when the first plan is attached.
        self.recorded_views = {v["view"]: v for v in progress["views"]} if progress else {}
        self.recorded_version = progress["policy_version"] if progress else -1
        self._digest = digest
        self._sound_headers: EnvelopeCache = {}

    @property
    def is_moving(self) -> bool:
        """Whether events wait until what was accepted lies in another topic."""
        return self.move_cursor is not None

    def decide(self, plan: EntryPlan | None, arrivals: list[Arrival]) -> Decision:
        """Decide a batch in offset order. ``plan`` is None for a topic without a catalog entry."""
        decision = Decision()
        for arrival in arrivals:
            envelope: Envelope | None = None
            try:
                if plan is None:
                    raise Refusal(Rule.ENTRY_UNKNOWN)
                _, ingress_ms, _, value, headers = arrival
                if headers is UNREADABLE:
                    raise Refusal(Rule.RECORD_UNREADABLE)
                if headers is HARMFUL:
                    raise Refusal(Rule.RECORD_HARMFUL)
                if value is not None and len(value) > plan.entry.event_bytes_max:
                    raise Refusal(Rule.RECORD_TOO_LARGE, "value")
                tolerance_ms = plan.entry.future_tolerance_seconds * 1000
                envelope = open_envelope(
                    headers, plan.source, ingress_ms, tolerance_ms, self._sound_headers
                )
                if plan.suspended:
                    raise Refusal(Rule.ENTRY_SUSPENDED)
                if envelope.event_type == _CLOSED:
                    self._close(decision, plan, arrival, envelope)
                else:
                    self._take(decision, plan, arrival, envelope)
            except Refusal as refusal:
                self._refuse(decision, plan, arrival, envelope, refusal)
        if arrivals:
            self.next_offset = arrivals[-1][0] + 1
            oldest = self.next_offset - WINDOW_OFFSETS
            while self.refused_recent and self.refused_recent[0] < oldest:
                self.refused_recent.popleft()
        return decision

    def _take(
        self, decision: Decision, plan: EntryPlan, arrival: Arrival, envelope: Envelope
    ) -> None:
        offset, ingress_ms, raw_key, value, headers = arrival
        key = check_key(raw_key, self.partition, plan.entry.partitions)
        carried = payload_hash(key, value)
        seen = self.recent.find(envelope.event_id)
        name = envelope.delivery
        if seen is not None:
            if seen != carried:
                raise Refusal(Rule.ID_REUSED, ce.ID)
            self.deliveries.of(name).duplicate += 1
            self._line(decision, arrival, envelope, Outcome.DUPLICATE, "", "", _NOTHING, b"")
            return
        count = self.deliveries.open(name)
        payload: Payload | None = None
        flagged = ""
        if (value is None) != (envelope.event_type == _DELETED):
            raise Refusal(Rule.HEADER_CONTRADICTS, ce.TYPE)
        if value is not None:
            schema_id = schema_id_of(value, headers)
            reader = plan.readers.get(schema_id)
            if reader is None:
                known = schema_id in plan.known_schema_ids
                raise Refusal(Rule.SCHEMA_FOREIGN if known else Rule.SCHEMA_UNKNOWN, "byte 1")
            payload = read_value(value, schema_id, reader)
            if plan.entity_key(payload.row) != key:
                raise Refusal(Rule.KEY_MISMATCH)
            flagged = plan.check_content(payload.row, ingress_ms)
        elif not is_entity_key(key, len(plan.entry.key_fields)):
            raise Refusal(Rule.KEY_MISMATCH)
        outputs = decision.outputs
        outputs.append((plan.accepted_topic, key, value, self.partition, envelope.headers))
        digests = self._digest.record(key, value)
        route: tuple[str, ...] = (plan.accepted_topic,)
        for view in plan.views:
            state = self.views[view.name]
            if not state.live:
                continue
            output = release(view, state, key, payload, envelope.headers, self.partition)
            if output is not None:
                outputs.append(output)
                route += (view.topic,)
                digests += self._digest.record(output[1] or b"", output[2])
        rule = Rule.CONTENT_CHECK if flagged else ""
        self._line(decision, arrival, envelope, Outcome.ACCEPTED, rule, flagged, route, digests)
        count.accepted += 1
        self.recent.remember(envelope.event_id, carried, offset)

    def _close(
        self, decision: Decision, plan: EntryPlan, arrival: Arrival, envelope: Envelope
    ) -> None:
        offset, ingress_ms, _, value, headers = arrival
        if value is None:
            raise Refusal(Rule.HEADER_CONTRADICTS, ce.TYPE)
        schema_id = schema_id_of(value, headers)
        if schema_id != plan.closing_schema_id:
            raise Refusal(Rule.SCHEMA_FOREIGN, "byte 1")
        try:
            closing = delivery_closed().decode(value)
            is_canonical = delivery_closed().encode(schema_id, closing) == value
        except Exception as error:
            raise Refusal(Rule.VALUE_UNDECODABLE, type(error).__name__) from None
        if not is_canonical:
            raise Refusal(Rule.VALUE_NOT_CANONICAL)
        if closing["partition_count"] != plan.entry.partitions:
            raise Refusal(Rule.VALUE_OUT_OF_RANGE, "partition_count")
        name = envelope.delivery
        count = self.deliveries.of(name)
        # A closing sent again, after a lost answer, is answered again from the same counts.
        outcome = Outcome.DUPLICATE if count.closed else Outcome.CLOSED
        count.closed = True
        closed = Closing(
            name, offset, ingress_ms, closing["events_in_partition"], closing["partition_count"],
            closing["no_change"], count.accepted, count.refused, count.duplicate,
        )  # fmt: skip
        decision.closings.append(closed)
        digest = self._digest.record(arrival[2] or b"", value)
        self._line(decision, arrival, envelope, outcome, "", "", _NOTHING, digest)
        decision.lines[-1]["closing"] = closed.counts

    def _refuse(
        self,
        decision: Decision,
        plan: EntryPlan | None,
        arrival: Arrival,
        envelope: Envelope | None,
        refusal: Refusal,
    ) -> None:
        offset, _, key, value, headers = arrival
        topic = plan.quarantine_topic if plan else PLATFORM_QUARANTINE
        out_key, out_value, out_headers = quarantine_record(
            refusal, self.entry, (self.partition, offset), key, value, headers
        )
        decision.outputs.append((topic, out_key, out_value, 0, out_headers))
        digest = self._digest.record(key or b"", value)
        rule, place = refusal.rule, refusal.place
        self._line(decision, arrival, envelope, Outcome.REFUSED, rule, place, (topic,), digest)
        if envelope is not None:
            self.deliveries.of(envelope.delivery).refused += 1
        self.refused_recent.append(offset)

    def _line(
        self,
        decision: Decision,
        arrival: Arrival,
        envelope: Envelope | None,
        outcome: Outcome,
        rule: str,
        place: str,
        route: tuple[str, ...],
        digests: bytes,
    ) -> None:
        key = arrival[2]
        decision.lines.append(
            {
                "offset": arrival[0],
                "ingress_ms": arrival[1],
                "event": self._digest.event(envelope.event_id) if envelope else b"",
                "entity": self._digest.entity(key) if key else b"",
                "delivery": envelope.delivery if envelope else None,
                "outcome": outcome,
                "rule": rule,
                "place": place,
                "route": route,
                "digests": digests,
            }
        )

    def progress(self, policy_version: int) -> dict[str, Any]:
        """What this lane's transaction writes to ``facts.progress``."""
        return {
            "entry": self.entry,
            "partition": self.partition,
            "epoch": self.epoch,
            "next_offset": self.next_offset,
            "policy_version": policy_version,
            "refused_recent": list(self.refused_recent),
            "deliveries": self.deliveries.records(),
            "accepted_topic": self.accepted_topic,
            "move_cursor": self.move_cursor,
            "views": [
                {
                    "view": name,
                    "live": state.live,
                    "accepted_cursor": FROM_START if state.is_refill else state.cursor,
                }
                for name, state in self.views.items()
            ],
        }
