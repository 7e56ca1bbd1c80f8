"""The agencies of a town hall, each with the desk at which its officers sit."""

from collections.abc import Iterator

import pytest

from ..registrar.hall import Hall
from ..world import World
from .office import Office


@pytest.fixture(scope="module")
def hall(served: World) -> Iterator[Hall]:
    """A provider, a subscriber and a coordinator; the registrar runs."""
    hall = Hall(served)
    try:
        hall.registrar.run()
        yield hall
    finally:
        hall.close()


@pytest.fixture
def office(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The command line, with the settings of the broker under test."""
    office = Office(hall)
    for name, value in office.environment().items():
        monkeypatch.setenv(name, value)
    return office
