"""What the apps have recorded of themselves in ``facts.progress``, read back."""

from typing import Any, Final

from confluent_kafka import Message

from sharebus.infra.log_reader import LogReader
from sharebus.ledger.chain import WriterHead
from sharebus.schemas.record import progress
from sharebus.schemas.topic import FACTS_PROGRESS

REGISTRAR_KEY: Final = b"registrar"
ENFORCER_KEY: Final = b"enforcer"
_UNANNOUNCED: Final = "unannounced/"


def partition_key(entry: str, partition: int) -> bytes:
    """Key of a partition's record."""
    return f"partition/{entry}/{partition}".encode()


def writer_key(writer: str) -> bytes:
    """Key of an audit writer's record."""
    return f"writer/{writer}".encode()


def meter_key(name: str) -> bytes:
    """Key of a meter's record."""
    return f"meter/{name}".encode()


def unannounced_key(number: int) -> bytes:
    """Key of a notice that waits to be announced."""
    return f"{_UNANNOUNCED}{number}".encode()


def unannounced_number(key: bytes) -> int:
    """The number in such a key."""
    return int(key.decode().removeprefix(_UNANNOUNCED))


class ProgressReader:
    """The latest progress record of each key, as of the last :meth:`catch_up`."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._records: dict[bytes, dict[str, Any]] = {}
        self._next_offset = 0

    def catch_up(self) -> None:
        """Read to the committed end."""
        self._next_offset = self._log.read(FACTS_PROGRESS, 0, self._next_offset, self._take)

    def settle(self) -> None:
        """Read to the end, once whatever transaction is open there now has ended.

        Another writer's could hide what this app has committed, and with it the end of its chain.
        """
        self._log.settle(FACTS_PROGRESS, 0)
        self.catch_up()

    def _take(self, message: Message) -> None:
        key, value = message.key(), message.value()
        if not isinstance(key, bytes):
            return
        if value is None:
            self._records.pop(key, None)
        else:
            self._records[key] = progress().decode(value)

    def partition(self, entry: str, partition: int) -> dict[str, Any] | None:
        """What was last committed of a partition, or None if nothing ever was."""
        record = self._records.get(partition_key(entry, partition))
        return record["partition"] if record else None

    def writer_head(self, writer: str) -> WriterHead:
        """Where a writer's audit chain stands; at its beginning if it never wrote."""
        record = self._records.get(writer_key(writer))
        if record is None:
            return WriterHead(writer)
        head = record["writer"]
        return WriterHead(writer, head["next_sequence"], head["last_sha256"])

    def registrar(self) -> dict[str, Any] | None:
        """Where the registrar stands; None if it never decided anything."""
        record = self._records.get(REGISTRAR_KEY)
        return record["registrar"] if record else None

    def standing_version(self) -> int:
        """The policy version that the enforcer last made stand; -1 if it never did."""
        record = self._records.get(ENFORCER_KEY)
        return record["enforcer"]["policy_version"] if record else -1

    def meter(self, name: str) -> dict[str, Any] | None:
        """How far a meter has counted; None if it never did."""
        record = self._records.get(meter_key(name))
        return record["meter"] if record else None

    def unannounced(self) -> dict[bytes, dict[str, Any]]:
        """The notices that wait to be announced, by the key of their record, in order."""
        prefix = _UNANNOUNCED.encode()
        keys = (key for key in self._records if key.startswith(prefix))
        numbered = sorted(keys, key=unannounced_number)
        return {key: self._records[key]["unannounced"] for key in numbered}
