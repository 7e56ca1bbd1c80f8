"""Waits until rights that the policy took away are gone at the broker.

From its fact on, whoever lost a right must get nothing more; the broker lets it read until the
enforcer has followed. So an entry of which a right has ended is not released for that moment.
"""

import logging
import time
from typing import Final, NamedTuple

from sharebus.stream_apps.gate import metrics
from sharebus.stream_apps.progress import ProgressReader

log = logging.getLogger(__name__)

STANDING_SECONDS_MAX: Final = 5.0
"""An enforcer that says nothing for so long is not there: then others do not wait for it."""


class _Awaited(NamedTuple):
    version: int
    deadline: float


class Standing:
    """Which entries wait, and for which policy version to stand."""

    def __init__(self, progress: ProgressReader) -> None:
        self._progress = progress
        self._awaited: dict[str, _Awaited] = {}
        self._silent_at: int | None = None

    def require(self, entry: str, version: int) -> None:
        """Let an entry wait until what this policy version took away is gone.

        Only after a silence is the broker asked: what was known last may be behind otherwise, and
        the next look says so.
        """
        if self._progress.standing_version() == self._silent_at:
            self._progress.catch_up()
        stands = self._progress.standing_version()
        is_there = stands >= 0 and stands != self._silent_at
        if is_there and stands < version:
            self._awaited[entry] = _Awaited(version, time.monotonic() + STANDING_SECONDS_MAX)

    def is_awaited(self, entry: str) -> bool:
        """Whether an entry waits, as of the last look."""
        return entry in self._awaited

    @property
    def is_any_awaited(self) -> bool:
        """Whether some entry waits."""
        return bool(self._awaited)

    def look(self) -> frozenset[str]:
        """Entries that wait no more."""
        if not self._awaited:
            return frozenset()
        self._progress.catch_up()
        stands, now = self._progress.standing_version(), time.monotonic()
        late = {entry for entry, one in self._awaited.items() if now > one.deadline}
        if late:
            self._silent_at = stands
            metrics.ENFORCER_SILENT.inc()
            log.critical(
                "the enforcer has not followed the policy for %g s: entries go on, and whoever "
                "lost a right to them may still read: %s",
                STANDING_SECONDS_MAX, ", ".join(sorted(late)),
            )  # fmt: skip
        done = late | {entry for entry, one in self._awaited.items() if stands >= one.version}
        for entry in done:
            del self._awaited[entry]
        return frozenset(done)
