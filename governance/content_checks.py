"""Content checks that a catalog entry may name for a field: one fast predicate per check.

A check gives None when the value passes, else a reason out of a small fixed set. A reason never
holds any part of the value, since it is written to logs, headers and the audit. Values are taken
as they are: nothing is trimmed, folded or corrected, and characters that no check names (rare Han
characters, private-use characters) pass untouched.
"""

import re
from collections.abc import Callable
from typing import Final, Literal, get_args

from sharebus import InvalidInput

CheckName = Literal[
    "unified_social_credit_code",
    "resident_id",
    "code_table",
    "control_characters",
    "bidirectional_characters",
]
ContentCheck = Callable[[str], str | None]

# GB 32100-2015, table 2: the value of a character is its place here; I, O, S, V and Z are not used.
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_BODY: Final = re.compile(rf"[{_CREDIT_ALPHABET}]{{2}}[0-9]{{6}}[{_CREDIT_ALPHABET}]{{9}}")
_CREDIT_CODE: Final = re.compile(rf"{_CREDIT_BODY.pattern}[{_CREDIT_ALPHABET}]")
# The same values as digits of a number base 34, for int().
_CREDIT_DIGITS: Final = bytes.maketrans(
    _CREDIT_ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstu"
)

_RESIDENT_ID: Final = re.compile(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9X]")
_RESIDENT_ID_1984: Final = re.compile(r"[1-9][0-9]{14}")
_RESIDENT_CHECKS: Final = "10X98765432"
_MONTH_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BIRTHDAYS: Final = frozenset(
    f"{month:02}{day:02}"
    for month, length in enumerate(_MONTH_LENGTHS, start=1)
    for day in range(1, length + 1)
)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BIDIRECTIONAL: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def compile_check(name: str, codes: frozenset[str] | None = None) -> ContentCheck:
    """The predicate for one named check: None for a value that passes, else the reason.

    - ``unified_social_credit_code``: 统一社会信用代码, 18 characters with the check character of
      GB 32100-2015. Whether the code was ever given out is not known here.
    - ``resident_id``: 公民身份号码, 18 characters with a possible date of birth and the check
      character of GB 11643-1999 (ISO 7064 MOD 11-2, a capital X for ten). The first six digits are
      not looked up, since no table holds all divisions of all times. An id of 15 digits gets a
      reason of its own, because registers still hold them.
    - ``code_table``: the value is one of ``codes``.
    - ``control_characters``: none of U+0000-001F and U+007F-009F. Line breaks and tabs are among
      them: a field where they belong does not name this check, or flags instead of refusing.
    - ``bidirectional_characters``: none of the marks, embeddings, overrides and isolates that
      change the order in which a text is shown (U+061C, 200E-200F, 202A-202E, 2066-2069).

    Raises InvalidInput for an unknown name, for ``code_table`` without codes, and for codes with
    any other check.
    """
    if name not in get_args(CheckName):
        raise InvalidInput(
            "unknown content check", expected=", ".join(get_args(CheckName)), found=repr(name)
        )
    if (name == "code_table") != bool(codes):
        raise InvalidInput(
            f"content check {name} {'needs' if name == 'code_table' else 'takes no'} codes"
        )
    if codes:
        return _code_table(codes)
    return {
        "unified_social_credit_code": _check_credit_code,
        "resident_id": _check_resident_id,
        "control_characters": _check_control_characters,
        "bidirectional_characters": _check_bidirectional_characters,
    }[name]


def unified_social_credit_code(body17: str) -> str:
    """The first 17 characters of a unified social credit code with the check character added.

    Raises InvalidInput when ``body17`` is not the beginning of such a code.
    """
    if not _CREDIT_BODY.fullmatch(body17):
        raise InvalidInput(
            "not the first 17 characters of a unified social credit code (统一社会信用代码)",
            expected=f"two of {_CREDIT_ALPHABET}, six digits, nine of the same alphabet",
        )
    return body17 + _credit_check_character(body17)


def _credit_check_character(body17: str) -> str:
    # The standard weighs the i-th character by 3^(i-1) modulo 31. Read backwards as a number of
    # base 34 the body has the same remainder, because 34 = 3 modulo 31, and int() is fast.
    digits = body17.encode().translate(_CREDIT_DIGITS)
    return _CREDIT_ALPHABET[-int(digits[::-1], 34) % 31]


def _check_credit_code(value: str) -> str | None:
    if _CREDIT_CODE.fullmatch(value):
        if _credit_check_character(value[:17]) == value[17]:
            return None
        return "unified social credit code with a wrong check character"
    if len(value) != 18:
        return "unified social credit code not of 18 characters"
    return "unified social credit code with a character that cannot stand there"


def _check_resident_id(value: str) -> str | None:
    if _RESIDENT_ID.fullmatch(value):
        if value[10:14] not in _BIRTHDAYS or (value[10:14] == "0229" and not _is_leap(value[6:10])):
            return "resident id with an impossible date of birth"
        # The weights are powers of 2 modulo 11; 13 = 2 modulo 11 makes int() add them up.
        if _RESIDENT_CHECKS[int(value[:17], 13) * 2 % 11] == value[17]:
            return None
        return "resident id with a wrong check character"
    if _RESIDENT_ID_1984.fullmatch(value):
        return "resident id of 15 digits (before 1999)"
    if len(value) != 18:
        return "resident id not of 18 characters"
    return "resident id with a character that cannot stand there"


def _is_leap(year: str) -> bool:
    number = int(year)
    return number % 4 == 0 and (number % 100 != 0 or number % 400 == 0)


def _code_table(codes: frozenset[str]) -> ContentCheck:
    def check_code_table(value: str) -> str | None:
        return None if value in codes else "code not in the code table"

    return check_code_table


def _check_control_characters(value: str) -> str | None:
    # str.isprintable() is false for every control and bidirectional character, and several times
    # faster than the search: most values need no more.
    if value.isprintable():
        return None
    found = _CONTROL.search(value)
    return None if found is None else f"control character U+{ord(found[0]):04X}"


def _check_bidirectional_characters(value: str) -> str | None:
    if value.isprintable():
        return None
    found = _BIDIRECTIONAL.search(value)
    return None if found is None else f"bidirectional character U+{ord(found[0]):04X}"
