"""What an administrator of the broker can do to the audit, and that it is seen and named.

The attacks that need no broker are in tests/unit/consumers/oversight.
"""

from typing import Any

import pytest
from confluent_kafka import TopicPartition

from sharebus.consumers.oversight.alarm import (
    Altered,
    Foreign,
    Recreated,
    Removed,
    Reordered,
    Truncated,
)
from sharebus.schemas.topic import AUDIT

from .segment import StoredRecord

pytestmark = pytest.mark.integration


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
