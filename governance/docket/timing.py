"""The clocks of a case: started, ended and extended by its moves, as the rule table says."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from sharebus import Refused
from sharebus.governance.case import Case, RunningClock
from sharebus.governance.clock import (
    Clock,
    Extension,
    deadline_of,
    extend_clock,
    record_event,
    set_due,
    start_clock,
)
from sharebus.governance.clock_rule import CaseEvent, ClockRule, citation
from sharebus.governance.docket.kind import Kind, Taken
from sharebus.governance.docket.reading import read_day, read_text
from sharebus.governance.docket.register import Register
from sharebus.governance.local_time import instant_ms, local_day, local_text
from sharebus.governance.role import Role

EXTEND = "extend"
"""The verb by which the authority consents to an extension that was asked for."""
SET_DUE = "set_due"
"""The verb by which an authority sets the day of a step that the law leaves to it."""


def set_by_parties(step: str, actor: Role, day: date, basis: str) -> RunningClock:
    """A clock until the end of a local day that the parties have set."""
    due_ms = instant_ms(day)
    return RunningClock(
        step=step, actor=actor, due_ms=due_ms, local=local_text(due_ms, ends_day=True),
        basis=basis, because="set in the case itself",
    )  # fmt: skip


def run_clocks(
    register: Register, kind: Kind, case: Case, taken: Taken
) -> tuple[RunningClock, ...]:
    """The clocks that run in a case after a move.

    :raises Refused: the move extends a clock that cannot be extended, or sets a day that is not
        its author's to set.
    """
    done = kind.does.get(taken.move.verb, ())
    clocks = [each for each in case.clocks if _runs(kind, case, each) and each.step not in done]
    for event in kind.events_of(register, case, taken.move.verb):
        clocks = [_heard(register, case, running, event, taken.at_ms) for running in clocks]
        for started in _started(register, kind, case, event, taken.at_ms):
            clocks = [running for running in clocks if _row(running) != _row(started)]
            clocks.append(started)
    if taken.move.verb == EXTEND:
        clocks = [_extended(register, case, running, taken) for running in clocks]
    if taken.move.verb == SET_DUE:
        clocks = _with_day_set(register, case, clocks, taken)
    return tuple(clocks)


def overdue_clocks(register: Register, case: Case, now_ms: int) -> tuple[RunningClock, ...] | None:
    """The clocks as they stand at an instant, if that is another way than the case has them.

    Due instants are counted anew, since the calendar may have been corrected meanwhile.
    """
    clocks = tuple(_at(register, case, running, now_ms) for running in case.clocks)
    return clocks if clocks != case.clocks else None


def due_at_ms(kind: Kind, case: Case) -> int | None:
    """When time alone changes a case next: by a move of the clock, or because a step is overdue."""
    instants = [
        running.due_ms + 1  # what happens at the due instant itself is in time
        for running in case.clocks
        if running.due_ms is not None and not running.overdue and not running.provisional
    ]
    own = kind.due_ms(case)
    return min((*instants, own) if own is not None else instants, default=None)


def _row(running: RunningClock) -> tuple[str, ...]:
    """What a clock is about: the same event begins it anew, another one begins another clock."""
    starts = running.clock.rules[0].starts if running.clock else ""
    return running.step, running.actor, starts


def _runs(kind: Kind, case: Case, running: RunningClock) -> bool:
    return any(step == running.step and case.state in kind.running[step] for step in kind.running)


def _started(
    register: Register, kind: Kind, case: Case, event: CaseEvent, at_ms: int
) -> Iterator[RunningClock]:
    if kind.clock_kind is None:
        return
    day = local_day(at_ms)
    rules = [
        rule
        for rule in register.clock_rules(kind.clock_kind, case.jurisdiction)
        if rule.starts == event
        and rule.times is None
        and rule.is_valid(case.jurisdiction, day)
        and case.state in kind.running.get(rule.step, ())
        and kind.is_timed(register, case, rule.step)
    ]

    def competing(rule: ClockRule) -> tuple[str, str]:
        return rule.step, rule.actor

    for _, rows in groupby(sorted(rules, key=competing), key=competing):
        yield _running(register, case, start_clock(tuple(rows), at_ms))


def _running(register: Register, case: Case, clock: Clock, overdue: bool = False) -> RunningClock:
    deadline = deadline_of(clock, register.calendar(case.jurisdiction))
    rule = deadline.rule if deadline else clock.rules[0]
    return RunningClock(
        step=rule.step, actor=rule.actor, basis=citation(rule.basis), clock=clock,
        due_ms=deadline.due_ms if deadline else None, local=deadline.local if deadline else "",
        because=deadline.because if deadline else _why_none(clock), overdue=overdue,
        provisional=deadline.provisional if deadline else False,
    )  # fmt: skip


def _why_none(clock: Clock) -> str:
    return "to be set by the coordinator" if clock.is_to_be_set else "paused"


def _with_day_set(
    register: Register, case: Case, clocks: list[RunningClock], taken: Taken
) -> list[RunningClock]:
    step = read_text(taken.content, "step")
    day = read_day(taken.content, "due", local_day(taken.at_ms))
    offices = taken.author.offices

    def is_meant(running: RunningClock) -> bool:
        rules = running.clock.rules if running.clock else ()
        is_theirs = any(rule.set_by in offices for rule in rules)
        return running.step == step and is_theirs and not running.overdue

    if not any(is_meant(running) for running in clocks):
        theirs = {running.step for running in clocks if running.clock and not running.overdue
                  for rule in running.clock.rules if rule.set_by in offices}  # fmt: skip
        raise Refused(
            "a day is set for a step whose day the law leaves to the office that sets it",
            where=f"{case.case_kind} {case.id}", found=step,
            expected=", ".join(sorted(theirs)) or "no step now",
        )  # fmt: skip
    return [
        _running(register, case, set_due(running.clock, instant_ms(day)))
        if running.clock and is_meant(running)
        else running
        for running in clocks
    ]


def _heard(
    register: Register, case: Case, running: RunningClock, event: CaseEvent, at_ms: int
) -> RunningClock:
    if running.clock is None:
        return running
    events = running.clock.events
    last_ms = events[-1].at_ms if events else running.clock.started_ms
    clock = record_event(running.clock, event, max(at_ms, last_ms))
    return _running(register, case, clock, running.overdue) if clock != running.clock else running


def _extended(register: Register, case: Case, running: RunningClock, taken: Taken) -> RunningClock:
    clock = running.clock
    if clock is None or not any(rule.unit for rule in clock.rules):
        return running
    unit = next(rule.unit for rule in clock.rules if rule.unit)
    extension = Extension(
        amount=taken.before.content["extension"] if taken.before else 0, unit=unit,
        at_ms=taken.at_ms, consents=(Role.COORDINATOR,),
    )  # fmt: skip
    extended = extend_clock(clock, extension, register.calendar(case.jurisdiction))
    return _running(register, case, extended)


def _at(register: Register, case: Case, running: RunningClock, now_ms: int) -> RunningClock:
    if running.overdue:
        return running
    if running.clock is not None:
        running = _running(register, case, running.clock)
    is_missed = running.due_ms is not None and now_ms > running.due_ms and not running.provisional
    return running.model_copy(update={"overdue": is_missed})
