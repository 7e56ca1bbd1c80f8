"""The register: the cases as they stand, found by whom and what they are about."""

from collections.abc import Iterator

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import Agency
from sharebus.governance.case import Case
from sharebus.governance.clock_rule import CaseKind, ClockRule
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.role import Role
from sharebus.governance.working_days import WorkingDays

CaseKey = tuple[str, str]
"""Kind and id."""


def key_of(case: Case) -> CaseKey:
    """The case's kind and id."""
    return case.case_kind, case.id


class Register:
    """Cases and facts, for reading; the docket alone puts anything in."""

    def __init__(self, facts: PolicyFacts, tables: ClockTables) -> None:
        self.facts = facts
        self.cases: dict[CaseKey, Case] = {}
        self._given = tables
        self._found: dict[tuple[str, ...], set[str]] = {}
        self._calendars: dict[str, WorkingDays] = {}
        self._counted_by = facts.calendar

    def put(self, case: Case) -> None:
        """Let a version of a case stand."""
        before = self.cases.get(key_of(case))
        for place in _places(before) if before else ():
            self._found[place].discard(case.id)
        for place in _places(case):
            self._found.setdefault(place, set()).add(case.id)
        self.cases[key_of(case)] = case

    def find(self, case_kind: str, case_id: object) -> Case | None:
        """A case, if there is one; ``case_id`` may be anything that a command named."""
        return self.cases.get((case_kind, case_id)) if isinstance(case_id, str) else None

    def between(self, case_kind: str, provider: str | None, subscriber: str | None) -> list[Case]:
        """The cases of a kind between two agencies, by id."""
        return self._at(case_kind, "between", provider or "", subscriber or "")

    def about(self, case_kind: str, entry: str) -> list[Case]:
        """The cases of a kind about an entry, by id."""
        return self._at(case_kind, "about", entry)

    def of_kind(self, case_kind: str) -> list[Case]:
        """The cases of a kind, by id."""
        return self._at(case_kind)

    def _at(self, case_kind: str, *place: str) -> list[Case]:
        ids = self._found.get((case_kind, *place), ())
        return [self.cases[case_kind, case_id] for case_id in sorted(ids)]

    def agency(self, agency: object) -> Agency:
        """An agency on the bus.

        :raises Refused: there is none of this id, or it has left.
        """
        found = self.facts.agencies.get(agency) if isinstance(agency, str) else None
        if found is None or found.left:
            raise Refused(
                "there is no such agency", expected="the id of an agency on the bus",
                found=repr(agency), remedy="see: sharebus agency list",
            )  # fmt: skip
        return found

    def entry(self, entry: object) -> CatalogEntry:
        """An entry that was published, and is not retired.

        :raises Refused: there is none of this id.
        """
        found = self.facts.entries.get(entry) if isinstance(entry, str) else None
        if found is None or found.retired:
            raise Refused(
                "there is no such entry", expected="the id of a published entry",
                found=str(entry) if isinstance(entry, str) else repr(entry),
                remedy="see: sharebus catalog search",
            )  # fmt: skip
        return found

    def holders(self, office: Role, jurisdiction: str) -> list[str]:
        """The agencies that hold an office in a jurisdiction (Order 171 Art 4)."""
        return sorted(
            agency.id
            for agency in self.facts.agencies.values()
            if office in agency.offices and agency.jurisdiction == jurisdiction and not agency.left
        )

    @property
    def tables(self) -> ClockTables:
        """The tables that the facts hold; in place of a missing one, that which was given."""
        rules, calendar = self.facts.clock_rules, self.facts.calendar
        given = self._given
        return ClockTables(
            rules.table if rules else given.rules,
            calendar.table if calendar else given.working_days,
            calendar.corrections if calendar else given.corrections,
        )

    def calendar(self, jurisdiction: str) -> WorkingDays:
        """The working days of a jurisdiction."""
        if self._counted_by is not self.facts.calendar:
            self._counted_by = self.facts.calendar
            self._calendars.clear()
        if jurisdiction not in self._calendars:
            self._calendars[jurisdiction] = self.tables.calendar(jurisdiction)
        return self._calendars[jurisdiction]

    def clock_rules(self, kind: CaseKind, jurisdiction: str) -> list[ClockRule]:
        """The rows of the procedure that a case follows; none if there is no procedure for it."""
        rules = self.tables.rules
        try:
            procedure = rules.procedure_of(kind, jurisdiction)
        except InvalidInput:
            return []
        return [rule for rule in rules.rules if rule.procedure == procedure.id]


def _places(case: Case) -> Iterator[tuple[str, ...]]:
    yield (case.case_kind,)
    yield case.case_kind, "between", case.provider or "", case.subscriber or ""
    entry = case.content.get("entry")
    if isinstance(entry, str):
        yield case.case_kind, "about", entry
