"""Who held a grant for a topic between two times, grants that are revoked or changed included."""

from sharebus.consumers.oversight.grant_history import NOT_ENDED, GrantHistory
from sharebus.governance.facts import AnyFact
from sharebus.governance.view import view_of_grant
from sharebus.schemas.topic import view_topic

from ...stream_apps.gate import case


def history_of(*facts: tuple[int, AnyFact]) -> GrantHistory:
    history = GrantHistory()
    for version, (instant_ms, fact) in enumerate([(0, READER), *facts]):
        history.learn(version, fact, instant_ms)
    return history


READER, ENTRY = case.subscriber(), case.entry()
WIDE, NARROW = case.grant("g-1"), case.grant("g-1", fields=("code", "name"))
TOPIC, NARROW_TOPIC = (
    view_topic(ENTRY.id, view_of_grant(ENTRY, grant).name) for grant in (WIDE, NARROW)
)


def test_a_grant_is_held_from_its_fact_to_its_end() -> None:
    revoked = WIDE.model_copy(update={"revoked": True})
    history = history_of((1, ENTRY), (100, WIDE), (200, revoked))
    [holder] = history.of_topic(TOPIC, 150, 300)
    assert (holder.system, holder.grant) == (case.SUBSCRIBER, "g-1")
    assert (holder.since_ms, holder.until_ms) == (100, 200)
    assert history.of_topic(TOPIC, 0, 99) == history.of_topic(TOPIC, 201, 300) == []


def test_a_grant_that_was_narrowed_was_held_for_both_topics() -> None:
    history = history_of((1, ENTRY), (100, WIDE), (200, NARROW))
    assert [each.topic for each in history.of_agency("tax", 0, 150)] == [TOPIC]
    assert {each.topic for each in history.of_agency("tax", 0, 250)} == {TOPIC, NARROW_TOPIC}
    [still] = history.of_topic(NARROW_TOPIC, 900, 999)
    assert still.until_ms == NOT_ENDED
    assert history.of_agency("market", 0, 999) == []


def test_what_it_was_granted_for_is_told() -> None:
    [holder] = history_of((1, ENTRY), (100, WIDE)).of_topic(TOPIC, 0, 999)
    assert holder.scenario == WIDE.purpose.scenario
    assert (holder.first_day, holder.last_day) == (
        str(WIDE.term.first_day), str(WIDE.term.last_day),
    )  # fmt: skip


def test_suspended_agency_or_entry_holds_nothing_meanwhile() -> None:
    for fact in (READER, ENTRY):
        halted = fact.model_copy(update={"suspended": True})
        history = history_of((1, ENTRY), (100, WIDE), (200, halted), (300, fact))
        held = history.of_topic(TOPIC, 0, 999)
        assert [(each.since_ms, each.until_ms) for each in held] == [(100, 200), (300, NOT_ENDED)]
        assert history.of_agency("tax", 201, 299) == []
