"""Counts what became of each delivery's events in one partition, until it is closed and after."""

from collections.abc import Iterable
from typing import Any, Final

from sharebus.governance.rule import Rule
from sharebus.stream_apps.gate.judge import DeliveryName, Refusal

DELIVERIES_MAX: Final = 64
"""Deliveries remembered per partition: those longest untouched are forgotten, closed ones first."""


class DeliveryCount:
    """The counts of one delivery in one partition."""

    __slots__ = ("accepted", "closed", "duplicate", "refused")

    def __init__(
        self, accepted: int = 0, refused: int = 0, duplicate: int = 0, closed: bool = False
    ) -> None:
        self.accepted = accepted
        self.refused = refused
        self.duplicate = duplicate
        self.closed = closed


class DeliveryCounts:
    """The deliveries that one partition remembers, longest untouched first."""

    def __init__(self, records: Iterable[dict[str, Any]] = ()) -> None:
        self._counts = {
            (record["period"], record["delivery"]): DeliveryCount(
                record["accepted"], record["refused"], record["duplicate"], record["closed"]
            )
            for record in records
        }

    def of(self, name: DeliveryName) -> DeliveryCount:
        """The counts of a delivery, from zero if it is new."""
        count = self._counts.pop(name, None)
        if count is None:
            count = DeliveryCount()
            if len(self._counts) >= DELIVERIES_MAX:
                self._forget_one()
        self._counts[name] = count
        return count

    def open(self, name: DeliveryName) -> DeliveryCount:
        """The counts of a delivery that still takes events.

        :raises Refusal: by ``delivery.closed``.
        """
        count = self.of(name)
        if count.closed:
            raise Refusal(Rule.DELIVERY_CLOSED)
        return count

    def _forget_one(self) -> None:
        closed = (name for name, count in self._counts.items() if count.closed)
        del self._counts[next(closed, next(iter(self._counts)))]

    def records(self) -> list[dict[str, Any]]:
        """As they are written to ``facts.progress``."""
        return [
            {
                "delivery": delivery,
                "period": period,
                "accepted": count.accepted,
                "refused": count.refused,
                "duplicate": count.duplicate,
                "closed": count.closed,
            }
            for (period, delivery), count in self._counts.items()
        ]
