"""Requests to the broker about a whole city go in parts that it takes."""

from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from sharebus import Unavailable
from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.stream_apps.enforcer import request as asking
from sharebus.stream_apps.enforcer.broker import RULES_AT_ONCE, TOPICS_AT_ONCE
from sharebus.stream_apps.enforcer.desired import desired_broker
from sharebus.stream_apps.enforcer.request import in_batches, until_none_left

from .enforcer_case import MakeEntry, facts_of

CONTROLLER_RECORDS_MAX = 10_000


class Broker:
    """Answers each item with its text, or with an error of this code."""

    def __init__(self, error: int | None = None) -> None:
        self.requests: list[list[int]] = []
        self._error = error

    def ask(self, items: Sequence[int], request_timeout: float) -> dict[int, Future[Any]]:
        assert request_timeout > 0
        self.requests.append(list(items))
        futures: dict[int, Future[Any]] = {item: Future() for item in items}
        for item, future in futures.items():
            if self._error is None:
                future.set_result(str(item))
            else:
                future.set_exception(KafkaException(KafkaError(self._error)))
        return futures


@given(st.integers(0, 50), st.integers(1, 20))
def test_every_item_is_asked_for_once_in_its_order_and_never_too_many_at_a_time(
    count: int, size: int
) -> None:
    broker = Broker()
    answers = in_batches(broker.ask, iter(range(count)), size)
    assert answers == {item: str(item) for item in range(count)}
    assert [item for request in broker.requests for item in request] == list(range(count))
    assert all(0 < len(request) <= size for request in broker.requests)
    assert len(broker.requests) == -(-count // size)


def test_harmless_error_is_an_answer_and_any_other_ends_it_at_its_request() -> None:
    exists, broken = KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.POLICY_VIOLATION
    assert in_batches(Broker(exists).ask, range(3), 2, harmless=exists) == dict.fromkeys(range(3))
    broker = Broker(broken)
    with pytest.raises(Unavailable):
        in_batches(broker.ask, range(5), 2, harmless=exists)
    assert broker.requests == [[0, 1]]


def test_no_request_is_larger_than_a_controller_takes(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    (bound,) = [
        constraint.le
        for constraint in CatalogEntry.model_fields["partitions"].metadata
        if hasattr(constraint, "le")
    ]
    entry = make_entry(partitions=bound)
    topics = desired_broker(facts_of(*agencies, entry), today, 3).topics
    largest = max(1 + topic.partitions + len(topic.config) for topic in topics)
    assert largest > bound
    assert TOPICS_AT_ONCE * largest <= CONTROLLER_RECORDS_MAX
    assert RULES_AT_ONCE <= CONTROLLER_RECORDS_MAX


@pytest.mark.parametrize(
    ("counts", "left"), [([3, 2, 2, 1, 0, 9], 0), ([0, 9], 0), ([4, 3, 3, 3], 3)]
)
def test_broker_is_waited_for_as_long_as_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, counts: list[int], left: int
) -> None:
    now = [0.0]
    # Between two looks passes more than half of the time without progress that is waited for.
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda _: now.__setitem__(0, now[0] + 10.0)
    )
    monkeypatch.setattr(asking, "time", clock)
    looks = iter(counts)
    assert until_none_left(lambda: next(looks)) == left
