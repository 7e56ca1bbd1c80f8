"""The book of an entry's obligations: what is known of what happened. Pure.

What is put in only adds to what is known: the same again adds nothing, and evidence of different
partitions may come in any order. Nothing is judged here (``governance.obligation_verdict``).
"""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from sharebus.governance.data_period import is_valid_period, parse_period
from sharebus.governance.obligation import Delivery, Obligation, Outage, Terms, Waiver
from sharebus.governance.obligation_due import is_near, of_call
from sharebus.governance.silence import Signs, heard
from sharebus.governance.update_schedule import AfterEvent, OnceBy, OnChange, Periodic, Silence
from sharebus.governance.working_days import WorkingDays

DELIVERIES_MAX: Final = 64
"""Deliveries of one period that are remembered, as many as the gate counts in one partition."""
CALLABLE_MAX: Final = 32
"""Deliveries that are remembered for the sake of an event that is told of after them."""


class Arrival(NamedTuple):
    """An event of a delivery was decided; of a refused one only that it came counts."""

    period: str
    delivery: str
    partition: int
    offset: int
    at_ms: int
    accepted: bool


class Closing(NamedTuple):
    """A partition of a delivery was closed; ``counted`` are the events that its provider sent."""

    period: str
    delivery: str
    partition: int
    offset: int
    at_ms: int
    partition_count: int
    counted: int
    accepted: int
    refused: int


class Book(NamedTuple):
    """What is known of an entry: all that happened before ``known_ms``, and some of the rest."""

    begins_ms: int
    """What was due by then is not owed: nobody could deliver it here."""
    known_ms: int
    next_period: str = ""
    """Of a periodic schedule, the first data period without an obligation so far."""
    lays_ms: int = -1
    """When that one gets its obligation."""
    obligations: tuple[Obligation, ...] = ()
    deliveries: tuple[tuple[str, str, Delivery], ...] = ()
    """With their data periods and ids."""
    signs: Signs = ()
    waivers: tuple[tuple[str, Waiver], ...] = ()
    """By the id of the obligation."""
    outages: tuple[Outage, ...] = ()
    called: int = -1
    """Position of the last event that called for a delivery."""

    def deliveries_of(self, period: str) -> list[tuple[str, Delivery]]:
        """The deliveries that declare a period, by id."""
        return [(name, each) for declared, name, each in self.deliveries if declared == period]


def with_evidence(book: Book, terms: Terms, evidence: Arrival | Closing) -> Book:
    """The book with one more thing known. That of one partition comes in the log's order."""
    if isinstance(terms.schedule, Silence):
        is_sign = evidence.accepted or (terms.takes_no_change and isinstance(evidence, Closing))
        signs = heard(book.signs, evidence.at_ms, terms.schedule.hours) if is_sign else book.signs
        return book._replace(signs=signs)
    if not _counts(book, terms, evidence):
        return book
    key = (evidence.period, evidence.delivery)
    known = {(period, name): each for period, name, each in book.deliveries}
    known[key] = _with(known.get(key, Delivery(evidence.at_ms)), evidence)
    if isinstance(terms.schedule, Periodic | OnceBy):
        _forget(known, [each for each in known if each[0] == key[0]], DELIVERIES_MAX)
    else:
        needed = {obligation.period for obligation in book.obligations}
        _forget(known, [each for each in known if each[0] not in needed], CALLABLE_MAX)
    return book._replace(deliveries=tuple((*each, known[each]) for each in sorted(known)))


def with_call(
    book: Book, terms: Terms, period: str, at_ms: int, position: int, calendar: WorkingDays
) -> Book:
    """The book after an event that calls for a delivery of a data period; ``position`` is where
    its log tells of it, by which it is counted once."""
    schedule = terms.schedule
    is_new = position > book.called and at_ms >= book.begins_ms
    if not isinstance(schedule, AfterEvent | OnChange) or not is_new:
        return book
    laid = of_call(schedule, period, at_ms, calendar)
    obligations = [each for each in book.obligations if each.id != laid.id]
    return book._replace(called=position, obligations=in_order((*obligations, laid)))


def with_waiver(book: Book, obligation_id: str, waiver: Waiver) -> Book:
    """The book after a waiver; the same one if it holds no such obligation, nor will it."""
    is_held = any(each.id == obligation_id for each in book.obligations)
    if not is_held and not is_ahead(book, obligation_id):
        return book
    waivers = {**dict(book.waivers), obligation_id: waiver}
    return book._replace(waivers=tuple(sorted(waivers.items())))


def with_outage(book: Book, outage: Outage) -> Book:
    """The book after an outage has begun, or has ended: then told again with its end."""
    others = [each for each in book.outages if each.begins_ms != outage.begins_ms]
    return book._replace(outages=tuple(sorted((*others, outage))))


def book_to_json(book: Book) -> str:
    """The book as a table keeps it: lists without names."""
    return json.dumps(book, separators=(",", ":"), ensure_ascii=False)


def book_from_json(text: str) -> Book:
    """The book that :func:`book_to_json` has written."""
    book = Book(*json.loads(text))
    return book._replace(
        obligations=tuple(Obligation(*each) for each in book.obligations),
        deliveries=tuple((period, name, Delivery(*each)) for period, name, each in book.deliveries),
        signs=tuple((first_ms, last_ms) for first_ms, last_ms in book.signs),
        waivers=tuple((name, Waiver(*each)) for name, each in book.waivers),
        outages=tuple(Outage(*each) for each in book.outages),
    )


def in_order(obligations: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Obligations in the order in which they open."""
    return tuple(sorted(obligations, key=lambda each: (each.opens_ms, each.id)))


def is_ahead(book: Book, period: str) -> bool:
    """Whether a text names a data period that has yet to be laid."""
    if not book.next_period or not is_valid_period(period):
        return False
    following = parse_period(book.next_period)
    return parse_period(period).kind == following.kind and period >= following.text


def _counts(book: Book, terms: Terms, evidence: Arrival | Closing) -> bool:
    """Whether evidence is of a period that is not settled, and not of the far future."""
    if not is_valid_period(evidence.period):
        return False
    if isinstance(terms.schedule, AfterEvent | OnChange):
        return True
    if any(each.period == evidence.period for each in book.obligations):
        return True
    is_due_later = is_ahead(book, evidence.period)
    return is_due_later and is_near(parse_period(evidence.period), evidence.at_ms)


def _with(delivery: Delivery, evidence: Arrival | Closing) -> Delivery:
    delivery = delivery._replace(first_ms=min(delivery.first_ms, evidence.at_ms))
    bit = 1 << evidence.partition
    if delivery.closed & bit:
        return delivery  # told again, or refused since it is closed
    if isinstance(evidence, Closing):
        delivery = delivery._replace(
            partition_count=evidence.partition_count, closed=delivery.closed | bit,
            counted=delivery.counted + evidence.counted,
            accepted=delivery.accepted + evidence.accepted,
            refused=delivery.refused + evidence.refused,
        )  # fmt: skip
    elif not evidence.accepted:
        return delivery
    place = (evidence.at_ms, evidence.partition, evidence.offset)
    last_ms, partition, offset = max(place, delivery[1:4])
    return delivery._replace(last_ms=last_ms, partition=partition, offset=offset)


def _forget(
    known: dict[tuple[str, str], Delivery], candidates: list[tuple[str, str]], kept: int
) -> None:
    """Forget those that began first, those that are not whole before others."""
    surplus = len(candidates) - kept
    if surplus > 0:
        candidates.sort(key=lambda each: (known[each].is_whole, known[each].first_ms))
        for each in candidates[:surplus]:
            del known[each]
