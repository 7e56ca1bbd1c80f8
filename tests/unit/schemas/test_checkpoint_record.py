import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.errors import LedgerError, Malformed
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note
from sharebus.schemas.checkpoint_record import CheckpointRecord

SIGNER = NoteSigner.from_seed("audit.example/log", bytes(32))


def record(size: int, before: int = 0, topic_id: str = "t") -> CheckpointRecord:
    previous = root(before) if before else Checkpoint.parse(b"o\n0\n" + EMPTY + b"\n").root
    note = Note(Checkpoint(SIGNER.key.name, size, root(size)).body()).signed_by(SIGNER)
    return CheckpointRecord(note, size * 2, topic_id, before, previous)


EMPTY = b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def root(size: int) -> bytes:
    return bytes([size]) * 32


FORKED = record(7, 3)._replace(
    note=Note(Checkpoint(SIGNER.key.name, 3, bytes(32)).body()).signed_by(SIGNER)
)


def test_what_is_written_is_read() -> None:
    written = record(7, 3)
    assert CheckpointRecord.parse(written.note.encode(), written.headers()) == written


@pytest.mark.parametrize("name", ["next_offset", "topic_id", "previous_size", "previous_root"])
def test_a_record_without_a_header_is_none(name: str) -> None:
    written = record(7, 3)
    headers = [each for each in written.headers() if each[0] != name]
    with pytest.raises(Malformed, match="not a record of a checkpoint") as refused:
        CheckpointRecord.parse(written.note.encode(), headers)
    assert name in str(refused.value)


@given(
    value=st.none() | st.binary() | st.just(record(2, 1).note.encode()),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["next_offset", "topic_id", "previous_size", "previous_root", "x"]),
            st.none() | st.binary(max_size=50) | st.just(EMPTY) | st.just(b"1"),
        )
    ),
)
def test_any_bytes_are_read_or_refused(
    value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    try:
        found = CheckpointRecord.parse(value, headers)
    except LedgerError:
        return
    assert CheckpointRecord.parse(found.note.encode(), found.headers()) == found


def test_the_first_follows_nothing_and_each_other_the_one_before() -> None:
    assert record(3).follows(None)
    assert not record(7, 3).follows(None)
    assert record(7, 3).follows(record(3))


def test_the_same_checkpoint_with_more_signatures_follows() -> None:
    other = NoteSigner.from_seed("other.example", bytes(32))
    held = record(7, 3)
    assert held._replace(note=held.note.signed_by(other)).follows(held)
    assert not held._replace(note=held.note.signed_by(other), next_offset=15).follows(held)


@pytest.mark.parametrize(
    "stray",
    [
        record(7, 2),
        FORKED,
        record(2, 3),
        record(7, 3, "another"),
        record(7, 3)._replace(next_offset=6),
        record(7, 3)._replace(previous_root=bytes(32)),
    ],
    ids=[
        "gap",
        "another root of the same size",
        "smaller",
        "another topic",
        "no further offset",
        "another root before",
    ],
)
def test_what_does_not_link_does_not_follow(stray: CheckpointRecord) -> None:
    assert not stray.follows(record(3))
