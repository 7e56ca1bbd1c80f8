"""The broker and the registry that the integration tests share.

By default the embedded broker with a data directory of its own. `SHAREBUS_TEST_BROKERS` names a
cluster instead: its other settings (`SHAREBUS_SECURITY_PROTOCOL`, `SHAREBUS_USERNAME` of an
administrator, …) come from the environment, and `SHAREBUS_TEST_REGISTRY` gives the registry's
address. `--broker=testcontainers` runs the broker, with the same configuration, from the image
`SHAREBUS_TEST_IMAGE` (`apache/kafka` unless told): anything with `java` and the broker's jars under
`/opt/kafka/libs`.
"""

import os
import random
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from sharebus.infra import scram
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.embedded.service import START_TIMEOUT_SECONDS
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import ENV_PREFIX, PORT_SETTINGS, Settings, load_settings

from .town import Town
from .world import World

KAFKA_VERSION = "4.4.0"


@dataclass
class BrokerUnderTest:
    """A broker that answers. `kafka` is None when it is not ours to stop and start."""

    settings: Settings
    kafka: EmbeddedKafka | None

    def __post_init__(self) -> None:
        # What it would print when its broker ends is nobody's failure.
        self.admin = AdminClient(self.client_config("admin"), logger=librdkafka_log)

    def client_config(self, principal: str) -> ClientConfig:
        """librdkafka properties of `principal`; an unknown user is created."""
        if secrets.create_credentials(self.settings, principal):
            password = secrets.password_of(self.settings, principal)
            scram.set_passwords(self.admin, {principal: password})
        return client_config(self.settings, credentials_for(self.settings, principal))


def free_ports(count: int) -> list[int]:
    # Below the range from which the kernel takes ports of outgoing connections: a client that
    # keeps asking for a port in that range can connect to itself and keep the broker off it.
    # Each worker of a test run has ports of its own: one that is free now is not taken by another.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + worker % 4 * 3_000
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(first, first + 3_000)
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
    return load_settings(
        **{"data_dir": data_dir, "flush_every_message": False, **free_port_settings(), **overrides}
    )


def free_port_settings() -> dict[str, int]:
    return dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerUnderTest]:
    data_dir = tmp_path_factory.mktemp("broker")
    named = os.environ.get("SHAREBUS_TEST_BROKERS")
    if named:
        external = _external(named, data_dir)
        with pytest.MonkeyPatch.context() as patch:
            # They were about the administrator; tests set their own for whom they start.
            for name in [*Settings.model_fields, "config"]:
                patch.delenv(f"{ENV_PREFIX}{name.upper()}", raising=False)
            yield external
    elif request.config.getoption("--broker") == "testcontainers":
        with _containerised(embedded_settings(data_dir)) as settings:
            yield BrokerUnderTest(settings, None)
    else:
        with EmbeddedKafka(embedded_settings(data_dir)) as kafka:
            yield BrokerUnderTest(kafka.settings, kafka)


@pytest.fixture
def other_ports() -> dict[str, int]:
    """Free ports, by the names of their settings."""
    return free_port_settings()


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """For a test that starts and stops a broker of its own."""
    return embedded_settings(tmp_path / "data")


@pytest.fixture(scope="session")
def registry(broker: BrokerUnderTest) -> Iterator[Settings]:
    """The registry's settings (`registry_url`); it starts with the first test that asks for it."""
    if not broker.settings.embedded:
        yield broker.settings
        return
    with EmbeddedRegistry(broker.settings):
        yield broker.settings


@contextmanager
def _containerised(settings: Settings) -> Iterator[Settings]:
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    kafka = EmbeddedKafka(settings)
    kafka.directory.mkdir(parents=True)
    kafka.log_path.parent.mkdir()
    [_, *arguments] = kafka.prepare()
    arguments[arguments.index("-cp") + 1] = "/opt/kafka/libs/*"
    # It would be one more image to pull, to stop a container that this block stops.
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(
        os.environ.get("SHAREBUS_TEST_IMAGE", f"apache/kafka:{KAFKA_VERSION}"),
        command=arguments,
        volumes=[(str(settings.data_dir), str(settings.data_dir), "rw")],
        entrypoint="java",
        network_mode="host",
        user=f"{os.getuid()}:{os.getgid()}",
    )
    with container:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not kafka.is_ready():
            if time.monotonic() > deadline:
                raise kafka.unavailable(f"no answer within {START_TIMEOUT_SECONDS:g} s")
            time.sleep(0.1)
        yield settings


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


@pytest.fixture
def town(registry: Settings) -> Town:
    secrets.create_missing(registry)
    return Town(registry, uuid.uuid4().hex[:8])


@pytest.fixture(scope="session")
def app_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerUnderTest]:
    """A broker for tests of apps: all gates of a cluster are one group, and these kill theirs."""
    named = os.environ.get("SHAREBUS_TEST_BROKERS")
    if named or request.config.getoption("--broker") != "embedded":
        request.getfixturevalue("registry")
        yield request.getfixturevalue("broker")
        return
    settings = embedded_settings(
        tmp_path_factory.mktemp("app-broker"), gate_session_timeout_ms=2_000
    )
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka(settings))
        stack.enter_context(EmbeddedRegistry(settings))
        yield BrokerUnderTest(settings, kafka)


@pytest.fixture(scope="session")
def served(app_broker: BrokerUnderTest) -> Iterator[World]:
    world = World(app_broker, app_broker.settings)
    try:
        yield world
    finally:
        world.close()
