"""Resident ids (公民身份号码) where none may stand: what is decided is kept for ever.

A person's number in a reason or a row filter would stay in commands, cases and facts, which nobody
can take out of again (Personal Information Protection Law, 个人信息保护法, Art 6 and 47).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sharebus.governance.content_checks import compile_check

# Digits and letters beside it make it another thing: a digest, a longer number.
_CANDIDATE: Final = re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")
_reason_against = compile_check("resident_id")
_CODE: Final = "code"
"""The unified social credit code of an agency has 18 characters too, and may look like one."""


def holds_resident_id(text: str) -> bool:
    """Whether one with its right check character stands in a text, in digits of any width."""
    written = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return any(_reason_against(each.upper()) is None for each in _CANDIDATE.findall(written))


def names_resident(content: Mapping[str, Any]) -> bool:
    """Whether a resident id stands anywhere in a document, which is no deeper than a command is."""
    return any(holds_resident_id(text) for text in _texts(content))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            if name != _CODE:
                yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | int):
        yield str(value)
