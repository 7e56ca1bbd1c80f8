"""The broker as the gate's parts see it, in memory: topics of one process, always committed."""

from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from confluent_kafka import TopicPartition

from sharebus.stream_apps.gate.judge import HeaderList
from sharebus.stream_apps.gate.lane import Arrival


class Stored:
    """One record, with the methods of a message that the gate calls."""

    def __init__(
        self,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: HeaderList | None = None,
        time_ms: int = 0,
    ) -> None:
        self._record = (offset, key, value, headers, time_ms)

    def offset(self) -> int:
        return self._record[0]

    def key(self) -> bytes | None:
        return self._record[1]

    def value(self) -> bytes | None:
        return self._record[2]

    def headers(self) -> HeaderList | None:
        return self._record[3]

    def timestamp(self) -> tuple[int, int]:
        return 2, self._record[4]

    def arrival(self) -> Arrival:
        offset, key, value, headers, time_ms = self._record
        return offset, time_ms, key, value, headers


class MemoryLog:
    """Stands for ``LogReader``; ``committed`` and ``epochs`` stand for consumer and admin."""

    def __init__(self) -> None:
        self.partitions: dict[tuple[str, int], list[Stored]] = {}
        self.appended: dict[tuple[str, int], list[Stored]] = {}
        """Everything ever appended, compacted or not."""
        self.ends: dict[tuple[str, int], int] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        self.epochs: dict[str, str] = {}

    def of(self, topic: str, partition: int = 0) -> list[Stored]:
        return self.partitions.setdefault((topic, partition), [])

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = 0,
        headers: HeaderList | None = None,
        time_ms: int = 0,
    ) -> int:
        offset = self.end_of_all(topic, partition)
        stored = Stored(offset, key, value, headers, time_ms)
        self.of(topic, partition).append(stored)
        self.appended.setdefault((topic, partition), []).append(stored)
        self.ends[topic, partition] = offset + 1
        return offset

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, self.end_of_all(topic, partition)

    def end_of_all(self, topic: str, partition: int) -> int:
        return self.ends.get((topic, partition), 0)

    def settle(self, topic: str, partition: int) -> None:
        """Nothing is ever open here."""

    def read(
        self,
        topic: str,
        partition: int,
        start: int,
        take: Callable[[Any], None],
        count_max: int | None = None,
    ) -> int:
        chosen = [record for record in self.of(topic, partition) if record.offset() >= start]
        for record in chosen[:count_max]:
            take(record)
        if count_max is not None and len(chosen) > count_max:
            return chosen[count_max].offset()
        return max(start, self.end_of_all(topic, partition))

    def compact(self, topic: str, partition: int = 0) -> None:
        """As the broker's cleaner would: the last record of each key, tombstones gone too."""
        last = {record.key(): record for record in self.of(topic, partition)}
        kept = [record for record in last.values() if record.value() is not None]
        self.partitions[topic, partition] = sorted(kept, key=Stored.offset)

    def committed(
        self, partitions: list[TopicPartition], timeout: float = 0
    ) -> list[TopicPartition]:
        return [
            TopicPartition(
                tp.topic, tp.partition, self.offsets.get((tp.topic, tp.partition), -1001)
            )
            for tp in partitions
        ]

    def describe_topics(self, names: Any, **_: Any) -> dict[str, Future[Any]]:
        futures: dict[str, Future[Any]] = {}
        for name in names.topic_names:
            futures[name] = Future()
            topic_id = self.epochs.setdefault(name, f"epoch-of-{name}")
            futures[name].set_result(SimpleNamespace(topic_id=topic_id))
        return futures
