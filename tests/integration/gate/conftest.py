"""The world of the tests of the gate, with its gate running."""

import pytest

from ..world import World


@pytest.fixture
def world(served: World) -> World:
    """The world with its gate running."""
    served.gate.run()
    return served
