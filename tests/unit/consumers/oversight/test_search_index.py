"""The search index says what the log's records say, however often and in whatever parts it grew."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.consumers.oversight.search_index import Released, SearchIndex, Times
from sharebus.infra.tile_directory import TileDirectory
from sharebus.schemas.record import audit_batch

from .audit_log import Audit, batch_of

SIZE = 700
EVENT, ENTITY = b"e" * 16, b"n" * 16


def record_content(number: int) -> dict[str, Any]:
    batch = batch_of(number, lines=3)
    batch["entry"] = "persons" if number % 2 else "houses"
    batch["routes"] = [["shared.houses"], ["view.persons.v1", "accepted.persons"]]
    accepted, refused, closed = batch["lines"]
    accepted.update(ingress_ms=number * 10, route=number % 2, entity=ENTITY)
    refused.update(ingress_ms=number * 10 + 1, outcome="refused", rule="content.check")
    closed.update(ingress_ms=number * 10 + 2, outcome="closed")
    if number in (100, 400):
        batch["reads"] = [
            {"minute_ms": number * 10, "principal": "agency.tax.levy", "topic": "view.persons.v1",
             "topic_id": "id", "partition": 0, "first_offset": number, "end_offset": number + 50,
             "is_exact": number == 100, "fetches": 1, "given_bytes": 5_000},
        ]  # fmt: skip
        batch["refusals"] = [
            {"minute_ms": number * 10, "principal": "agency.tax.levy", "operation": "READ",
             "resource": "Topic audit", "request": "Fetch", "rule": "DefaultDeny", "count": 3},
        ]  # fmt: skip
        batch["gaps"] = [{"from_ms": number, "to_ms": number + 1, "why": "the broker ended"}]
    if number == 333:
        refused.update(event=EVENT, place="field uscc")
    return batch


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TileDirectory:
    audit = Audit.of(1)
    genesis = audit.records[0]
    audit.records += [
        dataclasses.replace(
            genesis, offset_=number,
            value_=audit_batch().encode(1, {
                "writer": "gate-0", "sequence": number, "previous_sha256": b"",
                **record_content(number),
            }),
        )
        for number in range(1, SIZE)
    ]  # fmt: skip
    return audit.write_files(tmp_path_factory.mktemp("log"), SIZE)


@pytest.fixture(params=[(SIZE,), (1, 256, 300, SIZE)], ids=["at once", "as it grows"])
def index(request: Any, log: TileDirectory, tmp_path: Path) -> SearchIndex:
    for size in request.param:
        index = SearchIndex(tmp_path / "search.sqlite")
        index.update(log, size, lambda *_: None)
        assert index.leaves == size
    return index


def test_an_event_is_found(index: SearchIndex) -> None:
    [found] = index.by_event(EVENT)
    assert (found.leaf, found.outcome, found.rule, found.place) == (
        333, "refused", "content.check", "field uscc",
    )  # fmt: skip
    assert (found.entry, found.source, found.writer) == ("persons", "ingress.e", "gate-0")
    assert index.by_event(b"x" * 16) == index.by_event(b"") == []


def test_an_entity_is_found_between_two_times(index: SearchIndex) -> None:
    found = index.by_entity(ENTITY, Times(100, 200))
    assert [each.ingress_ms for each in found] == list(range(200, 99, -10))
    assert found[1].topics == "view.persons.v1 accepted.persons"
    assert len(index.by_entity(ENTITY)) == SIZE - 1
    assert index.by_entity(b"") == []


def test_refusals_are_found(index: SearchIndex) -> None:
    assert len(index.refused()) == SIZE - 1
    found = index.refused("houses", Times(100, 200))
    assert [each.leaf for each in found] == [18, 16, 14, 12, 10]
    assert index.refused("nothing") == []


def test_releases_are_counted_by_entry_and_by_topic(index: SearchIndex) -> None:
    assert index.released("houses") == [Released("houses", "shared.houses", 349, 20, 6980)]
    assert [each.topic for each in index.released("persons")] == [
        "accepted.persons", "view.persons.v1",
    ]  # fmt: skip
    [some] = index.released(None, ["shared.houses", "shared.none"], Times(100, 200))
    assert (some.events, some.first_ms, some.last_ms) == (6, 100, 200)
    assert index.released(None, ["shared.houses"], Times(8000, 9000)) == []


@pytest.mark.parametrize(
    ("offset", "leaves"), [(99, []), (100, [100]), (149, [100]), (150, []), (400, [400])]
)
def test_receivers_of_a_record_are_those_whose_offsets_hold_it(
    index: SearchIndex, offset: int, leaves: list[int]
) -> None:
    found = index.reads.receivers("view.persons.v1", 0, offset)
    assert [(each.leaf, each.principal) for each in found] == [
        (leaf, "agency.tax.levy") for leaf in leaves
    ]
    assert [each.is_exact for each in found] == [leaf == 100 for leaf in leaves]
    assert index.reads.receivers("view.persons.v1", 1, offset) == []
    assert index.reads.receivers("view.houses.v1", 0, offset) == []


def test_reader_is_found_with_what_it_was_given_and_refused(index: SearchIndex) -> None:
    assert [each.leaf for each in index.reads.given_to("agency.tax.levy", 0, 9_999)] == [400, 100]
    assert [each.leaf for each in index.reads.given_to("agency.tax.levy", 1_001, 9_999)] == [400]
    [denied] = index.reads.denied_to("agency.tax.levy", 0, 1_000)
    assert (denied.resource, denied.rule, denied.times) == ("Topic audit", "DefaultDeny", 3)
    assert index.reads.given_to("agency.tax.desk", 0, 9_999) == []
    assert [gap.leaf for gap in index.reads.gaps(0, 200)] == [100]


def test_an_index_of_a_larger_log_is_refused(index: SearchIndex, log: TileDirectory) -> None:
    with pytest.raises(InvalidInput, match="another log"):
        index.update(log, SIZE - 1, lambda *_: None)


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search").write_text("something else, of some length " * 99)
    with pytest.raises(InvalidInput, match="cannot be used"):
        SearchIndex(tmp_path / "search")
