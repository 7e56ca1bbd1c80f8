"""Clocks: the due instant of a timed step, and why it is that one.

A clock is a frozen value: the competing rows of the rule table, the instant of the starting event,
and what has happened to it since. Its deadline is computed from that and a calendar whenever it is
asked for, so that a corrected calendar moves the deadlines of open steps and no others.

Periods are counted by ``governance.period``; a row's pauses are those it names; of several rows the
earlier due instant wins.
"""

from pydantic import Field, model_validator

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import Strict, Text
from sharebus.governance.clock_rule import Amount, CaseEvent, ClockRule, PauseRule, citation
from sharebus.governance.local_time import local_text, utc_text
from sharebus.governance.period import Ending, Pause, Unit, end_of_period, quantity
from sharebus.governance.role import Role
from sharebus.governance.working_days import WorkingDays


class Extension(Strict):
    """An extension as granted: how much, who consented, when."""

    amount: Amount
    unit: Unit
    consents: tuple[Role, ...]
    at_ms: int


class RecordedEvent(Strict):
    """An event of the case that begins or ends a pause."""

    event: CaseEvent
    at_ms: int


class Clock(Strict):
    """A timed step that was started. All its rows are of one procedure, step, actor and event."""

    rules: tuple[ClockRule, ...] = Field(min_length=1)
    started_ms: int
    set_due_ms: int | None = None
    """The due instant that the authority set, for rows with ``set_by``; None until it has."""
    extension: Extension | None = None
    events: tuple[RecordedEvent, ...] = ()

    @model_validator(mode="after")
    def _rules_compete(self) -> "Clock":
        if len({(rule.procedure, rule.step, rule.actor, rule.starts) for rule in self.rules}) > 1:
            raise ValueError("only rows of one procedure, step, actor and starting event compete")
        if self.set_due_ms is not None and not any(rule.set_by for rule in self.rules):
            raise ValueError("a due instant is set where a row leaves it to an authority")
        return self

    @property
    def is_to_be_set(self) -> bool:
        """Whether an authority has yet to set its due instant."""
        return self.set_due_ms is None and any(rule.set_by for rule in self.rules)


class Deadline(Strict):
    """When a step is due, and why.

    What happens at ``due_ms`` itself is in time. A provisional deadline rests on days that no
    published notice settles: it is shown, and never scored or escalated.
    """

    due_ms: int
    utc: Text
    local: Text
    provisional: bool
    because: Text
    rule: ClockRule
    calendar: Text

    def is_missed_at(self, now_ms: int) -> bool:
        """Whether the step is overdue; never when the deadline is provisional."""
        return now_ms > self.due_ms and not self.provisional


def start_clock(
    rules: tuple[ClockRule, ...], started_ms: int, set_due_ms: int | None = None
) -> Clock:
    """Start the clock of a step, under the rows that compete for it.

    Where a row leaves the period to an authority, ``set_due_ms`` is what the authority set; until
    it has (:func:`set_due`), that row has no due instant.

    :raises InvalidInput: there is no row with a due instant; a due instant is not wanted, or not
        behind the start; the rows do not belong together.
    """
    timed = tuple(rule for rule in rules if rule.times is None)
    if not timed:
        raise InvalidInput("no rule sets a time for this step")
    clock = Clock(rules=timed, started_ms=started_ms)
    return clock if set_due_ms is None else set_due(clock, set_due_ms)


def set_due(clock: Clock, due_ms: int) -> Clock:
    """The clock with the due instant that an authority has set, in place of an earlier one.

    :raises InvalidInput: no row leaves it to anybody, or it is not behind the start.
    """
    is_set = any(rule.set_by for rule in clock.rules)
    if not is_set or due_ms <= clock.started_ms:
        raise InvalidInput(
            "this due instant cannot be set",
            expected=f"one behind {utc_text(clock.started_ms)}" if is_set
            else "none: the law counts",
            found=utc_text(due_ms),
        )  # fmt: skip
    return clock.model_copy(update={"set_due_ms": due_ms})


def record_event(clock: Clock, event: CaseEvent, at_ms: int) -> Clock:
    """The clock after an event of its case; the same one unless a row pauses or resumes by it.

    :raises InvalidInput: the event lies before what is recorded already.
    """
    last_ms = clock.events[-1].at_ms if clock.events else clock.started_ms
    if at_ms < last_ms:
        raise InvalidInput(
            f"the event {event} is out of order",
            expected=f"none before {utc_text(last_ms)}",
            found=utc_text(at_ms),
        )
    pauses = [pause for rule in clock.rules for pause in rule.pauses]
    if not any(event in (pause.begins, pause.ends) for pause in pauses):
        return clock
    recorded = RecordedEvent(event=event, at_ms=at_ms)
    return clock.model_copy(update={"events": (*clock.events, recorded)})


def extend_clock(clock: Clock, extension: Extension, calendar: WorkingDays) -> Clock:
    """The clock with its one extension. Rows that do not allow it stay as they are.

    :raises Refused: the row that governs allows no such extension, the clock was extended before
        or has run out, or a consent is missing.
    """
    governing = deadline_of(clock, calendar)
    extensible = next((rule for rule in clock.rules if rule.extension), clock.rules[0])
    rule = governing.rule if governing else extensible
    allowed = rule.extension
    problem = ""
    if clock.extension:
        problem = "this period was extended before; it is extended once"
    elif not allowed:
        problem = f"the law knows no extension of: {rule.title}"
    elif rule.unit and (extension.unit != rule.unit or extension.amount > allowed.amount):
        problem = f"the law allows an extension of at most {quantity(allowed.amount, rule.unit)}"
    elif missing := set(allowed.consents) - set(extension.consents):
        problem = f"an extension needs the consent of: {', '.join(sorted(missing))}"
    elif extension.at_ms < clock.started_ms:
        problem = f"the period has not begun: {utc_text(clock.started_ms)}"
    elif governing and governing.is_missed_at(extension.at_ms):
        problem = f"the period ended before: {governing.local}"
    if problem:
        raise Refused(problem, where=citation(rule.basis))
    return clock.model_copy(update={"extension": extension})


def deadline_of(clock: Clock, calendar: WorkingDays) -> Deadline | None:
    """The due instant of the step and the row it comes from; None while the clock is paused, or
    as long as it is not set.

    :raises InvalidInput: the calendar ends before the period does (the year 9999).
    """
    endings = [
        (ending, rule)
        for rule in clock.rules
        if (ending := _ending(rule, clock, calendar)) is not None
    ]
    if not endings:
        return None
    ending, rule = min(endings, key=lambda each: each[0].due_ms)
    return Deadline(
        due_ms=ending.due_ms,
        utc=utc_text(ending.due_ms),
        local=local_text(ending.due_ms, ends_day=True),
        provisional=ending.provisional,
        because=ending.because,
        rule=rule,
        calendar=calendar.version,
    )


def _ending(rule: ClockRule, clock: Clock, calendar: WorkingDays) -> Ending | None:
    period = rule.period
    if period is None:
        if clock.set_due_ms is None:
            return None
        return Ending(clock.set_due_ms, False, f"set by the {rule.set_by}")
    added = clock.extension.amount if clock.extension and _allows(rule, clock.extension) else 0
    extended = period._replace(amount=period.amount + added)
    ending = end_of_period(extended, clock.started_ms, calendar, _pauses(rule, clock.events))
    if ending and added:
        because = f"{ending.because}; extended by {quantity(added, period.unit)}"
        return ending._replace(because=because)
    return ending


def _allows(rule: ClockRule, extension: Extension) -> bool:
    return (
        rule.extension is not None
        and extension.unit == rule.unit
        and extension.amount <= rule.extension.amount
        and set(rule.extension.consents) <= set(extension.consents)
    )


def _pauses(rule: ClockRule, events: tuple[RecordedEvent, ...]) -> list[Pause]:
    """The stretches in which at least one of the row's pauses holds."""
    pauses: list[Pause] = []
    holding: set[PauseRule] = set()
    for recorded in events:
        was_paused = bool(holding)
        holding |= {pause for pause in rule.pauses if pause.begins == recorded.event}
        holding -= {pause for pause in rule.pauses if pause.ends == recorded.event}
        if holding and not was_paused:
            pauses.append(Pause(recorded.at_ms, None))
        elif was_paused and not holding:
            pauses[-1] = pauses[-1]._replace(ends_ms=recorded.at_ms)
    return pauses
