"""The founder (建立者): who brings in the reviewed files until agencies act by their own keys."""

from typing import Final, Literal

from pydantic import Field

from sharebus.governance.agency import SigningKey, Strict, Text

WHOLE_BUS: Final = "000000"
"""In place of a division: what the founder does belongs to none, and no office has it."""


class Founder(Strict):
    """The one founder of a bus, who signs with one of these keys.

    It is the first fact of the policy, made when the platform is set up, and the only one that
    follows from no command (genesis). It never changes: a second one is not a fact.
    """

    kind: Literal["founder"] = "founder"
    id: Literal["founder"] = "founder"
    name: Text
    keys: tuple[SigningKey, ...] = Field(min_length=1)
