"""A view that no grant asks for is deleted, and whoever is granted it later gets everything."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.registry import SchemaRegistry
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer import office

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import World
from .conftest import RunningEnforcer, wait_for
from .sightings import told, topic_names

pytestmark = pytest.mark.integration


@pytest.fixture
def world(served: World) -> World:
    """The world with its gate running."""
    served.gate.run()
    return served


@pytest.fixture
def deleting(world: World) -> Iterator[RunningEnforcer]:
    """An enforcer that deletes a view as soon as its last grant has ended."""
    settings = world.settings.model_copy(update={"view_kept_days": 0})
    running = RunningEnforcer(settings)
    admin = AdminClient(world.admin_config, logger=librdkafka_log)
    wait_for("the enforcer is a member", lambda: office.is_held(admin))
    yield running
    running.stop()


def wait_until_deleted(world: World, view: str) -> None:
    wait_for("the view is deleted", lambda: view not in topic_names(world.admin_config))
    wait_for("it is audited", lambda: told(world.admin_config, "view.deleted", view))
    subject = topics.value_subject(view)
    with SchemaRegistry(world.settings) as registry:
        wait_for("its subject is gone", lambda: not registry.versions(subject))
    assert subject not in world.facts_now().schemas


def wait_until_held(world: World, view: str, entry: CatalogEntry, codes: set[str]) -> None:
    """Until a view holds these rows and no others."""

    def holds() -> bool:
        world.gate.tend()
        if view not in topic_names(world.admin_config):
            return False
        records = world.records(view, entry.partitions)
        return {(record.key() or b"").decode() for record in records} == codes

    wait_until(holds, f"{view} holds {codes}")


def granted(world: World) -> tuple[CatalogEntry, Grant, str]:
    """An entry with a view that holds rows a and b."""
    entry = world.entry()
    grant = world.grant(entry)
    world.apply(entry, grant)
    for code in ("a", "b"):
        world.upsert(entry, case.row(code=code))
    world.decided(entry)
    view = world.view_topic(entry, grant)
    wait_until_held(world, view, entry, {"a", "b"})
    return entry, grant, view


@pytest.mark.parametrize("dies", [False, True], ids=["gate goes on", "gate dies meanwhile"])
def test_view_without_a_grant_is_deleted_and_made_anew_with_everything(
    world: World, deleting: RunningEnforcer, dies: bool
) -> None:
    entry, grant, view = granted(world)
    world.apply(grant.model_copy(update={"revoked": True}))
    wait_until_deleted(world, view)
    expected = {"a", "b"}
    if dies:  # without a transaction since: what it recorded is of the view that is gone
        world.gate.kill()
        world.gate.run()
    else:
        world.upsert(entry, case.row(code="c"))
        world.decided(entry)
        expected.add("c")
    world.apply(world.grant(entry))
    wait_until_held(world, view, entry, expected)
    assert world.discrepancies(entry) == []
