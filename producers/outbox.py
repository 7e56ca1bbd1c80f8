"""Sends records to one topic: bounded memory, confirmation of every record, no silent loss."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from sharebus import InvalidInput, Refused, SharebusError, Unavailable
from sharebus.infra.credentials import ClientConfig
from sharebus.schemas.cloudevent import Headers
from sharebus.schemas.partition import PARTITIONER

CONFIRM_SECONDS_MAX: Final = 120
"""A record that the broker has not confirmed after so long has failed."""
QUEUED_RECORDS_MAX: Final = 100_000
QUEUED_KIB_MAX: Final = 64 * 1024
WAIT_SECONDS: Final = 0.2
_SENDS_PER_POLL: Final = 1_000


def producer_config(config: ClientConfig) -> ClientConfig:
    """How a provider sends: confirmed by all replicas, in order, without doubling on retries.

    There is no transactional id: nothing a provider leaves open can hold a reader.
    """
    return {
        **config,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "compression.type": "zstd",
        "linger.ms": 20,
        "message.timeout.ms": CONFIRM_SECONDS_MAX * 1000,
        "message.max.bytes": 1_048_576,
        "queue.buffering.max.messages": QUEUED_RECORDS_MAX,
        "queue.buffering.max.kbytes": QUEUED_KIB_MAX,
    }


class Outbox:
    """Records on their way to ``topic``. A full queue makes :meth:`send` wait.

    ``address`` is the broker's, for errors.
    Once a record has failed every further call raises what it failed of: whoever sends must not
    go on as if it had arrived.
    """

    def __init__(self, producer: Producer, topic: str, address: str = "") -> None:
        self.confirmed_count = 0
        self._producer = producer
        self._topic = topic
        self._address = address
        self._sent_count = 0
        self._failed_count = 0
        self._first_error: KafkaError | None = None

    def send(self, key: bytes, value: bytes | None, headers: Headers, partition: int) -> None:
        """Queue one record; waits while the queue is full.

        :raises SharebusError: an earlier record failed, or this one is larger than a record may be.
        """
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value,
                    key,
                    partition,
                    on_delivery=self._on_delivery,
                    headers=headers,  # type: ignore[arg-type]
                )
                break
            except BufferError:
                self._producer.poll(WAIT_SECONDS)
                self._require_no_failure()
            except KafkaException as error:
                raise self._explained(error.args[0]) from error
        self._sent_count += 1
        if self._sent_count % _SENDS_PER_POLL == 0:
            self._producer.poll(0)
            self._require_no_failure()

    def flush(self) -> None:
        """Wait until the broker has confirmed every record.

        :raises SharebusError: at least one failed. What the others became is confirmed.
        """
        # In short waits, so that Ctrl-C is heard. Each record is confirmed or fails in its time.
        while self.confirmed_count + self._failed_count < self._sent_count:
            self._producer.flush(WAIT_SECONDS)
        self._require_no_failure()

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed_count += 1
        else:
            self._failed_count += 1
            self._first_error = self._first_error or error

    def _require_no_failure(self) -> None:
        if self._first_error is not None:
            raise self._explained(self._first_error)

    def _explained(self, error: KafkaError) -> SharebusError:
        counts = f"{self.confirmed_count} records confirmed, {self._failed_count} failed"
        match error.code():
            case KafkaError.TOPIC_AUTHORIZATION_FAILED | KafkaError.CLUSTER_AUTHORIZATION_FAILED:
                return Refused(
                    f"the broker lets this system write nothing to {self._topic}",
                    found=f"{error.str()}; {counts}",
                    remedy="The catalog names the one system that provides an entry.",
                )
            case KafkaError.MSG_SIZE_TOO_LARGE:
                return InvalidInput(
                    f"a record is too large for {self._topic}", found=f"{error.str()}; {counts}"
                )
            case _:
                return Unavailable(
                    f"the broker did not confirm records for {self._topic}",
                    where=self._address,
                    found=counts,
                    remedy="See that it runs (`sharebus status`); then run the same command again: "
                    "what was confirmed is not sent twice.",
                )
