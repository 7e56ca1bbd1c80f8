"""What is decided and not told yet: who is new has no topic of notices until the enforcer ran."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka.admin import AdminClient

from sharebus.stream_apps.progress import unannounced_number
from sharebus.stream_apps.registrar.intake import topic_ids
from sharebus.stream_apps.registrar.transaction import Announcement

_TRY_AGAIN_SECONDS: Final = 0.5


class Outbox:
    """The announcements that wait, in order; others do not wait for a topic that is missing."""

    def __init__(self, admin: AdminClient, left_over: Iterable[Announcement]) -> None:
        self._admin = admin
        self._waiting = list(left_over)
        self._there: set[str] = set()
        self._next_look = 0.0

    @property
    def next_number(self) -> int:
        """The next number that none of those that wait has; it is higher than all of theirs."""
        numbers = (unannounced_number(waiting.waits_as) for waiting in self._waiting)
        return max(numbers, default=-1) + 1

    def put(self, announcements: Iterable[Announcement]) -> None:
        """Let more of them wait."""
        self._waiting += announcements
        self._next_look = 0.0

    def ready(self) -> list[Announcement]:
        """Those that can be told now, in order."""
        missing = {waiting.output[0] for waiting in self._waiting} - self._there
        if missing and time.monotonic() >= self._next_look:
            self._there.update(topic_ids(self._admin, missing))
            self._next_look = time.monotonic() + _TRY_AGAIN_SECONDS
        return [waiting for waiting in self._waiting if waiting.output[0] in self._there]

    def told(self, announcements: Iterable[Announcement]) -> None:
        """These wait no longer."""
        done = {each.waits_as for each in announcements}
        self._waiting = [waiting for waiting in self._waiting if waiting.waits_as not in done]
