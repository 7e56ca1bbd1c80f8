"""How the audit is kept is nobody's to change: it is raised, never set back unasked."""

from datetime import date

import pytest

from sharebus.governance.facts import PolicyFacts
from sharebus.schemas.topic import AUDIT, FACTS_POLICY, SEALED
from sharebus.stream_apps.enforcer.desired import DesiredBroker, desired_broker
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic, difference
from sharebus.stream_apps.enforcer.rights import AccessRule

RIGHTS_MAX = 10


def desired() -> DesiredBroker:
    return desired_broker(PolicyFacts(), date(2026, 11, 25))


def live(topic: str, **changes: str) -> LiveState:
    """All as it must be, but for settings of one topic."""
    wanted = desired()
    topics = {each.name: LiveTopic(each.partitions, each.config) for each in wanted.topics}
    topics[topic] = LiveTopic(1, {**topics[topic].config, **changes})
    return LiveState(topics, wanted.rules, dict.fromkeys(wanted.schemas, 1))


@pytest.mark.parametrize("topic", SEALED)
def test_a_setting_of_a_sealed_topic_is_raised_and_left_to_an_administrator(topic: str) -> None:
    plan = difference(desired(), live(topic, **{"retention.ms": "1000"}))
    assert [change.topic for change in plan.alter] == [topic]  # what `broker apply` does
    unasked = plan.within(RIGHTS_MAX)
    assert unasked.alter == ()
    [conflict] = unasked.conflicts
    assert conflict.topic == topic
    assert "retention.ms=-1" in conflict.expected
    assert unasked.within(RIGHTS_MAX) == unasked


def test_a_setting_of_another_topic_is_set_back_unasked() -> None:
    plan = difference(desired(), live(FACTS_POLICY, **{"retention.ms": "1000"}))
    assert plan.within(RIGHTS_MAX) == plan
    assert [change.topic for change in plan.alter] == [FACTS_POLICY]


def test_sealed_topics_keep_all_for_ever() -> None:
    settings = {topic.name: topic.config for topic in desired().topics}
    for topic in SEALED:
        assert settings[topic]["cleanup.policy"] == "delete"
        assert settings[topic]["retention.ms"] == settings[topic]["retention.bytes"] == "-1"
        assert settings[topic]["unclean.leader.election.enable"] == "false"


def test_everybody_is_denied_what_would_change_them_and_a_lost_denial_comes_back() -> None:
    denials = {
        AccessRule("User:*", "DENY", operation, "TOPIC", "LITERAL", topic)
        for topic in SEALED
        for operation in ("DELETE", "ALTER", "ALTER_CONFIGS")
    }
    assert denials <= desired().rules
    lost = next(iter(denials))
    before = live(AUDIT)
    plan = difference(desired(), before._replace(rules=before.rules - {lost}))
    assert plan.allow == (lost,)
