"""Whose turn it is: each agency's commands in their order, and no agency's flood before another's.

Pure: what has come is put in, and taken in portions.
"""

from collections import deque
from typing import Final

from sharebus.schemas.filed_command import Arrival

PORTION_MAX: Final = 50
"""Commands in one transaction: what each may change is large, and others wait for it."""
HELD_MAX: Final = 500
HELD_BYTES_MAX: Final = 4 * 1_048_576
"""Of one topic; what follows waits at the broker."""


class _Line:
    """The commands of one topic that wait."""

    def __init__(self) -> None:
        self.arrivals: deque[Arrival] = deque()
        self.size_bytes = 0


class Turns:
    """Commands that have come and are not decided, by topic."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._next_offset: dict[str, int] = {}

    def put(self, arrival: Arrival) -> None:
        """Let a command wait behind those of its topic; one that has come before is passed over."""
        if arrival.offset < self._next_offset.get(arrival.topic, 0):
            return
        self._next_offset[arrival.topic] = arrival.offset + 1
        line = self._lines.setdefault(arrival.topic, _Line())
        line.arrivals.append(arrival)
        line.size_bytes += len(arrival.value or b"")

    def next_offset(self, topic: str) -> int:
        """The offset behind the last one that has come; 0 if none has."""
        return self._next_offset.get(topic, 0)

    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self._lines

    def is_full(self, topic: str) -> bool:
        """Whether no more of a topic are to be taken in for now."""
        line = self._lines.get(topic)
        return line is not None and (
            len(line.arrivals) >= HELD_MAX or line.size_bytes >= HELD_BYTES_MAX
        )

    def is_low(self, topic: str) -> bool:
        """Whether a topic that was full may go on: two portions before it is empty."""
        line = self._lines.get(topic)
        return line is None or (
            len(line.arrivals) <= 2 * PORTION_MAX and line.size_bytes < HELD_BYTES_MAX // 2
        )

    def take(self) -> list[Arrival]:
        """The next portion, in the order of arrival at the broker, each topic's in its own.

        Those who wait share it alike; who had a part of it is last in the next one.
        """
        taken: list[Arrival] = []
        while self._lines and len(taken) < PORTION_MAX:
            left = PORTION_MAX - len(taken)
            share = max(1, left // len(self._lines))
            for topic in list(self._lines)[:left]:
                taken += self._take_of(topic, share)
        # The broker's clock orders the topics.
        latest: dict[str, int] = {}
        ordered = []
        for arrival in taken:
            latest[arrival.topic] = max(latest.get(arrival.topic, 0), arrival.ingress_ms)
            ordered.append((latest[arrival.topic], arrival.topic, arrival.offset, arrival))
        return [arrival for *_, arrival in sorted(ordered)]

    def _take_of(self, topic: str, count: int) -> list[Arrival]:
        line = self._lines.pop(topic)
        taken = [line.arrivals.popleft() for _ in range(min(count, len(line.arrivals)))]
        line.size_bytes -= sum(len(arrival.value or b"") for arrival in taken)
        if line.arrivals:
            self._lines[topic] = line
        return taken
