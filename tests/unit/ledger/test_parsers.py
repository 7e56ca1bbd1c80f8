"""Every parser, given anything: it reads what it would write, or raises an error of this room."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.ledger.bundle import decode_bundle, encode_bundle
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.compact import CompactRange
from sharebus.ledger.cosignature import CosignatureKey
from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import LedgerError
from sharebus.ledger.keys import NoteKey, parse_signer_key, signer_key
from sharebus.ledger.note import Note, parse_signature_lines
from sharebus.ledger.policy import Policy
from sharebus.ledger.proof_file import ProofFile
from sharebus.ledger.tiles import ENTRIES, Tile
from sharebus.ledger.witness_request import AddCheckpoint

from . import samples

MESSAGE_CHARACTERS_MAX = 1_000
BUNDLE = Tile(ENTRIES, 3, 3)
TILE = Tile(0, 3, 2)


class Parser(NamedTuple):
    """``rewrite`` parses and encodes; ``sample`` is what it takes."""

    rewrite: Callable[[bytes], bytes]
    sample: bytes


def of_text(rewrite: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """A parser of text, given one character for each byte."""
    return lambda data: rewrite(data.decode("latin-1")).encode("latin-1")


def reparsed_policy(data: bytes) -> bytes:
    Policy.parse(data)  # a policy is written by people only
    return data


PARSERS = {
    "note": Parser(lambda data: Note.parse(data).encode(), samples.COSIGNED.encode()),
    "signature lines": Parser(
        lambda data: b"".join(each.line() for each in parse_signature_lines(data)),
        samples.COSIGNATURE_LINE,
    ),
    "checkpoint": Parser(lambda data: Checkpoint.parse(data).body(), samples.BODY),
    "vkey": Parser(of_text(lambda text: NoteKey.from_vkey(text).vkey()), samples.VKEY.encode()),
    "witness's vkey": Parser(
        of_text(lambda text: CosignatureKey.from_vkey(text).vkey()), samples.WITNESS_VKEY.encode()
    ),
    "signer key": Parser(
        of_text(lambda text: signer_key(*parse_signer_key(text))), samples.SIGNER_KEY.encode()
    ),
    "tile path": Parser(
        of_text(lambda text: Tile.parse_path(text).path()), b"tile/0/x001/x234/067.p/12"
    ),
    "tile": Parser(lambda data: TILE.join(TILE.split(data)), bytes(64)),
    "bundle": Parser(
        lambda data: encode_bundle(decode_bundle(data, BUNDLE)),
        encode_bundle([b"one", b"", b"three"]),
    ),
    "leaf entry": Parser(
        lambda data: LeafEntry.decode(data).encode(),
        LeafEntry(b"key", b"value", (("name", b"header"),)).encode(),
    ),
    "compact range": Parser(
        lambda data: CompactRange.from_bytes(data).to_bytes(),
        CompactRange().extend(samples.LEAF_HASHES).to_bytes(),
    ),
    "proof file": Parser(
        lambda data: ProofFile.parse(data).encode(),
        ProofFile(7, samples.INCLUSION_7, samples.COSIGNED, b"extra").encode(),
    ),
    "witness request": Parser(
        lambda data: AddCheckpoint.parse(data).encode(),
        AddCheckpoint(7, samples.INCLUSION_7, samples.SIGNED).encode(),
    ),
    "policy": Parser(reparsed_policy, samples.POLICY),
}
every_parser = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)


def check(parser: Parser, data: bytes) -> None:
    try:
        rewritten = parser.rewrite(data)
    except LedgerError as error:
        message = str(error)
    else:
        assert rewritten == data
        return
    assert 0 < len(message) < MESSAGE_CHARACTERS_MAX


@st.composite
def damaged(draw: st.DrawFn, sample: bytes) -> bytes:
    """The sample with a few bytes changed, put in, taken out, doubled or moved."""
    data = bytearray(sample)
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        start = draw(st.integers(min_value=0, max_value=len(data)))
        end = draw(st.integers(min_value=start, max_value=min(start + 40, len(data))))
        match draw(st.sampled_from(["flip", "put in", "take out", "double", "move"])):
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(min_value=0, max_value=7))
            case "put in":
                pieces = st.sampled_from([b"\n", b" ", b"=", b"+", b"0", "—".encode(), b"\r"])
                data[start:start] = draw(pieces | st.binary(min_size=1, max_size=4))
            case "take out":
                del data[start:end]
            case "double":
                data[end:end] = data[start:end]
            case "move":
                piece = data[start:end]
                del data[start:end]
                place = draw(st.integers(min_value=0, max_value=len(data)))
                data[place:place] = piece
    return bytes(data)


@every_parser
def test_parser_takes_its_sample(parser: Parser) -> None:
    assert parser.rewrite(parser.sample) == parser.sample


@every_parser
@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_parser_given_any_bytes_reads_what_it_would_write_or_refuses(
    parser: Parser, data: bytes
) -> None:
    check(parser, data)


@every_parser
@given(data=st.data())
@settings(max_examples=200)
def test_parser_given_a_damaged_sample_reads_what_it_would_write_or_refuses(
    parser: Parser, data: st.DataObject
) -> None:
    check(parser, data.draw(damaged(parser.sample)))


@every_parser
def test_parser_given_a_huge_number_or_name_tells_it_briefly(parser: Parser) -> None:
    for digit in (b"7", b"A", b"\xff", b"\n"):
        check(parser, digit * 100_000)
        check(parser, parser.sample[:6] + digit * 100_000 + parser.sample[6:])


@given(st.text(max_size=80))
def test_text_parsers_given_any_text_refuse_in_their_own_words(text: str) -> None:
    for parse in (NoteKey.from_vkey, CosignatureKey.from_vkey, parse_signer_key, Tile.parse_path):
        with pytest.raises(LedgerError):
            parse(text)
