"""Reads what broker and registry hold, and carries out the steps of a plan."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from sharebus import Unavailable
from sharebus.governance.facts import PolicyFacts
from sharebus.schemas.genesis import Genesis
from sharebus.schemas.topic import AUDIT
from sharebus.stream_apps.enforcer.desired import DesiredBroker, DesiredTopic, SubjectSchema
from sharebus.stream_apps.enforcer.difference import (
    ConfigChange,
    LiveState,
    Plan,
)
from sharebus.stream_apps.enforcer.look import ANY_HOST, BrokerLook
from sharebus.stream_apps.enforcer.request import (
    REQUEST_SECONDS,
    in_batches,
    until_none_left,
    wait_for,
)
from sharebus.stream_apps.enforcer.revocation import ReaderHold
from sharebus.stream_apps.enforcer.rights import AccessRule
from sharebus.stream_apps.enforcer.subjects import Subjects

# A controller (KRaft) writes at most 10,000 records in one operation. A topic makes one for itself,
# for each partition and for each setting; a rule makes one.
TOPICS_AT_ONCE: Final = 100
RULES_AT_ONCE: Final = 2_000


class Done(NamedTuple):
    """Ids of the schemas that were registered, and since when the revoked rights have ended."""

    registered: dict[SubjectSchema, int]
    ended_ms: int


class BrokerState:
    """Broker and registry as one thing that can be read and changed.

    Methods raise Unavailable when one of them does not answer, and Refused when the principal has
    no right to administer the broker.
    """

    def __init__(
        self,
        admin: AdminClient,
        subjects: Subjects,
        hold: ReaderHold,
        replication_factor: int,
    ) -> None:
        self.look = BrokerLook(admin, subjects)
        self._admin = admin
        self._hold = hold
        self._subjects = subjects
        self._replication_factor = replication_factor

    def topic_names(self) -> frozenset[str]:
        """All topics that there are."""
        return self.look.topic_names()

    def read(self, desired: DesiredBroker, in_force: PolicyFacts) -> LiveState:
        """What is there of what is desired, and all rules."""
        return self.look.all(desired, in_force).live

    def carry_out(self, plan: Plan) -> Done:
        """Do the steps, in the plan's order.

        Readers who lost a right are held at no data; :meth:`release` them when all is done.
        """
        ended_ms = self.revoke(plan.revoke)
        return Done(self.provide(plan), ended_ms)

    def revoke(self, rules: Sequence[AccessRule]) -> int:
        """Take rights away; gives the instant since when they have ended, for every reader.

        Milliseconds since 1970-01-01T00:00Z.
        """
        self._hold.hold(rules)
        self._delete_rules(rules)
        ended_ms = self._hold.wait_until_gone(rules)
        self._wait_for_rules(absent=rules)
        return ended_ms

    def provide(self, plan: Plan) -> dict[SubjectSchema, int]:
        """Make topics, settings, schemas and rights; gives the ids of the schemas."""
        self._create(plan.create)
        self._alter(plan.alter)
        registered = self._subjects.register(plan.register)
        in_batches(self._admin.create_acls, map(_binding, plan.allow), RULES_AT_ONCE)
        self._wait_for_rules(present=plan.allow)
        return registered

    def release(self) -> None:
        """End the parked fetches of readers who lost a right, and let those read what is theirs."""
        self._hold.release()

    def _create(self, created: Sequence[DesiredTopic]) -> None:
        if not created:
            return
        topics = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=self._replication_factor,
                config=dict(topic.config),
            )
            for topic in created
        ]
        another_did_it = KafkaError.TOPIC_ALREADY_EXISTS
        in_batches(self._admin.create_topics, topics, TOPICS_AT_ONCE, harmless=another_did_it)
        self._wait_for_topics(created)

    def _wait_for_topics(self, created: Iterable[DesiredTopic]) -> None:
        names = {topic.name for topic in created}
        if left := until_none_left(lambda: len(names) - len(self.look.partition_counts(names))):
            raise Unavailable(
                "The broker does not show the topics that it made.",
                expected=f"{len(names)} new topics",
                found=f"{left} not there",
            )

    def delete(self, names: Collection[str]) -> None:
        """Delete topics, with all that they hold; one that is not there is no error."""
        another_did_it = KafkaError.UNKNOWN_TOPIC_OR_PART
        in_batches(self._admin.delete_topics, names, TOPICS_AT_ONCE, harmless=another_did_it)
        if left := until_none_left(lambda: len(self.look.partition_counts(names))):
            raise Unavailable("The broker does not delete a topic.", found=f"{left} still there")

    def topic_id(self, topic: str) -> str:
        """The id of a topic: a topic made anew under the same name has another."""
        futures = self._admin.describe_topics(
            TopicCollection([topic]), request_timeout=REQUEST_SECONDS
        )
        return str(wait_for(futures[topic]).topic_id)

    def genesis(self) -> Genesis:
        """What the first record of the audit must say."""
        cluster = wait_for(self._admin.describe_cluster(request_timeout=REQUEST_SECONDS))
        return Genesis(str(cluster.cluster_id), AUDIT, self.topic_id(AUDIT))

    def _delete_rules(self, rules: Iterable[AccessRule]) -> None:
        filters = [
            AclBindingFilter(
                ResourceType[rule.resource],
                rule.name,
                ResourcePatternType[rule.pattern],
                rule.principal,
                ANY_HOST,
                AclOperation[rule.operation],
                AclPermissionType[rule.permission],
            )
            for rule in rules
        ]
        in_batches(self._admin.delete_acls, filters, RULES_AT_ONCE)

    def _alter(self, changes: Iterable[ConfigChange]) -> None:
        resources = [
            ConfigResource(
                ResourceType.TOPIC,
                change.topic,
                incremental_configs=[
                    ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                    for name, value in change.config.items()
                ],
            )
            for change in changes
        ]
        in_batches(self._admin.incremental_alter_configs, resources, TOPICS_AT_ONCE)

    def _wait_for_rules(
        self, *, present: Iterable[AccessRule] = (), absent: Iterable[AccessRule] = ()
    ) -> None:
        # The controller has written the change; a broker follows a moment later.
        wanted, unwanted = set(present), set(absent)

        def count_left() -> int:
            rules = self.look.rules_near(wanted | unwanted)
            return len(wanted - rules) + len(unwanted & rules)

        if (wanted or unwanted) and (left := until_none_left(count_left)):
            raise Unavailable(
                "The broker does not follow its own rules of access.",
                expected=f"{len(wanted)} new rules, {len(unwanted)} removed",
                found=f"{left} of them not done",
            )


def _binding(rule: AccessRule) -> AclBinding:
    return AclBinding(
        ResourceType[rule.resource],
        rule.name,
        ResourcePatternType[rule.pattern],
        rule.principal,
        ANY_HOST,
        AclOperation[rule.operation],
        AclPermissionType[rule.permission],
    )
