"""Who was given what, on a real broker: counted once, whatever dies, in the broker's own words."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr

from sharebus.governance.identity import SystemName, parse_system
from sharebus.infra.access_log import access_log_path
from sharebus.infra.client_settings import ClientFormat, client_settings
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.scram import Password
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.progress import ProgressReader

from ...unit.stream_apps.gate import case
from ..app_process import AppProcess, wait_until
from ..foreign import console_consumer, run
from ..world import World

pytestmark = pytest.mark.integration
EVENTS = 300


@pytest.fixture(scope="module")
def world(served: World) -> World:
    if not served.settings.embedded:
        pytest.skip("the access log of somebody else's cluster is not here")
    served.gate.run()
    return served


@pytest.fixture(scope="module")
def meter(world: World) -> Iterator[AppProcess]:
    app = AppProcess(world.settings, "meter", "meter-0")
    yield app
    app.stop()


@pytest.fixture(scope="module")
def system(world: World) -> SystemName:
    """A subscriber of its own: others enrol the world's."""
    agency = f"counted-{uuid.uuid4().hex[:6]}"
    systems = [{"id": "desk", "name": "desk", "roles": ["subscriber"]}]
    world.apply(case.agency(agency, code=agency.upper(), systems=systems))
    return parse_system(f"{agency}.desk")


@pytest.fixture(scope="module")
def reader(world: World, system: SystemName) -> ClientConfig:
    """Its login."""
    save_password(world.settings, system, enrol(world.settings, [system])[system])
    return client_config(world.settings, credentials_for(world.settings, system.principal))


@pytest.fixture
def view(world: World, system: SystemName) -> str:
    """A view with events in it, of which the subscriber has a grant."""
    entry = world.entry()
    grant = world.grant(entry).model_copy(update={"system": str(system)})
    world.apply(entry, grant)
    for number in range(EVENTS):
        world.upsert(entry, case.row(code=f"{number:06}"))
    world.flush()
    assert len(world.decided(entry)) >= EVENTS
    return world.view_topic(entry, grant)


def read(config: ClientConfig, topic: str, start: int, count: int) -> int:
    """Read so many records and not one more, without a group; gives the position behind them."""
    consumer = Consumer(
        {
            **config, "group.id": str(config["sasl.username"]), "isolation.level": "read_committed",
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "max.partition.fetch.bytes": 2_000, "fetch.max.bytes": 2_000,
            "message.max.bytes": 2_000, "queued.max.messages.kbytes": 1,
        },
        logger=librdkafka_log,
    )  # fmt: skip
    try:
        consumer.assign([TopicPartition(topic, 0, start)])
        taken: list[Any] = []

        def has_all() -> bool:
            taken.extend(m for m in consumer.consume(count, 0.2) if m.error() is None)
            return len(taken) >= count

        wait_until(has_all, f"{count} records of {topic}")
        return int(taken[-1].offset()) + 1
    finally:
        consumer.close()


def recorded(world: World, field: str) -> list[dict[str, Any]]:
    """What meters have written into the audit."""
    return [each for batch, _ in world.audit() for each in batch[field]]


def reads_of(world: World, topic: str) -> list[dict[str, Any]]:
    return [each for each in recorded(world, "reads") if each["topic"] == topic]


def finish(meter: AppProcess, world: World) -> None:
    """Let the meter take the whole log and write what it counted: it does when it is stopped."""
    written_bytes = access_log_path(world.settings).stat().st_size

    def is_counted() -> bool:
        meter.run()
        assert meter.stop() == 0
        # A commit is answered before its marker stands everywhere.
        world.reader.settle(AUDIT, 0)
        progress = ProgressReader(world.reader)
        progress.settle()
        standing = progress.meter("meter-0")
        return standing is not None and standing["offset"] >= written_bytes

    wait_until(is_counted, "the meter has counted the whole log")


def test_reader_without_a_group_is_in_the_audit_with_what_it_was_given(
    world: World, meter: AppProcess, reader: ClientConfig, view: str
) -> None:
    behind = read(reader, view, 0, EVENTS)
    finish(meter, world)
    found = reads_of(world, view)
    assert {each["principal"] for each in found} == {reader["sasl.username"]}
    covered = {o for each in found for o in range(each["first_offset"], each["end_offset"])}
    assert covered >= set(range(behind - 1))
    assert sum(each["given_bytes"] for each in found) > EVENTS * 20
    before = len(found)
    finish(meter, world)
    assert len(reads_of(world, view)) == before, "a line was counted twice"


def test_meter_that_is_killed_counts_each_fetch_once(
    world: World, meter: AppProcess, reader: ClientConfig, view: str
) -> None:
    position = 0
    for _ in range(3):
        meter.run()
        position = read(reader, view, position, 50)
        meter.kill()
    finish(meter, world)
    logged = access_log_path(world.settings).read_text(encoding="utf-8", errors="replace")
    topic_id = reads_of(world, view)[0]["topic_id"].replace("+", "-").replace("/", "_")
    lines = [
        line
        for line in logged.splitlines()
        if f'"topicId":"{topic_id}"' in line and f"User:{reader['sasl.username']}" in line
    ]
    assert sum(each["fetches"] for each in reads_of(world, view)) == len(lines)


def test_java_client_whose_session_names_its_partitions_once_is_counted(
    world: World,
    meter: AppProcess,
    reader: ClientConfig,
    system: SystemName,
    view: str,
    tmp_path: Path,
) -> None:
    password = Password(SecretStr(str(reader["sasl.password"])))
    printed = tmp_path / "client.properties"
    printed.write_text(
        client_settings(world.settings, system, password, ClientFormat.PROPERTIES)
        + "max.partition.fetch.bytes=2000\n"
    )
    run(
        *console_consumer(), "--bootstrap-server", world.settings.bootstrap_servers,
        "--topic", view, "--command-config", printed, "--max-messages", str(EVENTS),
        "--timeout-ms", "30000", "--formatter-property", "print.value=false",
    )  # fmt: skip
    finish(meter, world)
    found = reads_of(world, view)
    covered = {o for each in found for o in range(each["first_offset"], each["end_offset"])}
    assert covered >= set(range(EVENTS))
    assert min(each["first_offset"] for each in found) == 0
    assert any(each["is_exact"] or each["fetches"] > 1 for each in found)


def test_refusal_is_in_the_audit_with_the_brokers_rule(
    world: World, meter: AppProcess, reader: ClientConfig
) -> None:
    entry = world.entry()
    world.apply(entry)
    group = f"x\n1 Principal = User:{uuid.uuid4().hex}"
    consumer = Consumer({**reader, "group.id": group}, logger=librdkafka_log)
    try:
        consumer.subscribe([f"accepted.{entry.id}"])
        wait_until(lambda: (m := consumer.poll(0.2)) and m.error(), "the broker refuses")
    finally:
        consumer.close()
    finish(meter, world)
    refused = [
        each for each in recorded(world, "refusals") if each["principal"] == reader["sasl.username"]
    ]
    assert {each["rule"] for each in refused} == {"DefaultDeny"}
    assert any(each["resource"].startswith("Group x") for each in refused)
    principals = {each["principal"] for each in recorded(world, "refusals")}
    assert group.rpartition(":")[2] not in principals, "a client wrote a line of its own"


def test_platform_does_not_count_itself(world: World, meter: AppProcess, view: str) -> None:
    finish(meter, world)
    principals = {each["principal"] for each in recorded(world, "reads")}
    assert not principals & {"gate", "registrar", "enforcer", "notary", "meter", "broker"}
    assert AUDIT not in {
        each["topic"] for each in recorded(world, "reads") if each["principal"] == "meter"
    }
