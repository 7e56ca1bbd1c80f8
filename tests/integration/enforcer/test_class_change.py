"""An entry leaves its class: nobody reads one more event under it, and what it held is kept."""

from typing import Any

import pytest

from sharebus.governance.entry import CatalogEntry
from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..gate.test_gate_flow import assert_view_is_right, codes
from ..world import SUBSCRIBER, World
from .conftest import wait_for
from .parked import ParkedReaders
from .sightings import CONDITIONAL, told, topic_names

pytestmark = pytest.mark.integration
ROWS = 4_500
"""So many that the move takes several transactions."""


@pytest.fixture(scope="module")
def world(followed: World) -> World:
    """The world with its gate and an enforcer."""
    followed.gate.run()
    return followed


def changed(entry: CatalogEntry, sharing: dict[str, Any]) -> CatalogEntry:
    document = {**entry.model_dump(by_alias=True), "sharing": sharing}
    return CatalogEntry.model_validate(document)


def wait_until_left(world: World, topic: str) -> None:
    """Until a copy is gone that its entry has left."""

    def is_gone() -> bool:
        world.gate.tend()
        return topic not in topic_names(world.admin_config)

    wait_for(f"{topic} is deleted", is_gone)
    wait_for("it is audited", lambda: told(world.admin_config, "copy.deleted", topic))
    subject = topics.value_subject(topic)
    wait_for("its schemas are no facts", lambda: subject not in world.facts_now().schemas)


def test_open_entry_becomes_conditional_and_open_again_though_the_gate_dies(world: World) -> None:
    entry = world.unconditional(partitions=2)
    closed = changed(entry, CONDITIONAL)
    grant = world.grant(closed, fields=["code", "district"])
    world.apply(entry)
    for code in codes(ROWS):
        world.upsert(entry, case.row(code))
    for code in codes(20):
        world.delete(entry, code)
    world.decided(entry)
    shared, own = topics.accepted_topic(entry), topics.accepted_topic(closed)
    ends = {partition: world.reader.bounds(shared, partition)[1] for partition in range(2)}
    login = world.broker.client_config(f"agency.{world.subscriber}.{SUBSCRIBER}")
    with ParkedReaders(login, {shared: ends[0]}) as readers:
        world.apply(closed, grant)
        world.gate.kill()
        world.gate.run()
        for code in codes(60, "secret"):
            world.upsert(closed, case.row(code))
        wait_for("the reader is refused", lambda: readers.all_refused(shared))
        world.decided(closed)
        readers.ask_for_what_was()
        assert readers.contents == []
    wait_until_left(world, shared)
    assert len(assert_view_is_right(world, closed, grant)) == ROWS - 20 + 60
    assert world.discrepancies(closed) == []

    world.apply(entry)
    world.upsert(entry, case.row("open again"))
    world.decided(entry)
    wait_until_left(world, own)
    assert len(rows_of(world, shared)) == ROWS - 20 + 60 + 1
    assert world.discrepancies(entry) == []


def rows_of(world: World, topic: str) -> dict[Any, Any]:
    rows: dict[Any, Any] = {}
    for record in world.records(topic, 2):
        rows.pop(record.key(), None)
        if record.value() is not None:
            rows[record.key()] = record.value()
    return rows


def test_entry_that_is_shared_no_more_is_closed_and_keeps_what_it_held(world: World) -> None:
    entry = world.unconditional()
    world.apply(entry)
    for code in codes(5):
        world.upsert(entry, case.row(code))
    world.decided(entry)
    shared = topics.accepted_topic(entry)
    basis = {"instrument": "示例法", "rank": "law", "version": "2020", "article": 5}
    login = world.broker.client_config(f"agency.{world.subscriber}.{SUBSCRIBER}")
    with ParkedReaders(login, {shared: 5}) as readers:
        world.apply(changed(entry, {"class": "not_shared", "basis": basis}))
        wait_for("the reader is refused", lambda: readers.all_refused(shared))
        assert readers.contents == []
    closed = changed(entry, CONDITIONAL)
    grant = world.grant(closed, fields=["code"])
    world.apply(closed, grant)
    world.upsert(closed, case.row("after"))
    world.decided(closed)
    wait_until_left(world, shared)
    assert len(assert_view_is_right(world, closed, grant)) == 6
