"""Whatever dies, every event is decided, delivered and audited exactly once."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas import topic as topics
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON

from ...unit.stream_apps.gate import case
from ..app_process import wait_until
from ..world import World
from . import history
from .load import Load
from .test_gate_flow import assert_view_is_right

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("books_balance")]

KILLS = 20
EVENTS_PER_SECOND = 250
PROGRESS_SECONDS_MAX = 90.0
HELD_SECONDS_MAX = 9.0
"""A dead writer's transaction times out after 5 s and is aborted by the next scan, each second."""


class Site:
    """Two entries under load, one of them with three views."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.views = world.entry(partitions=2)
        self.shared = world.unconditional()
        haishu = [{"field": "district", "one_of": ["330203"]}]
        self.grants: list[Grant] = [
            world.grant(self.views),
            world.grant(self.views, fields=["code", "district"], conditions=haishu),
            world.grant(self.views, fields=["name"]),
        ]
        world.apply(self.views, self.shared, *self.grants)
        self.load = Load(world, self.entries, EVENTS_PER_SECOND)

    @property
    def entries(self) -> list[CatalogEntry]:
        return [self.views, self.shared]

    def decided_count(self) -> int:
        return sum(len(self.world.lines(entry)) for entry in self.entries)

    def wait_for_progress(self, lines: int = 1) -> None:
        """Until so many more events are decided."""
        before = self.decided_count()

        def progressed() -> bool:
            self.world.gate.tend()
            return self.decided_count() >= before + lines

        wait_until(progressed, "the gate decides events", PROGRESS_SECONDS_MAX)

    def has_open_transaction(self) -> bool:
        reader = self.world.reader
        return reader.bounds(topics.AUDIT, 0)[1] < reader.end_of_all(topics.AUDIT, 0)

    def assert_exactly_once(self) -> None:
        for entry in self.entries:
            self.world.decided(entry)
            assert history.check(self.load.history(entry)) == []
        for grant in self.grants:
            assert_view_is_right(self.world, self.views, grant)
        assert self.world.discrepancies(*self.entries) == []


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    yield Site(world)
    world.gate.tend()


@pytest.mark.timeout(600)
def test_kill_of_the_gate_at_random_points_under_load_loses_and_doubles_nothing(
    site: Site,
) -> None:
    gate, points, in_transaction = site.world.gate, random.Random(20), 0
    with site.load as load:
        for number in range(KILLS):
            if number % 2:  # while it serves
                site.wait_for_progress(points.randrange(1, 500))
            else:  # wherever it is: starting, joining the group, restoring, serving
                time.sleep(points.uniform(0.5, 3.0))
            gate.kill()
            in_transaction += site.has_open_transaction()
            gate.start(is_ready=False)
        site.wait_for_progress()
    site.assert_exactly_once()
    assert load.count > 5_000
    assert in_transaction > 0, "no kill met an open transaction: the test proves too little"


@pytest.mark.timeout(600)
def test_kill_of_the_broker_under_load_loses_and_doubles_nothing(site: Site) -> None:
    kafka = site.world.broker.kafka
    if kafka is None:
        pytest.skip("the broker is not ours to kill")
    with site.load:
        for _ in range(2):
            site.wait_for_progress(200)
            kafka.kill()
            kafka.start()
        site.wait_for_progress(200)
    site.assert_exactly_once()


@pytest.mark.alone
def test_stopped_gate_holds_readers_of_the_audit_for_seconds_and_doubles_nothing(
    site: Site,
) -> None:
    gate = site.world.gate

    def is_stopped_in_a_transaction() -> bool:
        gate.pause()
        if site.has_open_transaction():
            return True
        gate.go_on()
        return False

    with site.load:
        site.wait_for_progress()
        wait_until(is_stopped_in_a_transaction, "the gate is stopped inside a transaction")
        held_since = time.monotonic()
        wait_until(lambda: not site.has_open_transaction(), "readers of the audit go on", 30)
        held_seconds = time.monotonic() - held_since
        gate.go_on()
        site.wait_for_progress(100)
    assert held_seconds < HELD_SECONDS_MAX
    site.assert_exactly_once()


def test_chain_goes_on_though_another_writer_hides_its_end(world: World) -> None:
    entry = world.unconditional()
    world.apply(entry)
    hanging = Producer(
        {**world.admin_config, "transactional.id": "hanging", "transaction.timeout.ms": 8_000},
        logger=librdkafka_log,
    )
    hanging.init_transactions(60)
    hanging.begin_transaction()
    hanging.produce(topics.FACTS_PROGRESS, b"", b"test")
    hanging.flush(60)
    # The gate's progress lies behind that transaction, where no reader sees it until the broker
    # aborts it.
    world.upsert(entry, case.row("a"))
    world.decided(entry)
    world.gate.kill()
    world.gate.start(is_ready=False)
    world.upsert(entry, case.row("b"))
    world.decided(entry)
    assert world.discrepancies(entry) == []


def test_deleted_offsets_stop_the_gate_with_a_word_and_it_publishes_nothing_again(
    world: World, tmp_path: Path
) -> None:
    entry = world.unconditional()
    world.apply(entry)
    world.upsert(entry, case.row("a"))
    world.decided(entry)
    admin = world.broker.admin
    group = ConsumerGroupTopicPartitions("gate")
    committed = admin.list_consumer_group_offsets([group])["gate"].result(60)
    world.gate.stop()
    admin.delete_consumer_groups(["gate"])["gate"].result(60)

    # It would wait 20 s for a transaction that hides the offsets; here there is none.
    (tmp_path / "sitecustomize.py").write_text(
        "from sharebus.stream_apps.gate import assignment\nassignment.SETTLE_SECONDS_MAX = 2.0\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(world.gate.environment, "PYTHONPATH", str(tmp_path))
        world.gate.start(is_ready=False)
    assert world.gate.wait() == EXIT_NEEDS_PERSON
    word = world.gate.last_words()
    assert "committed offset is not the one that the gate recorded" in word
    assert "ingress." in word
    assert len(world.records(topics.accepted_topic(entry))) == 1

    # The remedy that the word names: set the offsets back, then start again.
    restored = [
        TopicPartition(tp.topic, tp.partition, tp.offset)
        for tp in committed.topic_partitions
        if tp.offset >= 0
    ]
    asked = [ConsumerGroupTopicPartitions("gate", restored)]
    admin.alter_consumer_group_offsets(asked)["gate"].result(60)
    world.gate.start()
    world.upsert(entry, case.row("b"))
    world.decided(entry)
    assert len(world.records(topics.accepted_topic(entry))) == 2
    assert world.discrepancies(entry) == []
