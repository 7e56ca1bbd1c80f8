import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.ledger.entry import LeafEntry
from sharebus.ledger.errors import Malformed
from sharebus.ledger.hashing import leaf_hash

leaf_entries = st.builds(
    LeafEntry,
    st.none() | st.binary(max_size=20),
    st.binary(max_size=100),
    st.lists(st.tuples(st.text(max_size=10), st.binary(max_size=20)), max_size=4).map(tuple),
)
ENTRY = LeafEntry(b"agency-a", b'{"type":"access.granted","v":1}', (("ct", b"application/json"),))


def test_entry_has_the_documented_bytes() -> None:
    expected = (
        "53424c31" "01" "00000008" "6167656e63792d61"
        "0000001f" "7b2274797065223a226163636573732e6772616e746564222c2276223a317d"
        "0001" "0002" "6374" "00000010" "6170706c69636174696f6e2f6a736f6e"
    )  # fmt: skip
    assert ENTRY.encode().hex() == expected
    assert leaf_hash(ENTRY.encode()).hex() == (
        "de0c880d24337fc42c141c9c5444a9adaf2f1f6842ed893c8597b0a50ef50aa4"
    )


@given(leaf_entries)
def test_entry_decodes_to_what_was_encoded(entry: LeafEntry) -> None:
    assert LeafEntry.decode(entry.encode()) == entry


@given(leaf_entries, leaf_entries)
def test_two_contents_never_have_one_encoding(first: LeafEntry, second: LeafEntry) -> None:
    assert (first == second) == (first.encode() == second.encode())


@pytest.mark.parametrize(
    "other",
    [
        ENTRY._replace(key=None),
        ENTRY._replace(key=b""),
        ENTRY._replace(key=b"agency-b"),
        ENTRY._replace(value=b""),
        ENTRY._replace(headers=()),
        ENTRY._replace(headers=(("ct", b""),)),
        ENTRY._replace(headers=ENTRY.headers * 2),
        LeafEntry(b"k", b"v", (("a", b"1"), ("b", b"2"))),
        LeafEntry(b"k", b"v", (("b", b"2"), ("a", b"1"))),
    ],
)
def test_every_part_of_a_record_is_covered(other: LeafEntry) -> None:
    assert LeafEntry.decode(other.encode()) == other
    assert other.encode() != ENTRY.encode()


@given(leaf_entries, st.data())
def test_entry_that_is_cut_or_longer_is_malformed(entry: LeafEntry, data: st.DataObject) -> None:
    encoded = entry.encode()
    cut = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\x00"):
        with pytest.raises(Malformed):
            LeafEntry.decode(wrong)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"KAE1" + ENTRY.encode()[4:], "not a leaf"),
        (b"SBL1\x02" + ENTRY.encode()[5:], "neither key nor no key"),
        (ENTRY.encode().replace(b"ct", b"\xff\xff"), "not UTF-8"),
        (b"SBL1\x01\xff\xff\xff\xff", "cut short"),
        (bytes(65_536), "too large"),
    ],
)
def test_entry_that_is_none_is_malformed(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        LeafEntry.decode(data)


def test_entry_of_65535_bytes_fits_and_the_next_does_not() -> None:
    room = 65_535 - len(LeafEntry(None, b"").encode())
    assert len(LeafEntry(None, bytes(room)).encode()) == 65_535
    with pytest.raises(Malformed, match="too large for a leaf") as refused:
        LeafEntry(None, bytes(room + 1)).encode()
    assert refused.value.found == "65536 bytes"


@pytest.mark.parametrize(
    "headers", [(("a" * 65_536, b""),), (("", b""),) * 65_536, (("\udcff", b""),)]
)
def test_headers_that_no_leaf_can_hold_are_malformed(
    headers: tuple[tuple[str, bytes], ...],
) -> None:
    with pytest.raises(Malformed):
        LeafEntry(None, b"", headers).encode()
