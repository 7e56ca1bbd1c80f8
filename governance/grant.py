"""Grants: who may have which entry, which fields and rows of it, for what, for how long."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from sharebus import InvalidInput
from sharebus.governance.agency import Strict, Text
from sharebus.governance.entry import FieldName
from sharebus.governance.identity import Id, SystemName, parse_system

EMERGENCY_PREFIX: Final = "em-"
"""How the ids of grants begin that follow from an emergency."""


class Condition(Strict):
    """One condition on a string or integer field: one of some values, or a prefix of some.

    A null value meets no condition, so a row with a missing value is withheld (fail closed).
    """

    field: FieldName
    one_of: frozenset[str] | None = None
    starts_with: frozenset[Annotated[str, StringConstraints(min_length=1)]] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Condition":
        # An empty one beside the other would pass no row under the name of a view that passes some.
        if (self.one_of is None) == (self.starts_with is None) or not (
            self.one_of or self.starts_with
        ):
            raise ValueError("give exactly one of 'one_of' and 'starts_with', not empty")
        return self


class RowFilter(Strict):
    """A row passes when it meets all conditions."""

    all: tuple[Condition, ...] = Field(min_length=1, max_length=16)


def told_fields(released: Iterable[str], row_filter: RowFilter | None) -> frozenset[str]:
    """The fields that a reader learns of: those released, and those that rows are chosen by.

    Whoever gets the rows of one owner knows the owner of each, so a protection mark (Order 171
    Art 19) counts for both.
    """
    conditions = row_filter.all if row_filter else ()
    return frozenset(released) | {condition.field for condition in conditions}


class Purpose(Strict):
    """The five things an application states (Order 809 Art 20, Zhejiang Art 24)."""

    legal_basis: Text
    scenario: Text
    scope: Text
    mode: Literal["subscribe"] = "subscribe"


class Term(Strict):
    """First and last day on which the grant is in force, local dates, both included."""

    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _ordered(self) -> "Term":
        if self.last_day < self.first_day:
            raise ValueError("the term ends before it begins")
        return self


class Grant(Strict):
    """The right of one system to one policy of one entry.

    ``fields`` are the fields released. When a key field is not among them the view is keyed by a
    keyed pseudonym, so that the key does not tell what the payload withholds. ``approval`` is
    ``automatic`` for unmarked fields of unconditional entries (自行获取, Order 171 Art 18 ¶1), and
    ``emergency`` while one is declared (应急共享, Zhejiang Art 21).
    """

    kind: Literal["grant"] = "grant"
    id: Id
    entry: Id
    system: str
    fields: tuple[FieldName, ...] = Field(min_length=1)
    row_filter: RowFilter | None = None
    return_flow: bool = False
    """The rows are those about the grantee's own division (数据回流), and end if they are not."""
    purpose: Purpose
    term: Term
    agreement: Text | None = None
    approval: Literal["automatic", "provider", "emergency"] = "provider"
    revoked: bool = False

    @field_validator("system")
    @classmethod
    def _is_a_system(cls, value: str) -> str:
        try:
            parse_system(value)
        except InvalidInput as error:
            raise ValueError(error.expected) from None
        return value

    @field_validator("fields")
    @classmethod
    def _fields_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a field is listed twice")
        return value

    @property
    def grantee(self) -> SystemName:
        """The system that holds the grant."""
        return parse_system(self.system)

    @property
    def told_fields(self) -> frozenset[str]:
        """The fields that a reader learns of."""
        return told_fields(self.fields, self.row_filter)

    def is_in_force(self, today: date) -> bool:
        """Whether the grant stands on a local date."""
        return not self.revoked and self.term.first_day <= today <= self.term.last_day
