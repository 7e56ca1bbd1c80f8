"""Was every event counted exactly once? A pure check of what was sent against what is there.

``sharebus.consumers.oversight.reconciliation`` compares the audit with the topics; this compares
both with what the test itself knows that it sent.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Place = tuple[int, int]
"""Partition and offset of an ingress topic."""
EXAMPLES_MAX = 5


class Expected(NamedTuple):
    """What one record was, and what must become of it."""

    event_id: str
    delivery: str
    outcome: str


@dataclass
class History:
    """One entry: what was sent to each place, and what was read back."""

    sent: dict[Place, Expected] = field(default_factory=dict)
    lines: list[tuple[Place, str]] = field(default_factory=list)
    """Audit lines: place and outcome."""
    accepted_ids: list[str] = field(default_factory=list)
    quarantined: list[Place] = field(default_factory=list)
    receipts: list[Mapping[str, Any]] = field(default_factory=list)


def check(history: History) -> list[str]:
    """Everything that is lost, doubled or otherwise than it must be; nothing, it is hoped."""
    sent = history.sent
    accepted = Counter(e.event_id for e in sent.values() if e.outcome == "accepted")
    refused = Counter(place for place, e in sent.items() if e.outcome == "refused")
    outcomes = Counter((place, e.outcome) for place, e in sent.items())
    return [
        *_differences("audit line", outcomes, Counter(history.lines)),
        *_differences("accepted event", accepted, Counter(history.accepted_ids)),
        *_differences("quarantined event", refused, Counter(history.quarantined)),
        *_check_receipts(history),
    ]


def _differences(what: str, expected: Counter[Any], found: Counter[Any]) -> list[str]:
    unlike = [item for item in expected | found if expected[item] != found[item]]
    told = [
        f"{what} {item}: {found[item]} times instead of {expected[item]}"
        for item in unlike[:EXAMPLES_MAX]
    ]
    left = len(unlike) - len(told)
    return [*told, f"{what}: {left} more"] if left else told


def _check_receipts(history: History) -> list[str]:
    closings = {place: e for place, e in history.sent.items() if e.outcome == "closed"}
    answered = Counter((r["partition"], r["source_offset"]) for r in history.receipts)
    found = _differences("receipt", Counter(iter(closings)), answered)
    for receipt in history.receipts:
        place = (receipt["partition"], receipt["source_offset"])
        if place not in closings:
            continue
        counted = Counter(
            e.outcome
            for (partition, offset), e in history.sent.items()
            if e.delivery == closings[place].delivery
            and partition == place[0]
            and offset < place[1]
        )
        for outcome in ("accepted", "refused", "duplicate"):
            if receipt[outcome] != counted[outcome]:
                found.append(
                    f"receipt {place}: {receipt[outcome]} {outcome} instead of {counted[outcome]}"
                )
    return found
