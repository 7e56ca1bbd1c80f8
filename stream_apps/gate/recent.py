"""The event ids of the last offsets of one partition, so that a repetition is seen as one."""

from collections import deque
from typing import Final

WINDOW_OFFSETS: Final = 10_000
"""Ids are remembered for this many offsets of the ingress partition: state stays bounded. A
repetition further back is not seen here; providers resume by reading their own ingress topic."""


class RecentIds:
    """Which event ids were accepted within the window, and a hash of what each carried.

    Ids and payloads are kept as 8-byte hashes (SipHash under this process's random key: Python's
    ``hash`` of bytes), so the memory of a full window is about one megabyte.
    """

    def __init__(self) -> None:
        self._payloads: dict[int, int] = {}
        self._offsets: deque[tuple[int, int]] = deque()

    def find(self, event_id: bytes) -> int | None:
        """The payload hash under which an id was remembered, if it was."""
        return self._payloads.get(hash(event_id))

    def remember(self, event_id: bytes, payload: int, offset: int) -> None:
        """Remember an accepted event and forget what has left the window."""
        id_hash = hash(event_id)
        self._payloads[id_hash] = payload
        self._offsets.append((offset, id_hash))
        oldest = offset - WINDOW_OFFSETS
        while self._offsets[0][0] < oldest:
            self._payloads.pop(self._offsets.popleft()[1], None)

    def __len__(self) -> int:
        return len(self._payloads)


def payload_hash(key: bytes | None, value: bytes | None) -> int:
    """8-byte hash of what an event carries."""
    return hash((key, value))
