"""Which lines of the audit an emergency released, and to whom."""

from typing import Any

from sharebus.consumers.oversight.releases import Released, released_in, topics_of
from sharebus.governance.grant import Grant
from sharebus.governance.release import ReadingSpan

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
