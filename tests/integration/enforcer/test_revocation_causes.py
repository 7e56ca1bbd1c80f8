"""Whatever a right ends for, a parked reader gets nothing from the instant that is recorded."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from sharebus.governance.identity import SystemName
from sharebus.infra import scram
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.enrolment import issue_certificate
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer import loop

from ..town import Town, read_error, write_error
from .conftest import RunningEnforcer, wait_for
from .decisions import CAUSES, Decisions
from .ends import ended_ms, held_users
from .greedy import WAYS, GreedyReader
from .parked import ParkedReaders
from .stream import Stream, write

pytestmark = pytest.mark.integration
AUTHENTICATION = KafkaError._AUTHENTICATION


@pytest.fixture(scope="module")
def decisions(registry: Settings) -> Iterator[Decisions]:
    town = Town(registry, uuid.uuid4().hex[:8])
    town.apply()
    running = RunningEnforcer(town.settings)
    try:
        yield Decisions(town)
    finally:
        running.stop()


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != "exited"])
def test_right_ends_for_a_parked_reader(
    decisions: Decisions, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, reader, view = decisions.town, decisions.reader(cause), decisions.view(cause)
    with ParkedReaders(town.login(reader), {view: end_of(town, view)}) as readers:
        stream = Stream(town, view)
        if cause == "expired":
            decided_ms = time.time_ns() // 1_000_000
            monkeypatch.setattr(loop, "local_date", lambda: date(2999, 1, 1))
        else:
            decided_ms = decisions.decide(cause)
        wait_for("it is refused", lambda: readers.all_refused(view))
        wait_for("the end is recorded", lambda: ended_ms(town, reader, view) is not None)
        wait_for("nobody is held", lambda: reader.principal not in held_users(town))
        readers.ask_for_what_was()
        stream.close()
        assert readers.all_refused(view)
        assert readers.parked_count() == 1
        assert readers.contents == []
    effective_ms = ended_ms(town, reader, view)
    print(f"{cause}: {effective_ms - decided_ms} ms")


def test_agency_that_left_reads_nothing_by_any_way_that_is_open(decisions: Decisions) -> None:
    town, reader, view = decisions.town, decisions.reader("exited"), decisions.view("exited")
    login = town.login(reader)
    ways = {way: f"{reader.principal}.{way}" for way in WAYS}
    ways["assigned"] = f"{decisions.reader('retired').principal}.group"  # another agency's
    greedy = [GreedyReader(login, way, view, group) for way, group in ways.items()]
    raw = [ParkedReaders(each, {view: 0}) for each in (login, certificate(town, reader))]
    with ExitStack() as stack:
        for readers in raw:
            stack.enter_context(readers)
        for one in greedy:
            stack.callback(one.close)

        def all_have_read() -> bool:
            write(town, view, *(b"before" + bytes(9_000) for _ in range(110)))
            return all(readers.contents for readers in raw) and all(one.values for one in greedy)

        wait_for("each of them reads", all_have_read)
        assert read_error(login, ways["assigned"], view) == KafkaError.GROUP_AUTHORIZATION_FAILED
        stream = Stream(town, view)
        decisions.decide("exited")
        wait_for("they are refused", lambda: all(each.all_refused(view) for each in raw))
        admin = AdminClient(town.admin_config, logger=librdkafka_log)
        wait_for("its password is gone", lambda: reader.principal not in scram.users(admin))
        wait_for("nobody is held", lambda: reader.principal not in held_users(town))
        for readers in raw:  # by connections that are still open
            readers.ask_for_what_was()
            assert readers.all_refused(view)
        stream.close()
        assert write_error(login, topics.commands_topic(reader.agency)) == AUTHENTICATION
    assert len(stream.sent) > 0
    read = [content for each in raw for content in each.contents]
    read += [value for one in greedy for value in one.values]
    assert [content[:60] for content in read if b"event-" in content] == []


def end_of(town: Town, topic: str) -> int:
    """Behind what an earlier end of rights left there: a fetch at an older place does not wait."""
    log = LogReader(town.admin_config)
    _, end = log.bounds(topic, 0)
    log.close()
    return end


def certificate(town: Town, reader: SystemName) -> ClientConfig:
    """A login by certificate, as the same principal."""
    issued = issue_certificate(town.settings, reader)
    return {
        "bootstrap.servers": f"127.0.0.1:{town.settings.kafka_mtls_port}",
        "security.protocol": "SSL", "ssl.ca.location": str(issued.authority),
        "ssl.certificate.location": str(issued.certificate),
        "ssl.key.location": str(issued.key),
    }  # fmt: skip
