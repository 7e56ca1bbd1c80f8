"""Reads the facts of policy from the broker, to their committed end, and keeps them current."""

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Message
from pydantic import ValidationError

from sharebus import InvalidInput
from sharebus.governance.facts import AnyFact, PolicyFacts, fact_from_document
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.record import policy_fact
from sharebus.schemas.topic import FACTS_POLICY


def fact_of(record: dict[str, Any]) -> AnyFact:
    """The fact in a decoded record.

    :raises pydantic.ValidationError: it is none.
    """
    return fact_from_document({**json.loads(record["body"]), "kind": record["kind"]})


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without a search for cycles: facts have none, and among those of a city each search costs
    more than the facts that were read meanwhile (two thirds of the time, measured)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class FactsReader:
    """A reader of ``facts.policy`` or ``shared.catalog``; it needs no right on a group.

    ``facts`` is only as new as the last :meth:`catch_up`. ``learn`` is told of each fact: what it
    replaced, the fact, and the broker's instant in milliseconds since 1970-01-01T00:00Z.
    """

    def __init__(
        self,
        config: ClientConfig,
        topic: str = FACTS_POLICY,
        learn: Callable[[AnyFact | None, AnyFact, int], None] = lambda before, fact, instant: None,
    ) -> None:
        self.facts = PolicyFacts()
        self._topic = topic
        self._learn = learn
        self._log = LogReader(config)
        self._next_offset = 0

    def catch_up(self) -> bool:
        """Apply everything committed up to now; says whether anything was new.

        :raises Unavailable: the committed end was not reached in time.
        :raises InvalidInput: a record is no fact (somebody else than the platform wrote it).
        """
        version = self.facts.version
        with _uncollected():
            self._next_offset = self._log.read(self._topic, 0, self._next_offset, self._take)
        return self.facts.version != version

    def settle(self) -> None:
        """Catch up once every transaction that is open there now has ended."""
        self._log.settle(self._topic, 0)
        self.catch_up()

    def _take(self, message: Message) -> None:
        value = message.value()
        if value is None:
            return
        record = policy_fact().decode(value)
        offset = message.offset() or 0
        try:
            fact = fact_of(record)
            before = self.facts.standing(fact)
            self.facts.apply(fact, offset)
        except ValidationError as invalid:
            raise InvalidInput(
                "a record of the facts is not valid",
                where=f"{self._topic} offset {offset}, {record['kind']} {record['id']}",
                found=str(invalid),
            ) from invalid
        self._learn(before, fact, message.timestamp()[1])

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()
