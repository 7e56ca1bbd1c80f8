"""A registrar in memory for each test, which has made its tables facts."""

import pytest

from ...governance.docket import town
from .memory_registrar import MemoryRegistrar


@pytest.fixture
def registrar() -> MemoryRegistrar:
    made = MemoryRegistrar()
    made.tick(town.MORNING)
    return made
