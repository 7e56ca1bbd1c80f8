"""From a provider through the real gate to subscribers with different rights."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer

from sharebus import Refused
from sharebus.cli.apps import platform_apps
from sharebus.cli.demo import free_ports
from sharebus.consumers.completeness import ClosedDelivery, Completeness
from sharebus.consumers.event import Event
from sharebus.consumers.subscription import Subscription
from sharebus.governance.identity import parse_system
from sharebus.infra.catalog_files import load_catalog_files
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.settings import PORT_SETTINGS, Settings, environment_of, load_settings
from sharebus.infra.supervisor import Supervisor
from sharebus.producers.provider import Provider
from sharebus.stream_apps.enforcer.apply import apply_catalog

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60.0

DIVISIONS, DIVISIONS_PROVIDER = "divisions-a", "zj-civil-affairs.divisions"
PERSONS, PERSONS_PROVIDER = "legal-persons", "nb-market-regulation.registration"
TAX, HAISHU, STATISTICS = "nb-tax.levy", "nb-haishu-district.services", "nb-statistics.analysis"
ENROLLED = (DIVISIONS_PROVIDER, PERSONS_PROVIDER, HAISHU, STATISTICS)
"""Not the tax office: a test enrols it by the command."""

STAYS, LEAVES, ELSEWHERE = "91330203YY0000052P", "91330203YY00000955", "91330281YY000001X6"
DIVISION_CODES = ["330203", "330205", "330281"]


def person(uscc: str, district: str) -> dict[str, Any]:
    """A synthetic legal person."""
    return {
        "uscc": uscc, "name": "示例公司", "legal_representative": "示例人", "phone": None,
        "registered_address": "示例路", "district": district, "registered_on": date(2015, 9, 26),
        "registered_capital_yuan": 1_000_000, "status": "active",
    }  # fmt: skip


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The whole bus with the demonstration's catalog, and two deliveries on it."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("bus"), embedded=True, flush_every_message=False,
        **dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True)),
    )  # fmt: skip

    def prepare() -> None:
        apply_catalog(settings, load_catalog_files(PROJECT / "demo" / "catalog"))
        for system, password in enrol(settings, [parse_system(name) for name in ENROLLED]).items():
            save_password(settings, system, password)

    with Supervisor(settings, platform_apps(settings), before_apps=prepare):
        with Provider(DIVISIONS, DIVISIONS_PROVIDER, settings) as provider:
            with provider.delivery("2026-11") as delivery:
                for code in DIVISION_CODES:
                    delivery.upsert({"code": code, "name": "示例区", "level": "county"})
            assert delivery.receipt.outcome == "complete"
        with Provider(PERSONS, PERSONS_PROVIDER, settings) as provider:
            with provider.delivery("2026-11-21") as delivery:
                delivery.upsert(person(STAYS, "330203"))
                delivery.upsert(person(LEAVES, "330203"))
                delivery.upsert(person(ELSEWHERE, "330281"))
            assert delivery.receipt.accepted == 3
            with provider.delivery("2026-11-22") as delivery:
                delivery.upsert(person(LEAVES, "330281"))
                delivery.delete(ELSEWHERE)
            assert delivery.receipt.accepted == 2
        yield settings


def wait_for_period(entry: str, system: str, settings: Settings, period: str) -> ClosedDelivery:
    deadline = time.monotonic() + DEADLINE_SECONDS
    with Completeness(entry, system, settings) as completeness:
        while time.monotonic() < deadline:
            for delivery in completeness.completed_periods():
                if delivery.period == period:
                    return delivery
            time.sleep(0.1)
    raise AssertionError(f"period {period} of {entry} was not announced")


def read_after(period: str, entry: str, system: str, settings: Settings) -> list[Event]:
    """What a subscriber has who waits for a period and then reads to the end, and no longer."""
    assert wait_for_period(entry, system, settings, period).outcome == "complete"
    with Subscription(entry, system, settings, from_start=True) as subscription:
        return list(subscription.until_end())


def test_filtered_view_delivers_its_rows_with_the_released_fields_alone(bus: Settings) -> None:
    events = read_after("2026-11-22", PERSONS, HAISHU, bus)
    assert {event.key for event in events} == {(STAYS,), (LEAVES,)}
    for event in events:
        if event.row is not None:
            assert event.row["district"] == "330203"
            assert not {"legal_representative", "phone"} & set(event.row)
            assert event.row["registered_on"] == date(2015, 9, 26)


def test_row_that_leaves_the_filter_arrives_as_a_deletion(bus: Settings) -> None:
    events = read_after("2026-11-22", PERSONS, HAISHU, bus)
    assert [event.kind for event in events if event.key == (LEAVES,)] == ["upserted", "deleted"]
    assert [event.data_period for event in events if event.kind == "deleted"] == ["2026-11-22"]


def test_view_without_its_key_field_is_keyed_by_a_pseudonym(bus: Settings) -> None:
    events = read_after("2026-11-22", PERSONS, STATISTICS, bus)
    assert len({event.key for event in events}) == 3
    assert [event.kind for event in events].count("deleted") == 1
    for uscc in (STAYS, LEAVES, ELSEWHERE):
        assert uscc not in "".join(event.to_json() for event in events)


def test_period_that_is_announced_is_whole_for_who_then_reads_to_the_end(bus: Settings) -> None:
    events = read_after("2026-11", DIVISIONS, HAISHU, bus)
    assert sorted(event.key[0] for event in events) == DIVISION_CODES


def test_provider_without_a_grant_may_not_read_another_entry(bus: Settings) -> None:
    with pytest.raises(Refused):
        Subscription(PERSONS, DIVISIONS_PROVIDER, bus)


def test_schema_stands_in_the_catalog_when_the_registry_is_down(bus: Settings) -> None:
    [port] = free_ports(1)
    alone = bus.model_copy(update={"registry_url": f"http://127.0.0.1:{port}"})
    events = read_after("2026-11", DIVISIONS, HAISHU, alone)
    assert {event.row["name"] for event in events if event.row} == {"示例区"}


def test_stock_client_with_the_settings_of_a_one_time_enrolment_reads_its_view(
    bus: Settings,
) -> None:
    command = [Path(sys.executable).with_name("sharebus"), "credentials", TAX]
    result = subprocess.run(
        [*command, "--format", "librdkafka"], capture_output=True, text=True, check=False,
        env={**os.environ, **environment_of(bus)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if not line.startswith("#")]
    consumer = Consumer({**dict(line.split("=", 1) for line in lines), "log_level": 2})
    topics = [name for name in consumer.list_topics(timeout=10).topics if PERSONS in name]
    views = [name for name in topics if name.startswith("view.")]
    consumer.subscribe(views)
    keys: list[str] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(keys) < 5 and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            keys.append((message.key() or b"").decode())
    consumer.close()
    assert len(views) == 1
    assert sorted(keys) == sorted([STAYS, LEAVES, LEAVES, ELSEWHERE, ELSEWHERE])
