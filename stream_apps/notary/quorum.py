"""Asks the witnesses for their signatures while the log goes on, and publishes with a quorum."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from types import TracebackType
from typing import Final, Self

import httpx

from sharebus.ledger.checkpoint import open_checkpoint
from sharebus.ledger.errors import LedgerError, Untrusted
from sharebus.ledger.note import Note
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN
from sharebus.stream_apps.notary import metrics
from sharebus.stream_apps.notary.contradiction import Contradiction
from sharebus.stream_apps.notary.notary import Notary
from sharebus.stream_apps.notary.witnesses import (
    WITNESS_SECONDS_MAX,
    Collected,
    Trouble,
    collect,
)

log = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 5.0


class Quorum:
    """At most one checkpoint is with the witnesses at a time; use it as a context."""

    def __init__(self, notary: Notary) -> None:
        self._notary = notary
        self._sizes: Mapping[bytes, int] = {}
        self._pool = ThreadPoolExecutor(1, "witnesses")
        self._asked: Future[Collected] | None = None
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

    def check(self) -> None:
        """Before anything is signed: where do the witnesses stand?

        One that is away is passed over: without its signature nothing is published.

        :raises Contradiction: one has cosigned what this log does not hold.
        """
        path = f"/{sha256(self._notary.origin.encode()).hexdigest()}/checkpoint"
        for witness in self._notary.policy.witnesses.values():
            if not witness.url:
                continue
            address = witness.url.decode(errors="replace").rstrip("/") + path
            try:
                answer = httpx.get(address, timeout=WITNESS_SECONDS_MAX)
                if answer.status_code == httpx.codes.OK:
                    self._compare(answer.content, address)
            except (httpx.HTTPError, httpx.InvalidURL) as away:
                log.warning("witness %s does not say where it stands: %s", address, away)

    def _compare(self, data: bytes, where: str) -> None:
        try:
            cosigned = open_checkpoint(Note.parse(data), self._notary.origin, self._notary.keys)
        except LedgerError as unsigned:
            log.warning("witness %s shows what this log did not sign: %s", where, unsigned)
        else:
            self._notary.require_same_history(cosigned, where)

    def begin(self) -> None:
        """Have the last checkpoint cosigned; where no witness is named, publish it at once."""
        held = self._notary.held
        if held is None:
            return
        if not self._notary.policy.witnesses:
            self._notary.publish()
            metrics.PUBLISHED_SIZE.set(self._notary.signed_size)
            return
        self._again = float("inf")
        self._asked = self._pool.submit(
            collect, held.note, self._notary.policy, self._sizes, self._notary.proof
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
        collected = asked.result()
        self._sizes = collected.sizes
        self._tell(collected)
        try:
            latest = int(time.time()) + CLOCK_SECONDS_FORGIVEN
            self._notary.cosign(collected.signatures.values(), latest)
        except Untrusted as missed:
            metrics.QUORUM_MISSED.inc()
            log.warning("the checkpoint is not published: it will be tried again\n%s", missed)
            self._again = time.monotonic() + _AGAIN_SECONDS
        else:
            metrics.PUBLISHED_SIZE.set(self._notary.signed_size)

    def _tell(self, collected: Collected) -> None:
        metrics.COSIGNATURES.set(len(collected.signatures))
        for name, failure in collected.failures.items():
            witness = name.decode(errors="replace")
            if failure.trouble == Trouble.CONTRADICTS:
                raise Contradiction(
                    "a witness contradicts the log", where=f"witness {witness}",
                    found=failure.message,
                    remedy="Nothing more is signed. Compare its checkpoint with the public one.",
                )  # fmt: skip
            log.warning("witness %s: %s: %s", witness, failure.trouble, failure.message)
