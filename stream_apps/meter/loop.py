"""The meter's loop: follow the broker's access log, sum, and write each minute into the audit.

The records of a minute and the position behind its lines are one transaction, so a line of the log
is counted once, whatever dies.
"""

import logging
import threading
import time
from typing import Any, Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from sharebus.infra.access_log import access_log_path
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded.secrets import PLATFORM_PRINCIPALS
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.ledger.chain import WriterHead
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.audit import Sealed
from sharebus.stream_apps.meter import metrics
from sharebus.stream_apps.meter.access_line import read_line
from sharebus.stream_apps.meter.account import Account
from sharebus.stream_apps.meter.log_follower import LogFollower, Lost, Position
from sharebus.stream_apps.meter.record import batches
from sharebus.stream_apps.progress import ProgressReader, meter_key
from sharebus.stream_apps.transaction import (
    SchemaIds,
    Transaction,
    stopped_by,
    transactional_producer,
)

log = logging.getLogger(__name__)

NAME: Final = "meter"
_PAUSE_SECONDS: Final = 0.5
_SETTLED_MS: Final = 5_000
"""Lines of a minute are in the log so long after it is over."""
_METADATA_SECONDS: Final = 15.0
_NAMES_AT_ONCE: Final = 500


class MeterLoop:
    """The one meter of a broker."""

    def __init__(self, settings: Settings) -> None:
        config = client_config(settings, credentials_for(settings, NAME))
        self.name = f"{NAME}-{settings.meter_instance}"
        self._instance = settings.meter_instance
        self._path = access_log_path(settings)
        self._admin = AdminClient(config, logger=librdkafka_log)
        self._log = LogReader(config)
        self._facts = FactsReader(config)
        self._progress = ProgressReader(self._log)
        self._producer = transactional_producer(config, self.name)
        self._head = WriterHead(self.name)
        self._topics: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set. :raises AppStopped: start again."""
        self._producer.init_transactions(30)
        while not self._can_write() and not stop.wait(_PAUSE_SECONDS):
            pass  # a bus without a catalog has no schemas yet
        self._progress.settle()
        self._head = self._progress.writer_head(self.name)
        follower, account = self._restored()
        self._taken = follower.position
        log.info("%s is ready", self.name)
        try:
            while not stop.wait(_PAUSE_SECONDS):
                self._take(follower, account)
                metrics.UNREAD_BYTES.set(follower.unread_bytes())
            self._take(follower, account)
            self._write(account)
        finally:
            follower.close()
            self._log.close()
            self._facts.close()

    def _can_write(self) -> bool:
        self._facts.catch_up()
        return bool(self._facts.facts.schemas.get(audit_batch().subject))

    def _restored(self) -> tuple[LogFollower, Account]:
        standing = self._progress.meter(self.name)
        if standing is None:
            self._committed = Position()
            return LogFollower(self._path, self._committed), Account(PLATFORM_PRINCIPALS)
        self._committed = Position(standing["file"], standing["offset"])
        account = Account(PLATFORM_PRINCIPALS, standing["last_ms"], is_up=standing["is_up"])
        return LogFollower(self._path, self._committed), account

    def _take(self, follower: LogFollower, account: Account) -> None:
        for line in follower.lines():
            if isinstance(line, Lost):
                account.add_gap(_now_ms(), "the log was rotated away before it was read")
                continue
            access = read_line(line)
            if access is not None:
                if account.is_over(access.at_ms):
                    self._write(account)
                account.add(access)
            self._taken = follower.position
        if account.is_over(_now_ms() - _SETTLED_MS):
            self._write(account)

    def _write(self, account: Account) -> None:
        """Commit what was counted, and the position behind the lines that it is made of."""
        minute = account.close()
        if minute.is_empty and self._taken == self._committed:
            return
        self._facts.catch_up()
        try:
            ids = SchemaIds.of_facts(self._facts.facts)
            transaction = Transaction(self._producer, ids)
            schema_id = ids.of(audit_batch().subject)
            values, head = [], self._head
            for batch in batches(
                minute, self._topic_of, self._taken.file, self._instance, _now_ms()
            ):
                values.append(audit_batch().encode(schema_id, head.link(batch)))
                head = head.after(values[-1])
            transaction.write_audit(Sealed(values, head, {}))
            transaction.write_head(head)
            transaction.write_progress(meter_key(self.name), {"meter": self._standing(account)})
            transaction.commit()
        except KafkaException as error:
            raise stopped_by(error) from error
        self._head, self._committed = head, self._taken
        metrics.READ_BYTES.inc(sum(read.range.given_bytes for read in minute.reads))
        metrics.REFUSALS.inc(sum(refused.times for refused in minute.refusals))
        metrics.GAPS.inc(len(minute.gaps))

    def _standing(self, account: Account) -> dict[str, Any]:
        return {
            "file": self._taken.file, "offset": self._taken.offset, "last_ms": account.last_ms,
            "is_up": account.is_up,
        }  # fmt: skip

    def _topic_of(self, topic_id: str) -> str:
        """The name of a topic; empty if there is none of this id any more."""
        if topic_id not in self._topics:
            self._learn_topics()
            self._topics.setdefault(topic_id, "")
        return self._topics[topic_id]

    def _learn_topics(self) -> None:
        names = sorted(self._admin.list_topics(timeout=_METADATA_SECONDS).topics)
        for start in range(0, len(names), _NAMES_AT_ONCE):
            asked = TopicCollection(names[start : start + _NAMES_AT_ONCE])
            for name, future in self._admin.describe_topics(asked).items():
                try:
                    self._topics[str(future.result(_METADATA_SECONDS).topic_id)] = name
                except KafkaException:
                    continue  # gone meanwhile


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
