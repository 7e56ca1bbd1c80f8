"""The check of the crash tests sees every way in which an event may be lost or doubled."""

from typing import Any

import pytest

from ....integration.gate.history import Expected, History, check


def history() -> History:
    return History(
        sent={
            (0, 0): Expected("a", "d", "accepted"),
            (0, 1): Expected("a", "d", "duplicate"),
            (1, 0): Expected("b", "d", "refused"),
            (0, 2): Expected("close", "d", "closed"),
            (0, 3): Expected("c", "e", "accepted"),
        },
        lines=[
            ((0, 0), "accepted"), ((0, 1), "duplicate"), ((1, 0), "refused"), ((0, 2), "closed"),
            ((0, 3), "accepted"),
        ],
        accepted_ids=["a", "c"],
        quarantined=[(1, 0)],
        receipts=[
            {"partition": 0, "source_offset": 2, "accepted": 1, "refused": 0, "duplicate": 1},
        ],
    )  # fmt: skip


def test_check_of_a_whole_history_finds_nothing() -> None:
    assert check(history()) == []


@pytest.mark.parametrize("name", ["lines", "accepted_ids", "quarantined", "receipts"])
def test_check_finds_what_is_lost_and_what_is_doubled(name: str) -> None:
    lost, doubled = history(), history()
    getattr(lost, name).pop()
    getattr(doubled, name).append(getattr(doubled, name)[-1])
    assert len(check(lost)) == 1
    assert "0 times instead of 1" in check(lost)[0]
    assert any("2 times instead of 1" in found for found in check(doubled))


def test_check_finds_an_outcome_that_is_another() -> None:
    changed = history()
    changed.lines[0] = ((0, 0), "refused")
    assert len(check(changed)) == 2


@pytest.mark.parametrize("outcome", ["accepted", "refused", "duplicate"])
def test_check_finds_a_receipt_that_miscounts(outcome: str) -> None:
    changed = history()
    receipt: Any = changed.receipts[0]
    receipt[outcome] += 1
    (found,) = check(changed)
    assert outcome in found


def test_check_finds_what_nobody_sent() -> None:
    changed = history()
    changed.lines.append(((7, 7), "accepted"))
    changed.accepted_ids.append("ghost")
    assert len(check(changed)) == 2


def test_check_of_many_differences_is_brief() -> None:
    changed = history()
    changed.accepted_ids += [f"ghost-{number}" for number in range(1000)]
    assert len(check(changed)) == 6
