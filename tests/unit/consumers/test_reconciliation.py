"""The books balance, and each way in which they may not is seen."""

from collections import Counter
from typing import Any

import pytest

from sharebus.consumers.oversight.reconciliation import Books, reconcile
from sharebus.ledger.chain import WriterHead

ACCEPTED, VIEW = "accepted.parcels", "view.parcels.v-1"


def _line(offset: int, outcome: str = "accepted") -> dict[str, Any]:
    digests = bytes([offset]) * 16 + bytes([100 + offset]) * 16
    route = 0 if outcome == "accepted" else -1
    return {"offset": offset, "outcome": outcome, "rule": "", "route": route, "digests": digests}


def _books() -> Books:
    books = Books(ingress={("ingress.parcels", 0): [0, 1, 2]})
    books.written = {
        ACCEPTED: Counter({bytes([0]) * 16: 1, bytes([2]) * 16: 1}),
        VIEW: Counter({bytes([100]) * 16: 1, bytes([102]) * 16: 1}),
    }
    head = WriterHead("gate-0")
    for number, lines in enumerate(([_line(0), _line(1, "refused")], [_line(2)])):
        batch = head.link(
            {
                "kind": "gate",
                "source_topic": "ingress.parcels",
                "source_partition": 0,
                "entry": "parcels",
                "routes": [[ACCEPTED, VIEW]],
                "lines": lines,
            }
        )
        encoded = bytes([number])
        books.batches.append((batch, encoded))
        head = head.after(encoded)
    return books


def test_reconcile_whole_books_finds_nothing() -> None:
    assert reconcile(_books()) == []


def test_reconcile_event_without_audit_line_is_found() -> None:
    books = _books()
    books.ingress["ingress.parcels", 0].append(3)
    assert [d.where for d in reconcile(books)] == ["ingress.parcels partition 0, offset 3"]


def test_reconcile_event_decided_twice_is_found() -> None:
    books = _books()
    books.batches[1][0]["lines"].append(_line(1, "refused"))
    assert [d.found for d in reconcile(books)] == ["2 times"]


def _told_by_the_enforcer(rule: str, topic: str) -> tuple[dict[str, Any], bytes]:
    line = {"offset": 0, "outcome": "accepted", "rule": rule, "route": 0, "digests": bytes(16)}
    batch = {
        "kind": "broker", "source_topic": "facts.policy", "source_partition": 0, "entry": "",
        "routes": [[topic]], "lines": [line],
    }  # fmt: skip
    return WriterHead("enforcer").link(batch), rule.encode()


def test_reconcile_what_the_enforcer_tells_of_a_topic_is_no_record_in_it() -> None:
    books = _books()
    books.batches.append(_told_by_the_enforcer("right.ended", VIEW))
    assert reconcile(books) == []


@pytest.mark.parametrize("rule", ["view.deleted", "copy.deleted", "topic.remade"])
def test_reconcile_what_was_in_a_deleted_view_is_not_missed_and_what_came_later_is(
    rule: str,
) -> None:
    books = _books()
    books.batches.insert(1, _told_by_the_enforcer(rule, VIEW))
    books.written[VIEW] = Counter({bytes([102]) * 16: 1})
    assert reconcile(books) == []
    del books.written[VIEW]
    assert [d.where.split(",")[0] for d in reconcile(books)] == [VIEW]


@pytest.mark.parametrize("change", [-1, 1])
def test_reconcile_output_lost_or_doubled_is_found(change: int) -> None:
    books = _books()
    books.written[VIEW][bytes([102]) * 16] += change
    (discrepancy,) = reconcile(books)
    assert discrepancy.where.startswith(VIEW)


def test_reconcile_output_altered_is_found_though_counts_agree() -> None:
    books = _books()
    books.written[ACCEPTED] = Counter({bytes([0]) * 16: 1, bytes([9]) * 16: 1})
    assert len(reconcile(books)) == 2


def test_reconcile_record_in_a_topic_nobody_promised_is_found() -> None:
    books = _books()
    books.written["shared.parcels"] = Counter({bytes(16): 1})
    assert [d.where for d in reconcile(books)] == [f"shared.parcels, record {bytes(16).hex()}"]


def test_reconcile_audit_record_removed_is_found_by_its_chain() -> None:
    books = _books()
    del books.batches[0]
    assert any("writer gate-0" in d.where for d in reconcile(books))


def test_reconcile_audit_record_altered_is_found_by_its_chain() -> None:
    books = _books()
    batch, _ = books.batches[0]
    books.batches[0] = (batch, b"altered")
    assert any("writer gate-0" in d.where for d in reconcile(books))


def test_reconcile_many_differences_are_told_briefly() -> None:
    books = _books()
    books.ingress["ingress.parcels", 0] = list(range(50))
    found = reconcile(books)
    assert len(found) == 6
    assert found[-1].found == "42 more"


def test_reconcile_compares_only_the_entries_that_were_read() -> None:
    books = _books()
    foreign = {**books.batches[1][0], "entry": "persons", "source_topic": "ingress.persons"}
    foreign["lines"] = [_line(7)]
    foreign["routes"] = [["accepted.persons"]]
    linked = WriterHead("gate-1").link({k: v for k, v in foreign.items() if k not in
                                        ("writer", "sequence", "previous_sha256")})  # fmt: skip
    books.batches.append((linked, b"x"))
    assert [d.where.split(",")[0] for d in reconcile(books)] == ["accepted.persons"]
    books.entries = frozenset({"parcels"})
    assert reconcile(books) == []


def test_reconcile_event_that_nobody_can_unpack_is_no_discrepancy_but_a_readable_one_is() -> None:
    books = _books()
    unreadable = {**_line(3, "refused"), "rule": "record.unreadable"}
    books.batches[1][0]["lines"].append(unreadable)
    assert reconcile(books) == []
    books.ingress["ingress.parcels", 0].append(3)
    (claimed,) = reconcile(books)
    assert (claimed.expected, claimed.found) == ("cannot be unpacked", "is readable")
