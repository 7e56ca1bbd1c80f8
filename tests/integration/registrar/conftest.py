"""One town hall for the tests of the registrar, on the broker of the apps."""

from collections.abc import Iterator

import pytest

from ..world import World
from .hall import Hall


@pytest.fixture(scope="module")
def town_hall(served: World) -> Iterator[Hall]:
    hall = Hall(served)
    try:
        yield hall
    finally:
        hall.close()


@pytest.fixture
def hall(town_hall: Hall) -> Hall:
    """The town hall with its registrar and the gate running."""
    town_hall.world.gate.run()
    town_hall.registrar.run()
    return town_hall
