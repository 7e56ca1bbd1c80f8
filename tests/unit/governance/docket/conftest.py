"""A fresh town for each test."""

import pytest

from .town import Town


@pytest.fixture
def town() -> Town:
    return Town()
