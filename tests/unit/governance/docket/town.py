"""A small town for tests: agencies, entries, offices, and a docket in which they file."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from sharebus.governance.agency import Agency, Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act, Author, Case
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket import Docket, Filing, Outcome
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.founder import WHOLE_BUS
from sharebus.governance.grant import Grant
from sharebus.governance.identity import FOUNDER
from sharebus.governance.local_time import instant_ms
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

CITY = "330200"
OFFICER = {"name": "王某", "title": "处长"}
HEAD = Officer(name="李某", title="局长")
TABLES = ClockTables(load_clock_rules(), load_working_days())
MARKED = {"phone"}
FIELDS = ("code", "name", "phone")
OFFICES = {
    "office": ["coordinator"], "watch": ["supervisor"], "vault": ["secrecy", "archives"],
    "hall": ["government"],
}  # fmt: skip
PARTIES = ("market", "tax", "health")
FIVE: dict[str, Any] = {
    "legal_basis": "税收征收管理法 6",
    "scenario": "开业登记",
    "scope": "宁波市",
    "mode": "subscribe",
    "term": {"first_day": "2026-01-01", "last_day": "2026-12-31"},
}
BASIS = {"instrument": "统计法", "rank": "law", "version": "2024", "article": 28}
CLASSES: dict[str, dict[str, Any]] = {
    "open": {"class": "unconditional"},
    "few": {"class": "unconditional", "agencies": ["health"]},
    "closed": {"class": "conditional", "conditions": "依法履职"},
    "secret": {"class": "not_shared", "basis": BASIS},
}
MORNING = instant_ms(date(2026, 3, 2), time(9))
"""A Monday."""
DAY_MS = 86_400_000


def agency_document(name: str, **changes: Any) -> dict[str, Any]:
    systems = [{"id": "desk", "name": name, "roles": ["provider", "subscriber"]}]
    return {
        "id": name, "code": f"CODE-{name.upper()}", "name": name, "jurisdiction": CITY,
        "officer": OFFICER, "systems": systems, "offices": OFFICES.get(name, []),
        "keys": [{"id": "k1", "algorithm": "ed25519", "public_key": "ab"}], **changes,
    }  # fmt: skip


def entry_document(name: str, **changes: Any) -> dict[str, Any]:
    record = [{"name": field, "type": "string"} for field in FIELDS]
    items = [
        {"field": field, "name": field, "mark": "personal" if field in MARKED else "none",
         "content_item": f"firms.{field}", "origin": {"kind": "collected", "basis": "条例"}}
        for field in FIELDS
    ]  # fmt: skip
    return {
        "id": name, "name": name, "scope": "全市", "jurisdiction": CITY,
        "avro_schema": {"type": "record", "name": "Row", "fields": record},
        "key_fields": ["code"], "data_items": items,
        "sharing": CLASSES.get(name, CLASSES["closed"]),
        "provider": {"agency": "market", "system": "desk", "officer": OFFICER},
        "update": {"frequency": "daily", "deadline": "次日"},
        "database": {"kind": "base", "domain": "法人"}, **changes,
    }  # fmt: skip


def facts() -> PolicyFacts:
    known = PolicyFacts()
    for name in (*PARTIES, *OFFICES):
        known.apply(Agency.model_validate(agency_document(name)), known.version + 1)
    for name in CLASSES:
        known.apply(CatalogEntry.model_validate(entry_document(name)), known.version + 1)
    return known


class Town:
    """A docket, and whoever files with it; each filing comes a second after the one before."""

    def __init__(self, at_ms: int = MORNING) -> None:
        self.docket = Docket(facts(), TABLES)
        self.at_ms = at_ms
        self.done: list[tuple[Filing, Author] | int] = []
        self.outcomes: list[Outcome] = []
        self.tick(at_ms)

    def author(self, who: str) -> Author:
        if who == FOUNDER:
            return Author(FOUNDER, WHOLE_BUS)
        agency = self.docket.facts.agencies[who]
        return Author(who, agency.jurisdiction, frozenset(agency.offices))

    def file(
        self, who: str, kind: str, case: str, verb: str, *, head: bool = False, **content: Any
    ) -> Outcome:
        standing = self.docket.cases.get((kind, case))
        self.at_ms += 1_000
        act = Act(f"c-{len(self.done)}", verb, standing.version if standing else 0, content,
                  self.at_ms)  # fmt: skip
        filing = Filing(kind, case, act, Officer(**OFFICER), HEAD if head else None)
        return self.again(filing, self.author(who))

    def again(self, filing: Filing, author: Author) -> Outcome:
        self.done.append((filing, author))
        self.outcomes.append(self.docket.decide(filing, author))
        return self.outcomes[-1]

    def tick(self, at_ms: int) -> Outcome:
        self.at_ms = at_ms
        self.done.append(at_ms)
        self.outcomes.append(self.docket.tick(at_ms))
        return self.outcomes[-1]

    def until(self, day: date, at: time | None = None) -> Outcome:
        """The tick at a local time; without one, at the end of the day."""
        return self.tick(instant_ms(day, at))

    def ask(
        self, case: str, entry_id: str, fields: tuple[str, ...] = ("code",), **changes: Any
    ) -> Outcome:
        content = {"entry": entry_id, "system": "tax.desk", "fields": list(fields), **FIVE}
        return self.file("tax", "request", case, "submit", **{**content, **changes})

    def accept(self, case: str, *fields: str) -> Outcome:
        return self.file("market", "request", case, "accept", accepted_fields=list(fields))

    def agree(
        self,
        case: str = "a-1",
        subscriber: str = "tax",
        last_day: str = "2026-12-31",
        first_day: str = "2026-01-01",
    ) -> Outcome:
        term = {"first_day": first_day, "last_day": last_day}
        self.file("market", "agreement", case, "propose", parties=["market", subscriber],
                  text_digest="x", term=term)  # fmt: skip
        self.file(subscriber, "agreement", case, "consent")
        return self.file("market", "agreement", case, "consent")

    def publish(self, entry: str, **changes: Any) -> Outcome:
        self.file("market", "entry", entry, "draft", document=entry_document(entry, **changes))
        self.file("market", "entry", entry, "submit", head=True)
        self.file("vault", "entry", entry, "consent")
        self.file("office", "entry", entry, "confirm")
        return self.file("office", "entry", entry, "publish")

    def filed_change(self, case: str, entry: str, action: str, **content: Any) -> Outcome:
        self.file("market", "change", case, "propose", entry=entry, action=action, reason="x",
                  **content)  # fmt: skip
        self.file("market", "change", case, "consult", record="x")
        return self.file("office", "change", case, "file")

    def case(self, kind: str, case: str) -> Case:
        return self.docket.cases[kind, case]

    def state(self, kind: str, case: str) -> str:
        return self.case(kind, case).state

    def grants(self) -> Mapping[str, Grant]:
        grants = self.docket.facts.grants
        return {name: grant for name, grant in grants.items() if not grant.revoked}


def replayed(town: Town) -> Town:
    """Another town in which the same was done at the same instants."""
    again = Town.__new__(Town)
    again.docket, again.done, again.outcomes = Docket(facts(), TABLES), [], []
    for step in town.done:
        if isinstance(step, int):
            again.tick(step)
        else:
            again.again(*step)
    return again


def granted(outcome: Outcome) -> tuple[Grant, ...]:
    return tuple(fact for fact in outcome.facts if isinstance(fact, Grant))


def accepted(outcome: Outcome) -> Answer:
    answer = outcome.answer
    assert answer is not None
    assert answer.outcome == "accepted", answer
    assert answer.basis
    return answer


def refusal(outcome: Outcome) -> Answer:
    answer = outcome.answer
    assert answer is not None
    assert (answer.outcome, outcome.cases, outcome.facts) == ("refused", (), ())
    assert answer.problem
    return answer
