"""A broker for the notary alone: its tests delete the audit."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sharebus.infra.embedded import secrets
from sharebus.infra.embedded.kafka import EmbeddedKafka

from ..conftest import BrokerUnderTest, embedded_settings
from .archive import Archive


@pytest.fixture(scope="module")
def notary_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrokerUnderTest]:
    settings = embedded_settings(tmp_path_factory.mktemp("notary-broker"))
    with EmbeddedKafka(settings) as kafka:
        secrets.create_missing(settings)
        yield BrokerUnderTest(settings, kafka)


@pytest.fixture
def archive(notary_broker: BrokerUnderTest, tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(notary_broker, tmp_path / "ledger")
    try:
        yield archive
    finally:
        archive.close()
