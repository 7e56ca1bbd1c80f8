"""Audit records: bounded, numbered, chained."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import NumbersDisagree
from sharebus.governance.rule import Outcome, Rule
from sharebus.ledger.chain import WriterHead, verify_next
from sharebus.schemas.audit_digest import DIGEST_BYTES
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.audit import LINES_MAX, RECORD_BYTES_MAX, Sealed, Source, seal
from sharebus.stream_apps.gate.judge import PLACE_CHARS_MAX

from .gate import case

HEAD = WriterHead("gate-0")
SOURCE = Source("a" * 41, "ingress." + "a" * 41, 63, "A" * 22, 2**40, case.NOON_MS)
VIEWS_MAX = 60


def line(offset: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "offset": offset,
        "ingress_ms": case.NOON_MS,
        "event": bytes(DIGEST_BYTES),
        "entity": bytes(DIGEST_BYTES),
        "delivery": ("2026-11", "d-1"),
        "outcome": Outcome.ACCEPTED,
        "rule": "",
        "place": "",
        "route": (),
        "digests": b"",
        **changes,
    }


def sealed(lines: list[dict[str, Any]], head: WriterHead = HEAD) -> Sealed:
    return seal(lines, SOURCE, head, 5, case.DIGEST.delivery)


def batches(values: list[bytes]) -> list[dict[str, Any]]:
    return [audit_batch().decode(value) for value in values]


@st.composite
def wide_lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines as large as they come: many views, a delivery each, long places, late offsets."""
    lines = []
    offset = draw(st.sampled_from([0, 2**20, 2**41]))
    routes = [
        tuple(f"view.{'a' * 41}.v-{number}{i:09}" for i in range(draw(st.integers(0, VIEWS_MAX))))
        for number in range(draw(st.integers(1, 3)))
    ]
    blocks = draw(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 2)), max_size=4))
    has_own_delivery = draw(st.booleans())
    for count, number in blocks:
        route = routes[number % len(routes)]
        place = draw(st.sampled_from(["", "a" * PLACE_CHARS_MAX, "证" * PLACE_CHARS_MAX]))
        for _ in range(count):
            offset += 1
            delivery = f"d-{offset}" if has_own_delivery else "d"
            lines.append(
                line(
                    offset,
                    delivery=("2026-11-22T08", delivery),
                    rule=Rule.CONTENT_CHECK,
                    place=place,
                    route=route,
                    digests=bytes(DIGEST_BYTES) * len(route),
                )
            )
    return lines


@settings(deadline=None, max_examples=40)
@given(lines=wide_lines())
def test_seal_records_are_bounded_numbered_and_hold_every_line_once(
    lines: list[dict[str, Any]],
) -> None:
    expected = [(x["offset"], x["route"], x["delivery"][1]) for x in lines]
    result = sealed([dict(x) for x in lines])
    assert max(map(len, result.values), default=0) <= RECORD_BYTES_MAX
    read = batches(result.values)
    assert [(x["part"], x["parts"]) for x in read] == [
        (part, len(read)) for part in range(1, len(read) + 1)
    ]
    found = []
    for batch in read:
        assert 1 <= len(batch["lines"]) <= LINES_MAX
        for written in batch["lines"]:
            route = batch["routes"][written["route"]] if written["route"] >= 0 else []
            delivery = batch["deliveries"][written["delivery"]]["delivery"]
            found.append((written["offset"], tuple(route), delivery))
    assert found == [(o, route, case.DIGEST.delivery(d)) for o, route, d in expected]


def test_seal_no_lines_makes_no_record() -> None:
    assert sealed([]) == Sealed([], HEAD, {})


def test_seal_line_without_delivery_and_route_names_neither() -> None:
    (batch,) = batches(sealed([line(delivery=None)]).values)
    assert (batch["lines"][0]["delivery"], batch["lines"][0]["route"]) == (-1, -1)
    assert (batch["deliveries"], batch["routes"]) == ([], [])


def test_seal_tells_no_delivery_id() -> None:
    (value,) = sealed([line(delivery=("2026-11", "canary-delivery"))]).values
    assert b"canary-delivery" not in value


def test_seal_gives_the_sequence_of_the_record_that_holds_a_closing() -> None:
    lines = [line(offset) for offset in range(LINES_MAX)]
    lines.append(line(LINES_MAX, outcome=Outcome.CLOSED))
    result = sealed(lines, HEAD._replace(next_sequence=40))
    assert result.sequence_by_offset[LINES_MAX] == 41


def test_seal_keeps_the_counts_of_each_closing_beside_its_line() -> None:
    counts = {"partition_count": 2, "counted": 9, "accepted": 7, "refused": 1}
    lines = [line(3), line(4, outcome=Outcome.CLOSED, closing=counts), line(5)]
    (batch,) = batches(sealed(lines).values)
    assert batch["closings"] == [{"offset": 4, **counts}]
    assert len(batch["lines"]) == 3


def test_seal_gives_the_sequence_of_a_closing_that_was_sent_again() -> None:
    lines = [line(0), line(1, outcome=Outcome.DUPLICATE)]
    assert sealed(lines, HEAD._replace(next_sequence=7)).sequence_by_offset == {1: 7}


def chain_of(counts: list[int]) -> list[bytes]:
    head, values = HEAD, []
    for count in counts:
        result = sealed([line(offset) for offset in range(count)], head)
        head = result.head
        values += result.values
    return values


def verify(values: list[bytes], read: list[dict[str, Any]] | None = None) -> WriterHead:
    head = HEAD
    for value, batch in zip(values, read or batches(values), strict=True):
        head = verify_next(head, batch, value)
    return head


@settings(deadline=None, max_examples=30)
@given(counts=st.lists(st.integers(1, 300), min_size=1, max_size=4), data=st.data())
def test_chain_verifies_and_breaks_when_a_record_is_dropped_doubled_moved_or_altered(
    counts: list[int], data: st.DataObject
) -> None:
    values = chain_of([*counts, 1])
    assert verify(values).next_sequence == len(values)
    at = data.draw(st.integers(0, len(values) - 2))
    for broken in (
        values[:at] + values[at + 1 :],
        values[: at + 1] + values[at:],
        [*values[:at], values[at + 1], values[at], *values[at + 2 :]],
    ):
        with pytest.raises(NumbersDisagree, match="chain"):
            verify(broken)
    altered = [*values[:at], values[at] + b"!", *values[at + 1 :]]
    with pytest.raises(NumbersDisagree, match="chain"):
        verify(altered, batches(values))
