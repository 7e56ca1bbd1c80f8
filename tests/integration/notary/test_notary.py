"""The notary as a process on a real broker: killed, paused, doubled, and lied to."""

import random
import shutil
import threading
import time
from collections.abc import Iterator

import pytest

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.tiles import CHECKPOINT_PATH
from sharebus.schemas.topic import AUDIT, AUDIT_CHECKPOINTS
from sharebus.stream_apps.stopped import EXIT_NEEDS_PERSON, EXIT_RESTART

from ..app_process import AppProcess, wait_until
from ..conftest import BrokerUnderTest
from .archive import Archive

pytestmark = pytest.mark.integration
KILLS = 5


@pytest.fixture
def busy(archive: Archive) -> Iterator[Archive]:
    """Records are written all the time, every third transaction is aborted."""
    end = threading.Event()
    writer = archive.audit_writer("gate-0")

    def write() -> None:
        number = 0
        while not end.wait(0.02):
            number += 1
            if number % 3:
                writer.write(writer.decisions(number % 40))
            else:
                head = writer._head
                writer.begin()
                writer.add(writer.decisions(number % 7))
                writer.abort()
                writer._head = head

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield archive
    end.set()
    thread.join()


def refusal(notary: AppProcess) -> str:
    """Why it does not run."""
    notary.start(is_ready=False)
    assert notary.wait() == EXIT_NEEDS_PERSON
    return notary.last_words()


def test_killed_again_and_again_it_signs_one_log(busy: Archive) -> None:
    rng = random.Random(20_261_125)
    busy.notary.start()
    for _ in range(KILLS):
        before = busy.public()
        wait_until(lambda: busy.public() != before, "something new is signed")  # noqa: B023
        deadline = time.monotonic() + rng.random()
        wait_until(lambda: time.monotonic() > deadline, "the next kill is due")  # noqa: B023
        busy.notary.kill()
        busy.notary.start()
    signed = busy.wait_until_signed()
    busy.notary.stop()
    assert signed.size > KILLS
    busy.check()


def test_a_paused_notary_is_fenced_by_the_next(busy: Archive) -> None:
    busy.notary.start()
    busy.wait_until_signed()
    busy.notary.pause()
    other = busy.another_notary()
    other.start()
    paused_at = busy.public()
    wait_until(lambda: busy.public() != paused_at, "the other notary signs")
    busy.notary.go_on()
    assert busy.notary.wait() == EXIT_RESTART
    seen = busy.public()
    wait_until(lambda: busy.public() != seen, "the other notary goes on")
    assert other.stop() == 0
    busy.check()


def test_without_new_records_nothing_is_signed_and_aborted_ones_are_none(archive: Archive) -> None:
    archive.notary.start()
    archive.wait_until_signed()
    archive.writer.begin()
    archive.writer.add(archive.writer.decisions(5))
    archive.writer.abort()
    other = archive.audit_writer("gate-1")
    other.write(other.decisions(1))
    signed = archive.wait_until_signed()
    archive.notary.stop()
    assert signed.size == 2
    assert [record.checkpoint.size for record in archive.records()] == [1, 2]
    archive.check()


def test_a_broker_that_dies_and_comes_back_raises_no_alarm(
    archive: Archive, notary_broker: BrokerUnderTest
) -> None:
    archive.notary.start()
    archive.wait_until_signed()
    assert notary_broker.kafka is not None
    notary_broker.kafka.kill()
    notary_broker.kafka.start()
    writer = archive.audit_writer("gate-0")
    writer.write(writer.decisions(3))
    assert archive.wait_until_signed().size == 4
    archive.notary.stop()
    archive.check()


@pytest.fixture
def signed(archive: Archive) -> tuple[Archive, Checkpoint]:
    """A log of 400 leaves and more, whose notary has ended."""
    archive.writer.write(archive.writer.decisions(400))
    archive.notary.start()
    checkpoint = archive.wait_until_signed()
    archive.notary.stop()
    return archive, checkpoint


def test_lost_files_are_made_again(signed: tuple[Archive, Checkpoint]) -> None:
    archive, checkpoint = signed
    shutil.rmtree(archive.files.path)
    archive.notary.start()
    assert archive.public() == checkpoint
    archive.notary.stop()
    archive.check()


def test_deleted_records_stop_it(signed: tuple[Archive, Checkpoint]) -> None:
    archive, _ = signed
    archive.truncate(1)
    words = refusal(archive.notary)
    assert "the beginning of the topic was deleted" in words
    assert "nothing below offset 1" in words


def test_deleted_records_stop_it_while_it_runs(archive: Archive) -> None:
    archive.notary.start()
    archive.wait_until_signed()
    archive.truncate(1)
    archive.writer.write(archive.writer.decisions(1))
    assert archive.notary.wait() == EXIT_NEEDS_PERSON
    assert "the beginning of the topic was deleted" in archive.notary.last_words()


def test_an_end_that_was_cut_off_stops_it_and_is_not_hidden_by_new_records(
    signed: tuple[Archive, Checkpoint],
) -> None:
    archive, _ = signed
    archive.cut_end(2)
    assert "the end of the topic was cut off" in refusal(archive.notary)
    writer = archive.audit_writer("gate-0")
    writer.write(writer.decisions(450))
    words = refusal(archive.notary)
    assert "the last record that was signed is not in the topic any more" in words
    assert "leaf 400" in words


def test_a_topic_made_anew_stops_it(signed: tuple[Archive, Checkpoint]) -> None:
    archive, _ = signed
    checkpoints = archive.records()
    archive.make_topics()
    words = refusal(archive.notary)
    assert "larger than the last one of audit.checkpoints" in words
    # With the checkpoints put back as well, the topic is still another one.
    producer = archive._producers[-1]
    producer.begin_transaction()
    for record in checkpoints:
        value = record.note.encode()
        producer.produce(AUDIT_CHECKPOINTS, value, b"k", 0, headers=record.headers())
    producer.commit_transaction(30)
    words = refusal(archive.notary)
    assert "not the one whose records were signed" in words
    assert f"topic id {checkpoints[-1].topic_id}" in words


def test_a_forged_directory_stops_it(signed: tuple[Archive, Checkpoint]) -> None:
    archive, checkpoint = signed
    path = archive.files.path / CHECKPOINT_PATH
    path.write_bytes(path.read_bytes().replace(b"\n401\n", b"\n400\n"))
    assert "did not sign" in refusal(archive.notary)
    assert checkpoint.size == 401


def test_a_record_that_no_app_writes_stops_it(archive: Archive) -> None:
    archive.notary.start()
    archive.wait_until_signed()
    producer = archive._producers[-1]
    producer.begin_transaction()
    producer.produce(AUDIT, None, b"nobody", 0)
    producer.commit_transaction(30)
    assert archive.notary.wait() == EXIT_NEEDS_PERSON
    assert "no value" in archive.notary.last_words()
