"""Which lines of the audit an emergency released, and to whom."""

from collections.abc import Callable
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.consumers.oversight import releases
from sharebus.consumers.oversight.releases import (
    Released,
    find_release,
    released_in,
    spans_of,
    topics_of,
)
from sharebus.governance.grant import Grant
from sharebus.governance.release import PolicyHistory, ReadingSpan
from sharebus.schemas.audit_digest import AuditDigest

from ..governance.test_release import grant

VIEW = "v-1"
TOPIC = f"view.closed.{VIEW}"


def span(first: int, end: int | None, system: str = "tax.desk", view: str = VIEW) -> ReadingSpan:
    given: Grant = grant(system=system)
    return ReadingSpan(view, given, first, end)


def line(offset: int, route: int = 0, outcome: str = "accepted") -> dict[str, Any]:
    return {
        "offset": offset, "route": route, "outcome": outcome, "event": bytes([offset]),
        "digests": b"a" * 16 + b"b" * 16,
    }  # fmt: skip


def batch(version: int, *lines: dict[str, Any], kind: str = "gate") -> dict[str, Any]:
    return {
        "kind": kind, "entry": "closed", "policy_version": version, "decided_ms": 7,
        "source_topic": "ingress.closed", "source_partition": 2, "lines": list(lines),
        "routes": [["accepted.closed", TOPIC]],
    }  # fmt: skip


def released(of: dict[str, Any], *spans: ReadingSpan) -> list[Released]:
    return list(released_in(of, topics_of(spans)))


def test_event_is_told_with_its_source_its_digest_and_who_could_read_it() -> None:
    (found,) = released(batch(5, line(3)), span(4, 9), span(5, None, "health.desk"))
    assert found == Released(
        "closed", VIEW, 5, 7, "ingress.closed", 2, 3, "03", (b"b" * 16).hex(), False,
        ("health.desk", "tax.desk"),
    )  # fmt: skip


def test_what_stood_in_the_view_before_is_marked_and_what_came_after_the_end_is_not_there() -> None:
    assert [event.is_standing for event in released(batch(3, line(1)), span(4, 9))] == [True]
    assert released(batch(8, line(1)), span(4, 9))
    assert released(batch(9, line(1)), span(4, 9)) == []


def test_event_that_went_elsewhere_or_nowhere_was_not_released_by_it() -> None:
    assert released(batch(5, line(1)), span(4, 9, view="v-2")) == []
    assert released(batch(5, line(1, route=-1)), span(4, 9)) == []
    assert released(batch(5, line(1, outcome="refused")), span(4, 9)) == []
    assert released(batch(5, line(1), kind="broker"), span(4, 9)) == []


def test_emergency_that_gave_nothing_is_told_as_unknown() -> None:
    with pytest.raises(InvalidInput, match="no grant of this emergency"):
        spans_of(PolicyHistory(), "e-9")


class WrittenRecord:
    """As much of a Kafka message as is looked at to find the decision that wrote it."""

    def key(self) -> bytes:
        return b"k"

    def value(self) -> bytes:
        return b"v"

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_id", b"event-1")]

    def timestamp(self) -> tuple[int, int]:
        return 2, 1_000


DIGEST = AuditDigest(bytes(32))
MADE = DIGEST.record(b"k", b"v")


def decision(version: int, decided_ms: int, event: bytes, made: bytes = MADE) -> dict[str, Any]:
    written = {**line(version), "event": event, "digests": b"a" * 16 + made}
    place = {"decided_ms": decided_ms, "writer": "gate-0", "sequence": version}
    return {**batch(version, written), **place}


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The policy version of the decision that wrote the record, in an audit of some batches."""

    def found(*batches: dict[str, Any], partition: int = 2) -> int:
        monkeypatch.setattr(releases, "_record_at", lambda *place: WrittenRecord())
        monkeypatch.setattr(
            releases, "read_audit", lambda config, take: [take(each) for each in batches]
        )
        return find_release({}, DIGEST, TOPIC, partition, 7).policy_version

    return found


def test_record_is_traced_to_the_last_decision_before_it_about_the_same_event(
    find: Callable[..., int],
) -> None:
    same, other = DIGEST.event(b"event-1"), DIGEST.event(b"event-2")
    assert find(decision(1, 800, same), decision(2, 900, same), decision(3, 1_100, same)) == 2
    assert find(decision(1, 800, same), decision(2, 900, other)) == 1
    assert find(decision(1, 800, b""), decision(2, 900, same, b"b" * 16)) == 1  # while it is filled


def test_record_that_nobody_decided_on_is_told_as_such(find: Callable[..., int]) -> None:
    same = DIGEST.event(b"event-1")
    with pytest.raises(InvalidInput, match="no release of this record"):
        find(decision(1, 800, same, b"b" * 16))
    with pytest.raises(InvalidInput, match="no release of this record"):
        find(decision(1, 800, same), partition=0)
