"""What follows from facts that change, and what the enforcer leaves to a person."""

from datetime import date
from typing import Any

from sharebus.governance.agency import Agency
from sharebus.governance.facts import PolicyFacts
from sharebus.stream_apps.enforcer.concern import Concern
from sharebus.stream_apps.enforcer.desired import (
    DesiredState,
    desired_broker,
    platform_state,
)
from sharebus.stream_apps.enforcer.difference import LiveState, difference

from .enforcer_case import (
    NOTHING,
    MakeEntry,
    MakeGrant,
    as_live,
    facts_of,
    rights_of,
    topics_of,
)


def test_what_is_computed_anew_is_what_is_computed_from_nothing(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    state = DesiredState()
    entry, grant = make_entry(), make_grant()
    facts = facts_of(*agencies, entry)
    changes: list[Any] = [
        grant,
        grant.model_copy(update={"revoked": True}),
        entry.model_copy(update={"partitions": entry.partitions, "suspended": True}),
        agencies[0].model_copy(update={"suspended": True}),
        agencies[0],
    ]
    assert state.of(facts, today) == desired_broker(facts, today)
    for version, change in enumerate(changes, start=10):
        facts.apply(change, version)
        assert state.of(facts, today) == desired_broker(facts, today)
    for day in (date(1999, 1, 1), today, date(2999, 1, 1)):
        assert state.of(facts, day) == desired_broker(facts, day)


def test_second_change_is_counted_from_what_the_first_one_came_to(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    state = DesiredState()
    facts = facts_of(*agencies, make_entry())
    state.of(facts, today)
    concern = Concern(agencies=(agencies[0].id,), entries=("shops",))
    last = None
    for number, suspended in enumerate([True, False, True], start=10):
        facts.apply(agencies[0].model_copy(update={"suspended": suspended}), number)
        before, after = state.changed(facts, concern, today)
        assert before.rules
        assert last is None or before == last
        last = after


def test_one_change_leaves_what_follows_from_other_entries_as_it_was(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    state = DesiredState()
    facts = facts_of(*agencies, make_entry(), make_entry(id="alleys"))
    before = {topic.name: topic for topic in state.of(facts, today).topics}
    facts.apply(make_entry(suspended=True), 9)
    after = {topic.name: topic for topic in state.of(facts, today).topics}
    assert after["ingress.alleys"] is before["ingress.alleys"]
    assert after["ingress.shops"] is not before["ingress.shops"]


def test_suspended_agency_can_be_told_why_and_answer_and_no_more(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    suspended = [agency.model_copy(update={"suspended": True}) for agency in agencies]
    desired = desired_broker(facts_of(*suspended, make_entry()), today)
    for agency in agencies:
        for system in agency.system_names():
            assert rights_of(desired, str(system)) == {
                ("READ", "TOPIC", f"notices.{agency.id}"),
                ("READ", "TOPIC", "audit.checkpoints"),
                ("WRITE", "TOPIC", f"commands.{agency.id}"),
                ("READ", "GROUP", system.group_prefix),
            }


def test_topic_that_is_gone_is_not_made_anew_while_there_are_rights_on_it(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry()), today)
    live = as_live(desired)
    without = {name: topic for name, topic in live.topics.items() if name != "shared.shops"}
    plan = difference(desired, live._replace(topics=without))
    assert plan.create == ()
    assert [conflict.topic for conflict in plan.conflicts] == ["shared.shops"]
    rules = frozenset(rule for rule in live.rules if rule.name != "shared.shops")
    anew = difference(desired, LiveState(without, rules, live.schema_ids))
    assert [topic.name for topic in anew.create] == ["shared.shops"]
    assert anew.conflicts == ()


def test_plan_that_takes_too_many_rights_takes_none_and_does_the_rest(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    with_entry = desired_broker(facts_of(*agencies, make_entry()), today)
    other = desired_broker(facts_of(*agencies, make_entry(id="alleys")), today)
    plan = difference(other, as_live(with_entry))
    assert plan.within(len(plan.revoke)) == plan
    limited = plan.within(len(plan.revoke) - 1)
    assert limited.revoke == ()
    assert limited.allow == plan.allow
    assert limited.conflicts[-1].found == str(len(plan.revoke))


def test_state_after_a_plan_differs_no_more(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry()), today)
    plan = difference(desired, NOTHING)
    registered = {schema: number for number, schema in enumerate(plan.register)}
    assert difference(desired, NOTHING.after(plan, registered)).is_empty


def test_fewer_than_three_brokers_ask_for_nothing_of_copies(today: date) -> None:
    for factor in (1, 2):
        desired = desired_broker(PolicyFacts(), today, factor)
        assert {"min.insync.replicas"} & {n for t in desired.topics for n in t.config} == set()


def test_before_the_first_fact_there_are_topics_and_no_rights() -> None:
    state = platform_state()
    assert "facts.policy" in topics_of(state)
    assert state.rules == frozenset()
    assert state.schemas


def test_agency_has_one_partition_of_each_topic_and_quarantine_if_it_sends(
    agencies: tuple[Agency, ...], today: date
) -> None:
    made = topics_of(desired_broker(facts_of(*agencies), today))
    ids = {agency.id for agency in agencies}
    own = {name: count for name, count in made.items() if name.partition(".")[2] in ids}
    assert set(own.values()) == {1}
    assert {name for name in own if name.startswith("quarantine.")} == {"quarantine.bureau"}
