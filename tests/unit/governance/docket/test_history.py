"""Whoever files whatever, whenever: the law holds, nothing breaks, and it can all be done again."""

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sharebus.governance.answer import Answer
from sharebus.governance.case import Author, Case
from sharebus.governance.collection import check_collection
from sharebus.governance.docket import Docket, Outcome
from sharebus.governance.docket.kinds import KINDS
from sharebus.governance.facts import PolicyFacts, fact_document, fact_from_json, fact_to_json
from sharebus.governance.holdings import IN_SUM
from sharebus.governance.identity import FOUNDER
from sharebus.governance.lifecycle import CLOCK, NOTHING, Move
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import OFFICES as OFFICE_ROLES
from sharebus.governance.role import Role
from sharebus.producers.desk.inbox import tasks_of

from .town import (
    BASIS,
    CITY,
    CLASSES,
    DAY_MS,
    FIELDS,
    FIVE,
    MARKED,
    OFFICES,
    PARTIES,
    TABLES,
    Town,
    agency_document,
    entry_document,
    replayed,
)

IDS = {
    "entry": [*CLASSES, "shops"], "agency": [*PARTIES, "water"], "request": ["r-1", "r-2"],
    "grant": ["r-1", "r-2"], "usage": ["u-1", "u-2", "u-3"],
}  # fmt: skip
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
_fields = st.lists(st.sampled_from(FIELDS), min_size=1, unique=True)
_parties = st.sampled_from(PARTIES)
_days = st.sampled_from(["2026-03-02", "2026-04-01", "2026-12-31"])
_terms = st.fixed_dictionaries({"first_day": st.sampled_from(["2026-01-01", "2026-03-10"]),
                                "last_day": _days})  # fmt: skip
WORDS: dict[str, st.SearchStrategy[Any]] = {
    "entry": st.sampled_from(IDS["entry"]), "system": st.sampled_from(["tax.desk", "health.desk"]),
    "row_filter": st.sampled_from(
        [{"all": [{"field": field, "one_of": ["1", "2"]}]} for field in (*FIELDS, "salary")]
    ),
    "fields": _fields, "accepted_fields": _fields, "mode": st.just("subscribe"), "term": _terms,
    "until": _days, "seal_by": _days, "due": _days, "day": _days, "period": _terms,
    "events": st.integers(-1, 9), "rectify_by": _days, "extension": st.integers(0, 12),
    "parties": st.sampled_from([["market", "tax"], ["market", "health"]]),
    "entries": st.lists(st.sampled_from(["open", "closed"]), min_size=1, unique=True),
    "agencies": st.lists(_parties, min_size=1, unique=True), "agency": _parties,
    "provider": _parties, "successor": _parties, "change": st.sampled_from(["change-1"]),
    "action": st.sampled_from(["suspend", "retire", "revise"]), "basis": st.just(BASIS),
    "content_item": st.sampled_from(["firms.code", "firms.name"]), "about": st.just("request/r-1"),
    "return_flow": st.booleans(),
    "step": st.sampled_from(["answer", "share", "update_catalog"]),
    "use": st.sampled_from(["publish", "pass_on"]), "grant": st.sampled_from(IDS["grant"]),
    "key": st.just({"id": "k2", "algorithm": "sm2", "public_key": "cd"}),
    "table": st.sampled_from(["clock_rules", "calendar"]),
    **{name: st.just(FIVE[name]) for name in ("legal_basis", "scenario", "scope")},
}  # fmt: skip


def document(kind: str, case: str) -> st.SearchStrategy[Any]:
    if kind == "agency":
        return st.just(agency_document(case))
    if kind == "table":
        tables = TABLES.rules.model_dump(mode="json", exclude_none=True)
        return st.sampled_from([{"table": tables | {"version": version}} for version in "23"])
    marked = entry_document(case)
    marked["data_items"][1]["mark"] = "privacy"
    return st.sampled_from([entry_document(case), entry_document(case, scope="市区"), marked])


class AnyTown(RuleBasedStateMachine):
    """A town in which anybody files anything, and days go by."""

    @initialize()
    def begin(self) -> None:
        self.town = Town()

    @rule(data=st.data(), kind=st.sampled_from(sorted(KINDS)), junk=st.integers(0, 3))
    def anybody_files(self, data: st.DataObject, kind: str, junk: int) -> None:
        case = data.draw(st.sampled_from(IDS.get(kind, [f"{kind}-1"])))
        move = data.draw(st.sampled_from(LIFECYCLES[kind].moves))
        author = data.draw(st.sampled_from([*PARTIES, *OFFICES]))
        self.take(data, kind, case, move, author, is_junk=not junk)

    @rule(data=st.data(), kind=st.sampled_from(sorted(KINDS)))
    def somebody_moves(self, data: st.DataObject, kind: str) -> None:
        self.move(data, [(kind, case) for case in IDS.get(kind, [f"{kind}-1"])])

    @rule(data=st.data())
    def one_goes_on(self, data: st.DataObject) -> None:
        self.a_case_goes_on(data)

    def a_case_goes_on(self, data: st.DataObject) -> None:
        cases = self.town.docket.cases
        final = {kind: cycle.final_states for kind, cycle in LIFECYCLES.items()}
        going = sorted(key for key in cases if cases[key].state not in final[key[0]])
        if going:
            kinds = sorted({kind for kind, _ in going})
            kind = data.draw(st.sampled_from(kinds))
            self.move(data, [key for key in going if key[0] == kind])

    @rule(data=st.data())
    def another_goes_on(self, data: st.DataObject) -> None:
        self.a_case_goes_on(data)

    def move(self, data: st.DataObject, keys: list[tuple[str, str]]) -> None:
        """A move that is possible, by somebody who may take it."""
        register = self.town.docket._register
        kind, case_id = data.draw(st.sampled_from(keys))
        case = register.find(kind, case_id) or KINDS[kind].adopt(register, case_id)
        moves = [
            (move, actor)
            for move in LIFECYCLES[kind].moves_from(case.state if case else NOTHING)
            for actor in move.actors
            if actor != CLOCK
        ]
        if not moves:
            return
        move, actor = data.draw(st.sampled_from(moves))
        able = [*PARTIES]
        if actor == FOUNDER:
            able = [FOUNDER]
        elif actor in OFFICE_ROLES:
            able = register.holders(Role(actor), CITY)
        elif case is not None:
            able = sorted(KINDS[kind].parties(register, case)[Role(actor)])
        if able:
            self.take(data, kind, case_id, move, data.draw(st.sampled_from(able)))

    def take(
        self, data: st.DataObject, kind: str, case: str, move: Move, author: str,
        is_junk: bool = False,
    ) -> None:  # fmt: skip
        content: dict[str, Any] = {
            name: data.draw(
                document(kind, case) if name == "document" else WORDS.get(name, st.just("x"))
            )
            for name in (*move.needs, *move.may)
            if name in move.needs or data.draw(st.booleans())
        }
        if is_junk and content:
            content[data.draw(st.sampled_from(sorted(content)))] = data.draw(JUNK)
        self.check(self.town.file(author, kind, case, move.verb, head=True, **content))

    @rule(entry=st.sampled_from(["open", "closed"]),
          action=st.sampled_from(["suspend", "retire", "revise"]))  # fmt: skip
    def change_what_was_filed(self, entry: str, action: str) -> None:
        document = entry_document(entry)
        document["data_items"][1]["mark"] = "privacy"
        case = f"ch-{len(self.town.done)}"
        content = {"document": document} if action == "revise" else {}
        self.town.filed_change(case, entry, action, **content)
        reason = {} if action == "revise" else {"reason": "x"}
        content |= {"change": case, **reason}
        self.check(self.town.file("office", "entry", entry, action, **content))

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        self.check(self.town.tick(self.town.at_ms + days * DAY_MS))

    @rule()
    def agree(self) -> None:
        self.town.agree(f"a-{len(self.town.done)}")

    @rule(entry=st.sampled_from(["open", "closed"]))
    def ask_and_accept(self, entry: str) -> None:
        case = f"r-{len(self.town.done)}"
        self.town.ask(case, entry, FIELDS)
        self.town.accept(case, *FIELDS)

    def check(self, outcome: Outcome) -> None:
        for notice in outcome.notices:
            assert notice.agency in self.town.docket.facts.agencies
            made = map(without_sum, outcome.cases)
            assert notice.case.case_kind == "change" or without_sum(notice.case) in made
            assert notice.basis or notice.verb == "count_anew"
        answer = outcome.answer
        if answer is not None:
            assert answer.basis if answer.outcome == "accepted" else answer.problem

    @invariant()
    def marked_fields_are_released_only_under_an_agreement_in_force(self) -> None:
        cases, entries = self.town.docket.cases, self.town.docket.facts.entries
        for grant in self.town.grants().values():
            marked = entries[grant.entry].marked_fields & set(grant.fields)
            assert MARKED & set(grant.fields) <= marked
            if marked:
                assert grant.agreement is not None
                assert cases["agreement", grant.agreement].state == "in_force"

    @invariant()
    def what_is_released_rests_on_a_case_in_force_and_an_entry_that_is_there(self) -> None:
        cases, entries = self.town.docket.cases, self.town.docket.facts.entries
        declared = any(key[0] == "emergency" and case.state == "declared"
                       for key, case in cases.items())  # fmt: skip
        for name, grant in self.town.grants().items():
            entry = entries[grant.entry]
            assert entry.sharing_class != "not_shared"
            assert not entry.retired
            assert set(grant.fields) <= set(entry.field_names)
            if grant.approval == "emergency":
                assert declared
            else:
                assert cases["grant", name].state == "in_force"
                assert set(grant.fields) <= set(cases["request", name].content["fields"])

    @invariant()
    def grant_releases_exactly_what_its_case_and_the_law_allow(self) -> None:
        for kind, name in self.town.docket.cases:
            if kind == "grant":
                grant = self.town.docket.facts.grants[name]
                released = set() if grant.revoked else set(grant.fields)
                assert released == allowed(self.town, name)

    @invariant()
    def documents_do_not_contradict_each_other(self) -> None:
        facts = self.town.docket.facts
        agencies, entries, grants = facts.agencies, facts.entries, facts.grants
        assert [] == check_collection(
            list(agencies.values()), list(entries.values()), list(grants.values())
        )

    @invariant()
    def what_is_due_has_been_taken(self) -> None:
        due_ms = self.town.docket.next_due_ms()
        assert due_ms is None or due_ms > self.town.at_ms

    @invariant()
    def inbox_of_each_agency_has_what_waits_for_it_and_nothing_that_is_done(self) -> None:
        cases = self.town.docket.cases.values()
        told: dict[str, dict[tuple[str, str], Case]] = {}
        for outcome in self.town.outcomes:
            for notice in outcome.notices:
                key = (notice.case.case_kind, notice.case.id)
                told.setdefault(notice.agency, {})[key] = notice.case
        for who, seen in told.items():
            author = self.town.author(who)
            assert waiting(seen.values(), author) == waiting(
                (case for case in cases if case_key(case) in seen), author
            )

    @invariant()
    def facts_follow_their_cases(self) -> None:
        facts = self.town.docket.facts
        for (kind, name), case in self.town.docket.cases.items():
            if kind == "entry" and name in facts.entries:
                entry = facts.entries[name]
                assert entry.suspended == (case.state == "suspended")
                assert entry.retired == (case.state == "retired")
            if kind == "agency":
                gone = case.state in ("exited", "succeeded")
                assert facts.agencies[name].left == gone

    def teardown(self) -> None:
        if not hasattr(self, "town"):
            return
        versions: dict[tuple[str, str], Case | None] = {}
        for outcome in self.town.outcomes:
            for case in outcome.cases:
                key = (case.case_kind, case.id)
                before = versions.get(key)
                assert case.record == (before.record if before else 0) + 1
                raised = case.version - (before.version if before else 0)
                assert raised in (0, 1)
                assert raised or before is None or before.state == case.state
                if before is not None and before.state != case.state:
                    cycle = LIFECYCLES[case.case_kind]
                    assert case.state in {m.target for m in cycle.moves_from(before.state)}
                versions[key] = case
        again = replayed(self.town)
        assert written(again) == written(self.town)
        assert all_facts(again.docket) == all_facts(self.town.docket)
        assert all_facts(restored(self.town).docket) == all_facts(self.town.docket)


def case_key(case: Case) -> tuple[str, str]:
    return case.case_kind, case.id


def waiting(cases: Iterable[Case], author: Author) -> list[tuple[object, ...]]:
    """What the inbox of an agency shows of these cases."""
    tasks = tasks_of(cases, author)
    return sorted((*case_key(task.case), task.verbs, task.step, task.due_ms) for task in tasks)


def without_sum(case: Case) -> Case:
    """The case but for what not everybody who is told of it may know."""
    content = {name: each for name, each in case.content.items() if name != IN_SUM}
    return case.model_copy(update={"content": content})


def allowed(town: Town, name: str) -> set[str]:
    """What the grant of a request may release, said in another way than the docket does."""
    cases, facts = town.docket.cases, town.docket.facts
    case, asked = cases["grant", name], cases["request", name].content
    entry = facts.entries[str(asked["entry"])]
    holder = facts.agencies[case.subscriber or ""]
    if case.state != "in_force" or holder.suspended or holder.left or entry.retired:
        return set()
    wanted = set(asked["accepted_fields"])
    conditions = asked.get("row_filter", {}).get("all", [])  # a filter tells of its fields
    is_marked = bool(entry.marked_fields & (wanted | {each["field"] for each in conditions}))
    agreed = any(
        other.state == "in_force"
        and (other.provider, other.subscriber) == (case.provider, case.subscriber)
        for (kind, _), other in cases.items()
        if kind == "agreement"
    )
    was_automatic = case.content["document"]["approval"] == "automatic"
    return set() if is_marked and (was_automatic or not agreed) else wanted


def written(town: Town) -> list[str]:
    """Everything that came out, as bytes would have it."""
    lines = []
    for outcome in town.outcomes:
        documents = [outcome.answer, *outcome.cases]
        lines += [each.model_dump_json() for each in documents if each is not None]
        lines += [fact_to_json(fact) for fact in outcome.facts]
        lines += [f"{n.agency} {n.verb} {n.case.model_dump_json()}" for n in outcome.notices]
    return lines


def all_facts(docket: Docket) -> list[str]:
    return sorted(map(fact_to_json, docket.facts))


def restored(town: Town) -> Town:
    """A town whose docket was read back from what the other has written, and goes on alike."""
    facts = PolicyFacts()
    for fact in town.docket.facts:
        facts.apply(fact_from_json(fact_to_json(fact)), facts.version + 1)
    again = Town.__new__(Town)
    again.docket, again.done, again.outcomes = Docket(facts, TABLES), [], []
    for outcome in town.outcomes:
        if outcome.answer is not None:
            answer = Answer.model_validate_json(outcome.answer.model_dump_json(exclude_none=True))
            again.docket.restore(answer)
        for case in outcome.cases:
            again.docket.restore(Case.model_validate_json(case.model_dump_json(exclude_none=True)))
    assert again.docket.next_due_ms() == town.docket.next_due_ms()
    for done in town.done:
        if not isinstance(done, int):
            assert again.docket.decide(*done).is_repeated
    later = town.at_ms + 300 * DAY_MS
    assert again.tick(later).facts == town.tick(later).facts
    return again


TestAnyTown = AnyTown.TestCase
TestAnyTown.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


@given(st.sampled_from(sorted(KINDS)), st.data())
@settings(max_examples=300, deadline=None)
def test_any_content_gets_an_answer(kind: str, data: st.DataObject) -> None:
    town = Town()
    opening = LIFECYCLES[kind].moves_from(NOTHING)[0]
    content = {name: data.draw(JUNK) for name in (*opening.needs, *opening.may)}
    who = data.draw(st.sampled_from([*PARTIES, *OFFICES]))
    outcome = town.file(who, kind, "x-1", opening.verb, head=True, **content)
    assert outcome.answer is not None
    assert CLOCK not in opening.actors or outcome.answer.outcome == "refused"


def test_fact_document_is_what_is_written() -> None:
    agency = Town().docket.facts.agencies["tax"]
    assert fact_from_json(fact_to_json(agency)) == agency
    assert fact_document(agency)["id"] == "tax"
