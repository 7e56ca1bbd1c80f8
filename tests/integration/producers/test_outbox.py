import random
import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from sharebus import Refused, Unavailable
from sharebus.governance.entry import CatalogEntry
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import Settings
from sharebus.producers import outbox as outbox_module
from sharebus.producers.outbox import Outbox, producer_config
from sharebus.schemas.partition import PARTITIONER, partition_of
from sharebus.schemas.topic import ingress_topic

from .conftest import Register

pytestmark = pytest.mark.integration


def test_broker_itself_refuses_a_write_to_the_topic_of_another(register: Register) -> None:
    [theirs] = register.entries["theirs"]
    credentials = credentials_for(register.settings, register.system.principal)
    config = producer_config(client_config(register.settings, credentials))
    outbox = Outbox(Producer(config, logger=librdkafka_log), ingress_topic(theirs.id))
    outbox.send(b"key", b"value", [], 0)
    with pytest.raises(Refused, match="lets this system write nothing"):
        outbox.flush()
    assert register.sent_count(theirs) == 0


def test_small_queue_makes_the_sender_wait_and_everything_arrives(
    register: Register, open_entry: CatalogEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "QUEUED_RECORDS_MAX", 50)
    waits: list[float] = []
    poll = Producer.poll

    class Counting(Producer):
        def poll(self, timeout: float = -1) -> int:
            waits.append(timeout)
            return poll(self, timeout)

    monkeypatch.setattr("sharebus.producers.provider.Producer", Counting)
    with register.provider(open_entry) as provider, provider.delivery("2026-11") as delivery:
        for number in range(2_000):
            delivery.upsert({"code": str(number), "name": None, "since": None})
    assert delivery.receipt is not None
    assert delivery.receipt.accepted == 2_000
    assert outbox_module.WAIT_SECONDS in waits, "the queue of 50 never was full"


def test_explicit_partitions_are_those_of_every_murmur2_client(register: Register) -> None:
    config = client_config(register.settings, credentials_for(register.settings, "admin"))
    topic = f"scratch.{register.system.agency}"
    chance = random.Random(1)
    keys = [chance.randbytes(chance.randint(1, 40)) for _ in range(500)]
    admin = AdminClient(config)
    admin.create_topics([NewTopic(topic, 7, 1)])[topic].result(30)
    producer = Producer({**config, "partitioner": PARTITIONER})
    for key in keys:
        producer.produce(topic, b"", key)
    producer.flush(30)
    found = {message.key(): message.partition() for message in register.records(topic, 7)}
    assert found == {key: partition_of(key, 7) for key in keys}


def test_lost_broker_is_told_and_never_silent(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "CONFIRM_SECONDS_MAX", 2)
    with EmbeddedKafka(own_settings) as kafka:
        config = client_config(own_settings, credentials_for(own_settings, "admin"))
        admin = kafka.admin()
        admin.create_topics([NewTopic("topic", 1, 1)])["topic"].result(30)
        outbox = Outbox(Producer(producer_config(config), logger=librdkafka_log), "topic")
        outbox.send(b"key", b"value", [], 0)
        outbox.flush()
    outbox.send(b"key", b"value", [], 0)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="did not confirm") as lost:
        outbox.flush()
    assert "1 records confirmed, 1 failed" in lost.value.found
    assert time.monotonic() - begun < 30
