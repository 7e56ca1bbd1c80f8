"""The embedded broker keeps data, refuses strangers and says what keeps it from starting."""

import logging
import socket

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from sharebus import InvalidInput, Unavailable
from sharebus.infra.credentials import Credentials, client_config, credentials_for
from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.settings import load_settings

pytestmark = pytest.mark.integration
TIMEOUT_SECONDS = 60
ALL_PRINCIPALS = (*secrets.BROKER_PRINCIPALS, *secrets.APP_PRINCIPALS)


def allow(admin, topic, principal, operation):
    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{principal}",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )
    admin.create_acls([binding])[binding].result(TIMEOUT_SECONDS)


def create_topic(admin, topic):
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_SECONDS)


def produce(config, topic, value) -> KafkaError | None:
    """The broker's answer to one message; None when it was accepted."""
    answers = []
    producer = Producer({**config, "message.timeout.ms": 60_000})
    producer.produce(topic, value, on_delivery=lambda error, _: answers.append(error))
    producer.flush(TIMEOUT_SECONDS)
    return answers[0]


def read_one(config, topic) -> bytes:
    consumer = Consumer(
        {
            **config,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        message = consumer.poll(TIMEOUT_SECONDS)
        assert message is not None
        if message.error():
            raise KafkaException(message.error())
        return message.value()
    finally:
        consumer.close()


def test_principal_without_acl_is_refused_by_the_broker(broker):
    create_topic(broker.admin, "refusal")
    config = broker.client_config("agency.a.reader")

    assert produce(config, "refusal", b"x").code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException, match="AUTHORIZATION_FAILED"):
        read_one(config, "refusal")


def test_principal_with_acl_writes_and_wrong_password_does_not(broker):
    create_topic(broker.admin, "right")
    config = broker.client_config("agency.a.writer")
    allow(broker.admin, "right", "agency.a.writer", AclOperation.WRITE)

    assert produce(config, "right", b"x") is None
    wrong = AdminClient({**config, "sasl.password": "wrong"}, logger=logging.getLogger("unheard"))
    with pytest.raises(KafkaException):
        wrong.list_topics(timeout=3)


def test_client_certificate_is_the_principal_named_in_it(broker):
    if not broker.settings.embedded:
        pytest.skip("the cluster's certificates are not ours")
    certificate, key = CertificateAuthority(broker.settings).issue_client("agency.mutual.reader")
    settings = broker.settings.model_copy(
        update={
            "bootstrap_servers": f"127.0.0.1:{broker.settings.kafka_mtls_port}",
            "security_protocol": "SSL",
            "ssl_ca_file": broker.settings.data_dir / "certificates" / "ca.pem",
            "ssl_certificate_file": certificate,
            "ssl_key_file": key,
        }
    )
    config = client_config(settings, Credentials("agency.mutual.reader", None))
    create_topic(broker.admin, "mutual")
    assert produce(config, "mutual", b"x").code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

    allow(broker.admin, "mutual", "agency.mutual.reader", AclOperation.WRITE)
    assert produce(config, "mutual", b"x") is None


def test_data_users_and_passwords_are_kept_between_starts_and_ports_may_change(
    own_settings, other_ports
):
    with EmbeddedKafka(own_settings) as kafka:
        create_topic(kafka.admin(), "kept")
        admin = client_config(own_settings, credentials_for(own_settings, "admin"))
        assert produce(admin, "kept", b"before") is None

    moved = load_settings(data_dir=own_settings.data_dir, **other_ports)
    with EmbeddedKafka(moved):
        gate = client_config(moved, credentials_for(moved, "gate"))
        assert produce(gate, "kept", b"x").code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
        admin = client_config(moved, credentials_for(moved, "admin"))
        assert read_one(admin, "kept") == b"before"


def test_port_that_is_taken_is_named_with_its_setting(own_settings):
    with socket.create_server(("127.0.0.1", own_settings.kafka_mtls_port)):
        with pytest.raises(InvalidInput, match=str(own_settings.kafka_mtls_port)) as caught:
            EmbeddedKafka(own_settings).start()
    assert "SHAREBUS_KAFKA_MTLS_PORT" in caught.value.where


def test_broker_that_cannot_start_says_why_and_leaves_no_process(own_settings):
    with EmbeddedKafka(own_settings):
        pass
    metadata = own_settings.data_dir / "kafka" / "log" / "meta.properties"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("node.id=1", "node.id=7"))
    kafka = EmbeddedKafka(own_settings)
    with pytest.raises(Unavailable, match="does not serve") as caught:
        kafka.start()
    assert kafka.process is None
    assert "Stored node id 7 doesn't match" in caught.value.found


def test_files_that_hold_secrets_are_for_their_owner_alone(broker):
    if not broker.settings.embedded:
        pytest.skip("the cluster's files are not ours")
    words = [secrets.password_of(broker.settings, name).encode() for name in ALL_PRINCIPALS]
    holding = [
        path
        for path in broker.settings.data_dir.rglob("*")
        if path.is_file()
        and path.stat().st_size < 1_000_000
        and any(word in path.read_bytes() for word in words)
    ]
    assert {path.name for path in holding} >= {"log.properties", "admin.toml"}
    assert [path for path in holding if path.stat().st_mode & 0o077] == []
