"""A steady load of all sorts of events, and what is known of each."""

import random
import threading
import time
from collections import Counter
from typing import Any

from sharebus.governance.entry import CatalogEntry
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..world import Sent, World
from .history import Expected, History

KEYS = 200
DELIVERY_EVENTS = 400
"""After so many events of an entry its delivery is closed and the next one begins."""


class Load:
    """Sends events of some entries from a thread of its own, about ``per_second`` of them."""

    def __init__(self, world: World, entries: list[CatalogEntry], per_second: int) -> None:
        self.sent: dict[str, list[tuple[Sent, Expected]]] = {entry.id: [] for entry in entries}
        self._world, self._entries = world, entries
        self._pause_seconds = 1 / per_second
        self._random = random.Random(7)
        self._closed = Counter[str]()
        self._open_events = Counter[str]()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._failure: BaseException | None = None
        # Whatever befalls the broker, each record comes once and in order.
        self._producer = world.producer(**{"enable.idempotence": True})

    @property
    def count(self) -> int:
        return sum(map(len, self.sent.values()))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure:
            raise self._failure
        for entry in self._entries:
            self._close(entry)
        self._world.flush()

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._stop.is_set():
                for entry in self._entries:
                    self._send_one(entry)
                due += self._pause_seconds * len(self._entries)
                time.sleep(max(0.0, due - time.monotonic()))
        except BaseException as failure:
            self._failure = failure

    def _send_one(self, entry: CatalogEntry) -> None:
        sent, world = self.sent[entry.id], self._world
        code, event_id = f"k{self._random.randrange(KEYS)}", f"e-{len(sent)}"
        row = case.row(code, district=self._random.choice(["330203", "330205"]), name=event_id)
        value: bytes | None = world.value(entry, row)
        event_type, outcomes = ce.TYPE_UPSERTED, ["accepted"]
        match self._random.randrange(20):
            case 0 | 1:
                value, event_type = None, ce.TYPE_DELETED
            case 2:
                value, outcomes = b"\1" + bytes(9), ["refused"]
            case 3:
                outcomes = ["accepted", "duplicate"]
        delivery = self._delivery(entry)
        headers = world.headers(event_id, event_type=event_type, delivery=delivery)
        for outcome in outcomes:
            record = world.send(entry, code.encode(), value, headers, producer=self._producer)
            sent.append((record, Expected(event_id, delivery, outcome)))
        self._open_events[entry.id] += 1
        if self._open_events[entry.id] >= DELIVERY_EVENTS:
            self._close(entry)

    def _delivery(self, entry: CatalogEntry) -> str:
        return f"d-{self._closed[entry.id]}"

    def _close(self, entry: CatalogEntry) -> None:
        """Close the delivery in every partition."""
        delivery = self._delivery(entry)
        for record in self._world.close_delivery(
            entry, [0] * entry.partitions, delivery=delivery, producer=self._producer
        ):
            self.sent[entry.id].append((record, Expected("", delivery, "closed")))
        self._closed[entry.id] += 1
        self._open_events[entry.id] = 0

    def history(self, entry: CatalogEntry) -> History:
        """What was sent, and what is there now; when everything is decided."""
        world, history = self._world, History()
        for record, expected in self.sent[entry.id]:
            assert record.error is None, record.error
            history.sent[record.partition, record.offset] = expected
        history.lines = [
            ((line["partition"], line["offset"]), line["outcome"]) for line in world.lines(entry)
        ]
        for message in world.records(topics.accepted_topic(entry), entry.partitions):
            headers: dict[str, Any] = dict(message.headers() or [])
            history.accepted_ids.append(headers[ce.ID].decode())
        history.quarantined = list(world.quarantined(entry.id))
        history.receipts = world.receipts(entry)
        return history
