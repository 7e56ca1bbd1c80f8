"""How an entry's obligations stand: what its book comes to, told once each time it changes. Pure.

:func:`judge` says until when everything is known; what the gate or the watcher has not passed yet
is judged by nobody, so no verdict is taken back because something was slow. The book then holds
what is scheduled, open or owed, and the last few that were late; the rest is settled and stays as
it was told. With another calendar or schedule a due instant moves as long as it lies ahead, and
never into the past.
"""

from typing import Final, NamedTuple

from sharebus.governance.data_period import parse_period
from sharebus.governance.obligation import (
    GOOD,
    Delivery,
    Fulfilment,
    Obligation,
    Standing,
    Terms,
    excused_until_ms,
    standing_of,
)
from sharebus.governance.obligation_book import Book, in_order, is_ahead
from sharebus.governance.obligation_due import counted_anew, of_once, of_period, of_quiet
from sharebus.governance.silence import HOUR_MS, take_quiet
from sharebus.governance.update_schedule import (
    AfterEvent,
    OnceBy,
    OnChange,
    Periodic,
    Silence,
    next_owed,
)
from sharebus.governance.working_days import WorkingDays

LATE_MAX: Final = 4
"""Late ones that stay, since a waiver or an outage that is told of later still changes them."""


class Verdict(NamedTuple):
    """How an obligation stands from now on. ``alert_ms`` is when its grace is over."""

    obligation: Obligation
    standing: Standing
    evidence: Fulfilment | None
    alert_ms: int
    known_ms: int


def open_book(terms: Terms, at_ms: int, calendar: WorkingDays) -> Book:
    """The book of an entry whose duty begins at an instant, as it is published."""
    book = Book(at_ms, at_ms)
    match terms.schedule:
        case Periodic() as schedule:
            return book._replace(next_period=str(next_owed(schedule, at_ms, calendar).period))
        case OnceBy() as schedule:
            once = of_once(schedule, at_ms, calendar)
            return book._replace(obligations=(once,)) if once.due_ms > at_ms else book
        case Silence():
            return book._replace(signs=((at_ms, at_ms),))
        case _:
            return book


def with_terms(
    book: Book, before: tuple[Terms, WorkingDays], after: tuple[Terms | None, WorkingDays],
    at_ms: int,
) -> Book:  # fmt: skip
    """The book under the terms and the calendar that hold from an instant on.

    Without terms, as of an entry that is retired, what is not due by then is not owed any more.
    """
    book = _laid(book, *before, at_ms)
    terms, calendar = after
    if terms is None:
        due = tuple(each for each in book.obligations if each.due_ms <= at_ms)
        return book._replace(obligations=due, next_period="", signs=())
    moved = [counted_anew(each, terms.schedule, calendar, at_ms) for each in book.obligations]
    obligations = {each.id: each for each in moved if each is not None}
    if _kind(terms) == _kind(before[0]):
        following = book.next_period
        if isinstance(terms.schedule, Periodic):  # of one kind, texts sort as their periods do
            following = max(following, terms.schedule.first_period)
        return book._replace(obligations=in_order(obligations.values()), next_period=following)
    fresh = open_book(terms, at_ms, calendar)
    for each in fresh.obligations:
        obligations.setdefault(each.id, each)
    return book._replace(
        obligations=in_order(obligations.values()), next_period=fresh.next_period,
        lays_ms=fresh.lays_ms, signs=fresh.signs,
    )  # fmt: skip


def judge(
    book: Book, terms: Terms, calendar: WorkingDays, known_ms: int
) -> tuple[Book, tuple[Verdict, ...]]:
    """What stands otherwise than was told, when all that happened before ``known_ms`` is known."""
    known_ms = max(known_ms, book.known_ms)
    book = _laid(book, terms, calendar, known_ms)
    waivers = dict(book.waivers)
    kept, late, verdicts = [], [], []
    for obligation in book.obligations:
        standing, made = standing_of(
            obligation, book.deliveries_of(obligation.period), terms, known_ms,
            waiver=waivers.get(obligation.id), outages=book.outages,
        )  # fmt: skip
        if standing != obligation.told:
            obligation = obligation._replace(told=standing)
            alert_ms = obligation.due_ms + terms.grace_ms
            verdicts.append(Verdict(obligation, standing, made, alert_ms, known_ms))
        is_over = known_ms > obligation.due_ms
        if standing is Standing.LATE:
            late.append(obligation)
        elif standing not in GOOD and not (
            is_over
            and (standing is Standing.WAIVED or (standing is Standing.PLATFORM_FAULT and made))
        ):
            kept.append(obligation)
    late = sorted(late, key=lambda each: each.due_ms)[-LATE_MAX:]
    book = book._replace(known_ms=known_ms, obligations=in_order([*kept, *late]))
    return _pruned(book, terms), tuple(verdicts)


def wakes_ms(book: Book, terms: Terms) -> int | None:
    """Until when all must be known for :func:`judge` to find anything new, if nothing more comes
    than is in the book; None: never."""
    instants = [each.last_ms + 1 for _, _, each in book.deliveries if each.is_whole]
    instants += [each.first_ms + 1 for _, _, each in book.deliveries]
    if book.next_period:
        instants.append(book.lays_ms)
    for each in book.obligations:
        until_ms = excused_until_ms(each, book.outages)
        instants += [each.opens_ms, each.due_ms + 1, (until_ms or each.due_ms) + 1]
    if isinstance(terms.schedule, Silence):
        silent_ms = terms.schedule.hours * HOUR_MS
        instants += [last_ms + silent_ms + 1 for _, last_ms in book.signs[:1]]
        instants += [first_ms + 1 for first_ms, _ in book.signs[1:]]
    return min((each for each in instants if each > book.known_ms), default=None)


def _kind(terms: Terms) -> tuple[str, str]:
    schedule = terms.schedule
    return schedule.kind, schedule.period_kind if isinstance(schedule, Periodic) else ""


def _laid(book: Book, terms: Terms, calendar: WorkingDays, known_ms: int) -> Book:
    """The book with every obligation that has begun by an instant, and the one behind."""
    if isinstance(terms.schedule, Silence):
        return _quiet(book, terms.schedule, calendar, known_ms)
    if not isinstance(terms.schedule, Periodic) or not book.next_period:
        return book
    laid, lays_ms, following = [], book.lays_ms, parse_period(book.next_period)
    while lays_ms <= known_ms:
        newest = of_period(terms.schedule, following, calendar)
        laid.append(newest)
        lays_ms, following = min(newest.opens_ms, newest.due_ms), following.next_period()
    obligations = in_order((*book.obligations, *laid)) if laid else book.obligations
    return book._replace(obligations=obligations, next_period=str(following), lays_ms=lays_ms)


def _quiet(book: Book, schedule: Silence, calendar: WorkingDays, known_ms: int) -> Book:
    signs, found = take_quiet(book.signs, schedule.hours, known_ms)
    obligations = {each.id: each for each in book.obligations}
    deliveries = list(book.deliveries)
    for quiet in found:
        laid = of_quiet(quiet, calendar)
        obligations.setdefault(laid.id, laid)
        if quiet.ended_ms is not None:
            deliveries.append((laid.period, "", _sign(quiet.ended_ms)))
    return book._replace(
        signs=signs, obligations=in_order(obligations.values()), deliveries=tuple(deliveries)
    )


def _sign(at_ms: int) -> Delivery:
    """A sign of life is as good as a delivery."""
    return Delivery(at_ms, at_ms, partition_count=1, closed=1, counted=1, accepted=1)


def _pruned(book: Book, terms: Terms) -> Book:
    """The book without what nothing in it can need any more."""
    ids = {each.id for each in book.obligations}
    periods = {each.period for each in book.obligations}
    is_callable = isinstance(terms.schedule, AfterEvent | OnChange)
    oldest_ms = min((book.known_ms, *(each.due_ms for each in book.obligations)))
    deliveries = tuple(
        each
        for each in book.deliveries
        if is_callable or each[0] in periods or is_ahead(book, each[0])
    )
    waivers = tuple(each for each in book.waivers if each[0] in ids or is_ahead(book, each[0]))
    outages = tuple(
        each
        for each in book.outages
        if each.ends_ms is None or 2 * each.ends_ms - each.begins_ms >= oldest_ms
    )
    return book._replace(deliveries=deliveries, waivers=waivers, outages=outages)
