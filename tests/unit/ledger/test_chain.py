import hashlib
from typing import Any

import pytest

from sharebus import NumbersDisagree
from sharebus.ledger.chain import WriterHead, verify_next

FIRST, SECOND = b"first record", b"second record"


def linked(*encoded: bytes) -> list[tuple[dict[str, Any], bytes]]:
    head = WriterHead("gate-0")
    records = []
    for value in encoded:
        records.append((head.link({"lines": []}), value))
        head = head.after(value)
    return records


def test_link_numbers_from_zero_and_names_the_record_before() -> None:
    (first, _), (second, _) = linked(FIRST, SECOND)
    assert first == {"lines": [], "writer": "gate-0", "sequence": 0, "previous_sha256": b""}
    assert second["sequence"] == 1
    assert second["previous_sha256"] == hashlib.sha256(FIRST).digest()


def test_verify_next_of_whole_chain_gives_its_head() -> None:
    head = WriterHead("gate-0")
    for batch, value in linked(FIRST, SECOND):
        head = verify_next(head, batch, value)
    assert head == WriterHead("gate-0", 2, hashlib.sha256(SECOND).digest())


def test_verify_next_of_a_chain_that_starts_late_is_refused() -> None:
    _, (batch, value) = linked(FIRST, SECOND)
    with pytest.raises(NumbersDisagree) as broken:
        verify_next(WriterHead("gate-0"), batch, value)
    assert broken.value.where == "writer gate-0"
    assert "sequence 0 after nothing" in broken.value.expected
    assert "sequence 1" in broken.value.found


@pytest.mark.parametrize(
    "change", [{"writer": "gate-1"}, {"sequence": 2}, {"previous_sha256": bytes(32)}]
)
def test_verify_next_of_another_place_in_the_chain_is_refused(change: dict[str, Any]) -> None:
    (first, value), (second, _) = linked(FIRST, SECOND)
    head = verify_next(WriterHead("gate-0"), first, value)
    with pytest.raises(NumbersDisagree, match="chain"):
        verify_next(head, {**second, **change}, SECOND)
