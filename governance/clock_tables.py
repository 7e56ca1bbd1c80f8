"""The tables that clocks count by: the rules, and the working days with their corrections."""

from typing import NamedTuple

from sharebus.governance.clock_rule import ClockRules
from sharebus.governance.working_days import CalendarCorrection, WorkingDays, WorkingDayTable


class ClockTables(NamedTuple):
    """What may be needed to say when a step is due."""

    rules: ClockRules
    working_days: WorkingDayTable
    corrections: tuple[CalendarCorrection, ...] = ()

    def calendar(self, jurisdiction: str) -> WorkingDays:
        """The working days of a division, by its code."""
        return WorkingDays(self.working_days, self.corrections, jurisdiction)
