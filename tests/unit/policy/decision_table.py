"""The decision table: every combination of what a decision depends on, and what the law says."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import product
from typing import NamedTuple

from sharebus.governance.agency import Agency
from sharebus.governance.entry import SECRET_MARKS, CatalogEntry, Mark
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant

from . import town

CLASSES = ("open", "closed", "conditional", "not_shared")
STANDINGS = ("none", "before its term", "in force", "expired", "revoked")
STATES = ("published", "suspended", "retired")
AGENCIES = ("active", "provider suspended", "reader suspended", "reader gone")
FILTERS = (None, "district", "field")
MARKS = tuple(mark for mark in Mark if mark not in SECRET_MARKS)
FIELDS = ("field", "code", "district")
ROWS = tuple(
    {
        "field": f"CANARY-field-{place}",
        "code": f"CANARY-code-{place}",
        "district": f"{place}-CANARY",
    }
    for place in ("330203", "330205")
)
HAISHU, BEILUN = ROWS
_DAYS = {"before its term": town.BEFORE, "expired": town.AFTER}


class Facts(NamedTuple):
    """What is in force, but for the day: the entry, its agencies and the reader's grant.

    ``is_granted`` and ``is_key`` are of the field that the table is about.
    """

    sharing: str
    state: str
    agencies: str
    mark: Mark
    is_key: bool
    grant: str
    agreement: str | None
    is_granted: bool
    row_filter: str | None

    def documents(self) -> PolicyFacts:
        return town.facts_of(*_agencies(self.agencies), self.entry(), *self.grants())

    def entry(self) -> CatalogEntry:
        return _entry(self.sharing, self.state, self.mark, self.is_key)

    def grants(self) -> list[Grant]:
        if self.grant == "none":
            return []
        return [_grant(self.grant, self.agreement, self.is_granted, self.row_filter)]

    def standings(self) -> Iterator[tuple[str, date]]:
        """The standing of the grant on each day that makes a difference."""
        if self.grant == "given":
            yield from ((standing, _DAYS.get(standing, town.DURING)) for standing in STANDINGS[1:4])
        else:
            yield self.grant, town.DURING


@cache
def _agencies(standing: str) -> tuple[Agency, ...]:
    if standing == "reader gone":
        reader = town.reader(left=True, systems=[])
    else:
        reader = town.reader(suspended=standing == "reader suspended")
    provider = town.provider(suspended=standing == "provider suspended")
    return provider, town.other_reader(), reader


@cache
def _entry(sharing: str, state: str, mark: Mark, is_key: bool) -> CatalogEntry:
    return town.entry(
        sharing,
        FIELDS,
        {"field": mark},
        key_fields=("field",) if is_key else ("code",),
        suspended=state == "suspended",
        retired=state == "retired",
    )


@cache
def _grant(state: str, agreement: str | None, is_granted: bool, row_filter: str | None) -> Grant:
    starts = {"district": "330203", "field": "CANARY-field-330203"}
    condition = {"field": row_filter, "starts_with": [starts[row_filter]]} if row_filter else None
    return town.grant(
        FIELDS if is_granted else FIELDS[1:],
        agreement=agreement,
        revoked=state == "revoked",
        conditions=[condition] if condition else None,
    )


def all_facts() -> Iterator[Facts]:
    """Every combination; without a grant there is nothing to say of it.

    Marks of a kind are told apart where nothing else stops the release: elsewhere one stands for
    all.
    """
    no_grant = [("none", None, False, None)]
    given = product(("given", "revoked"), (None, "安全保密协议 1"), (True, False), FILTERS)
    grants = [*no_grant, *given]
    for head in product(CLASSES, STATES, AGENCIES, MARKS, (False, True)):
        if head[1:3] == (STATES[0], AGENCIES[0]) or head[3] in (Mark.NONE, Mark.PERSONAL):
            yield from (Facts(*head, *grant) for grant in grants)


def law(facts: Facts, standing: str) -> set[str]:
    """What of an event that arrives now the reader may see: the law, in other words."""
    marked = {"field"} if facts.mark is not Mark.NONE else set()
    if facts.sharing == "not_shared" or facts.state != "published" or facts.agencies != "active":
        return set()
    visible: set[str] = set()
    if facts.sharing == "open":  # 自行获取: what bears no mark, without a request
        visible |= {row[name] for row in ROWS for name in FIELDS if name not in marked}
    granted = set(FIELDS) if facts.is_granted else set(FIELDS[1:])
    told = granted | ({facts.row_filter} if facts.row_filter else set())
    if standing == "in force" and (facts.agreement or not told & marked):
        rows = ROWS if facts.row_filter is None else (HAISHU,)
        visible |= {row[name] for row in rows for name in granted}
    return visible


def table() -> Iterator[str]:
    """What the law says, as ``docs/policy-proof.md`` prints it: all rows, all fields granted."""
    for sharing, standing, agreement in product(CLASSES, ("in force", "not in force"), (None, "x")):
        cells = []
        for mark in (Mark.NONE, Mark.PERSONAL):
            facts = Facts(
                sharing, "published", "active", mark, False, "given", agreement, True, None
            )
            visible = law(facts, standing)
            cells.append("visible" if HAISHU["field"] in visible else "–")
        yield (
            " | ".join((f"| {sharing}", standing, "named" if agreement else "none", *cells)) + " |"
        )
