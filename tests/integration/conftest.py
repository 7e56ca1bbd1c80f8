"""The broker and the registry that the integration tests share.

By default the embedded broker with a data directory of its own. `SHAREBUS_TEST_BROKERS` names a
cluster instead: its other settings (`SHAREBUS_SECURITY_PROTOCOL`, `SHAREBUS_USERNAME` of an
administrator, …) come from the environment, and `SHAREBUS_TEST_REGISTRY` gives the registry's
address. `--broker=testcontainers` runs the broker in a container.
"""

import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from sharebus.infra import scram
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.settings import Settings, load_settings

PORT_SETTINGS = (
    "kafka_port",
    "kafka_mtls_port",
    "controller_port",
    "registry_port",
    "metrics_port",
)


@dataclass
class BrokerUnderTest:
    """A broker that answers. `kafka` is None when it is not ours to stop and start."""

    settings: Settings
    kafka: EmbeddedKafka | None
    _users: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.admin = AdminClient(self.client_config("admin"))

    def client_config(self, principal: str) -> ClientConfig:
        """librdkafka properties of `principal`; an unknown user is created."""
        known = (*secrets.BROKER_PRINCIPALS, *secrets.APP_PRINCIPALS, *self._users)
        if principal not in known:
            secrets.create_credentials(self.settings, principal)
            password = secrets.password_of(self.settings, principal)
            scram.set_passwords(self.admin, {principal: password})
            self._users.add(principal)
        return client_config(self.settings, credentials_for(self.settings, principal))


def free_ports(count: int) -> list[int]:
    # Below the range from which the kernel takes ports of outgoing connections: a client that
    # keeps asking for a port in that range can connect to itself and keep the broker off it.
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def embedded_settings(data_dir: Path, **overrides: object) -> Settings:
    """Settings for a broker beside others: own ports and data, no flush after each message.

    Flushing is about power cuts, which only their own tests are about, and slow on shared disks.
    """
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    return load_settings(
        **{"data_dir": data_dir, "flush_every_message": False, **ports, **overrides}
    )


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerUnderTest]:
    data_dir = tmp_path_factory.mktemp("broker")
    named = os.environ.get("SHAREBUS_TEST_BROKERS")
    if named:
        yield _external(named, data_dir)
    elif request.config.getoption("--broker") == "testcontainers":
        pytest.exit("--broker=testcontainers: no Docker engine answers", returncode=5)
    else:
        with EmbeddedKafka(embedded_settings(data_dir)) as kafka:
            yield BrokerUnderTest(kafka.settings, kafka)


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """For a test that starts and stops a broker of its own."""
    return embedded_settings(tmp_path / "data")


@pytest.fixture(scope="session")
def registry(broker: BrokerUnderTest) -> Iterator[Settings]:
    """The registry's settings (`registry_url`); it starts with the first test that asks for it."""
    if broker.kafka is None:
        yield broker.settings
        return
    with EmbeddedRegistry(broker.settings):
        yield broker.settings


def _external(bootstrap_servers: str, data_dir: Path) -> BrokerUnderTest:
    given = load_settings(
        embedded=False,
        bootstrap_servers=bootstrap_servers,
        registry_url=os.environ.get("SHAREBUS_TEST_REGISTRY", "http://127.0.0.1:18081"),
    )
    settings = given.model_copy(update={"data_dir": data_dir, "username": "", "password": None})
    admin = credentials_for(given, "admin")
    if admin.password:
        secrets.write_credentials(
            settings, "admin", admin.username, admin.password.get_secret_value()
        )
    return BrokerUnderTest(settings, None)
