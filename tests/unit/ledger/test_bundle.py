import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.bundle import ENTRY_BYTES_MAX, decode_bundle, encode_bundle
from sharebus.ledger.errors import Malformed
from sharebus.ledger.tiles import ENTRIES, Tile

entries = st.lists(st.binary(max_size=40), min_size=1, max_size=256)


def test_bundle_is_lengths_and_entries() -> None:
    data = encode_bundle([b"one", b"", b"three"])
    assert data == b"\x00\x03one\x00\x00\x00\x05three"
    assert decode_bundle(data, Tile(ENTRIES, 0, 3)) == [b"one", b"", b"three"]


@given(entries)
def test_bundle_decodes_to_what_was_encoded(given_entries: list[bytes]) -> None:
    tile = Tile(ENTRIES, 7, len(given_entries))
    assert decode_bundle(encode_bundle(given_entries), tile) == given_entries


@given(entries, st.data())
def test_bundle_of_another_length_is_malformed(
    given_entries: list[bytes], data: st.DataObject
) -> None:
    tile = Tile(ENTRIES, 7, len(given_entries))
    encoded = encode_bundle(given_entries)
    cut = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\x00", encoded + b"\x00\x00"):
        with pytest.raises(Malformed, match="does not hold what its name says"):
            decode_bundle(wrong, tile)


def test_bundle_of_another_width_is_malformed() -> None:
    data = encode_bundle([b"a", b"b"])
    for width in (1, 3, 256):
        with pytest.raises(Malformed) as refused:
            decode_bundle(data, Tile(ENTRIES, 1, width))
        assert refused.value.where == Tile(ENTRIES, 1, width).path()


def test_entry_length_that_overruns_the_bundle_is_malformed() -> None:
    for data in (b"\x00\x01a\xff\xffbc", b"\x00\x01a\x00", b"\x00\x01a"):
        with pytest.raises(Malformed, match="does not hold") as refused:
            decode_bundle(data, Tile(ENTRIES, 0, 2))
        assert refused.value.found == f"{len(data)} bytes end in entry 1"


def test_largest_entry_fits_and_the_next_does_not() -> None:
    largest = bytes(ENTRY_BYTES_MAX)
    assert decode_bundle(encode_bundle([largest]), Tile(ENTRIES, 0, 1)) == [largest]
    with pytest.raises(Malformed, match="too large for a bundle") as refused:
        encode_bundle([b"", largest + b"\x00"])
    assert refused.value.where == "entry 1 of the bundle"


def test_name_of_a_tile_is_none_of_a_bundle() -> None:
    with pytest.raises(Malformed, match="not the name of a bundle"):
        decode_bundle(b"\x00\x00", Tile(0, 0, 1))
