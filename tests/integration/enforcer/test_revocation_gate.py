"""A right ends whatever has become of the gate: the enforcer does not wait for it."""

from typing import Any

import pytest

from sharebus.governance.agency import Agency

from ...unit.stream_apps.gate import case
from ..world import SUBSCRIBER, World
from .conftest import wait_for
from .parked import ParkedReaders

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(followed: World) -> World:
    """The world with an enforcer."""
    return followed


def neighbour(world: World, name: str) -> Agency:
    _, subscriber = world.agencies()
    changes: dict[str, Any] = {"id": name, "code": f"TEST-{name.upper()}"}
    return Agency.model_validate({**subscriber.model_dump(exclude_none=True), **changes})


@pytest.mark.parametrize("fate", ["pause", "kill"])
def test_right_ends_while_the_gate_is_stopped_or_dead(world: World, fate: str) -> None:
    entry, other = world.entry(), f"police-{fate}-{world.tag}"
    grant = world.grant(entry)
    theirs = grant.model_copy(update={"id": f"{grant.id}-n", "system": f"{other}.{SUBSCRIBER}"})
    world.apply(neighbour(world, other), entry, grant, theirs)
    world.gate.run()
    world.upsert(entry, case.row("before"))
    world.decided(entry)
    view = world.view_topic(entry, grant)
    login = world.broker.client_config(f"agency.{world.subscriber}.{SUBSCRIBER}")
    with ParkedReaders(login, {view: 0}) as readers:
        getattr(world.gate, fate)()
        world.upsert(entry, case.row("meanwhile"))
        world.apply(grant.model_copy(update={"revoked": True}))
        wait_for("the reader is refused", lambda: readers.all_refused(view))
        if fate == "pause":
            world.gate.go_on()
        else:
            world.gate.run()
        world.upsert(entry, case.row("after"))
        world.decided(entry)
        assert readers.parked_count() == 1
        readers.ask_for_what_was()
        assert readers.all_refused(view)
        assert readers.contents == []
    keys = {record.key() for record in world.records(view)}
    assert keys == {b"before", b"meanwhile", b"after"}
