"""What an administrator of the broker can do to the audit, and that it is seen and named.

The attacks that need no broker are in tests/unit/consumers/oversight.
"""

from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import ResourceType

from sharebus.consumers.oversight.alarm import (
    Altered,
    AuditAlarm,
    Foreign,
    Forked,
    Recreated,
    Removed,
    Reordered,
    Truncated,
)
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.consumers.witness.store import WitnessStore
from sharebus.consumers.witness.witness import OtherSize, Witness
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.checkpoint import open_checkpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.errors import Unproven
from sharebus.ledger.witness_request import AddCheckpoint
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.enforcer.desired import DesiredBroker, platform_state
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic, difference

from ...unit.consumers.oversight.audit_log import ORIGIN, SIGNER
from ..app_process import wait_until
from .segment import StoredRecord

pytestmark = pytest.mark.integration
COSIGNER = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))


def flipped(records: list[StoredRecord]) -> list[StoredRecord]:
    first, *rest = records
    content = bytearray(first.content)
    content[len(content) // 2] ^= 1
    return [first._replace(content=bytes(content)), *rest]


def swapped(records: list[StoredRecord]) -> list[StoredRecord]:
    first, second, *rest = records
    contents = second.content, first.content
    return [
        first._replace(content=contents[0]), second._replace(content=contents[1]), *rest,
    ]  # fmt: skip


def test_honest_writers_raise_no_alarm_whatever_they_abort(audit: Any) -> None:
    held = audit.sign()
    audit.write("gate-0", 3)
    audit.write("gate-1", 2, commit=False)
    audit.write("gate-1", 2)
    assert audit.verify(held).unsigned == 5
    held = audit.sign()
    assert held.checkpoint.size == 6
    audit.write("gate-0", 300)
    found = audit.verify(held)
    assert (found.records, found.unsigned) == (300, 300)
    audit.sign()
    assert audit.verify(held, is_full=True).log.checkpoint.size == 306


def test_what_is_edited_in_the_segment_file_is_named(audit: Any) -> None:
    audit.write("gate-0", 3)  # offsets 2, 3, 4, leaves 1, 2, 3, behind the genesis' commit marker
    good = audit.sign()
    audit.write("gate-1", 4)  # offsets 6 to 9, leaves 4 to 7
    audit.sign()
    segment = audit.segment()
    for edit, kind in ((flipped, Altered), (swapped, Reordered)):
        segment.edit(6, edit)
        for held in (None, good):
            with pytest.raises(kind) as alarm:
                audit.verify(held)
            assert (alarm.value.place.leaf, alarm.value.place.offset) == (4, 6)
            assert alarm.value.since.checkpoint == good.checkpoint
        segment.restore()
    audit.verify()


def test_batch_that_nobody_can_unpack_is_named(audit: Any) -> None:
    audit.write("gate-0", 3)
    good = audit.sign()
    audit.write("gate-1", 4)  # offsets 6 to 9, leaves 4 to 7
    audit.sign()
    segment = audit.segment()
    segment.garble(6)
    for held in (None, good):
        with pytest.raises(Altered) as alarm:
            audit.verify(held)
        assert (alarm.value.place.offset, alarm.value.place.leaf) == (6, 4)
    segment.restore()
    audit.verify()


def test_what_is_cut_out_of_the_segment_file_is_named(audit: Any) -> None:
    audit.write("gate-0", 3)
    audit.sign()
    audit.write("gate-1", 4)
    held = audit.sign()
    audit.write("gate-1", 2)
    segment = audit.segment()

    def damage(how: Any, *arguments: Any) -> None:
        audit.restart(lambda: (segment.restore(), how(*arguments)))

    damage(segment.edit, 7, lambda records: [records[0], *records[2:]])
    with pytest.raises(Removed) as removed:
        audit.verify()
    assert (removed.value.place.leaf, removed.value.place.offset) == (5, 8)
    damage(segment.cut, 6)
    for known in (None, held):
        with pytest.raises(Truncated) as cut:
            audit.verify(known)
    assert cut.value.place.leaf == 8
    # What nobody had signed yet is missed when its writer, who numbers its records, goes on.
    damage(segment.cut, 11)
    assert audit.verify().unsigned == 0
    audit.write("gate-1", 1)
    with pytest.raises(Removed):
        audit.verify(held)


def test_deleted_records_are_missed(audit: Any) -> None:
    audit.write("gate-0", 3)
    held = audit.sign()
    place = TopicPartition(AUDIT, 0, 3)
    audit.admin.delete_records([place])[place].result(30)
    for known in (None, held):
        with pytest.raises(Truncated) as alarm:
            audit.verify(known)
        assert alarm.value.place.leaf == 0


def test_a_topic_that_was_made_anew_is_another_though_its_records_are_the_same(audit: Any) -> None:
    held = audit.sign()
    signed = audit._signed
    records = audit.segment().original
    audit.create_topics()
    place = audit.segment().path
    audit.restart(lambda: place.write_bytes(records))
    audit.publish(signed)
    for known in (None, held):
        with pytest.raises(Recreated):
            audit.verify(known)


def test_a_rogue_writer_is_told_apart(audit: Any) -> None:
    held = audit.sign()
    rogue = audit.producer("rogue")
    rogue.begin_transaction()
    rogue.produce(AUDIT, b"\x00\x00\x00\x00\x01rogue", b"gate-0", partition=0)
    rogue.commit_transaction(30)
    with pytest.raises(Foreign) as alarm:
        audit.verify(held)
    assert alarm.value.place.leaf == 1


def test_an_older_copy_and_a_second_history_are_known_by_whoever_saw_the_first(
    audit: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rollback, split view, and a history that is rewritten with the notary's own key."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    witness = Witness(COSIGNER, [SIGNER.key], WitnessStore(elsewhere / "witness"))

    def cosign(old_size: int, log: VerifiedLog) -> None:
        witness.add_checkpoint(AddCheckpoint(old_size, (), log.note).encode())

    audit.write("gate-0", 3)
    older = audit.sign()
    copy = audit.copy(elsewhere)
    audit.write("gate-1", 4)
    held = audit.sign()
    cosign(0, held)
    audit.put_back(copy)
    # By itself it is a good log, for one who never saw more of it; nobody else takes it.
    assert audit.verify(older).log.checkpoint == older.checkpoint
    with pytest.raises(Truncated) as cut:
        audit.verify(held)
    assert "audit.checkpoints" in str(cut.value)
    with pytest.raises(OtherSize):
        cosign(0, older)
    # Then it grows as long as it was, in another way; each view alone is a good log again.
    audit.write("gate-1", 4)
    other = audit.sign()
    assert other.checkpoint.size == held.checkpoint.size
    with pytest.raises(Forked) as fork:
        audit.verify(held, is_full=True)
    assert fork.value.place.leaf == held.checkpoint.size - 1
    with pytest.raises(Unproven):
        cosign(held.checkpoint.size, other)
    # Who goes on behind what it holds sees it with the next checkpoint, and not before.
    audit.verify(held)
    audit.write("gate-0", 1)
    audit.sign()
    with pytest.raises(AuditAlarm):
        audit.verify(held)
    # Two notes of one size that one key signed: the proof of the fraud, which needs no broker.
    roots = {open_checkpoint(log.note, ORIGIN, [SIGNER.key]).root for log in (held, other)}
    assert len(roots) == 2


def test_what_compaction_takes_is_missed_and_the_setting_is_raised(audit: Any) -> None:
    audit.write("gate-0", 3)
    audit.write("gate-1", 2)
    held = audit.sign()
    # What a broker's administrator can do, so that it works at once and not within days.
    now = {"min.cleanable.dirty.ratio": "0", "segment.ms": "1", "delete.retention.ms": "0"}
    audit.alter(ResourceType.BROKER, "1", {"log.cleaner.backoff.ms": "100"})
    audit.alter(ResourceType.TOPIC, AUDIT, {"cleanup.policy": "compact", **now})

    def is_gone() -> bool:
        audit.write("gate-1", 1)  # into a new segment once the setting has come to the broker
        log = LogReader(audit.config)
        found: list[bytes] = []
        log.read(AUDIT, 0, 0, lambda message: found.append(message.key() or b""))
        log.close()
        return found.count(b"gate-0") < 3

    wait_until(is_gone, "older records of a writer are gone")
    for known in (None, held):
        with pytest.raises(Removed) as alarm:
            audit.verify(known, is_full=True)
        assert alarm.value.place.leaf == 1
    # Before anything is gone the enforcer says that it will be, and leaves it to a person.
    config = audit.settings_of(AUDIT)
    wanted = next(topic for topic in platform_state().topics if topic.name == AUDIT)
    live = LiveState({AUDIT: LiveTopic(1, config)}, frozenset(), {})
    desired = DesiredBroker((wanted,))
    [conflict] = difference(desired, live).within(0).conflicts
    assert "cleanup.policy=delete" in conflict.expected
    assert "somebody changed how the audit is kept" in conflict.problem


def test_a_hanging_transaction_is_waited_for_and_is_no_alarm_once_it_was_aborted(
    audit: Any,
) -> None:
    held = audit.sign()
    hanging = audit.producer("hanging", timeout_ms=2_000)
    hanging.begin_transaction()
    hanging.produce(AUDIT, b"never committed", b"hanging", partition=0)
    hanging.flush(30)
    audit.write("gate-0", 3)
    found = audit.verify(held)
    assert (found.records, found.unsigned) == (3, 3)
    assert audit.sign().checkpoint.size == 4
