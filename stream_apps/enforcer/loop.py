"""The enforcer's loop: wake with a new fact, make the broker match, and look for drift between."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from typing import Final

from sharebus import Refused, Unavailable
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import Settings
from sharebus.stream_apps.enforcer import metrics
from sharebus.stream_apps.enforcer.apply import local_date
from sharebus.stream_apps.enforcer.enforcement import Enforcement
from sharebus.stream_apps.enforcer.office import Office
from sharebus.stream_apps.enforcer.rights import ENFORCER

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
_PAUSE_PER_LOOK: Final = 4
"""A look at a city takes seconds: it takes a fifth of the time at most, and a change waits for one
of its steps alone."""
_AGAIN_SECONDS: Final = 1.0


class LookTimes:
    """When to look next: so long after a look, by a monotonic clock in seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._worked = 0.0

    def is_due(self, now: float) -> bool:
        """Whether the pause is over."""
        return now > self._next

    def worked(self, seconds: float) -> None:
        """A step of the look that goes on took so long."""
        self._worked += seconds

    def ended(self, now: float) -> None:
        """The look is over."""
        self._next = now + max(LOOK_SECONDS, _PAUSE_PER_LOOK * self._worked)
        self._worked = 0.0


class EnforcerLoop:
    """The one enforcer of a bus; a second one waits until the first is gone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._look: Iterator[None] | None = None
        self._looked_on = date.min
        self._times = LookTimes()

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set.

        :raises AppStopped: start again; the next start goes on where this one ended.
        """
        config = client_config(self._settings, credentials_for(self._settings, ENFORCER))
        with ExitStack() as stack:
            office = Office(config)
            stack.callback(office.close)
            while not office.is_ours():
                if stop.is_set():
                    return
            self._enforcement = Enforcement(self._settings, config, ENFORCER, stack)
            log.info("%s is ready", ENFORCER)
            while not stop.is_set():
                if self._look is None:
                    office.wait_for_fact()
                else:
                    office.stay()
                self._step()

    def _step(self) -> None:
        """Follow what is new, or else take the next step of a look."""
        try:
            self._enforcement.catch_up()
            if not self._enforcement.facts.schemas:
                time.sleep(_AGAIN_SECONDS)  # a bus without a catalog: nothing can be written yet
                return
            today = local_date()
            if self._enforcement.is_behind(today):
                self._enforcement.follow(today)
            elif self._look is not None or self._times.is_due(time.monotonic()):
                self._look_on(today)
        except (Unavailable, Refused) as problem:
            # What was begun is looked at again, and finished.
            self._look = None
            self._enforcement.forget()
            metrics.UNAVAILABLE.inc()
            log.warning("it will be tried again\n%s", problem)
            time.sleep(_AGAIN_SECONDS)

    def _look_on(self, today: date) -> None:
        started = time.monotonic()
        if self._look is None or today != self._looked_on:
            self._look, self._looked_on = self._enforcement.look(today), today
        is_over = next(self._look, _OVER) is _OVER
        now = time.monotonic()
        self._times.worked(now - started)
        if is_over:
            self._look = None
            self._times.ended(now)


_OVER: Final = object()
