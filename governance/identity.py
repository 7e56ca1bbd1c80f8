"""Identities: agencies, their systems, entries, and the principals the broker knows them by.

An agency is known by a permanent code, never by its name; a principal is one *system* of an agency.
Ids are lower-case so that they can stand in topic names; no id is a prefix of another inside a
principal because the separator ``.`` cannot occur in an id.
"""

import re
from typing import Annotated, Final, NamedTuple

from pydantic import StringConstraints

from sharebus import InvalidInput

ID_PATTERN: Final = r"^[a-z][a-z0-9-]{1,40}$"
_ID: Final = re.compile(ID_PATTERN)

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""An id of an agency, a system, an entry, a grant or a view."""

FOUNDER: Final = "founder"
"""Who founds the bus (建立者) and brings in the reviewed files: no agency, and one of a bus."""

RESERVED_AGENCIES: Final = frozenset(
    {"admin", "broker", "controller", "deadlines", "enforcer", FOUNDER, "gate", "inconsistencies",
     "meter", "notary", "platform", "registrar", "registry", "sharebus"}
)  # fmt: skip
"""Names of apps and of the platform: no agency may be mistaken for one of them."""


class SystemName(NamedTuple):
    """One system of one agency, written ``<agency>.<system>``."""

    agency: str
    system: str

    def __str__(self) -> str:
        return f"{self.agency}.{self.system}"

    @property
    def principal(self) -> str:
        """The broker's name for this system: ``agency.<agency>.<system>``."""
        return f"agency.{self.agency}.{self.system}"

    @property
    def group_prefix(self) -> str:
        """Every consumer group of the agency begins so; no other agency may use it."""
        return f"agency.{self.agency}."


def parse_system(text: str) -> SystemName:
    """Read ``<agency>.<system>``.

    :raises InvalidInput: the text is not two ids joined by a dot.
    """
    parts = text.split(".")
    if len(parts) != 2 or not all(_ID.match(part) for part in parts):
        raise InvalidInput(
            "this is not the name of an agency's system",
            expected="<agency>.<system>, each of a–z, 0–9 and -, 2 to 41 characters",
            found=repr(text),
        )
    return SystemName(*parts)
