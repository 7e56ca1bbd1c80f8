"""An entry and whoever watches it, by a clock that a test sets."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from sharebus.governance.local_time import LOCAL_TIME
from sharebus.governance.obligation import Terms
from sharebus.governance.obligation_book import Arrival, Closing, with_evidence
from sharebus.governance.obligation_verdict import judge, open_book
from sharebus.governance.update_schedule import UpdateSchedule
from sharebus.governance.working_days import WorkingDays
from sharebus.infra.clock_tables import load_working_days

TABLE = load_working_days()
CALENDAR = WorkingDays(TABLE)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIFTH = {"kind": "periodic", "first_period": "2026-09", "due": {"working_day": 5, "at": "17:00"}}


def local(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=LOCAL_TIME).timestamp() * 1000)


def terms(schedule: dict[str, Any] = FIFTH, **others: Any) -> Terms:
    return Terms(TypeAdapter(UpdateSchedule).validate_python(schedule), **others)


class Watcher:
    """An entry and whoever watches it; ``told`` is what came out, in order."""

    def __init__(self, kept: Terms, opens: str = "2026-09-01") -> None:
        self.terms = kept
        self.calendar = CALENDAR
        self.book = open_book(kept, local(opens), CALENDAR)
        self.told: list[tuple[str, str]] = []
        self.offset = 0

    def closes(self, at: str, period: str = "2026-09", name: str = "d", **counts: int) -> None:
        given = {"partition": 0, "partition_count": 1, "counted": 3, "accepted": 3, "refused": 0}
        self.offset += 1
        closing = Closing(period, name, offset=self.offset, at_ms=local(at), **(given | counts))
        self.book = with_evidence(self.book, self.terms, closing)

    def arrives(self, at: str, period: str = "2026-09", accepted: bool = True) -> None:
        self.offset += 1
        event = Arrival(period, "d", 0, self.offset, local(at), accepted)
        self.book = with_evidence(self.book, self.terms, event)

    def judged(self, at: str) -> list[tuple[str, str]]:
        self.book, verdicts = judge(self.book, self.terms, self.calendar, local(at))
        told = [(each.obligation.id, str(each.standing)) for each in verdicts]
        self.told += told
        return told

    def stands(self, period: str = "2026-09") -> str:
        return [standing for name, standing in self.told if name == period][-1]
