"""Takes rights to read away so that they are gone for a hostile reader too (design, decision 5).

Kafka authorises a fetch when it arrives; one that is parked keeps its right for as long as its
client asked to wait. A quota is applied when the fetch is *answered*: over its share of the
broker's threads a user gets an empty answer, and any request exceeds next to no share. So the quota
comes first, then the rule goes, and both stand on every broker before the right counts as ended.
Then each parked fetch is made to end, and only then the quota is lifted.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from sharebus import Unavailable
from sharebus.infra.broker_requests import (
    BrokerAddress,
    request_shares,
    set_request_shares,
    topics_readable_by,
)
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas.topic import COMMANDS_PREFIX, INGRESS_PREFIX, SEALED
from sharebus.stream_apps.enforcer.rights import AccessRule

HELD_SHARE: Final = 0.000_001
"""Percent of a thread: no answer with a record in it passes. Nobody else sets this share.

A bound in bytes would hold as well, but mutes a connection for a second per byte that it was to
get; this one mutes it for a second (the broker's window) at most.
"""
FENCE_ID: Final = "enforcer-fence"
AGENCIES: Final = "agency."
"""How the names of agencies' systems begin."""
_STANDING_SECONDS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 0.01
_IN_FLIGHT_SECONDS: Final = 0.3
"""A fetch that was authorised before the rule went is parked, or answered, by then."""
_TRANSACTION_SECONDS: Final = 10.0
_FENCE_KEY: Final = b"@fence"


def is_reading(rule: AccessRule) -> bool:
    """Whether an agency's system reads a topic by this rule that others than it write."""
    permits = (rule.permission, rule.operation, rule.resource) == ("ALLOW", "READ", "TOPIC")
    own = rule.name.startswith((INGRESS_PREFIX, COMMANDS_PREFIX))
    return permits and not own and rule.principal.startswith(f"User:{AGENCIES}")


class ReaderHold:
    """Holds users at no data while a right of theirs ends.

    Methods raise Unavailable when a broker does not answer, Refused when it refuses us.
    """

    def __init__(self, config: ClientConfig, admin: AdminClient) -> None:
        self._config = config
        self._admin = admin
        self._share_before: dict[str, float | None] = {}
        self._topics: set[str] = set()

    def hold(self, lost: Iterable[AccessRule]) -> None:
        """Let the users who lose these rules fetch nothing from here on."""
        rules = [rule for rule in lost if is_reading(rule)]
        if not rules:
            return
        users = {rule.principal.removeprefix("User:") for rule in rules}
        broker = self.broker()
        before = request_shares(self._config, broker)
        for user in users - self._share_before.keys():
            share = before.get(user)
            self._share_before[user] = None if share == HELD_SHARE else share
        # What is sealed nobody can fence; an agency that leaves may wait there for what is public.
        self._topics |= {rule.name for rule in rules} - set(SEALED)
        set_request_shares(self._config, broker, dict.fromkeys(users, HELD_SHARE))

    def wait_until_gone(self, lost: Iterable[AccessRule]) -> int:
        """Wait until every broker stands without these rules; gives that instant.

        Milliseconds since 1970-01-01T00:00Z.
        """
        gone = [rule for rule in lost if is_reading(rule)]
        principals = sorted({rule.principal for rule in gone})
        deadline = time.monotonic() + _STANDING_SECONDS_MAX
        for broker in self._brokers() if gone else ():
            while True:
                readable = topics_readable_by(self._config, broker, principals)
                left = [rule for rule in gone if rule.name in readable[rule.principal]]
                if not left:
                    break
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "A broker does not take a right away.",
                        where=f"{broker.host}:{broker.port}",
                        found=str(left[0]),
                    )
                time.sleep(_PAUSE_SECONDS)
        return time.time_ns() // 1_000_000

    def resume(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Take up what an enforcer that died left behind; gives the users that it held.

        Which topics they lost is not known, so the fetches of all ``topics`` are made to end.
        """
        shares = request_shares(self._config, self.broker())
        left = [user for user, share in shares.items() if share == HELD_SHARE]
        held = tuple(sorted(user for user in left if user.startswith(AGENCIES)))
        if held:
            self._share_before |= {user: None for user in held if user not in self._share_before}
            self._topics |= set(topics)
        return held

    def release(self) -> None:
        """Make every parked fetch of the lost topics end, then lift the quotas."""
        if not self._share_before:
            return
        partitions = self._partitions()
        if partitions:
            self._end_parked(partitions)
        set_request_shares(self._config, self.broker(), self._share_before)
        self._share_before.clear()
        self._topics.clear()

    def _cluster(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=_TRANSACTION_SECONDS)
        except KafkaException as error:
            raise Unavailable("The broker does not answer.", found=str(error.args[0])) from error

    def broker(self) -> BrokerAddress:
        """One that answers: any of them passes a quota on."""
        return self._brokers()[0]

    def _brokers(self) -> list[BrokerAddress]:
        brokers = self._cluster().brokers.values()
        return [BrokerAddress(str(broker.host), broker.port) for broker in brokers]

    def _partitions(self) -> dict[str, int]:
        present = self._cluster().topics
        return {name: len(present[name].partitions) for name in self._topics if name in present}

    def _end_parked(self, partitions: Mapping[str, int]) -> None:
        """The broker answers a parked fetch whose place is in an older segment at once, however
        long and for however many bytes it would wait. So each partition gets a new segment, by
        records that no reader of committed data sees: their transaction is aborted.

        Two rounds: a segment without records is not closed, and a fetch may have been under way.
        """
        self._set_segment_ms(partitions, "1")
        producer = Producer(
            {
                **self._config,
                "transactional.id": FENCE_ID,
                "transaction.timeout.ms": 5_000,
                "linger.ms": 0,
            },
            logger=librdkafka_log,
        )
        try:
            producer.init_transactions(_TRANSACTION_SECONDS)
            for _ in range(2):
                time.sleep(_IN_FLIGHT_SECONDS)
                # One for each round: behind an open one all readers of committed data wait.
                producer.begin_transaction()
                for topic, count in partitions.items():
                    for partition in range(count):
                        producer.produce(topic, None, _FENCE_KEY, partition=partition)
                if producer.flush(_TRANSACTION_SECONDS):
                    raise Unavailable("Parked fetches cannot be ended: records are not taken.")
                producer.abort_transaction(_TRANSACTION_SECONDS)
        except KafkaException as error:
            raise Unavailable(
                "Parked fetches cannot be ended.", found=str(error.args[0])
            ) from error
        finally:
            with suppress(Unavailable):  # it is drift then, and repaired as such
                self._set_segment_ms(partitions, None)

    def _set_segment_ms(self, topics: Iterable[str], value: str | None) -> None:
        operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                topic,
                incremental_configs=[
                    ConfigEntry("segment.ms", value or "", incremental_operation=operation)
                ],
            )
            for topic in topics
        ]
        try:
            for future in self._admin.incremental_alter_configs(resources).values():
                future.result(_TRANSACTION_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise Unavailable("A topic's segments cannot be set.", found=str(error)) from error
