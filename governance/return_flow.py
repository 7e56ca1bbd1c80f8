"""Return flow (数据回流): what a higher level holds about a division goes back to its agencies.

Order 809 Art 24. The rows are chosen by the division alone: the entry says which field holds the
code of the division that a row is about, and the agency's own jurisdiction is the filter. The law
sets no time of its own for it; the clocks are those of any request.
"""

from collections.abc import Mapping
from typing import Any

from sharebus import Refused
from sharebus.governance.agency import DivisionCode
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Condition, RowFilter


def division_prefix(division: DivisionCode) -> str:
    """The digits that the codes of a division and of all that lie in it begin with.

    Province, city and county have two digits each (GB/T 2260); those of a lower level follow.
    """
    prefix = division
    while prefix.endswith("00") and len(prefix) > 2:
        prefix = prefix[:-2]
    return prefix


def return_condition(entry: CatalogEntry, division: DivisionCode) -> Condition:
    """The condition that lets through the rows about a division, and no others.

    :raises Refused: the entry does not say which field holds the division, or its level is no
        higher one, to which the division belongs.
    """
    if entry.division_field is None:
        raise Refused(
            "the entry does not say which of its fields holds the division that a row is about",
            where=f"entry {entry.id}", expected="division_field", found="none",
            remedy="request rows by a filter of your own, or ask the provider to state the field",
        )  # fmt: skip
    own, higher = division_prefix(division), division_prefix(entry.jurisdiction)
    if own == higher or not own.startswith(higher):
        raise Refused(
            "data flow back from a higher level to the divisions in it (Order 809 Art 24)",
            where=f"entry {entry.id}", expected=f"an agency of a division in {entry.jurisdiction}",
            found=division,
        )  # fmt: skip
    return Condition(field=entry.division_field, starts_with=frozenset({own}))


def with_return_filter(
    content: Mapping[str, Any], entry: CatalogEntry, division: DivisionCode
) -> dict[str, Any]:
    """What an application for return flow states, with the condition beside those of its own.

    :raises Refused: see :func:`return_condition`.
    """
    condition = return_condition(entry, division)
    stated = {"field": condition.field, "starts_with": sorted(condition.starts_with or ())}
    row_filter = content.get("row_filter")
    conditions = row_filter.get("all") if isinstance(row_filter, Mapping) else None
    if row_filter is not None and not isinstance(conditions, list):
        return dict(content)  # no filter at all, which whoever reads the application refuses
    others = [each for each in conditions or () if each != stated]
    return {**content, "row_filter": {"all": [*others, stated]}}


def flows_back_only(
    row_filter: RowFilter | None, entry: CatalogEntry, division: DivisionCode
) -> bool:
    """Whether a filter lets through rows about the division alone, as both are now."""
    try:
        condition = return_condition(entry, division)
    except Refused:
        return False
    return row_filter is not None and condition in row_filter.all
