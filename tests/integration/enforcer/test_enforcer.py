"""The enforcer on a real broker: rights that end, drift, and a catalog applied beside it."""

import time

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from sharebus import InvalidInput
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.infra import scram
from sharebus.infra.broker_requests import BrokerAddress, request_shares
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.progress import ProgressReader

from ..town import DEADLINE_SECONDS, Town, read_error
from .conftest import HostileReader, RunningEnforcer, wait_for

pytestmark = pytest.mark.integration
CONDITIONAL = {"class": "conditional", "conditions": "示例"}
DRIFT_SECONDS_MAX = 10.0


def admin_of(town: Town) -> AdminClient:
    return AdminClient(town.admin_config, logger=librdkafka_log)


def shares(town: Town) -> dict[str, float]:
    host, _, port = town.settings.bootstrap_servers.rpartition(":")
    return request_shares(town.admin_config, BrokerAddress(host, int(port)))


def granted(town: Town) -> tuple[CatalogEntry, Grant, str]:
    entry = town.entry(sharing=CONDITIONAL)
    grant = town.grant(entry)
    town.apply(entry, grants=(grant,))
    return entry, grant, topics.view_topic(entry.id, view_of_grant(entry, grant).name)


def write(town: Town, topic: str, *values: bytes) -> None:
    producer = Producer({**town.admin_config, "linger.ms": 0}, logger=librdkafka_log)
    for value in values:
        producer.produce(topic, value, b"k", partition=0)
    assert producer.flush(DEADLINE_SECONDS) == 0
    producer.close()


def audited(town: Town, rule: str, topic: str) -> bool:
    found: list[bool] = []

    def take(message: object) -> None:
        batch = audit_batch().decode(message.value())  # type: ignore[attr-defined]
        if batch["kind"] == "broker":
            for line in batch["lines"]:
                route = batch["routes"][line["route"]] if line["route"] >= 0 else []
                found.append(line["rule"] == rule and topic in (line["place"], *route))

    log = LogReader(town.admin_config)
    log.read(topics.AUDIT, 0, 0, take)
    log.close()
    return any(found)


@pytest.mark.parametrize("is_enforcer_running", [True, False])
def test_reader_with_a_parked_fetch_gets_nothing_after_its_right_has_ended(
    town: Town, request: pytest.FixtureRequest, is_enforcer_running: bool
) -> None:
    if is_enforcer_running:
        request.getfixturevalue("enforcer")
    entry, _, view = granted(town)
    write(town, view, b"before")
    reader = HostileReader(town.login(town.reader), view)
    reader.park()
    town.apply(entry, grants=(town.grant(entry, revoked=True),))
    write(town, view, *(b"after" + bytes(10_000) for _ in range(300)))
    reader.until_answered()
    wait_for("the quota is lifted", lambda: town.reader.principal not in shares(town))
    write(town, view, *(b"after" + bytes(10_000) for _ in range(300)))
    reader.poll()
    reader.close()
    assert not [value for value in reader.values if value.startswith(b"after")]
    assert audited(town, "right.ended", view) == is_enforcer_running


def test_others_read_on_and_the_user_keeps_its_other_rights(
    town: Town, enforcer: RunningEnforcer
) -> None:
    entry, grant, view = granted(town)
    other = town.entry("alleys")
    town.apply(other)
    login = town.login(town.reader)
    town.apply(entry, grants=(town.grant(entry, revoked=True),))
    assert read_error(login, town.reader.principal, view) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert read_error(login, town.reader.principal, f"shared.{other.id}") is None
    sender = town.login(town.sender)
    assert read_error(sender, town.sender.principal, f"accepted.{entry.id}") is None
    town.apply(entry, grants=(grant,))
    assert read_error(login, town.reader.principal, view) is None


def test_catalog_applied_beside_the_enforcer_is_carried_out_by_it(
    town: Town, enforcer: RunningEnforcer
) -> None:
    entry = town.entry()
    started = time.monotonic()
    applied = town.apply(entry)
    assert time.monotonic() - started < 5
    assert town.facts().schemas[f"ingress.{entry.id}-value"]
    log = LogReader(town.admin_config)
    progress = ProgressReader(log)
    progress.catch_up()
    log.close()
    assert progress.standing_version() >= applied.version - len(applied.facts.policy)
    assert town.apply(entry).is_empty


def test_enforcer_reads_no_event(town: Town) -> None:
    entry, _, view = granted(town)
    login = client_config(town.settings, credentials_for(town.settings, "enforcer"))
    for topic in (view, f"ingress.{entry.id}", f"commands.{town.sender.agency}"):
        assert read_error(login, "enforcer-other", topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_drift_is_repaired_and_audited(town: Town, enforcer: RunningEnforcer) -> None:
    entry, _, view = granted(town)
    admin = admin_of(town)
    stray = AclBinding(
        ResourceType.TOPIC, f"accepted.{entry.id}", ResourcePatternType.LITERAL,
        f"User:{town.reader.principal}", "*", AclOperation.READ, AclPermissionType.ALLOW,
    )  # fmt: skip
    setting = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, view, incremental_configs=[setting])
    stranger = f"agency.stranger-{town.tag}.x"
    admin.create_acls([stray])[stray].result(DEADLINE_SECONDS)
    admin.incremental_alter_configs([changed])[changed].result(DEADLINE_SECONDS)
    scram.set_passwords(admin, {stranger: "示例-password"})

    def is_repaired() -> bool:
        rules = admin.describe_acls(
            stray_filter(entry.id, town.reader.principal), request_timeout=DEADLINE_SECONDS
        ).result(DEADLINE_SECONDS)
        plain = ConfigResource(ResourceType.TOPIC, view)
        config = admin.describe_configs([plain])[plain].result(DEADLINE_SECONDS)
        policy = config["cleanup.policy"].value
        return not rules and policy == "compact" and stranger not in scram.users(admin)

    wait_for("drift is repaired", is_repaired, DRIFT_SECONDS_MAX)
    for topic in (f"accepted.{entry.id}", view, stranger):
        wait_for("it is audited", lambda: audited(town, "drift.repaired", topic))  # noqa: B023


def stray_filter(entry: str, principal: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.TOPIC, f"accepted.{entry}", ResourcePatternType.LITERAL, f"User:{principal}",
        "*", AclOperation.READ, AclPermissionType.ALLOW,
    )  # fmt: skip


def test_lost_topic_is_raised_and_not_made_anew(town: Town, enforcer: RunningEnforcer) -> None:
    entry, _, view = granted(town)
    admin = admin_of(town)
    admin.delete_topics([view])[view].result(DEADLINE_SECONDS)
    wait_for("it is audited", lambda: audited(town, "drift.raised", view), DRIFT_SECONDS_MAX)
    assert view not in admin.list_topics(timeout=DEADLINE_SECONDS).topics
    with pytest.raises(InvalidInput, match="is gone"):
        town.apply()
    town.apply(entry, grants=(town.grant(entry, revoked=True),))
    assert town.apply().plan.conflicts == ()
