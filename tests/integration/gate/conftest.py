"""One broker, one registry and one gate for the tests of the gate.

They have a broker to themselves: all gates of a cluster are one group, and these tests kill theirs.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry

from ..conftest import BrokerUnderTest, embedded_settings
from .gate_world import World


@pytest.fixture(scope="session")
def gate_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerUnderTest]:
    named = os.environ.get("SHAREBUS_TEST_BROKERS")
    if named or request.config.getoption("--broker") != "embedded":
        request.getfixturevalue("registry")
        yield request.getfixturevalue("broker")
        return
    settings = embedded_settings(
        tmp_path_factory.mktemp("gate-broker"), gate_session_timeout_ms=2_000
    )
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka(settings))
        stack.enter_context(EmbeddedRegistry(settings))
        yield BrokerUnderTest(settings, kafka)


@pytest.fixture(scope="session")
def served(gate_broker: BrokerUnderTest) -> Iterator[World]:
    world = World(gate_broker, gate_broker.settings)
    try:
        yield world
    finally:
        world.close()


@pytest.fixture
def world(served: World) -> World:
    """The world with its gate running."""
    served.gate.run()
    return served
