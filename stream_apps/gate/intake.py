"""What has arrived: a batch of each partition, from where its lane stands."""

import logging
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from sharebus.infra.log_reader import UNREADABLE_CODES, LogReader
from sharebus.schemas.topic import entry_of_ingress
from sharebus.stream_apps.gate.judge import NOT_TEXT, HeaderList
from sharebus.stream_apps.gate.lane import HARMFUL, UNREADABLE, Arrival
from sharebus.stream_apps.gate.serving import Place, Serving
from sharebus.stream_apps.in_hand import Harmful
from sharebus.stream_apps.stopped import AppStopped, OffsetsLost

log = logging.getLogger(__name__)

BATCH_RECORDS_MAX: Final = 5_000
IDLE_SECONDS: Final = 0.2
"""How long to wait for a first event before looking at the policy again."""
LINGER_SECONDS: Final = 0.01
"""How long to collect events once there is one: a transaction costs milliseconds."""


class Intake:
    """Consumes batches, and stands in for what cannot or must not be opened."""

    def __init__(
        self, consumer: Consumer, serving: Serving, log_reader: LogReader, harmful: Harmful | None
    ) -> None:
        self._consumer = consumer
        self._serving = serving
        self._log_reader = log_reader
        self._harmful = harmful

    def collect(self, *, is_idle: bool) -> dict[Place, list[Arrival]]:
        """The next events of every partition that has some, each from its lane's next offset on.

        :raises AppStopped: the consumer failed. :raises OffsetsLost: a person must look.
        """
        messages = self._consumer.consume(1, IDLE_SECONDS if is_idle else 0)
        if messages:
            messages += self._consumer.consume(BATCH_RECORDS_MAX - 1, LINGER_SECONDS)
        batch: dict[Place, list[Arrival]] = {}
        for message in messages:
            place: Any = (message.topic(), message.partition())
            error = message.error()
            if error is not None and error.code() not in UNREADABLE_CODES:
                _check_error(message, error)
                continue
            lane = self._serving.lanes.get(place)
            if lane is None:
                continue
            arrivals = batch.setdefault(place, [])
            position = arrivals[-1][0] + 1 if arrivals else lane.next_offset
            offset: Any = message.offset()
            if error is not None:
                arrivals += self._unreadable(place, max(position, offset))
            elif offset >= position:
                arrivals.append(arrival_of(message))
        batch = {place: arrivals for place, arrivals in batch.items() if arrivals}
        if self._harmful is not None:
            self._pass_over(batch, self._harmful)
        return batch

    def _unreadable(self, place: Place, offset: int) -> list[Arrival]:
        """An arrival for each offset of a batch that cannot be unpacked; reading goes on after it.

        There are none if the error was told before and the batch is passed already.
        """
        end = self._log_reader.unreadable_end(*place, offset, BATCH_RECORDS_MAX)
        self._consumer.seek(TopicPartition(*place, end))
        return [_unopened(bad, UNREADABLE) for bad in range(offset, end)]

    def _pass_over(self, batch: dict[Place, list[Arrival]], harmful: Harmful) -> None:
        """Leave closed what must not be opened; whatever lies behind it was not looked at yet."""
        for place, arrivals in batch.items():
            if (entry_of_ingress(place[0]), place[1]) != (harmful.entry, harmful.partition):
                continue
            if arrivals[0][0] >= harmful.end:
                self._harmful = None
                continue
            if arrivals[-1][0] >= harmful.end:
                self._consumer.seek(TopicPartition(*place, harmful.end))
            batch[place] = [
                _unopened(arrival[0], HARMFUL) if arrival[0] in harmful.offsets else arrival
                for arrival in arrivals
                if arrival[0] < harmful.end
            ]


def _unopened(offset: int, why: HeaderList) -> Arrival:
    return (offset, 0, None, None, why)


def arrival_of(message: Message) -> Arrival:
    """A record as the lanes take it."""
    headers: Any
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError):  # confluent_kafka, of names that are not UTF-8
        headers = NOT_TEXT
    fields: Any = (
        message.offset(), message.timestamp()[1], message.key(), message.value(), headers,
    )  # fmt: skip
    arrival: Arrival = fields
    return arrival


def _check_error(message: Message, error: KafkaError) -> None:
    """Stop for an error that does not pass."""
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        raise OffsetsLost(
            "an offset to read from is not in the topic any more",
            where=f"{message.topic()} partition {message.partition()}",
            found=error.str(),
            remedy="events may have left the topic unread; compare with the audit",
        )
    if error.fatal():
        raise AppStopped("the consumer cannot go on", found=str(error))
    log.warning("consumer: %s", error)
