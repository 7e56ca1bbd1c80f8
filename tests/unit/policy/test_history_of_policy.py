"""Random histories of documents: at every moment each system sees what a short model says."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sharebus.governance.collection import Collection
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.takeover import check_documents
from sharebus.governance.view import is_released
from sharebus.stream_apps.enforcer.desired import DesiredState, desired_broker

from . import town
from .test_second_engine import FIELDS, ROWS, SYSTEMS

CANARIES = {value for row in ROWS for value in row.values()}
AGENCIES = {"market": town.provider, "tax": town.reader, "health": town.other_reader}
DISTRICTS = {"330203": ROWS[:1], "330205": ROWS[1:2], "3302": ROWS}


class Model:
    """Who may see which fields of which rows."""

    def __init__(self) -> None:
        self.kind, self.marks, self.halted = "conditional", set[str](), set[str]()
        self.grants: dict[str, dict[str, Any]] = {}
        self.day = town.DURING
        self.served, self.ended = set[str](), set[str]()
        """Agencies that have, or had, the entry without a request; to have it again takes one."""

    def serve(self) -> None:
        is_open = {"tax": self.kind == "open", "health": self.kind in ("open", "closed")}
        due = {name for name in is_open if is_open[name] and self.marks != {*FIELDS}}
        self.ended |= self.served - due
        self.served = due - self.ended

    def visible(self, system: str) -> set[str]:
        agency = system.partition(".")[0]
        if self.kind == "not_shared" or self.halted & {"entry", "market", agency}:
            return set()
        seen: set[str] = set()
        if agency in self.served:
            seen |= {row[name] for row in ROWS for name in FIELDS if name not in self.marks}
        for grant in self.grants.values():
            told = {*grant["fields"], *({"district"} if grant["district"] else ())}
            is_covered = grant["agreement"] or not told & self.marks
            if grant["system"] == system and self.day <= grant["last_day"] and is_covered:
                rows = DISTRICTS[grant["district"]] if grant["district"] else ROWS
                seen |= {row[name] for row in rows for name in grant["fields"]}
        return seen


class Town(RuleBasedStateMachine):
    """Documents are applied as production applies them, admitted or not."""

    @initialize(kind=st.sampled_from(["open", "closed", "conditional"]))
    def begin(self, kind: str) -> None:
        self.model, self.state = Model(), DesiredState()
        self.model.kind = kind
        self.facts = PolicyFacts()
        self.apply(*(make() for make in AGENCIES.values()), self.entry())

    def entry(self) -> Any:
        marks = dict.fromkeys(self.model.marks, "privacy")
        return town.entry(self.model.kind, FIELDS, marks, suspended="entry" in self.model.halted)

    def apply(self, *documents: Any) -> None:
        self.facts = town.applied(self.facts, documents, self.model.day)
        self.model.serve()

    @rule(kind=st.sampled_from(["open", "closed", "conditional", "not_shared"]))
    def change_class(self, kind: str) -> None:
        self.model.kind = kind
        self.apply(self.entry())

    @rule(marks=st.sets(st.sampled_from(FIELDS)))
    def mark(self, marks: set[str]) -> None:
        self.model.marks = marks
        self.apply(self.entry())

    @rule(who=st.sampled_from(["entry", *AGENCIES]))
    def suspend_or_resume(self, who: str) -> None:
        self.model.halted ^= {who}
        halted = who in self.model.halted
        self.apply(self.entry() if who == "entry" else AGENCIES[who](suspended=halted))

    @rule(
        grant_id=st.sampled_from(["g-1", "g-2", "g-3"]),
        system=st.sampled_from(SYSTEMS[:2]),
        fields=st.sets(st.sampled_from(FIELDS), min_size=1).map(sorted),
        district=st.sampled_from([None, *DISTRICTS]),
        agreement=st.sampled_from([None, "协议"]),
        days=st.integers(0, 5),
    )
    def give(self, grant_id: str, days: int, **terms: Any) -> None:
        last_day = self.model.day + timedelta(days=days)
        self.model.grants[grant_id] = {**terms, "last_day": last_day}
        self.publish(grant_id, revoked=False)

    def publish(self, grant_id: str, *, revoked: bool) -> None:
        given = self.model.grants[grant_id]
        only = {"field": "district", "starts_with": [given["district"]]}
        self.apply(
            town.grant(
                given["fields"], grant_id, system=given["system"], agreement=given["agreement"],
                term={"first_day": town.FIRST_DAY, "last_day": given["last_day"]},
                conditions=[only] if given["district"] else None, revoked=revoked,
            )
        )  # fmt: skip

    @rule(grant_id=st.sampled_from(["g-1", "g-2", "g-3"]))
    def revoke(self, grant_id: str) -> None:
        if grant_id in self.model.grants:
            self.publish(grant_id, revoked=True)
            del self.model.grants[grant_id]

    @rule(days=st.integers(1, 4))
    def days_pass(self, days: int) -> None:
        self.model.day += timedelta(days=days)

    @invariant()
    def each_system_sees_what_the_model_says(self) -> None:
        desired = self.state.of(self.facts, self.model.day)
        assert desired.rules == desired_broker(self.facts, self.model.day).rules
        town.register(self.facts, self.state.of(self.facts, self.model.day))
        released = town.decide(self.facts, ROWS)
        for system in SYSTEMS[:2]:
            visible = town.seen(released, town.readable(desired, system), CANARIES)
            assert visible == self.model.visible(system)

    @invariant()
    def what_is_admitted_can_be_released(self) -> None:
        entry = self.facts.entries["persons"]
        if check_documents(self.facts, Collection(entries=(entry,))):
            return
        for grant in self.facts.grants_of(entry.id):
            assert grant.revoked or is_released(entry, grant)


TestTown = Town.TestCase
TestTown.settings = settings(deadline=None, max_examples=25, stateful_step_count=20)
