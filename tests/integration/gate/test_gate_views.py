"""Views that come late: beside data, after a pause of the gate, a second time, over two schemas."""

import uuid
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.schemas import topic as topics
from sharebus.schemas.framing import FRAME, FRAME_BYTES, frame
from sharebus.stream_apps.progress import ProgressReader

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import World
from .test_gate_flow import Stream, assert_view_is_right, codes

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("books_balance")]

IN_HAISHU = [{"field": "district", "one_of": ["330203"]}]
NOT_HAISHU = "330205"
PARTITIONS_MAX = 64
"""As many as a catalog entry may have."""
FILL_PAUSE_MS_MAX = 5_000
"""What other entries may wait while its views are attached and filled: a transaction's time."""


def wait_until_live(world: World, entry: CatalogEntry, *grants: Grant) -> None:
    """Until the gate has committed that every partition with rows goes on live in these views."""
    names = {world.view_topic(entry, g).removeprefix(f"view.{entry.id}.") for g in grants}
    accepted = topics.accepted_topic(entry)
    filled = [p for p in range(entry.partitions) if world.reader.end_of_all(accepted, p)]
    progress = ProgressReader(world.reader)

    def all_live() -> bool:
        world.gate.tend()
        progress.catch_up()
        return all(
            names <= {view["view"] for view in record["views"] if view["live"]}
            for record in (progress.partition(entry.id, p) or {"views": []} for p in filled)
        )

    assert filled, "nothing was accepted: there is nothing to fill"
    wait_until(all_live, f"{names} are live in all of {len(filled)} partitions")


def waits_ms(world: World, entry: CatalogEntry) -> list[int]:
    """How long each event of an entry waited in the broker for its decision."""
    topic = topics.ingress_topic(entry.id)
    return [
        batch["decided_ms"] - line["ingress_ms"]
        for batch, _ in world.audit()
        if batch["source_topic"] == topic
        for line in batch["lines"]
    ]


def test_catalog_applied_while_the_gate_is_down_is_served_once_it_starts(world: World) -> None:
    old, new = world.entry(), world.entry(partitions=2)
    world.apply(old)
    for code in codes(20):
        world.upsert(old, case.row(code))
    world.decided(old)
    grants = {
        entry.id: world.grant(entry, fields=["code", "district"], conditions=IN_HAISHU)
        for entry in (old, new)
    }
    world.gate.kill()
    world.apply(new, *grants.values())
    for code in codes(20):
        world.upsert(new, case.row(code))
    world.delete(old, "k3")
    world.flush()
    world.gate.start()
    world.decided(old)
    world.decided(new)
    wait_until_live(world, old, grants[old.id])
    assert len(assert_view_is_right(world, old, grants[old.id])) == 19
    assert len(assert_view_is_right(world, new, grants[new.id])) == 20
    assert world.discrepancies(old, new) == []


def test_view_that_is_granted_again_is_brought_up_to_date_and_doubles_nothing(
    world: World,
) -> None:
    entry = world.entry(partitions=2)
    grants = [
        world.grant(entry),
        world.grant(entry, fields=["code", "name"], conditions=IN_HAISHU),
        world.grant(entry, fields=["code"], conditions=[{"field": "code", "starts_with": ["k1"]}]),
        world.grant(entry, fields=["name", "district"]),
    ]
    world.apply(entry, *grants)
    for code in codes(40):
        world.upsert(entry, case.row(code))
    world.decided(entry)
    before = [assert_view_is_right(world, entry, grant) for grant in grants]
    assert [len(view) for view in before] == [40, 40, 11, 40]

    world.apply(*(grant.model_copy(update={"revoked": True}) for grant in grants))
    for code in codes(12):
        world.delete(entry, code)
    for code in codes(20)[12:]:
        world.upsert(entry, case.row(code, name="changed"))
    for code in codes(24)[20:]:
        world.upsert(entry, case.row(code, district=NOT_HAISHU))
    for code in ("k1x", "new"):
        world.upsert(entry, case.row(code))
    world.delete(entry, "never")
    while_revoked = world.decided(entry)[-27:]
    assert {tuple(line["route"]) for line in while_revoked} == {(topics.accepted_topic(entry),)}
    for grant, view in zip(grants, before, strict=True):
        assert len(world.records(world.view_topic(entry, grant), 2)) == len(view)

    world.apply(*grants)
    wait_until_live(world, entry, *grants)
    world.upsert(entry, case.row("after"))
    world.decided(entry)
    everything, in_haishu, by_key, nameless = (
        assert_view_is_right(world, entry, grant) for grant in grants
    )
    assert len(everything) == len(nameless) == 40 - 12 + 3
    assert everything[b"k12"]["name"] == in_haishu[b"k12"]["name"] == "changed"
    assert set(in_haishu) == set(everything) - {b"k20", b"k21", b"k22", b"k23"}
    assert sorted(by_key) == [*(b"k%d" % number for number in range(12, 20)), b"k1x"]
    for grant in grants:
        seen = world.records(world.view_topic(entry, grant), 2)
        assert b"never" not in {record.key() for record in seen}
    assert world.discrepancies(entry) == []


def rows_of(world: World, topic: str, partition_count: int) -> dict[bytes, dict[str, Any] | None]:
    """The last row of each key, read under the schema that wrote it; None where it is deleted."""
    world.facts.catch_up()
    written_under = world.facts.facts.schemas[topics.value_subject(topic)]
    rows: dict[bytes, dict[str, Any] | None] = {}
    for record in world.records(topic, partition_count):
        key, value = record.key(), record.value()
        assert isinstance(key, bytes)
        rows[key] = None
        if value is not None:
            _, schema_id = FRAME.unpack_from(value)
            body = BytesIO(value[FRAME_BYTES:])
            row: Any = schemaless_reader(body, parse_schema(written_under[schema_id]), None)
            rows[key] = row
            assert not body.read()
    return rows


def test_row_filter_on_a_field_of_a_later_schema_withholds_rows_of_the_earlier(
    world: World,
) -> None:
    first = world.entry(partitions=2)
    everything = world.grant(first, fields=["code", "name"])
    world.apply(first, everything)
    for code in ("old", "moves", "gone", "both"):
        world.upsert(first, case.row(code))
    world.decided(first)

    region = {"name": "region", "type": ["null", "string"], "default": None}
    fields = [*case.FIELDS, region]
    second = world.entry(partitions=2, avro_schema=case.schema(fields)).model_copy(
        update={"id": first.id}
    )
    in_east = [{"field": "region", "starts_with": ["east"]}]
    grants = [
        world.grant(second, fields=["code", "region"], conditions=in_east),
        world.grant(second, fields=["code", "name"], conditions=in_east),
        world.grant(second, fields=["region"], conditions=in_east),
        world.grant(second, fields=["region"]),
    ]
    gate = world.gate.pid
    world.apply(second, *grants)
    world.facts.catch_up()
    ids = world.facts.facts.schemas[topics.value_subject(topics.ingress_topic(first.id))]
    (new_id,) = [number for number, schema in ids.items() if len(schema["fields"]) == len(fields)]
    (old_id,) = set(ids) - {new_id}

    def send(code: str, **changes: Any) -> None:
        row = case.row(code, **changes)
        parsed = case.parsed(fields) if "region" in row else None
        value = frame(new_id if parsed else old_id, case.body(row, parsed))
        world.send(second, code.encode(), value, world.headers(uuid.uuid4().hex))

    wait_until_live(world, second, *grants)
    send("moves", region="east 1")
    send("both", region="east 2")
    send("west", region="west")
    send("null", region=None)
    send("new", region="east 3")
    world.delete(second, "gone")
    send("late")  # the provider's other machine writes by the earlier schema still
    send("both")
    lines = world.decided(second)

    assert {line["outcome"] for line in lines} == {"accepted"}
    assert world.gate.pid == gate
    filtered, elsewhere, nameless, regions = (
        rows_of(world, world.view_topic(second, grant), 2) for grant in grants
    )
    assert filtered == {
        b"moves": {"code": "moves", "region": "east 1"},
        b"new": {"code": "new", "region": "east 3"},
        b"both": None,
    }
    name = case.row()["name"]
    assert elsewhere == {
        b"moves": {"code": "moves", "name": name}, b"new": {"code": "new", "name": name},
        b"both": None,
    }  # fmt: skip
    east = [{"region": "east 1"}, {"region": "east 3"}]
    assert [row for row in nameless.values() if row] == east
    assert len(nameless) == 3
    left = [row for row in regions.values() if row is not None]
    assert sorted(map(str, left)) == sorted(
        map(str, [*east, {"region": "west"}, {"region": None}, {}, {}, {}])
    )
    kept = rows_of(world, world.view_topic(second, everything), 2)
    assert {key for key, row in kept.items() if row} == {
        b"old", b"moves", b"both", b"west", b"null", b"new", b"late",
    }  # fmt: skip
    assert world.discrepancies(second) == []


@pytest.mark.alone
def test_two_new_views_on_64_partitions_are_filled_while_other_entries_flow(world: World) -> None:
    entry, other = world.entry(partitions=PARTITIONS_MAX), world.unconditional()
    world.apply(entry, other)
    for number, code in enumerate(codes(1_000)):
        world.upsert(entry, case.row(code, district="330203" if number % 3 else NOT_HAISHU))
    for code in codes(30):
        world.delete(entry, code)
    world.upsert(other, case.row("first"))
    world.decided(entry)
    world.decided(other)
    gate = world.gate.pid
    grants = [
        world.grant(entry, fields=["code", "district"], conditions=IN_HAISHU),
        world.grant(entry, fields=["district", "founded"]),
    ]
    with Stream(world, other) as stream:
        world.apply(*grants)
        # A batch of all partitions: each of them learns of its views at once.
        for code in codes(300, "new"):
            world.upsert(entry, case.row(code))
        world.delete(entry, "k50")
        world.upsert(entry, case.row("k52", district=NOT_HAISHU))
        wait_until_live(world, entry, *grants)
    world.upsert(entry, case.row("last"))
    world.decided(entry)
    world.decided(other)

    in_haishu, nameless = (assert_view_is_right(world, entry, grant) for grant in grants)
    assert b"last" in in_haishu
    assert len(nameless) == 1_000 - 30 + 300 - 1 + 1
    assert stream.count > 20
    assert max(waits_ms(world, other)[1:]) < FILL_PAUSE_MS_MAX
    assert world.gate.pid == gate, "a transaction ran out of time, and the gate was started again"
    assert world.discrepancies(entry, other) == []
