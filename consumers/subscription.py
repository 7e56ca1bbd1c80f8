"""Reading an entry as one of an agency's systems."""

import time
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Final, Self

from confluent_kafka import OFFSET_BEGINNING

from sharebus import InvalidInput, Unavailable
from sharebus.consumers.acting_grants import ActingGrant, acting_grants
from sharebus.consumers.event import Event, event_of
from sharebus.consumers.group_reader import GroupReader
from sharebus.consumers.readable_topic import choose_topic
from sharebus.consumers.row_decoder import RowDecoder
from sharebus.consumers.schema_finder import SchemaFinder
from sharebus.governance.data_period import DataPeriod, is_valid_period, parse_period
from sharebus.governance.identity import parse_system
from sharebus.governance.local_time import local_day
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.settings import Settings, load_settings

STALL_SECONDS_MAX: Final = 60.0
"""Without any answer for so long, :meth:`Subscription.until_end` gives up."""

_POLL_SECONDS: Final = 0.2


class Subscription:
    """The events of one entry, at least once each, in the order of the log within an entity.

    ``entry`` is the catalog entry, ``system`` the reading system, ``<agency>.<system>``. Nothing
    counts as received before :meth:`acknowledge`; the next process of the same ``group`` resumes
    behind the last event acknowledged. Processes of one group share the partitions. ``view``
    chooses where the system holds grants for several views; ``from_start`` begins at the first
    event that is kept, whatever was acknowledged before.

    Iteration goes on for ever; :meth:`until_end` stops at the present end; :meth:`poll` waits for
    one event. One thread at a time may use a subscription. ::

        with Subscription("divisions", "planning.gis") as subscription:
            for event in subscription:
                store(event)
                subscription.acknowledge(event)

    :attr:`grants` are those under which the system acts, and :meth:`usage` is what a usage record
    (使用记录) says of the events acknowledged: ``desk.record_usage(subscription.grants[0].id,
    purpose=…, **subscription.usage())``.

    Every call can raise Refused (the system has no grant, or it was taken away: it is never told
    by silence) and Unavailable (broker or registry do not answer; the call can be repeated and
    nothing is skipped). The constructor also raises InvalidInput: a name of a system or group that
    cannot be, or several views and no choice.
    """

    def __init__(
        self,
        entry: str,
        system: str,
        settings: Settings | None = None,
        *,
        group: str | None = None,
        view: str | None = None,
        from_start: bool = False,
    ) -> None:
        self.system = parse_system(system)
        self.group = group or f"{self.system.principal}.{entry}"
        if not self.group.startswith(self.system.group_prefix):
            raise InvalidInput(
                "this consumer group does not belong to the agency",
                expected=f"a name that begins with {self.system.group_prefix}",
                found=self.group,
            )
        settings = settings or load_settings()
        config = client_config(settings, credentials_for(settings, self.system.principal))
        self.entry = entry
        self._config = config
        self._acknowledged_count = 0
        self._days: tuple[date, date] | None = None
        self._decoder = RowDecoder(SchemaFinder(settings, config).by_id)
        self._since: DataPeriod | None = None
        self._reader = GroupReader(config, self.system, self.group)
        try:
            shown = self._reader.topics()
            self.topic = choose_topic(shown, entry, self.system, view)
            self._partitions = range(shown[self.topic])
            self._reader.subscribe(self.topic, self._beginnings() if from_start else {})
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.poll(_POLL_SECONDS)
            if event is not None:
                yield event

    def until_end(self) -> Iterator[Event]:
        """The events up to the present end; with several processes, of this one's share.

        A transaction of the gate that is under way at the call is waited for, so nothing is missing
        of what was announced elsewhere before the call.

        :raises Unavailable: there was no answer for ``STALL_SECONDS_MAX``.
        """
        ends: dict[int, int] = {}
        answered, before = time.monotonic(), dict(self._reader.positions)
        while not self._reader.has_reached(ends):
            event = self.poll(_POLL_SECONDS)
            if event is not None:
                yield event
            now, positions = time.monotonic(), dict(self._reader.positions)
            if event is not None or positions != before:
                answered, before = now, positions
            elif now - answered > STALL_SECONDS_MAX:
                raise Unavailable(
                    f"{self.topic} was not read to its end",
                    expected=f"an answer within {STALL_SECONDS_MAX:g} s",
                    found=f"offsets {positions} of {ends}, in group {self.group}",
                )

    def poll(self, timeout_seconds: float) -> Event | None:
        """The next event, or None when none came within ``timeout_seconds``.

        :raises InvalidInput: a record does not decode; the next call goes on behind it.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            # Short waits, since a signal is handled only between them.
            left = min(max(deadline - time.monotonic(), 0.0), _POLL_SECONDS)
            message = self._reader.poll(left)
            if message is not None:
                try:
                    event = event_of(message, self._decoder)
                except Unavailable:
                    self._reader.put_back(message)
                    raise
                if not self._is_before_replay(event):
                    return event
            if time.monotonic() >= deadline:
                return None

    def acknowledge(self, *events: Event) -> None:
        """These events, and all before them in their partitions, need not be delivered again.

        When it returns, the broker holds that. Several at once cost as much as one. The event of a
        partition that has gone to another process of the group is left to that process. If the
        group went on without this process meanwhile, as after a broker that was away for longer
        than the session (10 s), they are delivered again.
        """
        next_offsets: dict[int, int] = {}
        for event in events:
            if event.topic != self.topic:
                raise InvalidInput(
                    "this event came from another subscription",
                    expected=self.topic,
                    found=event.topic,
                )
            known = next_offsets.get(event.partition, 0)
            next_offsets[event.partition] = max(known, event.offset + 1)
        self._reader.commit(next_offsets)
        if events:
            today = local_day(time.time_ns() // 1_000_000)
            self._acknowledged_count += len(events)
            self._days = (self._days[0] if self._days else today, today)

    @cached_property
    def grants(self) -> tuple[ActingGrant, ...]:
        """The grants under which the system reads, with their purposes, as its agency knows them.

        :raises Unavailable: the agency's notices cannot be read.
        """
        return acting_grants(self._config, self.system, self.entry, self.topic)

    def usage(self) -> dict[str, Any]:
        """How many events were acknowledged, on which local days, and by which system.

        :raises InvalidInput: none was.
        """
        if self._days is None:
            raise InvalidInput("nothing was acknowledged, so there is no use to record")
        first, last = self._days
        return {
            "used_by": self.system.system, "first_day": first, "last_day": last,
            "events": self._acknowledged_count,
        }  # fmt: skip

    def replay(
        self, *, from_period: str | None = None, from_offsets: Mapping[int, int] | None = None
    ) -> None:
        """Deliver again: all that is kept, or what the arguments choose.

        ``from_period`` leaves out events of an earlier data period (数据期) of the same kind.
        ``from_offsets`` gives the offset from which each partition is read again.
        Acknowledging replayed events moves the place to resume back to them.

        :raises InvalidInput: no such data period or partition.
        """
        self._since = parse_period(from_period) if from_period else None
        starts = self._beginnings() if from_offsets is None else from_offsets
        if not starts.keys() <= set(self._partitions):
            raise InvalidInput(
                f"{self.topic} has no such partition",
                expected=f"0 to {len(self._partitions) - 1}",
                found=", ".join(str(partition) for partition in sorted(starts)),
            )
        self._reader.rewind(starts)

    def close(self) -> None:
        """Leave the group, so that another process can go on at once."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beginnings(self) -> dict[int, int]:
        return dict.fromkeys(self._partitions, OFFSET_BEGINNING)

    def _is_before_replay(self, event: Event) -> bool:
        since = self._since
        if since is None or not is_valid_period(event.data_period):
            return False
        period = parse_period(event.data_period)
        return period.kind == since.kind and period < since
