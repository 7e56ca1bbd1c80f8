"""The notary against faults and contradictions, in memory."""

import pytest

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.errors import Untrusted
from sharebus.ledger.note import Note
from sharebus.ledger.policy import Log, Policy, Witness
from sharebus.ledger.tiles import ENTRIES, Tile
from sharebus.schemas.checkpoint_record import CheckpointRecord
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.notary import Leaf

from .desk import POLICY, SIGNER, Crash, Desk

COUNT = 300
"""So that a bundle becomes full and another begins."""
PORTIONS = (1, 100, 154, 1, 1, 43)
WITNESS = Cosigner.from_seed("witness.example/w1", bytes(range(1, 33)))


def entries(count: int = COUNT) -> list[bytes]:
    return [b"entry %d" % number for number in range(count)]


def steps_in_all() -> int:
    desk = Desk(entries())
    desk.work(PORTIONS)
    return desk.weather.steps


def test_each_checkpoint_covers_the_leaves_before_it_and_links_to_the_one_before() -> None:
    desk = Desk(entries())
    desk.work(PORTIONS)
    desk.check()
    sizes = [each.size for each in desk.checkpoints()]
    assert sizes == [1, 101, 255, 256, 257, 300]
    assert [record.previous_size for record in desk.register.records] == [0, *sizes[:-1]]
    assert [record.next_offset for record in desk.register.records] == [2 * n - 1 for n in sizes]
    assert desk.files.public == desk.register.records[-1].note.encode()


@pytest.mark.parametrize("is_persisted", [False, True], ids=["not persisted", "persisted"])
@pytest.mark.parametrize("fatal", range(steps_in_all()))
def test_a_death_at_any_step_loses_and_forks_nothing(fatal: int, is_persisted: bool) -> None:
    desk = Desk(entries())
    desk.weather.fatal, desk.weather.is_persisted = fatal, is_persisted
    with pytest.raises(Crash):
        desk.work(PORTIONS)
    desk.work(PORTIONS)
    desk.check()
    assert desk.checkpoints()[-1].size == COUNT
    assert desk.files.public == desk.register.records[-1].note.encode()


def test_nothing_new_is_not_signed_again() -> None:
    desk = Desk(entries(3))
    desk.work([3, 1, 1])
    assert [each.size for each in desk.checkpoints()] == [3]


@pytest.mark.parametrize("size", [1, 255, 256, 257])
def test_lost_files_are_made_again_from_the_topic(size: int) -> None:
    desk = Desk(entries(size))
    desk.work([size])
    before = dict(desk.files.files)
    desk.files.files.clear()
    desk.work([1])
    assert desk.files.files == before


def test_records_that_were_changed_while_files_were_lost_are_not_signed() -> None:
    desk = Desk(entries(10))
    desk.work([10])
    desk.files.files.clear()
    desk.leaves[4] = Leaf(desk.leaves[4].offset, b"another")
    with pytest.raises(Contradiction, match="not those that were signed"):
        desk.notary()


def test_records_that_are_missing_while_files_were_lost_are_found() -> None:
    desk = Desk(entries(10))
    desk.work([10])
    desk.files.files.clear()
    del desk.leaves[4]
    desk.leaves.append(Leaf(20, b"a new one"))
    with pytest.raises(Contradiction, match="not those that were signed"):
        desk.notary()


def test_a_file_that_is_missing_inside_is_named() -> None:
    desk = Desk(entries(600))
    desk.work([300, 300])
    del desk.files.files[Tile(0, 1)]
    old = desk.checkpoints()[0]
    with pytest.raises(Contradiction, match="not complete") as stopped:
        desk.notary().require_same_history(old, "somewhere")
    assert "tile/0/001" in stopped.value.where


def test_a_directory_from_before_is_brought_up_to_date() -> None:
    desk = Desk(entries())
    desk.work([1, 100])
    before, public = dict(desk.files.files), desk.files.public
    desk.work(PORTIONS)
    desk.files.files, desk.files.public = before, public
    desk.work([1])
    desk.check()
    assert desk.files.public == desk.register.records[-1].note.encode()


def test_a_topic_of_checkpoints_from_before_stops_the_notary() -> None:
    desk = Desk(entries())
    desk.work(PORTIONS)
    del desk.register.records[-2:]
    with pytest.raises(Contradiction, match="larger than the last one"):
        desk.notary()


def test_a_public_checkpoint_of_another_history_stops_the_notary() -> None:
    desk = Desk(entries(5))
    desk.work([5])
    other = Checkpoint(SIGNER.key.name, 4, bytes(32))
    desk.files.public = Note(other.body()).signed_by(SIGNER).encode()
    with pytest.raises(Contradiction, match="two histories"):
        desk.notary()


def test_a_public_checkpoint_that_the_log_did_not_sign_stops_the_notary() -> None:
    desk = Desk(entries(5))
    desk.work([5])
    note = Note(Checkpoint("stranger.example", 4, bytes(32)).body())
    desk.files.public = note.signed_by(SIGNER).encode()
    with pytest.raises(Contradiction, match="did not sign"):
        desk.notary()


def test_a_topic_that_was_made_anew_stops_the_notary() -> None:
    desk = Desk(entries(5))
    desk.work([5])
    desk.topic_id = "topic-2"
    with pytest.raises(Contradiction, match="not the one whose records were signed"):
        desk.notary()


def test_a_signed_checkpoint_that_does_not_follow_must_be_of_the_same_history() -> None:
    desk = Desk(entries(5))
    desk.work([2, 3])
    first = desk.register.records[0]
    desk.register.records.append(first)  # put there again: it proves nothing
    assert desk.notary().signed_size == 5
    forked = Note(Checkpoint(SIGNER.key.name, 3, bytes(32)).body()).signed_by(SIGNER)
    desk.register.records.append(CheckpointRecord(forked, 9, "topic-1"))
    with pytest.raises(Contradiction, match="two histories"):
        desk.notary()


def test_a_file_that_was_edited_is_not_signed_over() -> None:
    desk = Desk(entries(4))
    desk.work([4])
    edge = Tile(0, 0, 4)
    desk.files.files[edge] = bytes(32) + desk.files.files[edge][32:]
    desk.leaves.append(Leaf(8, b"more"))
    with pytest.raises(AssertionError, match="changes"):  # what the disk would say
        desk.work([1])
    assert [each.size for each in desk.checkpoints()] == [4]


def test_a_paused_notary_does_not_put_an_older_checkpoint_back() -> None:
    desk = Desk(entries(8))
    paused = desk.notary()
    paused.take(desk.ahead(paused, 4))
    paused.seal()
    desk.work([4])
    public = desk.files.public
    paused.publish()
    assert desk.files.public == public
    desk.check()


def witnessed(threshold: str) -> Policy:
    policy = Policy(logs=[Log(SIGNER.key, b"")])
    policy.witnesses[b"w1"] = Witness(WITNESS.key, b"")
    policy.quorum = b"w1" if threshold == "one" else None
    return policy


def test_a_checkpoint_is_public_only_with_a_quorum() -> None:
    desk = Desk(entries(4), witnessed("one"))
    notary = desk.notary()
    notary.take(desk.ahead(notary, 4))
    notary.seal()
    notary.publish()
    assert desk.files.public is None
    with pytest.raises(Untrusted, match="too few witnesses"):
        notary.cosign([], 2_000)
    assert desk.files.public is None
    assert notary.held is not None
    notary.cosign([WITNESS.cosign(notary.held.note.text, 1_000)], 2_000)
    assert len(desk.register.records) == 2
    assert desk.files.public == desk.register.records[-1].note.encode()
    desk.check()
    assert desk.notary().held == notary.held


def test_without_a_policy_file_the_key_alone_counts() -> None:
    desk = Desk(entries(1), POLICY)
    desk.work([1])
    assert desk.files.public is not None
    assert Tile(ENTRIES, 0, 1) in desk.files.files
