"""Erasure (删除): the keys of what is sealed in a closed case were destroyed, and on which basis.

What an agency sealed in its commands is opened by keys that it keeps. The record stays: that, when,
by whom, of which keys and why (Personal Information Protection Law, 个人信息保护法, Art 47).
"""

import re
from datetime import date
from typing import Final

from sharebus import Refused
from sharebus.governance.case import Author, Case, actors_of
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_text, read_texts, short
from sharebus.governance.docket.register import Register
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.local_time import local_day
from sharebus.governance.role import Role

_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")
USAGE_YEARS_MIN: Final = 3
"""For so long a usage record can be read (Order 809 Art 29)."""


class Erasures(Kind):
    """An agency says which keys of its own it destroys; nobody else can, or need allow it."""

    name = "erasure"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """Whoever takes part in the case that it is about."""
        case = _case(register, filing.act.content.get("about"), author)
        return Opening(case.jurisdiction, author.agency, None, (Role.PROVIDER,))

    def check(self, register: Register, taken: Taken) -> Case:
        """The case is over, and no law keeps what it says."""
        about = _case(register, taken.content["about"], taken.author)
        if about.state not in LIFECYCLES[about.case_kind].final_states:
            raise Refused(
                "what a case says is needed until it is closed",
                where=f"{about.case_kind} {about.id}",
                expected="a closed case", found=about.state,
            )  # fmt: skip
        if about.case_kind == "usage":
            first_day = _years_after(local_day(about.opened_ms), USAGE_YEARS_MIN)
            if local_day(taken.at_ms) < first_day:
                raise Refused(
                    f"a usage record is kept for {USAGE_YEARS_MIN} years (Order 809 Art 29)",
                    expected=f"a day from {first_day} on", found=str(local_day(taken.at_ms)),
                )  # fmt: skip
        read_text(taken.content, "basis")
        for key in read_texts(taken.content, "keys"):
            if not _KEY_ID.fullmatch(key):
                raise Refused(
                    "keys are named by their ids",
                    expected="16 hexadecimal digits",
                    found=short(key),
                )
        return taken.case


def _case(register: Register, about: object, author: Author) -> Case:
    case_kind, _, case_id = about.partition("/") if isinstance(about, str) else ("", "", "")
    case = register.find(case_kind, case_id)
    if case is None or not actors_of(author, case):
        raise Refused(
            "an agency erases in cases in which it takes part", expected="KIND/CASE of one of them",
            found=short(about),
        )  # fmt: skip
    return case


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return date(day.year + years, 3, 1)


ERASURES = Erasures()
