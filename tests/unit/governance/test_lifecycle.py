"""No move but those that are written, and each with who, why and what for."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput, Refused
from sharebus.governance.identity import FOUNDER
from sharebus.governance.lifecycle import CLOCK, CONSENT, NOTHING, Lifecycle, Move
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import Role

ACTORS = [*Role, CLOCK, FOUNDER]
VERBS = sorted({move.verb for cycle in LIFECYCLES.values() for move in cycle.moves})
FIELDS = sorted(
    {name for cycle in LIFECYCLES.values() for move in cycle.moves for name in move.needs}
)

cycles = st.sampled_from(sorted(LIFECYCLES.values(), key=lambda cycle: cycle.kind))


def edges(cycle: Lifecycle) -> Iterator[tuple[str, Move]]:
    for move in cycle.moves:
        for source in move.sources:
            yield source, move


@pytest.mark.parametrize("cycle", LIFECYCLES.values(), ids=LIFECYCLES)
def test_lifecycle_has_one_beginning_reaches_every_state_and_can_end(cycle: Lifecycle) -> None:
    beginnings = [move for move in cycle.moves if move.sources == (NOTHING,)]
    # What ends as it begins is a record, of which there are several sorts.
    is_record = {move.target for move in beginnings} == cycle.final_states == cycle.states
    assert len(beginnings) == 1 or is_record
    assert cycle.final_states
    ends = set(cycle.final_states)
    while True:
        more = {source for source, move in edges(cycle) if move.target in ends} - ends
        if not more:
            break
        ends |= more
    assert cycle.states <= ends, "a state from which the case can never end"


@pytest.mark.parametrize("cycle", LIFECYCLES.values(), ids=LIFECYCLES)
def test_every_step_names_who_may_take_it_and_its_article(cycle: Lifecycle) -> None:
    for move in cycle.moves:
        assert move.actors
        assert set(move.actors) <= set(ACTORS)
        assert move.basis.startswith(("O Art ", "S Art ", "Z Art ", "P Art "))
        assert move.is_consent == (move.verb == CONSENT)
        # A move that somebody's rights depend on is told to somebody.
        assert move.tells or move.target in move.sources or move.sources == (NOTHING,)


@given(
    cycles, st.data(), st.sampled_from(VERBS), st.sampled_from(ACTORS),
    st.frozensets(st.sampled_from(FIELDS)), st.frozensets(st.sampled_from(list(Role))),
)  # fmt: skip
def test_step_is_taken_exactly_when_state_actor_fields_and_consents_allow_it(
    cycle: Lifecycle,
    data: st.DataObject,
    verb: str,
    actor: str,
    given_fields: frozenset[str],
    consents: frozenset[Role],
) -> None:
    state = data.draw(st.sampled_from([NOTHING, *sorted(cycle.states)]))
    allowed = [
        move
        for source, move in edges(cycle)
        if (source, move.verb) == (state, verb)
        and actor in move.actors
        and set(move.needs) <= given_fields <= {*move.needs, *move.may}
        and set(move.consents) <= consents
    ]
    if allowed:
        taken = cycle.move(state, verb, actor, given=given_fields, consents=consents)
        assert allowed == [taken]
    else:
        with pytest.raises(Refused) as refusal:
            cycle.move(state, verb, actor, given=given_fields, consents=consents)
        assert refusal.value.expected
        assert refusal.value.found


@given(cycles, st.data())
def test_walk_of_allowed_steps_stays_among_the_states(
    cycle: Lifecycle, data: st.DataObject
) -> None:
    state = NOTHING
    for _ in range(20):
        moves = cycle.moves_from(state)
        if not moves:
            assert state in cycle.final_states
            return
        move = data.draw(st.sampled_from(moves))
        actor = data.draw(st.sampled_from(move.actors))
        assert cycle.move(
            state, move.verb, actor, given=move.needs, consents=move.consents
        ) is move  # fmt: skip
        state = move.target
        assert state in cycle.states


def test_ambiguous_lost_or_impossible_steps_are_refused_at_once() -> None:
    begin = Move("begin", (NOTHING,), "open", (Role.PROVIDER,), "O Art 1")
    with pytest.raises(InvalidInput, match="one verb leave one state"):
        Lifecycle("x", (begin, Move("begin", (NOTHING,), "shut", (Role.PROVIDER,), "O Art 1")))
    with pytest.raises(InvalidInput, match="cannot be reached"):
        Lifecycle("x", (begin, Move("end", ("lost",), "open", (Role.PROVIDER,), "O Art 1")))
    needs = Move("end", ("open",), "shut", (CLOCK,), "O Art 1", consents=(Role.SECRECY,))
    with pytest.raises(InvalidInput, match="never be given"):
        Lifecycle("x", (begin, needs))


def test_refusal_names_what_would_be_possible_and_the_article() -> None:
    request = LIFECYCLES["request"]
    with pytest.raises(Refused) as wrong_state:
        request.move("refused", "accept", Role.PROVIDER)
    assert wrong_state.value.expected == "ask_review, overrule, set_due, uphold"
    with pytest.raises(Refused, match="S Art 21") as wrong_actor:
        request.move("submitted", "refuse", Role.SUBSCRIBER, given=["legal_basis"])
    assert wrong_actor.value.expected == "provider"
    with pytest.raises(Refused, match="O Art 5") as without_basis:
        request.move("submitted", "refuse", Role.PROVIDER)
    assert without_basis.value.found == "without legal_basis"
    with pytest.raises(Refused, match="waits for consent") as unconsented:
        LIFECYCLES["entry"].move("submitted", "confirm", Role.COORDINATOR, consents=[Role.SECRECY])
    assert unconsented.value.found == "not yet of archives"


def test_request_that_was_completed_is_not_sent_back_a_second_time() -> None:
    assert "list_missing" not in {s.verb for s in LIFECYCLES["request"].moves_from("completed")}
