"""Resident ids (公民身份号码) in texts that people write, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.resident_id import holds_resident_id, names_resident

RESIDENT = "11010519491231002X"  # the example of GB 11643-1999


@pytest.mark.parametrize(
    "text",
    [
        RESIDENT, RESIDENT.lower(), f"张三{RESIDENT}的记录", f"id={RESIDENT},", f"{RESIDENT}\n",
        "１１０１０５１９４９１２３１００２Ｘ",
    ],
)  # fmt: skip
def test_resident_id_is_found_however_it_is_written(text: str) -> None:
    assert holds_resident_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021", "110105194913310021", f"9{RESIDENT}", f"sha256:ab{RESIDENT}cd",
        "110105491231002", "张三",
    ],
)  # fmt: skip
def test_what_is_none_is_not_taken_for_one(text: str) -> None:
    assert not holds_resident_id(text)


@given(
    st.recursive(
        st.just(RESIDENT),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(st.sampled_from(["reason", "of"]), inner, min_size=1)
        ),
    )
)
def test_it_is_found_wherever_it_stands_in_a_document(content: object) -> None:
    assert names_resident({"row_filter": content})
    assert names_resident({"grant": {RESIDENT: content}})


def test_number_counts_as_text_and_the_code_of_an_agency_is_none() -> None:
    assert names_resident({"events": 110105194912310038})
    assert not names_resident({"events": 110105194912310039})
    assert not names_resident({"document": {"code": RESIDENT}})
    assert names_resident({"document": {"code": "x", "name": RESIDENT}})
