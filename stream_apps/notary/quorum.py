"""Asks the witnesses for their signatures while the log goes on, and publishes with a quorum."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from sharebus.ledger.errors import Untrusted
from sharebus.ledger.note import Note, Signature
from sharebus.ledger.policy import Policy
from sharebus.stream_apps.notary import metrics
from sharebus.stream_apps.notary.notary import Notary

log = logging.getLogger(__name__)

Ask = Callable[[Note, Policy, Callable[[int], list[bytes]]], list[Signature]]
"""Gives what the witnesses of a policy sign of a note. The function gives the proof that the note's
log extends the one of a size that a witness names."""
_AGAIN_SECONDS: Final = 5.0
_CLOCK_SECONDS: Final = 60
"""By how much the clock of a witness may be ahead."""


class Quorum:
    """At most one checkpoint is with the witnesses at a time; use it as a context."""

    def __init__(self, notary: Notary, ask: Ask) -> None:
        self._notary = notary
        self._ask = ask
        self._pool = ThreadPoolExecutor(1, "witnesses")
        self._asked: Future[list[Signature]] | None = None
        self._again = float("inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def is_asking(self) -> bool:
        """Whether answers are awaited: until then the next checkpoint must wait."""
        return self._asked is not None

    def begin(self) -> None:
        """Have the last checkpoint cosigned; where no witness is named, publish it at once."""
        held = self._notary.held
        if held is None:
            return
        if not self._notary.policy.witnesses:
            self._notary.publish()
            metrics.PUBLISHED_SIZE.set(self._notary.signed_size)
            return
        size = self._notary.signed_size
        self._again = float("inf")
        self._asked = self._pool.submit(
            self._ask,
            held.note,
            self._notary.policy,
            lambda old_size: self._notary.proof(old_size, size),
        )

    def settle(self) -> None:
        """Publish what has a quorum now; ask again later if too few have signed.

        :raises Contradiction: a witness has cosigned another history.
        """
        if self._asked is None:
            if time.monotonic() >= self._again:
                self.begin()
            return
        if not self._asked.done():
            return
        asked, self._asked = self._asked, None
        signatures = asked.result()
        metrics.COSIGNATURES.set(len({signature.name for signature in signatures}))
        try:
            self._notary.cosign(signatures, int(time.time()) + _CLOCK_SECONDS)
        except Untrusted as missed:
            metrics.QUORUM_MISSED.inc()
            log.warning("the checkpoint is not published: it will be tried again\n%s", missed)
            self._again = time.monotonic() + _AGAIN_SECONDS
        else:
            metrics.PUBLISHED_SIZE.set(self._notary.signed_size)


def ask_nobody(
    _note: Note, _policy: Policy, _proof: Callable[[int], list[bytes]]
) -> list[Signature]:
    """Where no witness is named."""
    return []
