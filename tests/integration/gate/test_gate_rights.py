"""Who may write and read what is the broker's own decision: agencies are refused by it."""

import uuid
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError

from sharebus.governance.entry import CatalogEntry
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import OTHER_PROVIDER, PROVIDER, SUBSCRIBER, World, refused_by_broker

pytestmark = pytest.mark.integration

NOT_SHARED = {
    "class": "not_shared",
    "basis": {"instrument": "统计法", "version": "2024", "article": 28},
}


def answer_to_reader(world: World, principal: str, topic: str) -> KafkaError | bytes:
    """What a client of this principal gets from the beginning of a topic: a record or a refusal."""
    consumer = Consumer(
        {
            **world.broker.client_config(principal),
            "group.id": f"{principal}.{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        },
        logger=librdkafka_log,
    )
    consumer.subscribe([topic])

    def answer() -> Any:
        message = consumer.poll(0.1)
        if message is None:
            return None
        error = message.error()
        if error is None:
            return message.value()
        is_refusal = error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
        return error if is_refusal else None

    try:
        found: KafkaError | bytes = wait_until(answer, f"{principal} gets an answer from {topic}")
    finally:
        consumer.close()
    return found


@pytest.fixture(scope="module")
def entry(served: World) -> CatalogEntry:
    """An entry with one accepted row, one refused, a view and a receipt."""
    served.gate.run()
    entry = served.entry()
    served.apply(entry, served.grant(entry, grant_id=f"g-{entry.id}"))
    served.upsert(entry, case.row("a"))
    served.send(entry, b"a", b"\1bad bytes", served.headers("bad"))
    served.close_delivery(entry, [1])
    served.decided(entry)
    return entry


def code_of(answer: KafkaError | bytes | None) -> int | None:
    return answer.code() if isinstance(answer, KafkaError) else None


def test_system_that_writes_anothers_ingress_topic_is_refused(
    world: World, entry: CatalogEntry
) -> None:
    for principal in (
        world.principal(OTHER_PROVIDER),  # of the same agency, but not the entry's provider
        f"agency.{world.subscriber}.{SUBSCRIBER}",
    ):
        config = world.broker.client_config(principal)
        refusal = refused_by_broker(config, topics.ingress_topic(entry.id))
        assert code_of(refusal) == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("system", [PROVIDER, SUBSCRIBER])
def test_agency_cannot_write_what_the_platform_writes(
    world: World, entry: CatalogEntry, system: str
) -> None:
    agency = world.provider if system == PROVIDER else world.subscriber
    config = world.broker.client_config(f"agency.{agency}.{system}")
    grant = world.grant(entry)
    for topic in (
        topics.accepted_topic(entry), world.view_topic(entry, grant), topics.AUDIT,
        topics.FACTS_POLICY, topics.FACTS_PROGRESS, topics.SHARED_CATALOG,
        topics.deliveries_topic(entry.id), topics.quarantine_topic(agency),
        topics.notices_topic(agency),
    ):  # fmt: skip
        assert code_of(refused_by_broker(config, topic)) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_agency_cannot_read_what_is_not_its_own(world: World, entry: CatalogEntry) -> None:
    stranger = f"agency.{world.subscriber}.{SUBSCRIBER}"
    for topic in (
        topics.quarantine_topic(world.provider), topics.notices_topic(world.provider),
        topics.accepted_topic(entry), topics.ingress_topic(entry.id), topics.AUDIT,
        topics.FACTS_POLICY, topics.FACTS_PROGRESS, topics.quarantine_topic("platform"),
    ):  # fmt: skip
        answer = answer_to_reader(world, stranger, topic)
        assert code_of(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED, topic


def test_provider_reads_what_was_refused_and_accepted_and_its_receipts(
    world: World, entry: CatalogEntry
) -> None:
    for topic in (
        topics.quarantine_topic(world.provider), topics.notices_topic(world.provider),
        topics.accepted_topic(entry), topics.ingress_topic(entry.id), topics.SHARED_CATALOG,
    ):  # fmt: skip
        assert isinstance(answer_to_reader(world, world.principal(), topic), bytes), topic


def test_provider_without_a_grant_cannot_read_a_view(world: World, entry: CatalogEntry) -> None:
    view = world.view_topic(entry, world.grant(entry))
    answer = answer_to_reader(world, world.principal(), view)
    assert code_of(answer) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_gate_cannot_write_policy_nor_ingress(world: World, entry: CatalogEntry) -> None:
    config = world.broker.client_config("gate")
    for topic in (topics.FACTS_POLICY, topics.SHARED_CATALOG, topics.ingress_topic(entry.id)):
        assert code_of(refused_by_broker(config, topic)) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_revoked_grant_stops_a_reader_in_the_middle(world: World) -> None:
    entry = world.entry()
    grant = world.grant(entry)
    world.apply(entry, grant)
    principal = f"agency.{world.subscriber}.{SUBSCRIBER}"
    view = world.view_topic(entry, grant)
    world.upsert(entry, case.row("a"))
    world.decided(entry)
    reader = Consumer(
        {
            **world.broker.client_config(principal),
            "group.id": f"agency.{world.subscriber}.reading",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
        },
        logger=librdkafka_log,
    )
    reader.subscribe([view])
    read: list[Any] = []

    def is_refused() -> bool:
        message = reader.poll(0.1)
        error = message.error() if message else None
        if message is not None and error is None:
            read.append(message.key())
        return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

    try:
        wait_until(lambda: is_refused() or read, "the reader gets the row")
        assert read == [b"a"]
        world.apply(grant.model_copy(update={"revoked": True}))
        world.upsert(entry, case.row("b"))
        world.decided(entry)
        wait_until(is_refused, "the reader is refused")
        assert read == [b"a"]
    finally:
        reader.close()


def test_not_shared_entry_has_no_topic_to_write_to(world: World) -> None:
    entry = world.entry(sharing=NOT_SHARED)
    world.apply(entry)
    names = world.broker.admin.list_topics(timeout=60).topics
    assert not [name for name in names if entry.id in name]
    config = world.broker.client_config(world.principal())
    refusal = refused_by_broker(config, topics.ingress_topic(entry.id))
    assert code_of(refusal) == KafkaError.TOPIC_AUTHORIZATION_FAILED
