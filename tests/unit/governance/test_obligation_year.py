"""A simulated year gives exactly the verdicts of an independent slow model."""

import os
from collections import Counter

import pytest

from .obligation_year import FINAL, Year, live_through

ENTRIES = int(os.environ.get("SHAREBUS_YEAR_ENTRIES", "30"))
"""1,000 for the whole city: minutes of work."""


@pytest.mark.timeout(3_600)
def test_year_of_faults_gives_the_verdicts_of_the_slow_model() -> None:
    seen: Counter[str] = Counter()
    for number in range(ENTRIES):
        for told in live_through(Year(number)).values():
            seen.update(told)
            assert FINAL.isdisjoint(told[:-1]), told
    assert len(seen) == 12, seen  # every standing came up
