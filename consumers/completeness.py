"""Which data periods of an entry are complete on the bus.

The gate announces every closing that it accepts, one announcement for each partition of the entry.
It commits an announcement in the transaction of the delivery's last events of that partition, or
in a later one, since a provider closes a delivery after its events. So whoever sees a period here
and then reads the entry to its present end (:meth:`Subscription.until_end`) has all that the
period brought; what comes later belongs to other deliveries. Another client must read to what is
*written* when it saw the announcement: the broker shows one transaction in one topic a moment
before it shows it in another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from confluent_kafka import KafkaError, Message
from confluent_kafka.admin import AdminClient

from sharebus import Refused
from sharebus.consumers.broker_error import error_for_reader
from sharebus.consumers.readable_topic import partition_counts
from sharebus.governance.identity import parse_system
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings, load_settings
from sharebus.schemas.record import delivery_announced
from sharebus.schemas.topic import deliveries_topic

Outcome = Literal["complete", "incomplete", "no_change"]


@dataclass(frozen=True, slots=True)
class ClosedDelivery:
    """A delivery that its provider closed and the gate has decided whole.

    ``outcome`` is ``complete`` when the gate decided as many events as the provider declared,
    ``incomplete`` when some are missing, ``no_change`` when the provider stated that nothing
    changed. ``closed_ms`` is when the last partition was closed, in milliseconds since
    1970-01-01T00:00Z, by the broker's clock.
    """

    entry: str
    period: str
    delivery: str
    outcome: Outcome
    closed_ms: int


class Completeness:
    """The closed deliveries of ``entry``, read as ``system``; each call reads what is new.

    :raises Refused: the system may not read the entry's announcements: it has no grant.
    :raises Unavailable: the broker does not answer.
    """

    def __init__(self, entry: str, system: str, settings: Settings | None = None) -> None:
        self._system = parse_system(system)
        settings = settings or load_settings()
        config = client_config(settings, credentials_for(settings, self._system.principal))
        self._topic = deliveries_topic(entry)
        admin_config: dict[str, Any] = {**config, "error_cb": self._fail_on}
        count = partition_counts(AdminClient(admin_config, logger=librdkafka_log)).get(self._topic)
        if count is None:
            raise Refused(
                f"{self._system} may not read the deliveries of entry '{entry}'",
                expected="a grant (授权) to this system that is in force",
                found="no grant",
                remedy="Ask the provider; the published catalog names it.",
            )
        self._next_offsets = dict.fromkeys(range(count), 0)
        self._announced: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
        self._log = LogReader(config)

    def completed_periods(self) -> list[ClosedDelivery]:
        """Deliveries whose every partition is announced, in the order in which they were closed.

        A period that was corrected by a second delivery stands there twice.
        """
        for partition, offset in self._next_offsets.items():
            self._next_offsets[partition] = self._log.read(
                self._topic, partition, offset, self._take
            )
        closed = [
            _closed_delivery(by_partition)
            for by_partition in self._announced.values()
            if len(by_partition) == next(iter(by_partition.values()))["partition_count"]
        ]
        return sorted(closed, key=lambda delivery: (delivery.closed_ms, delivery.delivery))

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, message: Message) -> None:
        value = message.value()
        if value is None:
            return
        record = delivery_announced().decode(value)
        key = record["period"], record["delivery"]
        self._announced.setdefault(key, {})[record["partition"]] = record

    def _fail_on(self, error: KafkaError) -> None:
        ended = error_for_reader(error, self._system, self._topic, group="")
        if ended is not None:
            raise ended


def _closed_delivery(by_partition: Mapping[int, Mapping[str, Any]]) -> ClosedDelivery:
    records = list(by_partition.values())
    outcomes = {record["outcome"] for record in records}
    outcome: Outcome = "complete"
    if "incomplete" in outcomes:
        outcome = "incomplete"
    elif outcomes == {"no_change"}:
        outcome = "no_change"
    return ClosedDelivery(
        entry=records[0]["entry"],
        period=records[0]["period"],
        delivery=records[0]["delivery"],
        outcome=outcome,
        closed_ms=max(record["closed_ms"] for record in records),
    )
