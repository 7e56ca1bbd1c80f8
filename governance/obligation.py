"""An obligation: what one data period of an entry owes, until when, and how that stands.

An entry has one for each data period of its schedule, for each event that calls for a delivery, and
for each silence that lasted too long. How it stands at an instant follows from what is known up to
that instant and from nothing else, so it is the same in whatever order that became known.

- A delivery is **whole** once every partition is closed; its instant is the broker's LogAppendTime
  of the last of its closings and accepted events. It fulfils its period when as many events were
  accepted as it counts; as many refused ones as the entry tolerates may lack. What one delivery
  lacks is made good by as many events accepted in later deliveries of the same period.
- In time is what is whole at the due instant or before. **Grace delays alerts, never the verdict.**
- An outage is not counted against the provider: what it took of the time before the due instant is
  given back when it is over, and what is whole within that is a fault of the platform.
- Where no published notice settles the days, the due instant is provisional and nothing is judged.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sharebus.governance.entry import UpdateDuty
from sharebus.governance.update_schedule import UpdateSchedule

_HOUR_MS: Final = 3_600_000


class Standing(StrEnum):
    """How an obligation stands."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    MET = "met"
    MET_EARLY = "met_early"
    """Fulfilled before the days began to be counted."""
    NO_CHANGE = "no_change"
    LATE = "late"
    MISSING = "missing"
    NOT_CLOSED = "arrived_not_closed"
    """Something arrived, but a partition is not closed, or fewer events came than were counted."""
    REFUSED = "refused_still_owed"
    WAIVED = "waived"
    PLATFORM_FAULT = "platform_fault"
    PROVISIONAL = "provisional"


OWED: Final = frozenset({Standing.MISSING, Standing.NOT_CLOSED, Standing.REFUSED})
"""Past the due instant and still to be delivered."""
GOOD: Final = frozenset({Standing.MET, Standing.MET_EARLY, Standing.NO_CHANGE})


class Terms(NamedTuple):
    """What an entry's update duty says, in the units in which it is judged."""

    schedule: UpdateSchedule
    grace_ms: int = 0
    refused_max: int = 0
    takes_no_change: bool = False


def terms_of(duty: UpdateDuty) -> Terms | None:
    """The terms of an update duty; None of one without a schedule, which nobody can count."""
    if duty.schedule is None:
        return None
    takes_no_change = duty.no_change
    if takes_no_change is None:
        takes_no_change = duty.schedule.kind == "silence"
    grace_ms = (duty.grace_hours or 0) * _HOUR_MS
    return Terms(duty.schedule, grace_ms, duty.refused_max or 0, takes_no_change)


class Delivery(NamedTuple):
    """What is known of a delivery. Instants are the broker's LogAppendTime, in milliseconds.

    ``closed`` has a bit for each closed partition; the counts are those of the closed ones.
    """

    first_ms: int
    last_ms: int = 0
    partition: int = -1
    """With ``offset``: the record of ``last_ms``, in the entry's ingress topic."""
    offset: int = -1
    partition_count: int = 0
    closed: int = 0
    counted: int = 0
    accepted: int = 0
    refused: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every partition is closed."""
        return self.partition_count > 0 and self.closed == (1 << self.partition_count) - 1

    @property
    def is_empty(self) -> bool:
        """Whether it says that nothing changed: no event was counted."""
        return self.counted == 0


class Fulfilment(NamedTuple):
    """The delivery that made a period whole, and when; the record is the evidence."""

    at_ms: int
    delivery: str
    partition: int
    offset: int
    is_no_change: bool = False


class Outage(NamedTuple):
    """A stretch in which the entry could not be written; without an end, until further notice."""

    begins_ms: int
    ends_ms: int | None
    why: str


class Waiver(NamedTuple):
    """A supervisor's decision that a delivery is not owed: by whom, and why."""

    by: str
    why: str


class Obligation(NamedTuple):
    """What is owed. ``called_ms`` is the event, or the last sign of life, that it is counted from;
    0 where the data period alone says when it is due."""

    period: str
    called_ms: int
    opens_ms: int
    due_ms: int
    provisional: bool
    because: str
    calendar: str
    told: str = ""
    """The standing that was told last."""

    @property
    def id(self) -> str:
        """Its name within the entry: the data period, with the instant where one called for it."""
        return f"{self.period}@{self.called_ms}" if self.called_ms else self.period


def fulfilment(
    deliveries: Iterable[tuple[str, Delivery]], terms: Terms, since_ms: int, known_ms: int
) -> Fulfilment | None:
    """What made a period whole, from ``since_ms`` on and known at ``known_ms``; the first of it."""
    whole = sorted(
        (delivery.last_ms, name, delivery)
        for name, delivery in deliveries
        if delivery.is_whole and since_ms <= delivery.last_ms < known_ms
    )
    lacking = refused = 0
    for at_ms, name, delivery in whole:
        if delivery.is_empty:
            if terms.takes_no_change and not lacking:
                return Fulfilment(at_ms, name, delivery.partition, delivery.offset, True)
            continue
        refused += delivery.refused
        lacking = max(lacking - delivery.accepted, 0)
        lacking += max(delivery.counted - delivery.accepted, 0)
        if delivery.accepted and lacking <= min(terms.refused_max, refused):
            return Fulfilment(at_ms, name, delivery.partition, delivery.offset)
    return None


def excused_until_ms(obligation: Obligation, outages: Sequence[Outage]) -> int | None:
    """Until when a delivery is not late by the platform's fault, at least the due instant; None
    while an outage lasts. ``outages`` are in order."""
    until_ms = obligation.due_ms
    counted_ms = obligation.opens_ms  # of outages that overlap, time is taken once
    for begins_ms, ends_ms, _ in outages:
        if begins_ms >= until_ms:
            break
        if ends_ms is None:
            return None
        taken_ms = min(ends_ms, until_ms) - max(begins_ms, counted_ms)
        if taken_ms > 0:
            counted_ms = min(ends_ms, until_ms)
            until_ms = max(until_ms, ends_ms + taken_ms)
    return until_ms


def standing_of(
    obligation: Obligation, deliveries: Sequence[tuple[str, Delivery]], terms: Terms,
    known_ms: int, *, waiver: Waiver | None = None, outages: Sequence[Outage] = (),
) -> tuple[Standing, Fulfilment | None]:  # fmt: skip
    """How an obligation stands when all that happened before ``known_ms`` is known.

    ``deliveries`` are those that declare its period.
    """
    made = fulfilment(deliveries, terms, obligation.called_ms, known_ms)
    if obligation.provisional:
        return (Standing.WAIVED if waiver else Standing.PROVISIONAL), made
    if made and made.at_ms <= obligation.due_ms:
        if made.is_no_change:
            return Standing.NO_CHANGE, made
        is_early = made.at_ms < obligation.opens_ms
        return (Standing.MET_EARLY if is_early else Standing.MET), made
    if waiver:
        return Standing.WAIVED, made
    if known_ms <= obligation.due_ms:
        is_open = known_ms >= obligation.opens_ms
        return (Standing.OPEN if is_open else Standing.SCHEDULED), None
    until_ms = excused_until_ms(obligation, outages)
    settled_ms = made.at_ms if made else known_ms
    if until_ms is None or settled_ms <= until_ms:
        return Standing.PLATFORM_FAULT, made
    if made:
        return Standing.LATE, made
    return _still_owed(deliveries, terms, obligation.called_ms, known_ms), None


def _still_owed(
    deliveries: Sequence[tuple[str, Delivery]], terms: Terms, since_ms: int, known_ms: int
) -> Standing:
    found = Standing.MISSING
    for _, delivery in deliveries:
        is_whole = delivery.is_whole and since_ms <= delivery.last_ms < known_ms
        if is_whole and delivery.is_empty:
            continue  # that nothing changed is no answer here
        if is_whole and delivery.refused:
            return Standing.REFUSED
        if since_ms <= delivery.first_ms < known_ms:
            found = Standing.NOT_CLOSED
    return found
