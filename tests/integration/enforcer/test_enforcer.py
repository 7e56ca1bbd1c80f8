"""The enforcer on a real broker: rights that end, drift, and a catalog applied beside it."""

import time

import pytest
from confluent_kafka import KafkaError

from sharebus.infra.broker_requests import BrokerAddress, request_shares
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.log_reader import LogReader
from sharebus.stream_apps.progress import ProgressReader

from ..town import Town, read_error
from .conftest import HostileReader, RunningEnforcer, wait_for
from .sightings import granted, told
from .stream import write

pytestmark = pytest.mark.integration


def shares(town: Town) -> dict[str, float]:
    host, _, port = town.settings.bootstrap_servers.rpartition(":")
    return request_shares(town.admin_config, BrokerAddress(host, int(port)))


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
    assert told(town.admin_config, "right.ended", view) == is_enforcer_running


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
