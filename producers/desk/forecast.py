"""What would become of a request if it were made now: at once, until when, or why never. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from sharebus.governance.agency import Officer
from sharebus.governance.case import Act, Author, RunningClock
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket import Docket, Filing
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName
from sharebus.governance.local_time import local_day

_CASE = "forecast"
_NOBODY = Officer(name="-", title="-")


class Forecast(NamedTuple):
    """``is_at_once``: it would be granted without anybody's reply (Order 171 Art 18 ¶1). Else
    ``clocks`` say who replies until when, or ``refusal`` why it would not be taken."""

    is_at_once: bool
    clocks: tuple[RunningClock, ...]
    refusal: str = ""


def forecast_request(
    catalog: PolicyFacts,
    tables: ClockTables,
    entry: CatalogEntry,
    system: SystemName,
    fields: Iterable[str],
    now_ms: int,
) -> Forecast:
    """Ask a docket of our own, which has the catalog's facts and no other case."""
    facts = PolicyFacts()
    for fact in catalog:
        facts.apply(fact, facts.version + 1)
    docket = Docket(facts, tables)
    today = str(local_day(now_ms))
    content = {
        "entry": entry.id, "system": str(system), "fields": list(fields), "legal_basis": "-",
        "scenario": "-", "scope": "-", "mode": "subscribe",
        "term": {"first_day": today, "last_day": today},
    }  # fmt: skip
    known = facts.agencies.get(system.agency)
    author = Author(system.agency, known.jurisdiction if known else "")
    act = Act(_CASE, "submit", 0, content, now_ms)
    answer = docket.decide(Filing("request", _CASE, act, _NOBODY), author).answer
    if answer is None or answer.outcome == "refused":
        problem = (answer.problem, answer.found) if answer else ("no answer",)
        return Forecast(False, (), ": ".join(filter(None, problem)))
    case = docket.cases["request", _CASE]
    return Forecast(case.state == "supplied", case.clocks)
