"""Waits until the gate has decided what was sent before, so that a comparison is with the present.

A snapshot that was compared with a state that is about to change would miss deletions.
"""

import time
from typing import Final

from confluent_kafka import Message

from sharebus import Unavailable
from sharebus.governance.entry import CatalogEntry
from sharebus.infra.log_reader import LogReader
from sharebus.producers.accepted_state import AcceptedState, event_id_of, value_digest
from sharebus.producers.receipt import ReceiptReader
from sharebus.schemas.topic import quarantine_topic

_PAUSE_SECONDS: Final = 0.2
_TRANSACTION_SECONDS_MAX: Final = 15.0


class Settlement:
    """The last record of each ingress partition, and the signs that it is decided.

    They are: a receipt for it or for a later closing; its event id in the accepted topic; its place
    in quarantine.
    """

    def __init__(
        self,
        last: dict[int, Message],
        accepted: AcceptedState,
        receipts: ReceiptReader,
        log: LogReader,
        entry: CatalogEntry,
    ) -> None:
        self._last = last
        self._accepted = accepted
        self._receipts = receipts
        self._log = log
        self._quarantine = quarantine_topic(entry.provider.agency)
        self._entry = entry.id.encode()
        self._quarantine_offset = 0
        self._refused: set[tuple[int, int]] = set()

    def wait(self, wait_seconds: float) -> None:
        """Return when all is decided and ``accepted`` holds it.

        :raises Unavailable: something is not decided after the wait: the gate does not run.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            # Signs first: what they tell of is in the accepted topic when it is read after them.
            self._receipts.catch_up()
            if self._last:
                self._read_quarantine()
            self._accepted.catch_up()
            undecided = [p for p, message in self._last.items() if not self._is_decided(message)]
            if not undecided:
                break
            if time.monotonic() >= deadline:
                # An event sent twice leaves no sign of its own, and nothing changed by it either.
                undecided = [p for p in undecided if not self._is_repeated(self._last[p])]
                if not undecided:
                    break
                raise Unavailable(
                    "the gate has not decided everything that was sent before",
                    where=f"entry {self._entry.decode()}, partitions {undecided}",
                    expected=f"a decision within {wait_seconds:g} s",
                    remedy="A snapshot must be compared with the present. Is the gate running?",
                )
            time.sleep(_PAUSE_SECONDS)
        self._accepted.catch_up_to_all(deadline + _TRANSACTION_SECONDS_MAX)

    def _is_decided(self, message: Message) -> bool:
        partition, offset = message.partition() or 0, message.offset() or 0
        event_id = event_id_of(message)
        return (
            self._receipts.decided_offset(partition) >= offset
            or (partition, offset) in self._refused
            or (event_id != b"" and self._accepted.event_ids.get(message.key() or b"") == event_id)
        )

    def _is_repeated(self, message: Message) -> bool:
        value = message.value()
        digest = self._accepted.digests.get(message.key() or b"")
        return digest == (None if value is None else value_digest(value))

    def _read_quarantine(self) -> None:
        self._quarantine_offset = self._log.read(
            self._quarantine, 0, self._quarantine_offset, self._take_refused
        )

    def _take_refused(self, message: Message) -> None:
        headers = dict(message.headers() or ())
        if headers.get("sharebus_entry") == self._entry:
            place = (headers.get("sharebus_partition"), headers.get("sharebus_offset"))
            self._refused.add((int(place[0] or b"0"), int(place[1] or b"0")))
