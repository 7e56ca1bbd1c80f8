"""A subscriber and a broker that dies under it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sharebus.consumers.event import Event
from sharebus.consumers.subscription import Subscription
from sharebus.infra.embedded.kafka import EmbeddedKafka

pytestmark = pytest.mark.integration

COUNT = 40


@pytest.fixture
def kafka(broker: Any) -> Iterator[EmbeddedKafka]:
    """The broker that all share; it serves again, on the same ports and data, whatever happens."""
    if broker.kafka is None:
        pytest.skip("the broker is not ours to kill")
    yield broker.kafka
    if broker.kafka.process is None:
        broker.kafka.start()


def rows(name: str) -> list[dict[str, Any]]:
    return [{"code": f"{name}-{number}", "name": name} for number in range(COUNT)]


def places(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.partition, event.offset) for event in events]


@pytest.mark.timeout(120)  # an iterator that stopped would wait for ever
def test_subscriber_rides_through_a_restart_and_loses_and_repeats_nothing_acknowledged(
    make_entry: Callable[[], Any], kafka: EmbeddedKafka
) -> None:
    entry = make_entry()
    topic = entry.create_view()
    entry.grant(topic)
    entry.write(topic, rows("before"))
    with Subscription(entry.id, entry.system, entry.settings) as subscription:
        events = iter(subscription)
        kept = [next(events) for _ in range(COUNT // 4)]
        subscription.acknowledge(*kept)
        # Not acknowledged: the only ones that may come again, as the session runs out meanwhile.
        taken = [next(events) for _ in range(COUNT // 4)]

        kafka.kill()
        kafka.start()
        entry.begin(topic, rows("after"), period="2026-11-23").commit_transaction(30)
        later: list[Event] = []
        while len({event.key for event in kept + taken + later}) < 2 * COUNT:
            later.append(next(events))
        subscription.acknowledge(*taken, *later)

    assert not set(places(kept)) & set(places(later)), "given again after it was acknowledged"
    fresh = [place for place in places(later) if place not in places(taken)]
    assert len(fresh) == len(set(fresh)), "given twice"
    received = {event.key[0] for event in kept + taken + later}
    assert received == {row["code"] for row in [*rows("before"), *rows("after")]}
    with Subscription(entry.id, entry.system, entry.settings) as next_process:
        assert list(next_process.until_end()) == []
