"""Who enforces: a running enforcer, by its membership of a group, or whoever applies a catalog.

Two who change rights at one time could give a right again that the other has just taken away. So
whoever applies a catalog leaves the broker to the enforcer when one runs (decision 0018).
"""

import time
from typing import Final

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from sharebus import Unavailable
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.topic import FACTS_POLICY
from sharebus.stream_apps.progress import ProgressReader

GROUP: Final = "enforcer"
_ANSWER_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.05
_WAIT_SECONDS: Final = 0.25
_RECORDS_MAX: Final = 10_000


class Office:
    """The membership of the enforcer, or of the registrar; wakes with a new record of
    ``facts.policy``.

    The topic has one partition, so that one member of the group is at work.
    """

    def __init__(self, config: ClientConfig, group: str = GROUP) -> None:
        self._consumer = Consumer(
            {
                **config,
                "group.id": group,
                "auto.offset.reset": "latest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "session.timeout.ms": 6_000,
            },
            logger=librdkafka_log,
        )
        self._consumer.subscribe([FACTS_POLICY])

    def is_ours(self) -> bool:
        """Whether this member is at work; waits a moment."""
        self.wait_for_fact()
        return bool(self._consumer.assignment())

    def wait_for_fact(self) -> None:
        """Return with the next record, or after a moment without one."""
        if self._consumer.poll(_WAIT_SECONDS) is not None:
            self._consumer.consume(_RECORDS_MAX, 0)

    def stay(self) -> None:
        """Stay a member; waits for nothing."""
        self._consumer.consume(_RECORDS_MAX, 0)

    def close(self) -> None:
        """Leave the group at once, so that another can take over."""
        self._consumer.close()


def is_held(admin: AdminClient, group: str = GROUP) -> bool:
    """Whether an enforcer or a registrar runs; one that died is a member until its session ends."""
    try:
        future = admin.describe_consumer_groups([group], request_timeout=_ANSWER_SECONDS)[group]
        return bool(future.result(_ANSWER_SECONDS).members)
    except KafkaException:
        return False  # there never was one


def wait_until_standing(config: ClientConfig, version: int, seconds_max: float) -> None:
    """Wait until the enforcer says that a policy version stands on the broker.

    :raises Unavailable: it did not within ``seconds_max``.
    """
    log = LogReader(config)
    progress = ProgressReader(log)
    deadline = time.monotonic() + seconds_max
    try:
        while True:
            progress.catch_up()
            if progress.standing_version() >= version:
                return
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The facts are published, but the enforcer does not make the broker match.",
                    expected=f"policy version {version} within {seconds_max:g} s",
                    found=f"version {progress.standing_version()}",
                    remedy="Look at its log and at `sharebus broker plan`; it goes on by itself.",
                )
            time.sleep(_PAUSE_SECONDS)
    finally:
        log.close()
