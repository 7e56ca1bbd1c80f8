"""How long work tells how far it has come."""

from collections.abc import Callable
from typing import Final

RECORDS_PER_PROGRESS: Final = 1_000

Progress = Callable[[str, int, int | None], None]
"""Told a stage, how much of it is done, and of how much, if that is known."""
