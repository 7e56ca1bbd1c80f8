from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sharebus import InvalidInput, NeedsConfirmation, Unavailable
from sharebus.governance.entry import CatalogEntry
from sharebus.producers.delivery import Delivery
from sharebus.producers.publication import PublishReport

from .conftest import Register, write_csv

pytestmark = pytest.mark.integration

Publish = Callable[..., PublishReport]


@pytest.fixture
def publish(register: Register, tmp_path: Path) -> Publish:
    """Publish a register, given as rows, as a snapshot."""

    def publish(entry: CatalogEntry, rows: dict[str, str], **options: Any) -> PublishReport:
        path = write_csv(tmp_path / "snapshot.csv", rows)
        return register.publish(entry, path, snapshot=True, **options)

    return publish


def register_of(codes: range, name: str = "甲") -> dict[str, str]:
    return {f"c{code:04d}": name for code in codes}


def counts(report: PublishReport) -> tuple[int, int, int, int]:
    comparison = report.comparison
    assert comparison is not None
    return (
        comparison.created_count, comparison.updated_count, report.deleted_count,
        comparison.unchanged_count,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_snapshot_sends_only_what_differs(register: Register, publish: Publish, kind: str) -> None:
    entry = register.entries[kind].pop()
    first = publish(entry, register_of(range(200)))
    assert counts(first) == (200, 0, 0, 0)
    before = register.sent_count(entry)
    second = publish(entry, {**register_of(range(1, 203)), "c0005": "乙"})
    assert counts(second) == (3, 1, 1, 198)
    assert second.receipt is not None
    assert (second.receipt.outcome, second.receipt.accepted) == ("complete", 5)
    assert register.sent_count(entry) - before == 5 + entry.partitions
    assert set(register.present(entry)) == set(register_of(range(1, 203)))


def test_snapshot_that_changes_nothing_states_so(
    register: Register, publish: Publish, closed_entry: CatalogEntry
) -> None:
    rows = register_of(range(20))
    publish(closed_entry, rows)
    later = publish(closed_entry, rows, period="2026-12")
    assert counts(later) == (0, 0, 0, 20)
    assert later.receipt is not None
    assert later.receipt.outcome == "no_change"


@pytest.mark.parametrize("delivery", [None, "mine"])
def test_snapshot_published_again_shows_its_receipt_and_sends_nothing(
    register: Register, publish: Publish, closed_entry: CatalogEntry, delivery: str | None
) -> None:
    publish(closed_entry, register_of(range(40)))
    rows = {**register_of(range(20)), "c0001": "乙", "c0002": "a\u202eb"}
    register.gate.stop()
    try:
        late = publish(closed_entry, rows, delivery=delivery, confirm_deletes=20, wait_seconds=0.5)
    finally:
        register.gate.start()
    assert late.receipt is not None
    assert (late.receipt.outcome, late.sent_count, late.resumed_count) == ("awaited", 21, 0)
    sent_count = register.sent_count(closed_entry)
    for confirmed in (20, None):
        again = publish(closed_entry, rows, delivery=delivery, confirm_deletes=confirmed)
        assert again.receipt is not None
        assert (again.receipt.outcome, again.receipt.declared) == ("complete", 21)
        assert (again.delivery, again.sent_count, again.resumed_count) == (late.delivery, 0, 21)
        assert again.survey.bad_count == 1
    assert register.sent_count(closed_entry) == sent_count


def test_snapshot_of_a_file_that_was_published_as_changes_still_deletes(
    register: Register, publish: Publish, open_entry: CatalogEntry, tmp_path: Path
) -> None:
    publish(open_entry, register_of(range(10)))
    path = write_csv(tmp_path / "changes.csv", {"c0001": "乙"})
    register.publish(open_entry, path)
    publish(open_entry, {"c0001": "乙"}, confirm_deletes=9)
    assert set(register.present(open_entry)) == {"c0001"}


def test_snapshot_interrupted_among_its_deletions_goes_on_with_the_same_confirmation(
    register: Register, publish: Publish, closed_entry: CatalogEntry
) -> None:
    publish(closed_entry, register_of(range(40)))
    rows = {**register_of(range(20)), "c0001": "乙"}
    send = Delivery.send
    deleted: list[bytes] = []

    def interrupted(delivery: Delivery, key: bytes, value: Any, **options: Any) -> None:
        if value is None:
            if len(deleted) == 8:
                delivery.flush()
                raise KeyboardInterrupt
            deleted.append(key)
        send(delivery, key, value, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Delivery, "send", interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish(closed_entry, rows, confirm_deletes=20)
    with pytest.raises(NeedsConfirmation, match="20 entities would be deleted; 8 of them"):
        publish(closed_entry, rows, confirm_deletes=12)
    report = publish(closed_entry, rows, confirm_deletes=20)
    assert counts(report) == (0, 0, 12, 20)
    assert (report.sent_count, report.resumed_count) == (12, 9)
    assert report.receipt is not None
    assert (report.receipt.outcome, report.receipt.declared) == ("complete", 21)
    assert set(register.present(closed_entry)) == set(rows)


def test_register_that_goes_back_to_what_it_was_is_published_again(
    register: Register, publish: Publish, closed_entry: CatalogEntry
) -> None:
    old, new = register_of(range(10)), register_of(range(10), "乙")
    for rows in (old, new, old):
        report = publish(closed_entry, rows)
        assert report.receipt is not None
        assert (report.receipt.outcome, report.receipt.accepted) == ("complete", 10)
    names = [value[-len("甲".encode()) - 1 :] for value in register.present(closed_entry).values()]
    assert all("甲".encode() in name for name in names)


def test_deletions_above_the_share_stop_before_anything_is_sent(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    publish(open_entry, register_of(range(100)))
    before = register.sent_count(open_entry)
    with pytest.raises(NeedsConfirmation, match="2 entities"):
        publish(open_entry, {**register_of(range(98)), "new": "丙"})
    with pytest.raises(NeedsConfirmation, match="100 entities"):
        publish(open_entry, {})
    assert register.sent_count(open_entry) == before
    confirmed = publish(open_entry, {**register_of(range(98)), "new": "丙"}, confirm_deletes=2)
    assert counts(confirmed) == (1, 0, 2, 98)
    assert set(register.present(open_entry)) == {*register_of(range(98)), "new"}
    publish(open_entry, {}, confirm_deletes=99)
    assert register.present(open_entry) == {}


def test_row_that_fails_a_check_is_never_a_deletion(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    publish(open_entry, register_of(range(300)))
    report = publish(open_entry, {**register_of(range(1, 300)), "c0000": "a\u202eb"})
    assert counts(report) == (0, 0, 0, 299)
    assert report.survey.bad_count == 1
    # A row without a code may be any of those that are missing.
    with pytest.raises(NeedsConfirmation, match="1 entities") as stopped:
        publish(open_entry, {**register_of(range(1, 300)), "": "丁"})
    assert "cannot be read" in stopped.value.found
    assert "c0000" in register.present(open_entry)


def test_check_tells_what_would_be_sent_and_sends_nothing(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    publish(open_entry, register_of(range(200)))
    before = register.sent_count(open_entry)
    report = publish(open_entry, register_of(range(1, 202)), check_only=True)
    assert counts(report) == (2, 0, 1, 199)
    assert register.sent_count(open_entry) == before


def test_snapshot_is_compared_with_what_was_sent_before_not_with_a_state_that_lags(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    publish(open_entry, register_of(range(200)))
    register.gate.stop()
    try:
        with register.provider(open_entry) as provider:
            provider.delivery("2026-11", "pending").send(
                b"late", b"\0\0\0\0\0", event_id="refused-later"
            )
            pending = provider.delivery("2026-11", "pending-2")
            pending.upsert({"code": "pending", "name": None, "since": None})
            pending.flush()
        with pytest.raises(Unavailable, match="has not decided"):
            publish(open_entry, register_of(range(200)), wait_seconds=1)
    finally:
        register.gate.start()
    report = publish(open_entry, register_of(range(200)))
    assert counts(report) == (0, 0, 1, 200)
    assert "pending" not in register.present(open_entry)


def test_refused_last_event_does_not_keep_a_snapshot_waiting(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider:
        delivery = provider.delivery("2026-11", "refused")
        delivery.upsert({"code": "1", "name": "a\u202eb", "since": None})
        delivery.flush()
    assert counts(publish(open_entry, {"1": "甲"})) == (1, 0, 0, 0)


def test_repeated_last_event_does_not_keep_a_snapshot_waiting_for_ever(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    with register.provider(open_entry) as provider:
        delivery = provider.delivery("2026-11", "repeated")
        for code in ("1", "2", "1"):
            row = {"code": code, "name": "甲", "since": None}
            delivery.upsert(row, event_id=f"id-{code}")
        delivery.upsert({"code": "2", "name": "甲", "since": None}, event_id="id-2")
        delivery.flush()
    report = publish(open_entry, {"1": "甲", "2": "甲"})
    assert counts(report) == (0, 0, 0, 2)


@pytest.mark.parametrize("closed_count", [0, 1])
def test_interrupted_snapshot_goes_on_where_it_stopped(
    register: Register,
    publish: Publish,
    closed_entry: CatalogEntry,
    closed_count: int,
) -> None:
    rows = register_of(range(30))
    send_closing = Delivery._send_closing
    closed: list[int] = []

    def interrupted(delivery: Delivery, partition: int, no_change: bool) -> None:
        if len(closed) == closed_count:
            raise KeyboardInterrupt
        closed.append(partition)
        send_closing(delivery, partition, no_change)
        delivery.flush()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Delivery, "_send_closing", interrupted)
        with pytest.raises(KeyboardInterrupt):
            publish(closed_entry, rows)
    report = publish(closed_entry, rows)
    assert (report.sent_count, report.resumed_count) == (0, 30)
    receipt = report.receipt
    assert receipt is not None
    # The same delivery is closed, or closed in the rest, with all its events.
    assert (receipt.outcome, receipt.declared, receipt.accepted) == ("complete", 30, 30)
    assert not report.delivery.endswith("-2")


def test_event_refused_in_an_interrupted_snapshot_is_sent_again_and_counts_once(
    register: Register, publish: Publish, open_entry: CatalogEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {"1": "甲", "2": "乙"}
    send = Delivery.send

    def send_one_too_late(delivery: Delivery, key: bytes, *content: Any, **options: Any) -> None:
        if key == b"2":
            options["changed_at"] = datetime(2999, 1, 1, tzinfo=UTC)
        send(delivery, key, *content, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Delivery, "send", send_one_too_late)
        publish(open_entry, rows, close=False)
    report = publish(open_entry, rows)
    assert counts(report) == (1, 0, 0, 1)
    assert report.receipt is not None
    [partition] = report.receipt.partitions
    assert (partition.outcome, partition.declared) == ("complete", 2)
    assert partition.accepted == 2


def test_delivery_that_is_closed_is_not_reopened(
    register: Register, publish: Publish, open_entry: CatalogEntry
) -> None:
    publish(open_entry, {"1": "甲"}, delivery="mine")
    with pytest.raises(InvalidInput, match="takes no more events"):
        publish(open_entry, {"1": "乙"}, delivery="mine")
