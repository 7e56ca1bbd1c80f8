"""The world of the tests of the gate, with its gate running."""

from collections.abc import Iterator

import pytest

from sharebus.consumers.oversight.reconciliation import Discrepancy

from ..app_process import wait_until
from ..world import World

BALANCED_SECONDS_MAX = 90.0


@pytest.fixture
def world(served: World) -> World:
    """The world with its gate running."""
    served.gate.run()
    return served


@pytest.fixture(scope="module")
def books_balance(served: World) -> Iterator[None]:
    """Each test reconciles its own entries; at a module's end the whole world is reconciled."""
    yield
    served.gate.run()
    found: list[Discrepancy] = []

    def is_balanced() -> bool:
        served.gate.tend()
        found[:] = served.discrepancies()
        return not found

    try:  # what a test has left undecided is decided now
        wait_until(is_balanced, "the books balance", BALANCED_SECONDS_MAX)
    except AssertionError as late:
        raise AssertionError(f"{late}: {found[:5]}") from None
