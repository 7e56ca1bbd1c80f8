import sys
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.content_checks import compile_check, unified_social_credit_code

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# As printed in GB 32100-2015 and GB 11643-1999; the code derives them.
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
BIDIRECTIONAL = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}

REASONS = {
    "unified social credit code with a wrong check character",
    "unified social credit code not of 18 characters",
    "unified social credit code with a character that cannot stand there",
    "resident id with an impossible date of birth",
    "resident id with a wrong check character",
    "resident id of 15 digits (before 1999)",
    "resident id not of 18 characters",
    "resident id with a character that cannot stand there",
    "code not in the code table",
    *(f"control character U+{code:04X}" for code in (*range(0x20), *range(0x7F, 0xA0))),
    *(f"bidirectional character U+{code:04X}" for code in BIDIRECTIONAL),
}

credit_code = compile_check("unified_social_credit_code")
resident_id = compile_check("resident_id")
in_table = compile_check("code_table", frozenset({"330203", "330212"}))
control = compile_check("control_characters")
bidirectional = compile_check("bidirectional_characters")
CHECKS = [credit_code, resident_id, in_table, control, bidirectional]

credit_bodies = st.builds(
    lambda *parts: "".join(parts),
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


def resident_id_of(division: int, born: date, sequence: int) -> str:
    body = f"{division:06}{born:%Y%m%d}{sequence:03}"
    total = sum(int(digit) * weight for digit, weight in zip(body, RESIDENT_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


resident_ids = st.builds(
    resident_id_of,
    st.integers(100_000, 999_999),
    st.dates(date(1800, 1, 1), date(2099, 12, 31)),
    st.integers(0, 999),
)


@pytest.mark.parametrize(
    "code", ["91350100M000100Y43", "9144030071526726XG", "91330100799655058B", "914403001922038216"]
)
def test_credit_code_that_is_published_passes(code: str) -> None:
    assert credit_code(code) is None


@given(credit_bodies)
def test_credit_code_agrees_with_the_weights_of_the_standard(body: str) -> None:
    total = sum(
        ALPHABET.index(character) * weight
        for character, weight in zip(body, CREDIT_WEIGHTS, strict=True)
    )
    code = unified_social_credit_code(body)
    assert code == body + ALPHABET[(31 - total % 31) % 31]
    assert credit_code(code) is None


@given(credit_bodies, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_credit_code_with_one_character_changed_fails(
    body: str, place: int, character: str
) -> None:
    code = unified_social_credit_code(body)
    changed = code[:place] + character + code[place + 1 :]
    assert (credit_code(changed) is None) == (changed == code)


@given(credit_bodies, st.integers(0, 16))
def test_credit_code_with_neighbours_swapped_fails(body: str, place: int) -> None:
    code = unified_social_credit_code(body)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (credit_code(swapped) is None) == (swapped == code)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "unified social credit code not of 18 characters"),
        ("91350100M000100Y4", "unified social credit code not of 18 characters"),
        ("91350100M000100Y43\n", "unified social credit code not of 18 characters"),
        ("91350100m000100y43", "unified social credit code with a character that cannot stand"),
        ("91350100M0O0100Y43", "unified social credit code with a character that cannot stand"),
        ("9135010AM000100Y43", "unified social credit code with a character that cannot stand"),
        ("９1350100M000100Y43", "unified social credit code with a character that cannot stand"),
        ("91350100M000100Y4_", "unified social credit code with a character that cannot stand"),
    ],
)
def test_credit_code_of_wrong_shape_is_told_why(value: str, reason: str) -> None:
    assert str(credit_code(value)).startswith(reason)


@pytest.mark.parametrize("body", ["", "91350100M000100Y4" + "3", "91350100M000100Yi", "é" * 17])
def test_credit_code_body_of_wrong_shape_is_refused(body: str) -> None:
    with pytest.raises(InvalidInput):
        unified_social_credit_code(body)


@pytest.mark.parametrize("value", ["11010519491231002X", "440524188001010014"])
def test_resident_id_printed_in_the_standard_passes(value: str) -> None:
    assert resident_id(value) is None


@given(resident_ids)
def test_resident_id_with_right_check_character_passes(value: str) -> None:
    assert resident_id(value) is None


@given(resident_ids, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_resident_id_with_one_character_changed_fails(
    value: str, place: int, character: str
) -> None:
    changed = value[:place] + character + value[place + 1 :]
    assert (resident_id(changed) is None) == (changed == value)


@given(st.integers(100_000, 999_999), st.integers(1800, 2099), st.integers(0, 9999))
def test_resident_id_agrees_with_the_calendar(division: int, year: int, month_day: int) -> None:
    body = f"{division}{year}{month_day:04}001"
    total = sum(int(digit) * weight for digit, weight in zip(body, RESIDENT_WEIGHTS, strict=True))
    try:
        date(year, month_day // 100, month_day % 100)
        expected = None
    except ValueError:
        expected = "resident id with an impossible date of birth"
    assert resident_id(body + "10X98765432"[total % 11]) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("110105491231002", "resident id of 15 digits (before 1999)"),
        ("11010549123100X", "resident id not of 18 characters"),
        ("11010519491231002x", "resident id with a character that cannot stand there"),
        ("1101051949123100２X", "resident id with a character that cannot stand there"),
        ("011010194912310021", "resident id with a character that cannot stand there"),
        ("110105190002290021", "resident id with an impossible date of birth"),
        ("110105194912310020", "resident id with a wrong check character"),
        ("E12345678", "resident id not of 18 characters"),
    ],
)
def test_resident_id_of_wrong_shape_is_told_why(value: str, reason: str) -> None:
    assert resident_id(value) == reason


def test_code_table_passes_its_codes_alone() -> None:
    assert in_table("330212") is None
    assert in_table("330227") == "code not in the code table"
    assert in_table("") == "code not in the code table"


def test_characters_of_all_of_unicode_fail_exactly_where_the_check_says() -> None:
    for code in range(sys.maxunicode + 1):
        text = f"鄞{chr(code)}州"
        is_control = unicodedata.category(chr(code)) == "Cc"
        assert control(text) == (f"control character U+{code:04X}" if is_control else None)
        is_bidirectional = code in BIDIRECTIONAL
        expected = f"bidirectional character U+{code:04X}" if is_bidirectional else None
        assert bidirectional(text) == expected


@pytest.mark.parametrize("text", ["𠮷野", "\ue000\uf8ff", "\U000f0000", "䶮", "é", "　"])
def test_rare_and_private_characters_pass_untouched(text: str) -> None:
    assert control(text) is None
    assert bidirectional(text) is None


@given(st.text() | credit_bodies | resident_ids.map(lambda value: value[::-1]))
def test_reason_is_one_of_a_fixed_set_whatever_the_value(value: str) -> None:
    for check in CHECKS:
        assert check(value) in REASONS | {None}


def test_unknown_check_is_refused_with_the_known_names() -> None:
    with pytest.raises(InvalidInput) as error:
        compile_check("credit_code")
    assert "unified_social_credit_code" in error.value.expected


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("code_table", None),
        ("code_table", frozenset[str]()),
        ("resident_id", frozenset({"1"})),
    ],
)
def test_codes_with_any_but_the_code_table_are_refused(
    name: str, codes: frozenset[str] | None
) -> None:
    with pytest.raises(InvalidInput):
        compile_check(name, codes)
