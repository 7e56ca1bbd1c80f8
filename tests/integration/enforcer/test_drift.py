"""What somebody changes at broker or registry by hand is seen, and put right where that is safe."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from sharebus.infra import scram
from sharebus.infra.broker_requests import BrokerAddress, Quota, all_quotas, alter_quotas
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.registry import COMPATIBILITY, SchemaRegistry
from sharebus.infra.settings import environment_of
from sharebus.schemas import topic as topics

from ..town import DEADLINE_SECONDS, Town
from .conftest import RunningEnforcer, wait_for
from .sightings import granted, told, topic_names

pytestmark = pytest.mark.integration
INVALID, REFUSED = 3, 4
OPENED = {"name": "opened", "type": ["null", "string"], "default": None}


def admin_of(town: Town) -> AdminClient:
    return AdminClient(town.admin_config, logger=librdkafka_log)


def address_of(town: Town) -> BrokerAddress:
    host, _, port = town.settings.bootstrap_servers.rpartition(":")
    return BrokerAddress(host, int(port))


def is_told(town: Town, rule: str, name: str) -> None:
    wait_for(f"{rule} {name}", lambda: told(town.admin_config, rule, name), DEADLINE_SECONDS)


def rule_of(principal: str, operation: AclOperation, topic: str) -> dict[str, Any]:
    return {
        "restype": ResourceType.TOPIC,
        "name": topic,
        "resource_pattern_type": ResourcePatternType.LITERAL,
        "principal": f"User:{principal}",
        "host": "*",
        "operation": operation,
        "permission_type": AclPermissionType.ALLOW,
    }


def test_rights_settings_and_passwords_given_by_hand_are_taken_back(
    town: Town, enforcer: RunningEnforcer
) -> None:
    entry, _, view = granted(town)
    accepted = f"accepted.{entry.id}"
    admin = admin_of(town)
    strays = [
        rule_of(town.reader.principal, AclOperation.READ, accepted),
        rule_of("gate", AclOperation.DELETE, view),
    ]
    setting = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, view, incremental_configs=[setting])
    stranger = f"agency.stranger-{town.tag}.x"
    for future in admin.create_acls([AclBinding(**stray) for stray in strays]).values():
        future.result(DEADLINE_SECONDS)
    admin.incremental_alter_configs([changed])[changed].result(DEADLINE_SECONDS)
    scram.set_passwords(admin, {stranger: "示例-password"})

    def is_repaired() -> bool:
        filters = [AclBindingFilter(**stray) for stray in strays]
        rules = [
            admin.describe_acls(one, request_timeout=DEADLINE_SECONDS).result(DEADLINE_SECONDS)
            for one in filters
        ]
        plain = ConfigResource(ResourceType.TOPIC, view)
        config = admin.describe_configs([plain])[plain].result(DEADLINE_SECONDS)
        policy = config["cleanup.policy"].value
        return not any(rules) and policy == "compact" and stranger not in scram.users(admin)

    wait_for("drift is repaired", is_repaired, DEADLINE_SECONDS)
    for name in (accepted, view, stranger):
        is_told(town, "drift.repaired", name)


def test_quotas_and_levels_set_by_hand_are_taken_back(
    town: Town, enforcer: RunningEnforcer
) -> None:
    entry, _, _ = granted(town)
    subject = topics.value_subject(f"ingress.{entry.id}")
    quota = Quota((("user", town.reader.principal),), {"consumer_byte_rate": 1.0})
    alter_quotas(town.admin_config, address_of(town), [quota])
    with SchemaRegistry(town.settings) as registry:
        registry.set_compatibility(subject, "NONE")

        def is_repaired() -> bool:
            left = all_quotas(town.admin_config, address_of(town))
            return quota not in left and registry.compatibility(subject) == COMPATIBILITY

        wait_for("drift is repaired", is_repaired, DEADLINE_SECONDS)
    for name in (str(quota), subject):
        is_told(town, "drift.repaired", name)


@pytest.fixture
def strange(town: Town, enforcer: RunningEnforcer) -> Iterator[dict[str, str]]:
    """Things under names of ours that nobody decided; gone again afterwards."""
    entry, _, _ = granted(town)
    ours, foreign = topics.value_subject(f"ingress.{entry.id}"), f"view.{entry.id}.v-0-value"
    topic = f"accepted.nobody-{town.tag}"
    text = entry.avro_schema
    quota = Quota((("client-id", f"somebody-{town.tag}"),), {"producer_byte_rate": 1e9})
    admin = admin_of(town)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(DEADLINE_SECONDS)
    alter_quotas(town.admin_config, address_of(town), [quota])
    with SchemaRegistry(town.settings) as registry:
        registry.register(ours, {**text, "fields": [*text["fields"], OPENED]})
        registry.register(foreign, text)
        yield {"version": ours, "subject": foreign, "topic": topic, "quota": topics.FACTS_POLICY}
        registry.delete(foreign)
        registry.delete(ours)  # the enforcer registers it again
    gone = quota._replace(bounds=dict.fromkeys(quota.bounds))
    alter_quotas(town.admin_config, address_of(town), [gone])
    admin.delete_topics([topic])[topic].result(DEADLINE_SECONDS)


def test_what_is_called_like_ours_and_nobody_decided_is_raised_and_left_alone(
    town: Town, strange: dict[str, str]
) -> None:
    for name in strange.values():
        is_told(town, "drift.raised", name)
    assert strange["topic"] in topic_names(town.admin_config)
    with SchemaRegistry(town.settings) as registry:
        assert registry.versions(strange["version"]) == [1, 2]
        assert registry.versions(strange["subject"]) == [1]


def broker_command(town: Town, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what it prints of ``sharebus broker … --json``."""
    done = subprocess.run(
        [sys.executable, "-m", "sharebus.cli", "broker", *arguments, "--json"],
        env=environment_of(town.settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}")


def test_lost_topic_holds_back_its_own_alone_until_somebody_has_it_made_anew(
    town: Town, enforcer: RunningEnforcer
) -> None:
    _, _, view = granted(town)
    admin = admin_of(town)
    admin.delete_topics([view])[view].result(DEADLINE_SECONDS)
    is_told(town, "drift.raised", view)
    subject = topics.value_subject(view)
    wait_for("its schema is no fact", lambda: subject not in town.facts().schemas)
    other = town.entry("alleys")
    town.apply(other)  # all else goes on
    assert f"shared.{other.id}" in topic_names(town.admin_config)

    code, plan = broker_command(town, "plan")
    assert (code, len(plan["for_a_person"])) == (0, 1)
    assert view in plan["for_a_person"][0]
    code, _ = broker_command(town, "apply")
    assert (code, view in topic_names(town.admin_config)) == (INVALID, False)
    code, _ = broker_command(town, "apply", "--remake", topics.AUDIT)
    assert code == INVALID

    code, left = broker_command(town, "apply", "--remake", view)
    assert (code, left["for_a_person"]) == (0, [])
    assert view in topic_names(town.admin_config)
    is_told(town, "topic.remade", view)
    assert town.facts().schemas[subject]
    code, plan = broker_command(town, "plan")
    steps = {name for name, lines in plan.items() if lines and name != "policy_version"}
    assert (code, steps & {"create_topic", "give_right", "for_a_person"}) == (0, set())


def test_lost_topic_is_made_anew_by_hand_alone(town: Town) -> None:
    entry, _, view = granted(town)
    lost = f"deliveries.{entry.id}"
    admin = admin_of(town)
    for future in admin.delete_topics([view, lost]).values():
        future.result(DEADLINE_SECONDS)
    before = town.facts().provided_at[topics.value_subject(view)]
    code, _ = broker_command(town, "apply", "--remake", f"ingress.{entry.id}")
    assert code == INVALID  # it is there
    code, left = broker_command(town, "apply", "--remake", view, "--remake", lost)
    assert (code, left["for_a_person"]) == (0, [])
    assert {view, lost} <= topic_names(town.admin_config)
    assert town.facts().provided_at[topics.value_subject(view)] > before


def test_too_many_rights_are_taken_away_only_with_their_number(town: Town) -> None:
    entry, _, _ = granted(town)
    stray = rule_of(town.reader.principal, AclOperation.READ, f"accepted.{entry.id}")
    admin = admin_of(town)
    for future in admin.create_acls([AclBinding(**stray)]).values():
        future.result(DEADLINE_SECONDS)
    code, _ = broker_command(town, "apply", "--yes-remove", "0")
    assert code == REFUSED
    code, done = broker_command(town, "apply", "--yes-remove", "1")
    assert (code, len(done["revoke"])) == (0, 1)
    rules = admin.describe_acls(AclBindingFilter(**stray), request_timeout=DEADLINE_SECONDS)
    assert not rules.result(DEADLINE_SECONDS)
