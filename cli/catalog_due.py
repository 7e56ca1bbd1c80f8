"""When an entry is due, and whether it is on time now, as a subscriber may know it."""

import time
from collections.abc import Iterator
from typing import Any, Final

from sharebus import Refused
from sharebus.consumers.completeness import Completeness
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.identity import SystemName
from sharebus.governance.local_time import local_text
from sharebus.governance.punctuality import Punctuality, punctuality
from sharebus.governance.schedule_text import accrual_periodicity, chinese, english
from sharebus.governance.update_schedule import Owed, Periodic, next_owed

_VERDICTS: Final = {
    "on_time": "yes", "late": "it was late", "missing": "no: missing",
    "nothing_due_yet": "nothing was due yet",
}  # fmt: skip
_UNTOLD: Final = "only systems with a grant on the entry see its deliveries"


def now_ms() -> int:
    """The present instant."""
    return time.time_ns() // 1_000_000


def standing_of(
    entry: CatalogEntry, system: SystemName, tables: ClockTables
) -> tuple[Punctuality | None, Owed | None]:
    """How the entry stands, if the system may see its deliveries, and what is due next."""
    schedule = entry.update.schedule
    if not isinstance(schedule, Periodic):
        return None, None
    calendar = tables.calendar(entry.jurisdiction)
    at_ms = now_ms()
    following = next_owed(schedule, at_ms, calendar)
    try:
        with Completeness(entry.id, str(system)) as deliveries:
            closed = deliveries.completed_periods()
    except Refused:
        return None, following
    first: dict[str, int] = {}
    for delivery in closed:
        if delivery.outcome != "incomplete":
            first.setdefault(delivery.period, delivery.closed_ms)
    return punctuality(schedule, first, at_ms, calendar), following


def due_rows(
    entry: CatalogEntry, standing: Punctuality | None, following: Owed | None
) -> Iterator[tuple[str, str]]:
    """The rows of the screen."""
    schedule = entry.update.schedule
    if schedule is None:
        return
    yield "due (更新时限)", f"{chinese(schedule)}; {english(schedule)}"
    if following is None:
        return
    yield "next due", f"{following.period} {_due_text(following)}: {following.due.because}"
    if standing is None:
        yield "on time now", f"not known: {_UNTOLD}"
        return
    text = _VERDICTS[standing.verdict]
    if standing.last is not None:
        text += f"; {standing.last.period} was due {_due_text(standing.last)}"
    if standing.closed_ms is not None:
        text += f", delivered {local_text(standing.closed_ms)}"
    yield "on time now", text


def due_document(
    entry: CatalogEntry, standing: Punctuality | None, following: Owed | None
) -> dict[str, Any]:
    """The same for programs; ``standing`` is null when the system may not see the deliveries."""
    schedule = entry.update.schedule
    return {
        "accrual_periodicity": accrual_periodicity(entry.update.frequency),
        "due": {"zh": chinese(schedule), "en": english(schedule)} if schedule else None,
        "next_due": _owed_document(following),
        "standing": standing and {
            "verdict": standing.verdict, "last_due": _owed_document(standing.last),
            "closed_ms": standing.closed_ms,
        },
    }  # fmt: skip


def _due_text(owed: Owed) -> str:
    provisional = " (provisional)" if owed.due.provisional else ""
    return local_text(owed.due.due_ms, ends_day=True) + provisional


def _owed_document(owed: Owed | None) -> dict[str, Any] | None:
    return owed and {
        "period": str(owed.period), "due_ms": owed.due.due_ms, "local": _due_text(owed),
        "provisional": owed.due.provisional, "because": owed.due.because,
    }  # fmt: skip
