"""Whether an entry is on time now: the last data period that fell due, and the next one."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from sharebus.governance.update_schedule import Owed, Periodic, last_owed, next_owed
from sharebus.governance.working_days import WorkingDays

Verdict = Literal["on_time", "late", "missing", "nothing_due_yet"]


class Punctuality(NamedTuple):
    """``last`` is the period that fell due last, closed at ``closed_ms`` if it was."""

    verdict: Verdict
    last: Owed | None
    closed_ms: int | None
    next: Owed


def punctuality(
    schedule: Periodic, closed_ms: Mapping[str, int], now_ms: int, calendar: WorkingDays
) -> Punctuality:
    """How an entry stands at an instant.

    ``closed_ms`` says of each data period when its first whole delivery was closed. A delivery of
    another period, however new, says nothing of the one that is due.
    """
    following = next_owed(schedule, now_ms, calendar)
    last = last_owed(schedule, now_ms, calendar)
    if last is None:
        return Punctuality("nothing_due_yet", None, None, following)
    closed = closed_ms.get(str(last.period))
    if closed is None or closed > now_ms:
        return Punctuality("missing", last, None, following)
    verdict: Verdict = "on_time" if closed <= last.due.due_ms else "late"
    return Punctuality(verdict, last, closed, following)
