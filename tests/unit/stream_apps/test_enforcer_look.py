"""What is looked at, how often, and what a look finds under names of ours."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclBindingFilter, AdminClient, ConfigResource

from sharebus.governance.agency import Agency
from sharebus.governance.facts import PolicyFacts
from sharebus.stream_apps.enforcer.desired import DesiredBroker, SubjectSchema, desired_broker
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic, difference
from sharebus.stream_apps.enforcer.drift import foreign_names
from sharebus.stream_apps.enforcer.look import BrokerLook, Seen
from sharebus.stream_apps.enforcer.loop import _PAUSE_PER_LOOK, LOOK_SECONDS, LookTimes
from sharebus.stream_apps.enforcer.rights import AccessRule
from sharebus.stream_apps.enforcer.subjects import Subjects

from .enforcer_case import NOTHING, MakeEntry, as_live, facts_of

ANYBODY = "User:agency.a.x"


@pytest.mark.parametrize("seconds", [0.01, 0.6, 3.0])
def test_looks_take_a_fifth_of_the_time_at_most_and_are_seconds_apart(seconds: float) -> None:
    times = LookTimes()
    assert times.is_due(0.1)
    for step in range(3):  # a look of three steps
        times.worked(seconds / 3)
        assert step < 2 or not times.ended(100.0)
    pause = max(LOOK_SECONDS, _PAUSE_PER_LOOK * seconds)
    assert not times.is_due(100.0 + pause * 0.999)
    assert times.is_due(100.0 + pause * 1.001)
    assert seconds / (seconds + pause) <= 0.2 + 1e-9
    times.ended(200.0)  # a look that took no time
    assert times.is_due(200.0 + LOOK_SECONDS * 1.001)


class Broker:
    """Counts what it is asked about rules and topics."""

    def __init__(self, *topics: str) -> None:
        self.topics = topics
        self.asked: list[Any] = []

    def describe_acls(self, which: AclBindingFilter, request_timeout: float) -> Future[Any]:
        self.asked.append(which.principal)
        return _answered([])

    def describe_topics(
        self, which: TopicCollection, request_timeout: float
    ) -> dict[str, Future[Any]]:
        names = list(which.topic_names)
        self.asked.append(names)
        return {name: self._topic(name) for name in names}

    def _topic(self, name: str) -> Future[Any]:
        if name in self.topics:
            return _answered(_Topic())
        future: Future[Any] = Future()
        future.set_exception(KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)))
        return future

    def describe_configs(
        self, which: Sequence[ConfigResource], request_timeout: float
    ) -> dict[ConfigResource, Future[Any]]:
        self.asked.append([resource.name for resource in which])
        return {resource: _answered({}) for resource in which}


class _Topic:
    partitions = (object(), object())


class Registry:
    """Knows one schema."""

    def __init__(self, known: SubjectSchema) -> None:
        self.known = known
        self.asked: list[str] = []

    def id_of(self, subject: str, _schema: dict[str, Any]) -> int | None:
        self.asked.append(subject)
        return 7 if subject == self.known.subject else None


def _answered(answer: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(answer)
    return future


def rules_about(count: int) -> list[AccessRule]:
    return [
        AccessRule(f"User:agency.a.x{number}", "ALLOW", "READ", "TOPIC", "LITERAL", "t")
        for number in range(count)
    ]


@pytest.mark.parametrize(("count", "requests"), [(0, 0), (1, 1), (10, 10), (11, 1), (300, 1)])
def test_rules_of_few_are_asked_for_one_by_one_and_of_many_all_at_once(
    count: int, requests: int
) -> None:
    broker = Broker()
    look = BrokerLook(cast(AdminClient, broker), cast(Subjects, None))
    look.rules_near(rules_about(count) * 2)
    assert len(broker.asked) == requests
    assert count <= 10 or broker.asked == [None]


def test_look_after_a_change_asks_only_for_what_was_not_seen_before(today: date) -> None:
    desired = desired_broker(PolicyFacts(), today)
    seen = as_live(desired)
    schema = SubjectSchema("view.shops.v-1-value", "{}")
    topics = desired.topics[:1]
    more = DesiredBroker(
        (*topics, topics[0]._replace(name="view.a.v-1"), topics[0]._replace(name="view.a.v-2")),
        frozenset(),
        (*desired.schemas, schema),
    )
    broker, registry = Broker("view.a.v-1"), Registry(schema)
    look = BrokerLook(cast(AdminClient, broker), Subjects(cast(Any, registry)))
    now = look.new(more, PolicyFacts(), seen)
    assert broker.asked == [["view.a.v-1", "view.a.v-2"], ["view.a.v-1"]]
    assert registry.asked == [schema.subject]
    assert now.topics == {**seen.topics, "view.a.v-1": LiveTopic(2, {})}
    assert now.schema_ids == {**seen.schema_ids, schema: 7}
    assert now.rules == seen.rules
    broker.asked.clear()
    assert look.new(desired, PolicyFacts(), seen) == seen
    assert broker.asked == []


@pytest.mark.parametrize("who", ["gate", "registrar", "enforcer", "agency.tax.levy"])
@pytest.mark.parametrize("pattern", ["LITERAL", "PREFIXED"])
def test_right_to_delete_views_that_somebody_gives_by_hand_is_taken_away(
    today: date, who: str, pattern: str
) -> None:
    desired = desired_broker(PolicyFacts(), today)
    live = as_live(desired)
    stray = AccessRule(f"User:{who}", "ALLOW", "DELETE", "TOPIC", pattern, "view.")
    plan = difference(desired, live._replace(rules=live.rules | {stray}))
    is_ours = stray in desired.rules  # the enforcer deletes views that no grant asks for
    assert plan.revoke == (() if is_ours else (stray,))
    assert is_ours == ((who, pattern) == ("enforcer", "PREFIXED"))


def seen(*names: str) -> Seen:
    return Seen(NOTHING, frozenset(names), frozenset(f"{name}-value" for name in names))


def test_names_like_ours_that_nobody_decided_are_told_once_as_topic_and_once_as_subject(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    facts = facts_of(*agencies, make_entry())
    desired = desired_broker(facts, today)
    strange = ("accepted.nobody", "view.shops.v-0", "commands.nobody", "view.nobody.v-1")
    found = foreign_names(seen(*strange), desired, facts, [])
    told = sorted(conflict.topic for conflict in found)
    assert told == sorted((*strange, *(f"{name}-value" for name in strange)))


def test_names_of_others_and_what_is_kept_for_history_are_no_strangers(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    facts = facts_of(*agencies, make_entry())
    desired = desired_broker(facts, today)
    ours = [topic.name for topic in desired.topics]
    kept = ("accepted.shops", "quarantine.tax")  # of a class, and of a role, that it once had
    names = (*ours, *kept, "view.shops.v-0", "kafkasql-journal", "backup.accepted.nobody")
    assert foreign_names(seen(*names), desired, facts, ["view.shops.v-0"]) == ()


def test_part_of_a_look_is_replaced_by_what_was_done_meanwhile(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    before = desired_broker(facts_of(*agencies), today)
    after = desired_broker(facts_of(*agencies, make_entry()), today)
    part = DesiredBroker(
        tuple(topic for topic in after.topics if topic not in before.topics),
        after.rules - before.rules,
        tuple(schema for schema in after.schemas if schema not in before.schemas),
    )
    looked, now = as_live(before), as_live(after)
    assert difference(after, looked.replaced(part, now.part(part))).is_empty
    assert looked.replaced(part, LiveState({}, frozenset(), {})) == looked
    names = {topic.name for topic in part.topics}
    assert set(now.without(names).topics) == set(looked.topics)
