"""Sums what was read and refused, per principal, partition and minute. Pure.

A fetch tells where it began and how many bytes it gave, not where it ended. The next fetch of the
same connection tells it: it begins there. Until then, and for ever if there is no next one, the end
is an upper bound: what the reader could see at the time.
"""

from collections import OrderedDict
from collections.abc import Container
from typing import Final, NamedTuple

from sharebus.stream_apps.meter.access_line import Access, Fetch, Life, Part, Refusal

MINUTE_MS: Final = 60_000
SESSIONS_MAX: Final = 10_000
KEYS_MAX: Final = 10_000
_Place = tuple[str, int]
_UNKNOWN: Final = 0


class Range:
    """Offsets in a row that one principal was given; ``end`` is behind the last."""

    def __init__(self, first: int, end: int, *, is_exact: bool) -> None:
        self.first = first
        self.end = end
        self.is_first_exact = is_exact
        self.is_end_exact = False
        self.given_bytes = 0
        self.fetches = 0

    def add(self, part: Part) -> None:
        """Count one fetch."""
        self.given_bytes += part.given_bytes
        self.fetches += 1

    @property
    def is_exact(self) -> bool:
        """Whether both ends are what the reader was given, not an upper bound."""
        return self.is_first_exact and self.is_end_exact


class Read(NamedTuple):
    """What a principal was given of a partition within a minute."""

    principal: str
    topic_id: str
    partition: int
    minute_ms: int
    range: Range


class Refused(NamedTuple):
    """How often a principal was refused the same within a minute."""

    refusal: Refusal
    minute_ms: int
    times: int


class Gap(NamedTuple):
    """Reads between two instants may be missing: ``why`` says what is known."""

    from_ms: int
    to_ms: int
    why: str


class Minute(NamedTuple):
    """Everything of one stretch of lines."""

    reads: tuple[Read, ...]
    refusals: tuple[Refused, ...]
    gaps: tuple[Gap, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not any(self)


class Account:
    """The minute that is being counted, and the sessions that stand.

    ``left_out`` are the platform's own principals: whoever reads what the meter writes would make
    it write for ever. ``last_ms`` and ``is_up`` are what a former account knew of the broker.
    """

    def __init__(self, left_out: Container[str], last_ms: int = 0, *, is_up: bool = False) -> None:
        self.last_ms = last_ms
        self.is_up = is_up
        self._left_out = left_out
        self._reads: list[Read] = []
        self._last: dict[tuple[str, str, int, str], Range] = {}
        self._refusals: dict[Refusal, int] = {}
        self._gaps: list[Gap] = []
        self._sessions: OrderedDict[int, dict[_Place, int]] = OrderedDict()
        self._minute_ms: int | None = None

    def is_over(self, at_ms: int) -> bool:
        """Whether what was counted must be closed before anything of this instant is added."""
        if self._minute_ms is None:
            return False
        is_full = len(self._reads) + len(self._refusals) >= KEYS_MAX
        return is_full or _minute(at_ms) != self._minute_ms

    def add(self, access: Access) -> None:
        """Count a line."""
        if self._minute_ms is None:
            self._minute_ms = _minute(access.at_ms)
        match access:
            case Fetch():
                self.is_up = True
                self._add_fetch(access)
            case Refusal():
                self.is_up = True
                key = access._replace(at_ms=0, times=0)
                if access.principal not in self._left_out:
                    self._refusals[key] = self._refusals.get(key, 0) + access.times
            case Life():
                self._add_life(access)
        self.last_ms = max(self.last_ms, access.at_ms)

    def add_gap(self, to_ms: int, why: str) -> None:
        """Lines are missing, up to an instant."""
        if self._minute_ms is None:
            self._minute_ms = _minute(to_ms)
        self._gaps.append(Gap(self.last_ms, to_ms, why))

    def close(self) -> Minute:
        """What was counted; the account begins anew, and keeps the sessions."""
        minute_ms = self._minute_ms or 0
        closed = Minute(
            tuple(self._reads),
            tuple(Refused(key, minute_ms, count) for key, count in self._refusals.items()),
            tuple(self._gaps),
        )
        self._reads, self._last, self._refusals, self._gaps = [], {}, {}, []
        self._minute_ms = None
        return closed

    def _add_life(self, life: Life) -> None:
        if life.after == "STARTING" and self.is_up:
            # It did not say that it went down, so it may not have said what it gave last.
            self._gaps.append(Gap(self.last_ms, life.at_ms, "the broker ended without a word"))
        if life.after in ("STARTING", "SHUTDOWN"):
            self._sessions.clear()
        self.is_up = life.after != "SHUTDOWN"

    def _add_fetch(self, fetch: Fetch) -> None:
        known = self._session(fetch)
        if fetch.principal in self._left_out:
            return
        for part in fetch.parts:
            first = part.first_offset
            if first is None:
                first = known.get((part.topic_id, part.partition))
            self._add_part(fetch, part, first)

    def _session(self, fetch: Fetch) -> dict[_Place, int]:
        """Where each partition of an incremental session stands, as its requests have told."""
        if not fetch.session:
            return {}
        if fetch.is_new_session:
            self._sessions[fetch.session] = {}
        places = self._sessions.setdefault(fetch.session, {})
        self._sessions.move_to_end(fetch.session)
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        places.update(fetch.asked)
        for place in fetch.forgotten:
            places.pop(place, None)
        return places

    def _add_part(self, fetch: Fetch, part: Part, first: int | None) -> None:
        place = (fetch.principal, part.topic_id, part.partition)
        last = self._last.get((*place, fetch.connection))
        if last is not None and first is not None and not last.is_end_exact:
            last.end = first if last.first < first <= last.end else last.end
            last.is_end_exact = first == last.end
        if last is not None and last.is_end_exact and last.end == first:
            last.end, last.is_end_exact = max(part.bound, first), False
        else:
            begins = _UNKNOWN if first is None else first
            last = Range(begins, part.bound, is_exact=first is not None)
            self._reads.append(Read(*place, _minute(fetch.at_ms), last))
            self._last[*place, fetch.connection] = last
        last.add(part)


def _minute(at_ms: int) -> int:
    return at_ms - at_ms % MINUTE_MS
