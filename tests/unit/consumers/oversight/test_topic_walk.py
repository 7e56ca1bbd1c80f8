"""Every way to tamper with the topic is named for what it is; an honest topic raises no alarm."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from sharebus.consumers.oversight.alarm import (
    ALARMS,
    Altered,
    AuditAlarm,
    Duplicated,
    Foreign,
    Forked,
    Frozen,
    Inserted,
    Recreated,
    Removed,
    Reordered,
    Truncated,
)
from sharebus.consumers.oversight.verified_log import VerifiedLog
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.policy import Policy

from .audit_log import POLICY, SIGNER, Audit, Record, records_of

Tamper = Callable[[list[Record]], object]


def flip(records: list[Record], at: int) -> None:
    record = records[at]
    assert record.value_ is not None
    value = bytearray(record.value_)
    value[-1] ^= 1
    records[at] = dataclasses.replace(record, value_=bytes(value))


def swap(records: list[Record], one: int, other: int) -> None:
    first, second = records[one], records[other]
    records[one] = dataclasses.replace(second, offset_=first.offset_)
    records[other] = dataclasses.replace(first, offset_=second.offset_)


@pytest.mark.parametrize("sizes", [(), (1,), (7,), (1, 2, 3, 300, 600)])
def test_an_honest_topic_is_verified_at_once_and_step_by_step(sizes: tuple[int, ...]) -> None:
    audit = Audit.of(600, *sizes)
    whole = None
    if sizes:
        whole = audit.verify()
        assert (whole.log.checkpoint.size, whole.unsigned) == (sizes[-1], 600 - sizes[-1])
    held: VerifiedLog | None = None
    signed = audit.signed
    for number in range(1, len(signed) + 1):
        audit.signed = signed[:number]
        held = audit.verify(held).log
        assert held.checkpoint == signed[number - 1].checkpoint
        assert audit.verify(held, is_full=True).log == held
    assert held == (whole.log if whole else None)


def test_a_checkpoint_that_comes_again_with_cosignatures_is_no_fork() -> None:
    audit = Audit.of(20, 10)
    first = audit.signed[0]
    audit.sign(20)
    audit.signed += [first._replace(offset=4), audit.signed[-1]._replace(offset=6)]
    assert audit.verify().log.checkpoint.size == 20


TAMPERED: list[tuple[str, type[AuditAlarm], int, Tamper]] = [
    ("value", Altered, 50, lambda rs: flip(rs, 50)),
    ("first value", Altered, 40, lambda rs: flip(rs, 40)),
    ("last value", Altered, 99, lambda rs: flip(rs, 99)),
    (
        "key", Altered, 50,
        lambda rs: rs.__setitem__(50, dataclasses.replace(rs[50], key_=b"gate-9")),
    ),
    ("removed", Removed, 50, lambda rs: rs.pop(50)),
    ("several removed", Removed, 50, lambda rs: rs.__delitem__(slice(50, 55))),
    ("last signed removed", Removed, 99, lambda rs: rs.pop(99)),
    ("swapped", Reordered, 50, lambda rs: swap(rs, 50, 51)),
    ("swapped far", Reordered, 45, lambda rs: swap(rs, 45, 90)),
    ("doubled", Duplicated, 51, lambda rs: rs.insert(51, rs[50])),
    ("inserted", Inserted, 50, lambda rs: rs.insert(50, records_of(3, "other")[2])),
    ("inserted at the end", Inserted, 99, lambda rs: rs.insert(99, records_of(3, "other")[2])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "leaf", "tamper"), [pytest.param(*rest, id=name) for name, *rest in TAMPERED]
)
def test_the_files_name_the_record(
    tmp_path: Path, kind: type[AuditAlarm], leaf: int, tamper: Tamper
) -> None:
    audit = Audit.of(120, 40, 100)
    files = audit.write_files(tmp_path, 110)
    tamper(audit.records)
    with pytest.raises(kind) as alarm:
        audit.verify(files=files)
    assert alarm.value.place.leaf == leaf
    assert alarm.value.since == audit.signed[0].since
    with pytest.raises(AuditAlarm):  # without files something is wrong too, if less precisely
        audit.verify()


def test_without_files_the_chains_name_what_they_can() -> None:
    audit = Audit.of(120, 40, 100)
    offset = audit.records[50].offset_
    flip(audit.records, 50)
    with pytest.raises(Altered) as altered:
        audit.verify()
    assert altered.value.place == (50, offset, "", "audit")
    audit = Audit.of(120, 40, 100)
    audit.records.pop(50)
    with pytest.raises(Removed):
        audit.verify()


def test_what_was_never_signed_is_seen_by_the_chains() -> None:
    for tamper, kind in (
        (lambda rs: rs.pop(60), Removed),
        (lambda rs: rs.insert(60, rs[50]), Duplicated),
        (lambda rs: flip(rs, 60), Altered),
        (lambda rs: rs.append(Record(rs[-1].offset_ + 1, b"x", b"rubbish")), Foreign),
        (lambda rs: rs.append(Record(rs[-1].offset_ + 1, b"x", rs[-1].value_)), Foreign),
        (lambda rs: rs.append(Record(rs[-1].offset_ + 1, b"x", None)), Foreign),
        (lambda rs: rs.append(Record(rs[-1].offset_ + 1, b"x", b"", (("a", None),))), Foreign),
    ):
        audit = Audit.of(70, 40)
        tamper(audit.records)
        with pytest.raises(kind):
            audit.verify()
        if len(audit.records) > 70:  # and when the notary has signed it, which it must not
            audit.records = [r for r in audit.records if r.value_ is not None and not r.headers_]


def test_the_ends_of_the_topic() -> None:
    audit = Audit.of(120, 40, 100)
    audit.low = 3
    with pytest.raises(Truncated) as head:
        audit.verify()
    assert head.value.place.leaf == 0
    audit = Audit.of(120, 40, 100)
    del audit.records[90:]
    with pytest.raises(Truncated) as tail:
        audit.verify()
    assert tail.value.place.leaf == 90
    audit = Audit.of(120, 40, 100)
    held = audit.verify().log
    del audit.records[80:], audit.signed[1:]
    for is_full in (False, True):
        with pytest.raises(Truncated):
            audit.verify(held, is_full=is_full)


def test_behind_the_last_checkpoint_a_cut_is_not_seen_and_not_invented() -> None:
    audit = Audit.of(120, 40, 100)
    del audit.records[105:]
    assert audit.verify().unsigned == 5


def test_another_topic_is_not_this_one() -> None:
    audit = Audit.of(20, 10)
    audit.topic_id = "another"
    with pytest.raises(Recreated):
        audit.verify()
    audit = Audit.of(20, 10)
    del audit.records[0]
    with pytest.raises(Recreated):
        audit.verify()


def test_a_history_that_was_rewritten_with_the_key_is_a_fork() -> None:
    honest, forged = Audit.of(60, 20, 50), Audit.of(60, 20, 50, version="forged")
    held = honest.verify().log
    forged.records[0] = honest.records[0]
    with pytest.raises(Forked):
        forged.verify(held, is_full=True)
    forged.signed.append(honest.signed[0]._replace(offset=4))
    with pytest.raises(Forked):
        forged.verify()


def test_a_checkpoint_behind_a_larger_one_is_a_fork() -> None:
    audit, forged = Audit.of(60, 20, 50), Audit.of(60, version="forged")
    audit.signed.append(forged.sign(30)._replace(offset=9))
    with pytest.raises(Forked):
        audit.verify()


def test_an_older_checkpoint_is_a_frozen_view() -> None:
    audit = Audit.of(60, 20, 50)
    held = audit.verify().log
    del audit.signed[1:]
    with pytest.raises(Frozen):
        audit.verify(held, is_full=True)


@pytest.mark.parametrize("sizes", [(), (20,)])
def test_records_that_wait_too_long_for_a_signature_are_a_frozen_log(
    sizes: tuple[int, ...],
) -> None:
    audit = Audit.of(21, *sizes)
    audit.records[20:] = [dataclasses.replace(audit.records[20], time_ms=0)]
    if not sizes:
        audit.records[0] = dataclasses.replace(audit.records[0], time_ms=0)
    with pytest.raises(Frozen):
        audit.verify()


def test_a_checkpoint_that_stays_without_its_quorum_is_a_frozen_log() -> None:
    witness = Cosigner.from_seed("w1.test", bytes(32))
    policy = Policy.parse(
        f"log {SIGNER.key.vkey()}\nwitness w {witness.key.vkey()}\nquorum w\n".encode()
    )
    audit = Audit.of(20, 10, 20)
    assert audit.verify(policy=policy).log.checkpoint.size == 20  # it is young
    audit.signed = [each._replace(seen_ms=0) for each in audit.signed]
    late = audit.signed[-1]
    with pytest.raises(Frozen):
        audit.verify(policy=policy)
    note = late.record.note.with_signatures([witness.cosign(late.record.note.text, 1)])
    audit.signed.append(late._replace(record=late.record._replace(note=note), offset=6))
    assert audit.verify(policy=policy).log.note == note


def test_each_kind_has_an_exit_code_of_its_own() -> None:
    codes = [alarm.exit_code for alarm in ALARMS]
    assert codes == list(range(21, 31))
    assert POLICY.quorum is None
