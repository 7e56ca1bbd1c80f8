from base64 import b64decode

import pytest

from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.keys import NoteKey, NoteSigner
from sharebus.ledger.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Note,
    Signature,
    check_key_name,
    parse_signature_lines,
)

from . import samples

# The example of C2SP signed-note.
PUBLISHED_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
PUBLISHED_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

TEXT = b"a text\n"
LINE = samples.STRANGER.sign(TEXT).line()
KEY = samples.STRANGER.key


def spoilt(signature: Signature) -> Signature:
    return signature._replace(blob=bytes([signature.blob[0] ^ 1]) + signature.blob[1:])


def test_published_note_verifies() -> None:
    note = Note.parse(PUBLISHED_NOTE)
    assert note.text == b"This is an example message.\n"
    assert note.verify([NoteKey.from_vkey(PUBLISHED_VKEY)]) == note.signatures
    assert note.encode() == PUBLISHED_NOTE


def test_text_ends_at_the_last_empty_line() -> None:
    text = b"Ognuno sta solo\n\n\n\xe2\x80\x94 not a signature\n\n"
    data = Note(text).signed_by(samples.STRANGER).encode()
    assert Note.parse(data).text == text
    Note.parse(data).verify([KEY])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no empty line"),
        (TEXT + LINE, "no empty line"),
        (TEXT + b"\n", "has no signature"),
        (LINE, "no empty line"),
        (TEXT + b"\n" + LINE[:-1], "no newline"),
        (TEXT + b"\n" + LINE + b"\n", "has no signature"),  # the empty line is the last one
        (TEXT + b"\n" + LINE + b"more\n", "not a line of a signature"),
        (TEXT + b"\n-" + LINE[3:], "not a line of a signature"),
        (TEXT + b"\n" + LINE.replace(b" ", b"  ", 1), "not canonical base64"),
        (TEXT + "\n—  AAAAAAA=\n".encode(), "key name is not valid"),
        (TEXT + b"\n" + LINE.replace(b".example", b"+example"), "key name is not valid"),
        (TEXT + b"\n" + LINE.replace(b".example", "\u3000".encode()), "key name is not valid"),
        (TEXT + b"\n" + LINE.replace(b"=\n", b"\n"), "not canonical base64"),
        (TEXT + b"\n" + LINE.replace(b"=\n", b"==\n"), "not canonical base64"),
        (TEXT + b"\n" + LINE.replace(b" ", b" -", 2), "not canonical base64"),
        (TEXT + "\n— a AAAAAA==\n".encode(), "signature is empty"),
        (TEXT + "\n— a AAAAAAA=\n".encode() + LINE[:-1] + b" \n", "not canonical base64"),
        (b"a\ttext\n\n" + LINE, "control character"),
        (b"a text\r\n\r\n" + LINE, "control character"),
        (b"a text\x00\n\n" + LINE, "control character"),
        (b"a \x1b[2Jtext\n\n" + LINE, "control character"),
        (b"a \xfftext\n\n" + LINE, "not UTF-8"),
        (b"a" * NOTE_BYTES_MAX + b"\n\n" + LINE, "too large"),
    ],
)
def test_note_that_is_none_is_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Note.parse(data)


def test_second_spelling_of_a_signature_is_malformed() -> None:
    # Two bits of the last digit before the padding stand for nothing.
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = LINE[-3]
    second = LINE[:-3] + digits[digits.index(last) + 1 :][:1] + LINE[-2:]
    first_base64, second_base64 = (line.split(b" ")[2] for line in (LINE, second))
    assert b64decode(first_base64) == b64decode(second_base64)
    with pytest.raises(Malformed, match="not canonical base64"):
        Note.parse(TEXT + b"\n" + second)


def test_unknown_signatures_are_ignored() -> None:
    others = [NoteSigner.from_seed(f"other.example/{n}", bytes([n] * 32)) for n in range(1, 18)]
    note = Note(TEXT).signed_by(*others, samples.STRANGER)
    assert len(note.signatures) == 18
    [found] = Note.parse(note.encode()).verify([KEY])
    assert found == note.signatures[-1]


def test_unknown_signatures_need_not_be_right() -> None:
    good = samples.STRANGER.sign(TEXT)
    same_name = good._replace(key_id=b"\x00\x00\x00\x00")
    same_id = good._replace(name="other.example")
    note = Note(TEXT, (spoilt(same_name), spoilt(same_id), good))
    assert note.verify([KEY]) == (good,)
    for alone in (same_name, same_id):
        with pytest.raises(Untrusted, match="no known key"):
            Note(TEXT, (alone,)).verify([KEY])


def test_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    good = samples.STRANGER.sign(TEXT)
    for signatures in [(spoilt(good),), (good, spoilt(good)), (spoilt(good), good)]:
        with pytest.raises(Untrusted, match="signature of a known key is wrong"):
            Note(TEXT, signatures).verify([KEY])


def test_wrong_signature_of_a_second_known_key_spoils_the_note() -> None:
    wrong = spoilt(samples.LOG.sign(TEXT))
    note = Note(TEXT, (samples.STRANGER.sign(TEXT), wrong))
    assert len(note.verify([KEY])) == 1
    with pytest.raises(Untrusted, match="signature of a known key is wrong"):
        note.verify([KEY, samples.LOG.key])


@pytest.mark.parametrize("text", [b"a text!\n", b"a text\n\n", b"\na text\n", b"\n"])
def test_signature_of_another_text_is_refused(text: bytes) -> None:
    with pytest.raises(Untrusted):
        Note(text, (samples.STRANGER.sign(TEXT),)).verify([KEY])


def test_key_that_collides_in_name_and_id_is_refused() -> None:
    class Colliding:
        name = KEY.name
        key_id = KEY.key_id

        def verifies(self, text: bytes, blob: bytes) -> bool:
            return True

    with pytest.raises(Malformed, match="same name and id"):
        Note(TEXT).signed_by(samples.STRANGER).verify([KEY, Colliding()])
    same = NoteKey.from_vkey(KEY.vkey())
    assert len(Note(TEXT).signed_by(samples.STRANGER).verify([KEY, same])) == 1


def test_verify_without_keys_is_refused() -> None:
    with pytest.raises(Untrusted, match="no known key"):
        Note(TEXT).signed_by(samples.STRANGER).verify([])


def test_with_signatures_replaces_the_earlier_one_of_a_key() -> None:
    first = samples.WITNESS.cosign(samples.BODY, 1)
    second = samples.WITNESS.cosign(samples.BODY, 2)
    note = samples.SIGNED.with_signatures([first]).with_signatures([second])
    assert note.signatures == (*samples.SIGNED.signatures, second)


def test_signature_lines_of_a_witness_s_answer_are_read() -> None:
    lines = LINE + samples.LOG.sign(TEXT).line()
    read = parse_signature_lines(lines)
    assert b"".join(each.line() for each in read) == lines
    assert parse_signature_lines(b"") == ()
    with pytest.raises(Malformed, match="not a line of a signature"):
        parse_signature_lines(b"\n" + lines)


def test_signatures_beyond_the_limit_are_malformed() -> None:
    assert len(Note.parse(TEXT + b"\n" + LINE * SIGNATURES_MAX).signatures) == SIGNATURES_MAX
    with pytest.raises(Malformed, match="too many signatures"):
        Note.parse(TEXT + b"\n" + LINE * (SIGNATURES_MAX + 1))


@pytest.mark.parametrize("text", [b"", b"no newline", b"a\rb\n", b"\xff\n"])
def test_text_that_no_note_can_have_is_not_signed(text: bytes) -> None:
    with pytest.raises(Malformed):
        Note(text).signed_by(samples.STRANGER)
    with pytest.raises(Malformed):
        Note(text, (samples.STRANGER.sign(TEXT),)).encode()
    with pytest.raises(Malformed, match="no signature"):
        Note(TEXT).encode()


@pytest.mark.parametrize(
    "name", ["", "a b", "a\tb", "a+b", "a\nb", "a\u00a0b", "a\u2028b", "a\x1fb", "a\x00", "\udcff"]
)
def test_key_name_with_space_plus_or_control_character_is_malformed(name: str) -> None:
    with pytest.raises(Malformed, match="key name is not valid"):
        check_key_name(name)
