"""What is sealed is read with its key, in its case, unchanged; or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.schemas.sealed_text import TEXT_BYTES_MAX, CaseKey, key_id_of, seal, unseal

KEY, OTHER = CaseKey(b"k" * 32), CaseKey(b"o" * 32)
CASE = "request/r-1"


@given(st.text(max_size=300))
def test_what_is_sealed_is_read_again_and_stands_in_no_text(text: str) -> None:
    sealed = seal(text, KEY, CASE)
    assert unseal(sealed, KEY, CASE) == text
    assert key_id_of(sealed) == KEY.id
    assert sealed != seal(text, KEY, CASE)  # equal names are not seen to be equal
    assert sealed.isascii()


@given(st.data())
def test_whatever_is_changed_in_it_does_not_open(data: st.DataObject) -> None:
    sealed = seal("王某", KEY, CASE)
    place = data.draw(st.integers(0, len(sealed) - 1))
    character = data.draw(st.characters(codec="ascii"))
    changed = sealed[:place] + character + sealed[place + 1 :]
    if changed != sealed:
        try:
            assert unseal(changed, KEY, CASE) == "王某"
        except InvalidInput:
            return
        # Base64 that ends in other unused bits is the same bytes.
        assert place >= len(sealed) - 4


@pytest.mark.parametrize(("key", "case"), [(OTHER, CASE), (KEY, "request/r-2"), (KEY, "")])
def test_it_opens_with_its_key_in_its_case_alone(key: CaseKey, case: str) -> None:
    with pytest.raises(InvalidInput):
        unseal(seal("王某", KEY, CASE), key, case)


def test_longest_text_fits_a_field_and_a_longer_one_is_refused() -> None:
    assert len(seal("x" * TEXT_BYTES_MAX, KEY, CASE)) <= 2000
    with pytest.raises(InvalidInput, match="too long"):
        seal("王" * TEXT_BYTES_MAX, KEY, CASE)


def test_key_tells_nothing_and_a_plain_text_is_sealed_with_none() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
    assert CaseKey.new() != CaseKey.new()
    assert key_id_of("王某") is None
