"""A case moves by its lifecycle alone, one version at a time, and the same way each time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sharebus import InvalidInput, Refused
from sharebus.governance.case import Act, Author, Case, actors_of, advance, open_case
from sharebus.governance.lifecycle import CLOCK, NOTHING
from sharebus.governance.lifecycles import FIVE_THINGS, LIFECYCLES
from sharebus.governance.role import Role

CITY, COUNTY = "330200", "330281"
PROVIDER = Author("market", CITY)
SUBSCRIBER = Author("tax", CITY)
COORDINATOR = Author("data-bureau", CITY, frozenset({Role.COORDINATOR}))
CLOCKWORK = Author("", CITY, is_clock=True)
FIVE = dict.fromkeys(FIVE_THINGS, "stated")


def act(verb: str, seen: int, number: int = 1, **content: Any) -> Act:
    return Act(f"c-{number}", verb, seen, content, 1_000 * number)


def request() -> Case:
    case, _ = open_case(
        "request", "r-1", act("submit", 0, entry="e", system="tax.levy", fields=["code"], **FIVE),
        [Role.SUBSCRIBER],
        jurisdiction=CITY, provider="market", subscriber="tax",
    )  # fmt: skip
    return case


def taken(case: Case, author: Author, verb: str, **content: Any) -> Case:
    number = case.version + 1
    return advance(case, act(verb, case.version, number, **content), actors_of(author, case))[0]


def test_refusal_is_reviewed_and_overruled_step_by_move() -> None:
    case = taken(request(), PROVIDER, "refuse", legal_basis="档案法 28")
    case = taken(case, SUBSCRIBER, "ask_review", reason="不成立")
    case = taken(case, COORDINATOR, "overrule", reason="应当共享", accepted_fields=["code"])
    assert (case.state, case.version) == ("consented", 4)
    assert case.content["legal_basis"] == "档案法 28"
    assert case.content["accepted_fields"] == ["code"]
    assert (case.opened_ms, case.changed_ms) == (1_000, 4_000)


def test_stale_command_is_refused_and_changes_nothing() -> None:
    case = request()
    accepted = taken(case, PROVIDER, "accept", accepted_fields=["code"])
    late = act("refuse", case.version, 9, legal_basis="x")
    with pytest.raises(Refused, match="has changed") as stale:
        advance(accepted, late, [Role.PROVIDER])
    assert (stale.value.expected, stale.value.found) == ("version 2", "version 1")


def test_five_things_are_asked_for_and_an_empty_one_is_none() -> None:
    content = {**FIVE, "scope": "", "entry": "e", "system": "tax.levy", "fields": ["code"]}
    with pytest.raises(Refused, match="S Art 20") as incomplete:
        open_case("request", "r-1", act("submit", 0, **content), [Role.SUBSCRIBER],
                  jurisdiction=CITY)  # fmt: skip
    assert incomplete.value.found == "without scope"


def test_office_counts_in_its_own_jurisdiction_alone() -> None:
    county = Author("county-data-bureau", COUNTY, frozenset({Role.COORDINATOR}))
    case = taken(request(), PROVIDER, "refuse", legal_basis="x")
    case = taken(case, SUBSCRIBER, "ask_review", reason="x")
    assert actors_of(county, case) == ()
    with pytest.raises(Refused, match="not for an outsider"):
        taken(case, county, "uphold", reason="x")


def test_agency_that_is_party_and_authority_acts_as_the_one_that_may() -> None:
    both = Author("market", CITY, frozenset({Role.COORDINATOR}))
    case = taken(request(), both, "refuse", legal_basis="x")
    case = taken(case, SUBSCRIBER, "ask_review", reason="x")
    assert taken(case, both, "uphold", reason="x").state == "upheld"


def test_consent_to_one_draft_is_none_to_the_next() -> None:
    opened, _ = open_case("entry", "e-1", act("draft", 0, document="a"), [Role.PROVIDER],
                          jurisdiction=CITY, provider="market")  # fmt: skip
    secrecy = Author("secrecy", CITY, frozenset({Role.SECRECY, Role.ARCHIVES}))
    case = taken(opened, PROVIDER, "submit")
    case = taken(case, secrecy, "consent")
    assert set(case.consents) == {Role.SECRECY, Role.ARCHIVES}
    returned = taken(case, COORDINATOR, "return", reason="x")
    again = taken(returned, PROVIDER, "submit")
    with pytest.raises(Refused, match="waits for consent"):
        taken(again, COORDINATOR, "confirm")
    assert taken(case, COORDINATOR, "confirm").state == "confirmed"


def test_agreement_is_in_force_once_both_have_consented_and_not_before() -> None:
    case, _ = open_case(
        "agreement", "a-1", act("propose", 0, parties=["market", "tax"], text_digest="x", term="1"),
        [Role.PROVIDER], jurisdiction=CITY, provider="market", subscriber="tax",
    )  # fmt: skip
    case = taken(case, PROVIDER, "consent")
    with pytest.raises(Refused, match="waits for consent"):
        taken(case, CLOCKWORK, "sign")
    case = taken(case, SUBSCRIBER, "consent")
    assert taken(case, CLOCKWORK, "sign").state == "in_force"


def test_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidInput, match="no such kind") as unknown:
        open_case("wish", "w-1", act("submit", 0), [Role.SUBSCRIBER], jurisdiction=CITY)
    assert "request" in (unknown.value.expected or "")


class AnyHistory(RuleBasedStateMachine):
    """Whatever is asked, by whomever: only what the lifecycle has is done, and it can be redone."""

    case: Case | None = None

    @initialize(kind=st.sampled_from(sorted(LIFECYCLES)))
    def choose(self, kind: str) -> None:
        self.kind = kind
        self.done: list[tuple[Act, tuple[str, ...]]] = []

    def _parties(self) -> dict[str, str]:
        return {"jurisdiction": CITY, "provider": "market", "subscriber": "tax"}

    def _do(self, case: Case | None, what: Act, actors: tuple[str, ...]) -> Case:
        if case is None:
            return open_case(self.kind, "x-1", what, actors, **self._parties())[0]
        return advance(case, what, actors)[0]

    @precondition(lambda self: self.case is None or self.case.state not in ("",))
    @rule(
        verb=st.sampled_from(sorted({s.verb for c in LIFECYCLES.values() for s in c.moves})),
        actor=st.sampled_from([*Role, CLOCK]),
        is_complete=st.booleans(),
        is_fresh=st.booleans(),
        data=st.data(),
    )
    def ask(
        self, verb: str, actor: str, is_complete: bool, is_fresh: bool, data: st.DataObject
    ) -> None:
        cycle = LIFECYCLES[self.kind]
        state = self.case.state if self.case else NOTHING
        if data.draw(st.booleans()) and cycle.moves_from(state):  # often something possible
            move = data.draw(st.sampled_from(cycle.moves_from(state)))
            verb, actor = move.verb, data.draw(st.sampled_from(move.actors))
        moves = {move.verb: move for move in cycle.moves_from(state)}
        needs = moves[verb].needs if verb in moves else ()
        version = self.case.version if self.case else 0
        what = Act(
            f"c-{len(self.done)}", verb, version if is_fresh else version + 1,
            dict.fromkeys(needs if is_complete else needs[1:], "x"), len(self.done),
        )  # fmt: skip
        standing = set(self.case.consents) if self.case else set()
        allowed = (
            is_fresh
            and verb in moves
            and actor in moves[verb].actors
            and (is_complete or not needs)
            and set(moves[verb].consents) <= standing
        )
        before = self.case
        try:
            after = self._do(self.case, what, (actor,))
        except Refused:
            assert not allowed
            assert self.case == before
            return
        assert allowed
        assert (after.state, after.version) == (moves[verb].target, version + 1)
        self.case = after
        self.done.append((what, (actor,)))

    def teardown(self) -> None:
        again: Case | None = None
        for what, actors in getattr(self, "done", []):
            again = self._do(again, what, actors)
        assert again == self.case
        if again is not None and self.case is not None:
            assert again.model_dump_json() == self.case.model_dump_json()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(st.sampled_from(sorted(LIFECYCLES)), st.sampled_from([*Role, CLOCK]))
def test_nothing_begins_with_a_version_that_was_never_there(kind: str, actor: str) -> None:
    verb = LIFECYCLES[kind].moves_from(NOTHING)[0].verb
    with pytest.raises(Refused, match="has changed"):
        open_case(kind, "x-1", act(verb, 1), [actor], jurisdiction=CITY)
