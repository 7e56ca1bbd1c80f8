from typing import Any

import pytest

from sharebus.producers.receipt import PartitionOutcome, PartitionReceipt, Receipt, ReceiptReader
from sharebus.schemas.record import delivery_receipt


def partition(number: int, outcome: PartitionOutcome, accepted: int = 1) -> PartitionReceipt:
    return PartitionReceipt(number, 1, accepted, 1 - accepted, 0, outcome, 10, "gate-0", 5)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (("complete", "complete"), "complete"),
        (("complete", "incomplete"), "incomplete"),
        (("no_change", "no_change"), "no_change"),
        (("complete",), "awaited"),
        ((), "awaited"),
    ],
)
def test_outcome_of_a_delivery_follows_from_its_partitions(
    outcomes: tuple[PartitionOutcome, ...], expected: str
) -> None:
    partitions = tuple(partition(number, outcome) for number, outcome in enumerate(outcomes))
    assert Receipt("e", "d", "2026", 2, partitions).outcome == expected


def test_sums_are_those_of_the_partitions() -> None:
    receipt = Receipt(
        "e", "d", "2026", 2, (partition(0, "complete"), partition(1, "incomplete", accepted=0))
    )
    assert (receipt.declared, receipt.accepted, receipt.refused, receipt.duplicate) == (2, 1, 1, 0)


class FakeMessage:
    def __init__(self, key: bytes, value: bytes) -> None:
        self._key, self._value = key, value

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value


def notice(entry: str, delivery: str, partition: int, offset: int, accepted: int = 3) -> Any:
    record = {
        "entry": entry, "delivery": delivery, "period": "2026", "partition": partition,
        "partition_count": 2, "declared": 3, "accepted": accepted, "refused": 0, "duplicate": 0,
        "outcome": "complete", "closed_ms": 0, "source_offset": offset, "audit_writer": "gate-0",
        "audit_sequence": 1,
    }  # fmt: skip
    key = f"{entry}/{delivery}/{partition}".encode()
    return FakeMessage(key, delivery_receipt().encode(1, record))


class FakeLog:
    """A topic of one partition; one record more is visible at every reading."""

    def __init__(self, messages: list[Any], visible: int = 0) -> None:
        self._messages = messages
        self._visible = visible

    def bounds(self, _topic: str, _partition: int) -> tuple[int, int]:
        return 0, self._visible

    def read(self, _topic: str, _partition: int, start: int, take: Any) -> int:
        self._visible = min(self._visible + 1, len(self._messages))
        for message in self._messages[start : self._visible]:
            take(message)
        return self._visible


def reader(messages: list[Any], visible: int = 0, *, from_start: bool = False) -> ReceiptReader:
    log: Any = FakeLog(messages, visible)
    return ReceiptReader(log, "agency-a", "sample", from_start=from_start)


def test_wait_ends_when_every_partition_has_its_receipt() -> None:
    notices = [
        notice("sample", "d1", 0, 7),
        notice("other", "d1", 1, 7),
        notice("sample", "d1", 1, 9),
    ]
    receipt = reader(notices).wait("d1", "2026", range(2), wait_seconds=10)
    assert receipt.outcome == "complete"
    assert [found.source_offset for found in receipt.partitions] == [7, 9]


def test_wait_gives_what_there_is_when_time_is_up() -> None:
    receipt = reader([notice("sample", "d1", 0, 7)]).wait("d1", "2026", range(2), wait_seconds=0)
    assert receipt.outcome == "awaited"
    assert [found.partition for found in receipt.partitions] == [0]


def test_receipt_of_a_closing_sent_again_replaces_the_first() -> None:
    notices = [notice("sample", "d1", 0, 7, accepted=1), notice("sample", "d1", 0, 9, accepted=3)]
    receipts = reader(notices)
    receipts.catch_up()
    receipts.catch_up()
    [found] = receipts.receipt("d1", "2026", 1).partitions
    assert (found.accepted, receipts.decided_offset(0), receipts.decided_offset(1)) == (3, 9, -1)


def test_reader_begins_at_the_present_end_unless_told_otherwise() -> None:
    notices = [notice("sample", "d1", 0, 7)]
    for from_start, expected in ((False, "awaited"), (True, "complete")):
        receipts = reader(notices, visible=1, from_start=from_start)
        assert receipts.wait("d1", "2026", range(1), 0).outcome == expected


def test_notice_of_another_kind_is_passed_over() -> None:
    receipts = reader([FakeMessage(b"sample-2/d1/0", b"\0"), FakeMessage(b"", b"")])
    receipts.catch_up()
    receipts.catch_up()
    assert receipts.receipt("d1", "2026", 1).outcome == "awaited"
