"""What an app has in hand, in a file that outlives it: a process that dies, dies over something."""

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

DEATHS_MIN: Final = 2
"""One death may be anything; whoever died twice over the same thing in hand died of it."""
_RECORD_BYTES: Final = 512


class Suspect(NamedTuple):
    """The batch over which a former process died."""

    entry: str
    partition: int
    start: int
    end: int
    """First offset in hand, and the one after the last."""
    deaths: int
    """How many processes in a row died with this start in hand."""
    is_fault: bool
    """Whether the last of them raised an error of its own; else it was killed or crashed."""


class Harmful(NamedTuple):
    """Events of one partition that no gate may open; the others up to ``end`` did no harm."""

    entry: str
    partition: int
    offsets: frozenset[int]
    end: int


class InHand:
    """Told before a batch is decided and after; costs one write to the page cache each."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.suspect = _parse(os.pread(self._file, _RECORD_BYTES, 0))
        self._held: Suspect | None = None

    def take(self, entry: str, partition: int, start: int, end: int) -> None:
        """A batch is about to be decided."""
        former, deaths = self.suspect, 0
        if former is not None and former[:3] == (entry, partition, start):
            deaths = former.deaths
        self._held = Suspect(entry, partition, start, end, deaths, is_fault=False)
        self._write(self._held)

    def release(self) -> None:
        """Nothing is being decided."""
        if self._held is not None:
            self._held = None
            self._write(None)

    def blame(self) -> None:
        """An error that nobody expected came while this was in hand."""
        if self._held is not None:
            self._write(self._held._replace(is_fault=True))

    def _write(self, suspect: Suspect | None) -> None:
        text = json.dumps(suspect).encode() if suspect else b""
        os.pwrite(self._file, text.ljust(_RECORD_BYTES), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _parse(record: bytes) -> Suspect | None:
    try:
        found = Suspect(*json.loads(record))
    except (ValueError, TypeError):  # nothing was in hand, or a power cut tore the record
        return None
    return found._replace(deaths=found.deaths + 1)
