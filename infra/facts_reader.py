"""Reads the facts of policy from the broker, to their committed end, and keeps them current."""

import json
import time
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from sharebus import InvalidInput, Unavailable
from sharebus.governance.facts import PolicyFacts, fact_from_json
from sharebus.schemas.record import policy_fact
from sharebus.schemas.topic import FACTS_POLICY

CATCH_UP_SECONDS_MAX: Final = 30.0


class FactsReader:
    """A reader of ``facts.policy`` or ``shared.catalog``, by ``assign``: it needs no group right.

    ``facts`` is only as new as the last :meth:`catch_up`.
    """

    def __init__(self, client_config: dict[str, str], topic: str = FACTS_POLICY) -> None:
        self.facts = PolicyFacts()
        self._topic = topic
        self._consumer = Consumer(
            {
                **client_config,
                "group.id": "unused-by-assign",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, 0)])
        self._next_offset = 0

    def catch_up(self, timeout_seconds: float = CATCH_UP_SECONDS_MAX) -> bool:
        """Apply everything committed up to now; says whether anything was new.

        :raises Unavailable: the committed end was not reached in time.
        :raises InvalidInput: a record is no fact (somebody else than the platform wrote it).
        """
        deadline = time.monotonic() + timeout_seconds
        try:
            _, end = self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, 0), timeout=timeout_seconds
            )
        except KafkaException as error:
            raise Unavailable(f"the end of topic {self._topic} cannot be read: {error}") from error
        changed = False
        while self._next_offset < end:
            for message in self._consumer.consume(500, timeout=0.2):
                changed |= self._take(message)
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"topic {self._topic} was not read to its end",
                    expected=f"offset {end} within {timeout_seconds:g} s",
                    found=f"offset {self._next_offset}",
                )
        return changed

    def _take(self, message: Message) -> bool:
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's public code
                raise Unavailable(f"topic {self._topic} cannot be read: {error}")
            # Control records of transactions take offsets too; the end marker names the true end.
            self._next_offset = max(self._next_offset, message.offset() or 0)
            return False
        offset = message.offset()
        assert offset is not None  # noqa: S101 - a consumed record has an offset
        record = policy_fact().decode(message.value() or b"")
        try:
            self.facts.apply(fact_from_json(_with_kind(record["kind"], record["body"])), offset)
        except ValidationError as invalid:
            raise InvalidInput(
                "a record of the facts is not valid",
                where=f"{self._topic} offset {offset}, {record['kind']} {record['id']}",
                found=str(invalid),
            ) from invalid
        self._next_offset = offset + 1
        return True

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _with_kind(kind: str, body: str) -> str:
    document = json.loads(body)
    document["kind"] = kind
    return json.dumps(document, ensure_ascii=False)
