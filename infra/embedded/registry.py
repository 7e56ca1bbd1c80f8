"""Apicurio Registry as a child process, its schemas in topics of our broker.

It is bound to loopback whatever ``bind_host`` says: version 3.0.9 has no login but OpenID Connect,
so everybody who reaches it can write. Put a proxy that lets only GET through before it for clients
on other machines.
"""

from typing import Final

import httpx
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from sharebus import Unavailable
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded import artifacts, secrets
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.service import JVM, EmbeddedService, require_free_port

PRINCIPAL: Final = "registry"
HOST: Final = "127.0.0.1"
TOPIC_PREFIX: Final = "kafkasql-"
GROUP_PREFIX: Final = "registry-"
_JOURNAL: Final = f"{TOPIC_PREFIX}journal"
_SNAPSHOTS: Final = f"{TOPIC_PREFIX}snapshots"
_EVENTS: Final = f"{TOPIC_PREFIX}events"
_PROBE_TIMEOUT_SECONDS: Final = 2.0
_REQUEST_TIMEOUT_SECONDS: Final = 15.0


class EmbeddedRegistry(EmbeddedService):
    """The registry of one data directory; the broker must be running.

    It serves when all schemas registered before are there again.
    """

    name = "registry"

    @property
    def address(self) -> str:
        """Base of the Confluent-compatible interface."""
        return self.settings.registry_url

    def prepare(self) -> list[str]:
        """Create its topics and rights on the broker; see `EmbeddedService`."""
        require_free_port(HOST, "registry_port", self.settings.registry_port)
        jar = artifacts.registry_jar(self.settings.artifacts_dir)
        admin = AdminClient(client_config(self.settings, credentials_for(self.settings, "admin")))
        try:
            _create_topics(admin)
            _create_acls(admin)
        except (KafkaException, TimeoutError) as error:
            raise Unavailable(
                "The registry's topics cannot be prepared on the broker.",
                where=self.settings.bootstrap_servers,
                found=str(error),
            ) from error
        path = self.directory / "registry.properties"
        lines = [f"{key}={value}\n" for key, value in self._properties().items()]
        secrets.write_private(path, "".join(lines).encode())
        return [*JVM, "-Xmx256m", f"-Dquarkus.config.locations={path}", "-jar", str(jar)]

    def is_ready(self) -> bool:
        """Whether its journal is replayed; before that it lists only some of its subjects."""
        try:
            url = f"http://{HOST}:{self.settings.registry_port}/health/ready"
            return httpx.get(url, timeout=_PROBE_TIMEOUT_SECONDS).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _properties(self) -> dict[str, object]:
        settings = self.settings
        kafka = client_config(settings, credentials_for(settings, PRINCIPAL))
        properties: dict[str, object] = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": settings.registry_port,
            "apicurio.disable.apis": "/apis/registry/.*,/apis/ccompat/v6.*,/apis/ibmcompat/.*",
            "quarkus.http.access-log.enabled": "false",
            "quarkus.log.console.enable": "false",
            "quarkus.log.file.enable": "true",
            "quarkus.log.file.path": self.log_path,
            "quarkus.log.file.json": "false",
            "quarkus.log.file.rotation.max-file-size": "10M",
            "quarkus.log.file.rotation.max-backup-index": 3,
            "apicurio.storage.kind": "kafkasql",
            "apicurio.kafkasql.bootstrap.servers": settings.bootstrap_servers,
            "apicurio.kafkasql.topic": _JOURNAL,
            "apicurio.kafkasql.snapshots.topic": _SNAPSHOTS,
            "apicurio.events.kafka.topic": _EVENTS,
            # Its own would be kept for seven days, and with them the schemas.
            "apicurio.kafkasql.topic.auto-create": "false",
            # The journal is replayed whole; a snapshot would be a file that nobody cleans up.
            "apicurio.kafkasql.snapshot.every.seconds": "off",
            "apicurio.storage.snapshot.location": self.directory,
            # How long the start waits for a snapshot (5000 unless told).
            "apicurio.kafkasql.consumer.poll.timeout": 500,
            "apicurio.kafkasql.consumer.group-prefix": GROUP_PREFIX,
            # Each start is a group of its own; without positions the broker forgets it.
            "apicurio.kafkasql.consumer.enable.auto.commit": "false",
            "apicurio.kafkasql.security.protocol": kafka["security.protocol"],
            "apicurio.kafka.common.security.protocol": kafka["security.protocol"],
            "apicurio.kafka.common.sasl.mechanism": kafka["sasl.mechanism"],
            "apicurio.kafka.common.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required "
                f'username="{kafka["sasl.username"]}" password="{kafka["sasl.password"]}";',
            # How many subjects a list may hold (1000 unless told).
            "apicurio.ccompat.max-subjects": 1_000_000,
        }  # fmt: skip
        if kafka["security.protocol"] == "SASL_SSL":
            ca_path = CertificateAuthority(settings).ca_path
            properties["apicurio.kafka.common.ssl.truststore.type"] = "PEM"
            properties["apicurio.kafka.common.ssl.truststore.location"] = ca_path
        return properties


def _create_topics(admin: AdminClient) -> None:
    # One partition each: the order of the journal is the order of its decisions.
    forever = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    topics = [NewTopic(name, 1, 1, config=forever) for name in (_JOURNAL, _SNAPSHOTS)]
    topics.append(NewTopic(_EVENTS, 1, 1))
    for future in admin.create_topics(topics).values():
        try:
            future.result(_REQUEST_TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _create_acls(admin: AdminClient) -> None:
    rights = {
        (ResourceType.TOPIC, TOPIC_PREFIX): (
            AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE,
        ),
        (ResourceType.GROUP, GROUP_PREFIX): (AclOperation.READ,),
    }  # fmt: skip
    bindings = [
        AclBinding(
            kind,
            prefix,
            ResourcePatternType.PREFIXED,
            f"User:{PRINCIPAL}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for (kind, prefix), operations in rights.items()
        for operation in operations
    ]
    for future in admin.create_acls(bindings).values():
        future.result(_REQUEST_TIMEOUT_SECONDS)
