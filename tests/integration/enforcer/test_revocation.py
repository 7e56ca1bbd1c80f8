"""Revocation against readers who stop at nothing (design, decision 5; decision 0019)."""

import threading
import time
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.grant import Grant
from sharebus.governance.identity import SystemName
from sharebus.governance.view import view_of_grant
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.apply import apply_catalog

from ..town import DEADLINE_SECONDS, Town
from .conftest import RunningEnforcer, wait_for
from .parked import ParkedReaders

pytestmark = pytest.mark.integration
CONDITIONAL = {"class": "conditional", "conditions": "示例"}
CONNECTIONS = 1_000
EVENTS_PER_SECOND = 50
WAIT_SECONDS_MAX = 5.0
"""On a machine whose two cores the attackers share; an idle one shows a quarter of a second."""


class Stream:
    """Events that go into a view until it is closed; ``sent`` tells when each was, by its value."""

    def __init__(self, town: Town, topic: str) -> None:
        self.sent: dict[bytes, float] = {}
        self._topic = topic
        self._producer = Producer({**town.admin_config, "linger.ms": 0}, logger=librdkafka_log)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(1 / EVENTS_PER_SECOND):
            value = b"event-%d" % len(self.sent)
            self.sent[value] = time.monotonic()
            self._producer.produce(self._topic, value, b"k", partition=0)
            self._producer.poll(0)

    def close(self) -> None:
        self._end.set()
        self._thread.join(DEADLINE_SECONDS)
        assert self._producer.flush(DEADLINE_SECONDS) == 0
        self._producer.close()


class PlainReader:
    """Reads what is committed, as anybody does; ``seen`` tells when each value came."""

    def __init__(self, login: ClientConfig, topic: str, offset: int) -> None:
        self.seen: dict[bytes, float] = {}
        reading: dict[str, Any] = {
            **login, "group.id": f"{login['sasl.username']}.plain", "enable.auto.commit": False,
        }  # fmt: skip
        self._consumer = Consumer(reading, logger=librdkafka_log)
        self._consumer.assign([TopicPartition(topic, 0, offset)])
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.is_set():
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                self.seen[message.value() or b""] = time.monotonic()

    def close(self) -> None:
        self._end.set()
        self._thread.join(DEADLINE_SECONDS)
        self._consumer.close()


class Shared:
    """An entry with one view that two agencies read: the town's, and a neighbour."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.neighbour = SystemName(f"police-{town.tag}", "desk")
        self.entry = town.entry(sharing=CONDITIONAL)
        self.grants = (
            town.grant(self.entry),
            town.grant(self.entry, id=f"other-{town.tag}", system=str(self.neighbour)),
        )
        self.view = topics.view_topic(self.entry.id, view_of_grant(self.entry, self.grants[0]).name)
        self.apply(*self.grants)

    def apply(self, *grants: Grant) -> None:
        reader, *_ = (a for a in self.town.agencies() if a.id == self.town.reader.agency)
        system = {"id": self.neighbour.system, "name": "系统", "roles": ["subscriber"]}
        named = {"id": self.neighbour.agency, "code": f"TEST-N-{self.town.tag.upper()}"}
        other = Agency.model_validate(
            {**reader.model_dump(exclude_none=True), **named, "systems": [system]}
        )
        documents = Collection((*self.town.agencies(), other), (self.entry,), grants)
        apply_catalog(self.town.settings, CatalogFiles(documents, {}))


def test_thousand_parked_connections_get_nothing_and_others_do_not_wait(
    town: Town, enforcer: RunningEnforcer
) -> None:
    shared = Shared(town)
    neighbour = PlainReader(town.login(shared.neighbour), shared.view, 0)
    with ParkedReaders(town.login(town.reader), {shared.view: 0}, CONNECTIONS) as readers:
        stream = Stream(town, shared.view)
        wait_for("events flow", lambda: len(neighbour.seen) > EVENTS_PER_SECOND)
        shared.apply(town.grant(shared.entry, revoked=True))
        wait_for("each is refused", lambda: readers.all_refused(shared.view))
        assert readers.parked_count() == CONNECTIONS
        readers.ask_for_what_was()
        assert readers.all_refused(shared.view)
        stream.close()
        assert readers.contents == []
    wait_for("the neighbour has all", lambda: len(neighbour.seen) == len(stream.sent))
    neighbour.close()
    assert list(neighbour.seen) == list(stream.sent)
    longest_wait = max(neighbour.seen[value] - sent for value, sent in stream.sent.items())
    print(f"longest wait of the neighbour: {longest_wait:.3f} s")
    assert longest_wait < WAIT_SECONDS_MAX
