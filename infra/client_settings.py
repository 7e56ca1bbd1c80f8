"""Settings with which a client of any make connects, in the form that its library reads.

They say everything that a reader can get wrong: ``read_committed``, since only committed records
are released; the murmur2 partitioner, since a record in another partition is refused; and a
consumer group that the broker lets the agency use.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from sharebus.governance.identity import SystemName
from sharebus.infra.enrolment import Certificate
from sharebus.infra.scram import Password
from sharebus.infra.settings import Settings
from sharebus.schemas.partition import PARTITIONER

Login = Password | Certificate


class ClientFormat(StrEnum):
    """Whose settings: Java clients and Kafka's own tools, librdkafka and kcat, or KafkaJS."""

    PROPERTIES = "properties"
    LIBRDKAFKA = "librdkafka"
    KAFKAJS = "kafkajs"


def client_settings(
    settings: Settings, system: SystemName, login: Login, form: ClientFormat
) -> str:
    """The text of a settings file; it holds the password (but paths of certificates)."""
    match form:
        case ClientFormat.PROPERTIES:
            return _lines(settings, system, _java(settings, system, login))
        case ClientFormat.LIBRDKAFKA:
            return _lines(settings, system, _librdkafka(settings, system, login))
        case ClientFormat.KAFKAJS:
            document = _kafkajs(settings, system, login)
            return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _lines(settings: Settings, system: SystemName, properties: dict[str, str]) -> str:
    head = (
        f"# {system}: group ids begin with {system.group_prefix}\n"
        f"# schema registry (Confluent API): {settings.registry_url}\n"
    )
    return head + "".join(f"{name}={value}\n" for name, value in properties.items())


def _bootstrap(settings: Settings, login: Login) -> str:
    if isinstance(login, Certificate):
        return f"{settings.advertised_host}:{settings.kafka_mtls_port}"
    return settings.bootstrap_servers


def _authority(settings: Settings, login: Login) -> Path | None:
    return login.authority if isinstance(login, Certificate) else settings.ssl_ca_file


def _protocol(settings: Settings, login: Login) -> str:
    return "SSL" if isinstance(login, Certificate) else settings.security_protocol


def _java(settings: Settings, system: SystemName, login: Login) -> dict[str, str]:
    properties = {
        "bootstrap.servers": _bootstrap(settings, login),
        "security.protocol": _protocol(settings, login),
    }
    if authority := _authority(settings, login):
        properties |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(authority)}
    if isinstance(login, Certificate):
        properties |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(login.keystore)}
    else:
        properties |= {
            "sasl.mechanism": login.mechanism,
            "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{system.principal}" password="{login.secret.get_secret_value()}";',
        }
    # Java's own partitioner is murmur2 already.
    return properties | {
        "group.id": system.principal,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "schema.registry.url": settings.registry_url,
    }


def _librdkafka(settings: Settings, system: SystemName, login: Login) -> dict[str, str]:
    properties = {
        "bootstrap.servers": _bootstrap(settings, login),
        "security.protocol": _protocol(settings, login),
    }
    if authority := _authority(settings, login):
        properties["ssl.ca.location"] = str(authority)
    if isinstance(login, Certificate):
        properties |= {
            "ssl.certificate.location": str(login.certificate),
            "ssl.key.location": str(login.key),
        }
    else:
        properties |= {
            "sasl.mechanism": login.mechanism,
            "sasl.username": system.principal,
            "sasl.password": login.secret.get_secret_value(),
        }
    return properties | {
        "group.id": system.principal,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "partitioner": PARTITIONER,
    }


def _kafkajs(settings: Settings, system: SystemName, login: Login) -> dict[str, Any]:
    client: dict[str, Any] = {
        "clientId": system.principal,
        "brokers": _bootstrap(settings, login).split(","),
    }
    if authority := _authority(settings, login):
        client["ssl"] = {"ca": [authority.read_text("ascii")]}
    if isinstance(login, Certificate):
        # KafkaJS takes the texts themselves, not paths.
        client["ssl"] |= {
            "cert": login.certificate.read_text("ascii"),
            "key": login.key.read_text("ascii"),
        }
    else:
        client["sasl"] = {
            "mechanism": login.mechanism.lower(),
            "username": system.principal,
            "password": login.secret.get_secret_value(),
        }
    # The partitioner that KafkaJS has by default since version 2 is murmur2.
    return {
        "client": client,
        "consumer": {"groupId": system.principal, "readUncommitted": False},
        "registry": {"host": settings.registry_url},
    }
