"""A year of one entry by a virtual clock: a provider with faults, a bus with outages, a watcher
that is slow, hears things twice and is killed. Each time it must say what the model says."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

from sharebus.governance.data_period import parse_period
from sharebus.governance.obligation import Outage, Terms, Waiver
from sharebus.governance.obligation_book import (
    Arrival,
    Book,
    Closing,
    book_from_json,
    book_to_json,
    with_evidence,
    with_outage,
    with_waiver,
)
from sharebus.governance.obligation_verdict import judge, open_book, wakes_ms, with_terms
from sharebus.governance.update_schedule import Periodic
from sharebus.governance.working_days import CalendarCorrection, WorkingDays
from sharebus.infra.clock_tables import load_working_days

from . import obligation_model as model
from .obligation_model import Corrected, Record

TABLE = load_working_days()
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
DAY = timedelta(days=1)
MONTHLY: list[dict[str, Any]] = [
    {"working_day": 5, "at": "17:00"}, {"working_day": 3, "within": "same"},
    {"last_working_day": True}, {"last_working_day": True, "within": "same", "at": "12:00"},
    {"day": 10, "roll": "following"}, {"day": 12, "roll": "preceding", "at": "09:00"},
    {"day": 31}, {"hours": 30},
]  # fmt: skip
DAILY: list[dict[str, Any]] = [
    {"working_day": 1, "at": "17:00"}, {"working_day": 3}, {"day": 1, "at": "08:00"},
    {"day": 1, "roll": "following"}, {"last_working_day": True, "within": "same"}, {"hours": 2},
]  # fmt: skip
FINAL = {*model.GOOD, "late"}
"""Verdicts that nothing takes back which is known by then."""


class Year:
    """What happens to one entry. The same number gives the same year."""

    def __init__(self, number: int, days: int = 90) -> None:
        rng = self.rng = Random(number)
        is_monthly = rng.random() < 0.5
        due = rng.choice(MONTHLY if is_monthly else DAILY)
        self.rules = model.Rules(due, rng.choice([0, 0, 2]), rng.random() < 0.5)
        first = date(2026, 1, 1) if is_monthly else date(2026, 1, 1) + rng.randrange(330) * DAY
        last = date(2027, 1, 31) if is_monthly else min(first + days * DAY, date(2027, 1, 31))
        self.begins_ms = model.at(first, "00:00") + rng.randrange(20) * DAY_MS
        self.ends_ms = model.at(last, None)
        name = str(first)[: 7 if is_monthly else 10]
        self.schedule = Periodic.model_validate({"due": due, "first_period": name})
        grace_ms = rng.randrange(3) * HOUR_MS
        self.terms = Terms(self.schedule, grace_ms, self.rules.refused_max, self.rules.no_change)
        self.corrections = sorted(
            (self._correction() for _ in range(rng.randrange(3))), key=lambda each: each.at_ms
        )
        if rng.random() < 0.5:  # the notice for the next year comes, in time or too late
            at_ms = model.at(date(2026, 12, rng.randrange(10, 31)), "10:00")
            self.corrections = [each for each in self.corrections if each.at_ms < at_ms]
            days_off = {date(2027, 1, day): False for day in (1, 4, 5)}
            self.corrections.append(Corrected(at_ms, days_off, date(2027, 12, 28)))
        self.periods = list(self._periods(name))
        self.outages = sorted(self._outage() for _ in range(rng.randrange(8)))
        self.log: list[Record] = []
        for period in self.periods:
            self._deliver(period)
        self.log = self._numbered(self.log)
        self.by_period = {
            period: [each for each in self.log if each.period == period] for period in self.periods
        }

    def calendar(self, heard: int) -> WorkingDays:
        """The calendar after so many corrections."""
        laid = [
            CalendarCorrection.model_validate({
                "version": f"c{number}", "basis": "notice", "horizon": each.horizon,
                "days": [{"day": day, "working": works, "name": "x"}
                         for day, works in sorted(each.days.items())],
            })
            for number, each in enumerate(self.corrections[:heard])
        ]  # fmt: skip
        return WorkingDays(TABLE, laid)

    def _outage(self) -> tuple[int, int]:
        """The bus is down, most likely when something is due."""
        period = self.rng.choice(self.periods)
        due_ms, _ = model.due_under(self.rules.due, period, model.Calendar())
        begins_ms = due_ms - self.rng.choice([-5, 0, 20, 200, 1_000, 9_000]) * MINUTE_MS
        return begins_ms, begins_ms + self.rng.choice([30, 300, 3_000]) * MINUTE_MS

    def _correction(self) -> Corrected:
        span_ms = self.ends_ms - self.begins_ms
        at_ms = self.begins_ms + self.rng.randrange(span_ms // HOUR_MS) * HOUR_MS + 7
        day = date(2026, 1, 1) + (at_ms - model.at(date(2025, 12, 31), None)) // DAY_MS * DAY
        days = {day + self.rng.randrange(-3, 15) * DAY: self.rng.random() < 0.3 for _ in range(3)}
        kept = {each: works for each, works in days.items() if each <= model.HORIZON}
        return Corrected(at_ms, kept or {model.HORIZON: True}, model.HORIZON)

    def _periods(self, name: str) -> Iterator[str]:
        """The periods that are owed and whose time begins within the year."""
        period = parse_period(name)
        while model.opening(self.rules.due, str(period)) < self.ends_ms:
            due_ms, _ = model.due_under(self.rules.due, str(period), model.Calendar())
            if due_ms > self.begins_ms:
                yield str(period)
            period = period.next_period()

    def _deliver(self, period: str) -> None:
        """What the provider does for a period: as it should, or one of many other things."""
        rng = self.rng
        opens_ms = model.opening(self.rules.due, period)
        due_ms, _ = model.due_under(self.rules.due, period, model.Calendar())
        span_ms = max(due_ms - opens_ms, MINUTE_MS)
        until_ms = model.excused_until(opens_ms, due_ms, self.outages, 10**15)
        begins_ms = opens_ms + rng.randrange(span_ms)
        for number in range(rng.choice([0, 1, 1, 1, 1, 2, 3])):
            begins_ms += rng.choice([
                0, 0, 0, span_ms, due_ms - begins_ms, due_ms - begins_ms + 1, 3 * DAY_MS,
                until_ms - begins_ms, until_ms - begins_ms + 1,
                20 * DAY_MS, -span_ms - 2 * DAY_MS,
            ])  # fmt: skip
            self._send(period, f"d{number}", begins_ms)

    def _send(self, period: str, delivery: str, ends_ms: int) -> None:
        rng = self.rng
        is_empty = rng.random() < 0.15
        sent = []
        for partition in range(model.PARTITIONS):
            events = 0 if is_empty else rng.randrange(4)
            for _ in range(events):
                what = "refused" if rng.random() < 0.2 else "accepted"
                sent.append(Record(ends_ms, partition, 0, period, delivery, what))
            if rng.random() < 0.9:
                lost = rng.random() < 0.05  # more were counted than ever came
                closing = Record(ends_ms, partition, 0, period, delivery, "closing", events + lost)
                sent += [closing] * rng.choice([1, 1, 1, 2])
        # All but the last of them came somewhat earlier.
        slow_ms = sorted(rng.randrange(-HOUR_MS, 0) for _ in sent)
        for record, before_ms in zip(sent, [*slow_ms[1:], 0], strict=False):
            self.log.append(record._replace(at_ms=ends_ms + before_ms))

    def _numbered(self, log: list[Record]) -> list[Record]:
        """The records with their offsets, in the order in which they came to each partition; now
        and then the broker's clock steps back."""
        numbered = []
        for partition in range(model.PARTITIONS):
            mine = [each for each in log if each.partition == partition]
            mine.sort(key=lambda each: each.at_ms)
            for offset, record in enumerate(mine):
                step_ms = 2_000 if self.rng.random() < 0.02 else 0
                numbered.append(record._replace(offset=offset, at_ms=record.at_ms - step_ms))
        return numbered

    def evidence(self, record: Record) -> Arrival | Closing:
        """What the watcher reads of a record in the audit."""
        place = (record.period, record.delivery, record.partition, record.offset, record.at_ms)
        if record.what != "closing":
            return Arrival(*place, record.what == "accepted")
        before = [
            each for each in self.by_period[record.period]
            if (each.partition, each.delivery) == (record.partition, record.delivery)
            and each.offset < record.offset
        ]  # fmt: skip
        counts = [sum(each.what == what for each in before) for what in ("accepted", "refused")]
        return Closing(*place, model.PARTITIONS, record.counted, *counts)


def live_through(year: Year, judgings: int = 40) -> dict[str, list[str]]:
    """Live through a year and compare with the model at every judging; what was told, by period."""
    rng, terms = year.rng, year.terms
    book = open_book(terms, year.begins_ms, year.calendar(0))
    told: dict[str, list[str]] = {}
    read = [0] * model.PARTITIONS
    heard = 0
    waived: set[str] = set()
    logs = [[each for each in year.log if each.partition == p] for p in range(model.PARTITIONS)]
    instants = sorted(rng.randrange(year.begins_ms, year.ends_ms) for _ in range(judgings))
    for known_ms in [*instants, year.ends_ms]:
        book = _read_on(year, book, logs, read, known_ms)
        for begins_ms, ends_ms in year.outages:
            if begins_ms < known_ms:
                told_end = ends_ms if ends_ms <= known_ms else None
                book = with_outage(book, Outage(begins_ms, told_end, "bus down"))
        while heard < len(year.corrections) and year.corrections[heard].at_ms <= known_ms:
            before, after = year.calendar(heard), year.calendar(heard + 1)
            at_ms = year.corrections[heard].at_ms
            book = with_terms(book, (terms, before), (terms, after), at_ms)
            heard += 1
        if rng.random() < 0.1 and (period := rng.choice(year.periods)) not in waived:
            stands = _standing(year, period, known_ms, waived)
            if stands not in (*FINAL, "waived", "platform_fault"):
                book = with_waiver(book, period, Waiver("supervisor", "台风"))
                waived.add(period)
        if rng.random() < 0.2:
            book = book_from_json(book_to_json(book))
        book, verdicts = judge(book, terms, year.calendar(heard), known_ms)
        for verdict in verdicts:
            due = model.due_of(year.rules.due, verdict.obligation.period, year.corrections,
                               known_ms)  # fmt: skip
            assert (verdict.obligation.due_ms, verdict.obligation.provisional) == due, verdict
            told.setdefault(verdict.obligation.period, []).append(str(verdict.standing))
        _compare(year, told, known_ms, waived)
        wakes = wakes_ms(book, terms) or year.ends_ms
        asleep_ms = rng.randrange(known_ms, max(wakes, known_ms + 1))
        assert judge(book, terms, year.calendar(heard), asleep_ms)[1] == ()
    return told


def _read_on(
    year: Year, book: Book, logs: list[list[Record]], read: list[int], known_ms: int
) -> Book:
    """Read each partition to the instant and somewhat beyond, some of it twice, in any order."""
    rng = year.rng
    waiting: list[list[Record]] = []
    for partition, log in enumerate(logs):
        end = max((n + 1 for n, each in enumerate(log) if each.at_ms < known_ms), default=0)
        end = max(end, min(read[partition] + rng.randrange(5), len(log)))
        begin = max(read[partition] - rng.choice([0, 0, 10]), 0)
        waiting.append(log[begin:end])
        read[partition] = max(read[partition], end)
    while any(waiting):
        record = rng.choice([each for each in waiting if each]).pop(0)
        book = with_evidence(book, year.terms, year.evidence(record))
    return book


def _standing(year: Year, period: str, known_ms: int, waived: set[str]) -> str:
    return model.standing(
        year.rules, period, year.by_period[period], known_ms, corrections=year.corrections,
        outages=year.outages, waived=period in waived,
    )  # fmt: skip


def _compare(year: Year, told: dict[str, list[str]], known_ms: int, waived: set[str]) -> None:
    for period in year.periods:
        expected = _standing(year, period, known_ms, waived)
        if period in told:
            assert told[period][-1] == expected, (period, told[period], expected)
        else:
            assert known_ms < model.opening(year.rules.due, period), (period, expected)
