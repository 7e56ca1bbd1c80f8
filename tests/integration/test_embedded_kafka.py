"""The embedded broker keeps data, refuses strangers and says what keeps it from starting."""

import logging

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

from sharebus.infra.credentials import Credentials, client_config
from sharebus.infra.embedded.certificates import CertificateAuthority

pytestmark = pytest.mark.integration
TIMEOUT_SECONDS = 15


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
    producer = Producer({**config, "message.timeout.ms": 10_000})
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
    if broker.kafka is None:
        pytest.skip("the cluster's certificates are not ours")
    certificate, key = CertificateAuthority(broker.settings).issue_client("agency.m.reader")
    settings = broker.settings.model_copy(
        update={
            "bootstrap_servers": f"127.0.0.1:{broker.settings.kafka_mtls_port}",
            "security_protocol": "SSL",
            "ssl_ca_file": broker.settings.data_dir / "certificates" / "ca.pem",
            "ssl_certificate_file": certificate,
            "ssl_key_file": key,
        }
    )
    config = client_config(settings, Credentials("agency.m.reader", None))
    create_topic(broker.admin, "mutual")
    assert produce(config, "mutual", b"x").code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

    allow(broker.admin, "mutual", "agency.m.reader", AclOperation.WRITE)
    assert produce(config, "mutual", b"x") is None
