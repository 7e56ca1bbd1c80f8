"""A subscriber's view of the bus, against a real broker and registry."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.consumers.completeness import Completeness
from sharebus.consumers.event import Event
from sharebus.consumers.subscription import Subscription
from sharebus.governance.self_service import automatic_grant_id

pytestmark = pytest.mark.integration
DEADLINE_SECONDS = 90.0

ROWS = [{"code": f"3302{number:02}", "name": f"区 {number}"} for number in range(1, 9)]
CODES = {row["code"] for row in ROWS}


@pytest.fixture
def entry(make_entry: Callable[[], Any]) -> Any:
    """An entry with a shared topic of two partitions that one system may read."""
    entry = make_entry()
    entry.topic = entry.create_view()
    entry.grant(entry.topic)
    return entry


def subscribe(entry: Any, **options: Any) -> Subscription:
    return Subscription(entry.id, entry.system, entry.settings, **options)


def read_to_end(entry: Any, acknowledge: bool = True, **options: Any) -> list[Event]:
    with subscribe(entry, **options) as subscription:
        events = list(subscription.until_end())
        if acknowledge:
            subscription.acknowledge(*events)
        return events


def codes(events: list[Event]) -> list[str]:
    return sorted(event.key[0] for event in events)


def test_subscription_with_an_aborted_transaction_delivers_committed_events_alone(
    entry: Any,
) -> None:
    entry.write(entry.topic, [{"code": "999901", "name": "never"}], abort=True)
    entry.write(entry.topic, ROWS)
    entry.write(entry.topic, [{"code": "999902", "name": "never"}], abort=True)
    assert codes(read_to_end(entry)) == sorted(CODES)


def test_until_end_waits_for_a_transaction_that_is_under_way(entry: Any) -> None:
    entry.write(entry.topic, ROWS[:1])
    producer = entry.begin(entry.topic, ROWS[1:])
    commit = threading.Timer(1.5, producer.commit_transaction, [30])
    with subscribe(entry) as subscription:
        commit.start()
        received = codes(list(subscription.until_end()))
    commit.join()
    assert received == sorted(CODES)


def test_event_with_a_row_has_python_values_and_the_attributes_of_its_headers(entry: Any) -> None:
    entry.write(entry.topic, [{"code": "330203", "name": "海曙区", "since": date(1949, 5, 25)}])
    [event] = read_to_end(entry)
    assert event.kind == "upserted"
    assert event.row == {"code": "330203", "name": "海曙区", "since": date(1949, 5, 25)}
    assert (event.key, event.key_bytes) == (("330203",), b"330203")
    assert (event.event_id, event.data_period, event.delivery) == (
        "330203-2026-11-22", "2026-11-22", "d-2026-11-22",
    )  # fmt: skip
    assert (event.source, event.corrects) == ("/systems/agency.mapping.register", None)
    assert event.time == "2026-11-22T08:00:00+08:00"
    assert (event.topic, event.schema_id) == (entry.topic, entry.schema_id)


def test_tombstone_is_delivered_as_a_deletion_with_its_key(entry: Any) -> None:
    entry.write(entry.topic, [{"code": "330203"}])
    [event] = read_to_end(entry)
    assert (event.kind, event.key, event.row, event.schema_id) == (
        "deleted", ("330203",), None, None,
    )  # fmt: skip
    assert event.data_period == "2026-11-22"


def test_next_subscription_of_the_group_resumes_behind_what_was_acknowledged(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    first = read_to_end(entry)
    entry.write(entry.topic, [{"code": "330299", "name": "new"}])
    second = read_to_end(entry)
    assert codes(first) == sorted(CODES)
    assert codes(second) == ["330299"]


def test_subscription_states_its_grant_and_what_was_used_under_it(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    entry.grant(entry.create_notices())
    with subscribe(entry) as subscription:
        (grant,) = subscription.grants
        with pytest.raises(InvalidInput, match="nothing was acknowledged"):
            subscription.usage()
        for event in subscription.until_end():
            subscription.acknowledge(event)
        usage = subscription.usage()
    assert grant.id == automatic_grant_id(entry.id, entry.system)
    assert (usage["used_by"], usage["events"]) == ("gis", len(ROWS))
    assert usage["first_day"] <= usage["last_day"]


def test_events_not_acknowledged_are_delivered_again(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    with subscribe(entry) as subscription:
        seen = [event for event in subscription.until_end() if event.partition == 0]
        subscription.acknowledge(seen[0])
    again = read_to_end(entry)
    assert codes(again) == sorted(CODES - {seen[0].key[0]})


def test_acknowledging_an_earlier_event_after_a_later_one_moves_nothing_back(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    with subscribe(entry) as subscription:
        events = list(subscription.until_end())
        subscription.acknowledge(*events)
        subscription.acknowledge(events[0])
    assert read_to_end(entry) == []


def test_acknowledging_an_event_of_another_topic_is_invalid_input(
    entry: Any, make_entry: Callable[[], Any]
) -> None:
    entry.write(entry.topic, ROWS[:1])
    [event] = read_to_end(entry)
    other = make_entry()
    other.grant(other.create_view())
    with subscribe(other) as subscription, pytest.raises(InvalidInput, match="another"):
        subscription.acknowledge(event)


def test_from_start_reads_again_what_was_acknowledged(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    read_to_end(entry)
    assert codes(read_to_end(entry, from_start=True)) == sorted(CODES)


def test_another_group_of_the_agency_reads_for_itself(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    read_to_end(entry)
    assert codes(read_to_end(entry, group=f"agency.{entry.agency}.copy")) == sorted(CODES)


def test_replay_within_a_subscription_delivers_all_again(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    with subscribe(entry) as subscription:
        first = list(subscription.until_end())
        subscription.acknowledge(*first)
        subscription.replay()
        second = list(subscription.until_end())
        subscription.acknowledge(second[0])
    assert codes(second) == codes(first) == sorted(CODES)
    # Acknowledged after a replay, an event is the place to resume again.
    rest = {event.key[0] for event in second[1:] if event.partition == second[0].partition}
    assert set(codes(read_to_end(entry))) == rest


def test_replay_from_a_period_leaves_out_the_earlier_ones(entry: Any) -> None:
    for day in (20, 21, 22):
        entry.write(entry.topic, ROWS[:2], period=f"2026-11-{day}")
    with subscribe(entry) as subscription:
        subscription.replay(from_period="2026-11-21")
        events = list(subscription.until_end())
    assert sorted({event.data_period for event in events}) == ["2026-11-21", "2026-11-22"]


def test_replay_from_offsets_rewinds_the_named_partition_alone(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    with subscribe(entry) as subscription:
        first = list(subscription.until_end())
        last = [event for event in first if event.partition == 1][-1]
        subscription.replay(from_offsets={1: last.offset})
        assert list(subscription.until_end()) == [last]
        with pytest.raises(InvalidInput, match="no such partition"):
            subscription.replay(from_offsets={7: 0})


def test_two_subscriptions_of_one_group_share_the_partitions(entry: Any) -> None:
    with subscribe(entry) as one, subscribe(entry) as other:
        received: list[Event] = []
        entry.write(entry.topic, ROWS)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while {e.key[0] for e in received} != CODES and time.monotonic() < deadline:
            for subscription in (one, other):
                event = subscription.poll(0.1)
                if event is not None:
                    received.append(event)
                    subscription.acknowledge(event)
    assert {event.key[0] for event in received} == CODES
    assert read_to_end(entry) == []


def test_subscription_without_a_grant_is_refused_with_a_remedy(
    make_entry: Callable[[], Any],
) -> None:
    entry = make_entry()
    entry.create_view()
    entry.grant()
    with pytest.raises(Refused) as refusal:
        subscribe(entry)
    assert entry.id in refusal.value.problem
    assert refusal.value.remedy


def test_system_with_several_views_must_choose_one(make_entry: Callable[[], Any]) -> None:
    entry = make_entry()
    topics = [entry.create_view("v-one"), entry.create_view("v-two")]
    entry.grant(*topics)
    entry.write(topics[1], ROWS)
    with pytest.raises(InvalidInput, match="v-one, v-two"):
        subscribe(entry)
    assert codes(read_to_end(entry, view="v-two")) == sorted(CODES)


def test_group_of_another_agency_is_invalid_input(entry: Any) -> None:
    with pytest.raises(InvalidInput, match="does not belong"):
        subscribe(entry, group="agency.other.gis")


def test_right_revoked_while_reading_ends_the_iteration_as_refused(entry: Any) -> None:
    entry.write(entry.topic, ROWS)
    with subscribe(entry) as subscription:
        assert codes(list(subscription.until_end())) == sorted(CODES)
        entry.revoke(entry.topic)
        with pytest.raises(Refused, match="may not read"):
            subscription.poll(DEADLINE_SECONDS)
        # Told again, since librdkafka itself says it once.
        with pytest.raises(Refused, match="may not read"):
            subscription.poll(1)


@pytest.mark.alone
def test_wrong_password_is_refused_at_once(entry: Any) -> None:
    wrong = entry.settings.model_copy(
        update={"username": entry.name.principal, "password": SecretStr("wrong")}
    )
    began = time.monotonic()
    with pytest.raises(Refused, match="credentials"):
        Subscription(entry.id, entry.system, wrong)
    assert time.monotonic() - began < 10


def test_unknown_schema_with_the_registry_down_is_unavailable_and_loses_no_event(
    entry: Any,
) -> None:
    entry.write(entry.topic, ROWS[:1])
    with _registry_that_comes_up(entry) as (settings, come_up):
        with Subscription(entry.id, entry.system, settings) as subscription:
            with pytest.raises(Unavailable, match="not known yet"):
                list(subscription.until_end())
            come_up()
            [event] = subscription.until_end()
            assert event.key == (ROWS[0]["code"],)


@contextmanager
def _registry_that_comes_up(entry: Any) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Settings of a registry that fails until it is told to come up."""
    is_up = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"schema": json.dumps(entry.avro_schema)}).encode()
            self.send_response(200 if is_up.is_set() else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield entry.settings.model_copy(update={"registry_url": url}), is_up.set
        finally:
            server.shutdown()
            thread.join()


def test_completeness_names_periods_whose_every_partition_is_announced(entry: Any) -> None:
    deliveries = entry.create_deliveries()
    entry.grant(deliveries)
    entry.announce(deliveries, "2026-11-21", 0)
    entry.announce(deliveries, "2026-11-21", 1, outcome="incomplete")
    entry.announce(deliveries, "2026-11-22", 1)
    with Completeness(entry.id, entry.system, entry.settings) as completeness:
        [closed] = completeness.completed_periods()
        assert (closed.period, closed.outcome, closed.delivery) == (
            "2026-11-21", "incomplete", "d-2026-11-21",
        )  # fmt: skip
        entry.announce(deliveries, "2026-11-22", 0)
        periods = [delivery.period for delivery in completeness.completed_periods()]
        assert sorted(periods) == ["2026-11-21", "2026-11-22"]


def test_completeness_without_a_grant_is_refused(entry: Any) -> None:
    entry.create_deliveries()
    with pytest.raises(Refused, match="deliveries"):
        Completeness(entry.id, entry.system, entry.settings)
