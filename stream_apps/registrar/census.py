"""How many cases are open, and how many of their steps overdue, by kind."""

from collections import Counter

from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.stream_apps.registrar import metrics


class Census:
    """Counts the latest version of each case."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], tuple[bool, int]] = {}

    def count(self, item: Case | Answer) -> None:
        """Count a version of a case in place of the one before."""
        if isinstance(item, Answer):
            return
        is_open = item.state not in LIFECYCLES[item.case_kind].final_states
        overdue = sum(clock.overdue for clock in item.clocks)
        self._counted[item.case_kind, item.id] = is_open, overdue

    def show(self) -> None:
        """Tell Prometheus."""
        opened: Counter[str] = Counter()
        overdue: Counter[str] = Counter()
        for (kind, _), (is_open, steps) in self._counted.items():
            opened[kind] += is_open
            overdue[kind] += steps
        for kind in LIFECYCLES:
            metrics.OPEN_CASES.labels(kind).set(opened[kind])
            metrics.OVERDUE_STEPS.labels(kind).set(overdue[kind])
