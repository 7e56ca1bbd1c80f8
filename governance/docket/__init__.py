"""The docket: every case, and what commands and the passing of time make of them. Pure.

A command changes one case. What follows by itself is taken at once, in a fixed order, until nothing
is left; so the commands and ticks, in their order and with their instants, give the same cases,
facts and answers again. Each kind of case is a module of its own (``kind.py`` says what one adds).
"""

from sharebus.governance.docket.docket import RULES, Docket
from sharebus.governance.docket.outcome import Filing, Notice, Outcome

__all__ = ["RULES", "Docket", "Filing", "Notice", "Outcome"]
