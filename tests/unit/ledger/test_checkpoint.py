from base64 import b64encode

import pytest

from sharebus.ledger.checkpoint import Checkpoint, open_checkpoint
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note

from . import samples

ROOT64 = b64encode(samples.ROOT)
CHECKPOINT = Checkpoint(samples.ORIGIN, 15, samples.ROOT)


def test_published_checkpoint_is_written_and_read() -> None:
    body = b"example.com/log/testdata\n15\n" + ROOT64 + b"\n"
    assert CHECKPOINT.body() == body
    assert Checkpoint.parse(body) == CHECKPOINT


def test_extension_lines_are_kept() -> None:
    extended = CHECKPOINT._replace(extensions=("one", "二"))
    assert extended.body() == CHECKPOINT.body() + "one\n二\n".encode()
    assert Checkpoint.parse(extended.body()) == extended


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not a checkpoint"),
        (b"o\n15\n", "not a checkpoint"),
        (b"o\n15\n" + ROOT64, "not a checkpoint"),
        (b"\n15\n" + ROOT64 + b"\n", "not a checkpoint"),
        (b"o\n15\n" + ROOT64 + b"\n\n", "not a checkpoint"),
        (b"o\n15\n" + ROOT64 + b"\n\nx\n", "not a checkpoint"),
        (b"o\n015\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n00\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n+15\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n-15\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n 15\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n1_5\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n0x0f\n" + ROOT64 + b"\n", "tree size"),
        ("o\n１５\n".encode() + ROOT64 + b"\n", "tree size"),
        (b"o\n9223372036854775808\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n" + b"9" * 5000 + b"\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n15\r\n" + ROOT64 + b"\n", "tree size"),
        (b"o\n15\n" + ROOT64[:-1] + b"\n", "canonical base64"),
        (b"o\n15\n" + ROOT64[:-2] + b"t=\n", "canonical base64"),
        (b"o\n15\n" + ROOT64.replace(b"/", b"_") + b"\n", "canonical base64"),
        (b"o\n15\n " + ROOT64 + b"\n", "canonical base64"),
        (b"o\n15\n" + b64encode(samples.ROOT[:31]) + b"\n", "wrong length"),
        (b"o\n15\n" + b64encode(samples.ROOT + b"\x00") + b"\n", "wrong length"),
        (b"\xff\n15\n" + ROOT64 + b"\n", "not UTF-8"),
        (b"o\n15\n" + ROOT64 + b"\n\xff\n", "not UTF-8"),
    ],
)
def test_checkpoint_that_is_none_is_malformed(body: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Checkpoint.parse(body)


def test_largest_size_is_read() -> None:
    largest = CHECKPOINT._replace(size=2**63 - 1)
    assert Checkpoint.parse(largest.body()) == largest


@pytest.mark.parametrize(
    "change",
    [
        {"origin": ""},
        {"origin": "a\nb"},
        {"origin": "\udcff"},
        {"size": -1},
        {"size": 2**63},
        {"root": b""},
        {"root": bytes(31)},
        {"extensions": ("",)},
        {"extensions": ("a\nb",)},
    ],
)
def test_checkpoint_that_cannot_be_read_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        CHECKPOINT._replace(**change).body()  # type: ignore[arg-type]


def test_checkpoint_of_a_pinned_log_is_opened() -> None:
    assert open_checkpoint(samples.SIGNED, samples.ORIGIN, [samples.LOG.key]) == CHECKPOINT
    assert open_checkpoint(samples.COSIGNED, samples.ORIGIN, [samples.LOG.key]) == CHECKPOINT


def test_checkpoint_signed_by_old_and_new_key_is_opened_with_either() -> None:
    new = NoteSigner.from_seed(samples.ORIGIN, bytes(range(32)))
    note = Note(samples.BODY).signed_by(samples.LOG, new)
    for keys in ([samples.LOG.key], [new.key], [samples.LOG.key, new.key]):
        assert open_checkpoint(note, samples.ORIGIN, keys) == CHECKPOINT


def test_checkpoint_of_another_log_is_refused() -> None:
    body = CHECKPOINT._replace(origin="example.com/other").body()
    with pytest.raises(Untrusted, match="of another log"):
        open_checkpoint(Note(body).signed_by(samples.LOG), samples.ORIGIN, [samples.LOG.key])


def test_checkpoint_that_only_strangers_signed_is_refused() -> None:
    with pytest.raises(Untrusted, match="no known key"):
        open_checkpoint(
            Note(samples.BODY).signed_by(samples.STRANGER), samples.ORIGIN, [samples.LOG.key]
        )


@pytest.mark.parametrize("change", [{"size": 16}, {"root": bytes(32)}, {"extensions": ("x",)}])
def test_edited_checkpoint_is_refused(change: dict[str, object]) -> None:
    edited = CHECKPOINT._replace(**change)  # type: ignore[arg-type]
    note = Note(edited.body(), samples.SIGNED.signatures)
    with pytest.raises(Untrusted, match="signature of a known key is wrong"):
        open_checkpoint(note, samples.ORIGIN, [samples.LOG.key])


def test_signed_text_that_is_no_checkpoint_is_malformed() -> None:
    with pytest.raises(Malformed, match="not a checkpoint"):
        open_checkpoint(Note(b"hello\n").signed_by(samples.LOG), samples.ORIGIN, [samples.LOG.key])
