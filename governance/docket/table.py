"""The tables that clocks count by, issued by the coordinating authority."""

from collections.abc import Iterable

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, short
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.facts import AnyFact, Calendar, ClockRuleTable
from sharebus.governance.return_flow import division_prefix

_MODELS: dict[str, type[ClockRuleTable] | type[Calendar]] = {
    "clock_rules": ClockRuleTable,
    "calendar": Calendar,
}


class Tables(Kind):
    """``content["table"]`` says which table the whole ``document`` is.

    Deadlines of open steps are counted anew with a new calendar; steps that have begun keep the
    rows that were in force then.
    """

    name = "table"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """It holds for the whole bus, and so is issued where the whole bus belongs to."""
        division = division_prefix(author.jurisdiction)
        others = {agency.jurisdiction for agency in register.facts.agencies.values()}
        foreign = sorted(each for each in others if not each.startswith(division))
        if foreign:
            raise Refused(
                "tables are issued by the coordinator whose division holds all others",
                expected="a division that holds those of all agencies",
                found=f"{author.jurisdiction} does not hold {', '.join(foreign)}",
            )  # fmt: skip
        return Opening(author.jurisdiction, None, None, tuple(sorted(author.offices)))

    def check(self, register: Register, taken: Taken) -> Case:
        """The document is a table, of another version than the one in force."""
        if taken.content["table"] not in list(_MODELS):
            raise Refused(
                "there is no such table", expected=", ".join(_MODELS),
                found=short(taken.content["table"]),
            )  # fmt: skip
        table = _table(taken.case)
        standing = register.facts.standing(table)
        if standing is not None and _version(standing) == _version(table):
            raise Refused(
                "a table of this version is in force", where=f"table {taken.case.id}",
                expected="a new version, of the table or of its corrections",
                found=_version(table),
            )  # fmt: skip
        return taken.case

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """The table."""
        yield _table(case)

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """Every case with a clock that runs."""
        return [key for key in sorted(register.cases) if register.cases[key].clocks]


def _version(table: AnyFact) -> str:
    corrections = table.corrections if isinstance(table, Calendar) else ()
    stated = table.table.version if isinstance(table, ClockRuleTable | Calendar) else ""
    return " + ".join([stated, *(correction.version for correction in corrections)])


def _table(case: Case) -> ClockRuleTable | Calendar:
    model = _MODELS[str(case.content["table"])]
    return read_document(model, case.content["document"], f"table {case.id}")


TABLES = Tables()
