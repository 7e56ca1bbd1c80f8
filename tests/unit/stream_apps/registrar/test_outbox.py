"""Notices wait for a topic that is not there yet, and nobody else's wait with them."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from sharebus.stream_apps.progress import unannounced_key
from sharebus.stream_apps.registrar import outbox
from sharebus.stream_apps.registrar.outbox import Outbox
from sharebus.stream_apps.registrar.transaction import Announcement


class Topics:
    """Stands for the admin client of a broker that has these topics."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked: list[list[str]] = []

    def describe_topics(self, wanted: Any, **_: Any) -> dict[str, Future[Any]]:
        names = [str(name) for name in wanted.topic_names]
        self.asked.append(names)
        found: dict[str, Future[Any]] = {}
        for name in names:
            found[name] = Future()
            if name in self.there:
                found[name].set_result(SimpleNamespace(topic_id="1"))
            else:
                found[name].set_exception(KafkaException("no such topic"))
        return found


def waiting(number: int, topic: str) -> Announcement:
    return Announcement(unannounced_key(number), (topic, b"key", b"value", 0, []))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=10.0)
    monkeypatch.setattr(outbox.time, "monotonic", lambda: clock.now)
    return clock


def test_others_are_told_while_one_has_no_topic_and_it_is_told_in_order(
    clock: SimpleNamespace,
) -> None:
    topics = Topics("notices.old")
    box = Outbox(topics, ())  # type: ignore[arg-type]
    first = [waiting(0, "notices.new"), waiting(1, "notices.old"), waiting(2, "notices.new")]
    box.put(first)
    assert box.ready() == [first[1]]
    box.told([first[1]])
    assert box.next_number == 3
    later = waiting(box.next_number, "notices.new")
    box.put([later])
    assert box.ready() == []
    topics.there.add("notices.new")
    assert box.ready() == []  # not asked again at once
    clock.now += 1
    assert box.ready() == [first[0], first[2], later]
    box.told(box.ready())
    assert box.ready() == []
    assert box.next_number == 0


@pytest.mark.usefixtures("clock")
def test_topic_that_was_found_is_not_asked_for_again() -> None:
    topics = Topics("notices.a")
    box = Outbox(topics, [waiting(9, "notices.a"), waiting(10, "notices.a")])  # type: ignore[arg-type]
    assert box.next_number == 11
    assert len(box.ready()) == 2
    box.put([waiting(11, "notices.a")])
    assert len(box.ready()) == 3
    assert topics.asked == [["notices.a"]]
