"""Reads what broker and registry hold, and carries out the steps of a plan."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

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
    LiveTopic,
    Plan,
)
from sharebus.stream_apps.enforcer.request import (
    REQUEST_SECONDS,
    asked,
    in_batches,
    until_none_left,
    wait_for,
)
from sharebus.stream_apps.enforcer.revocation import ReaderHold
from sharebus.stream_apps.enforcer.rights import AccessRule
from sharebus.stream_apps.enforcer.subjects import Subjects

_PRINCIPALS_FEW: Final = 10
"""The rules of so many are asked for one by one, of more all at once."""
_ANY_HOST: Final = "*"
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
        self._admin = admin
        self._hold = hold
        self._subjects = subjects
        self._replication_factor = replication_factor

    def topic_names(self) -> frozenset[str]:
        """All topics that there are."""
        return frozenset(asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics)

    def read(self, desired: DesiredBroker, in_force: PolicyFacts) -> LiveState:
        """What is there of what is desired, and all rules.

        A schema that is a fact already is there if the registry still lists its subject; to ask
        for each one would take minutes in a large catalog.
        """
        return self._read_things(desired, in_force)._replace(rules=self._rules())

    def _read_things(self, desired: DesiredBroker, in_force: PolicyFacts) -> LiveState:
        metadata = asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics
        present = [topic.name for topic in desired.topics if topic.name in metadata]
        stated = frozenset(name for topic in desired.topics for name in topic.config)
        configs = self._configs(present, stated)
        return LiveState(
            {name: LiveTopic(len(metadata[name].partitions), configs[name]) for name in present},
            frozenset(),
            self._subjects.ids(desired.schemas, in_force),
        )

    def read_new(
        self, desired: DesiredBroker, in_force: PolicyFacts, before: LiveState
    ) -> LiveState:
        """What was there before, and what is there of what was not looked at then.

        Rules are those of before: to read a city's takes a second, and drift is looked for apart.
        """
        topics = tuple(topic for topic in desired.topics if topic.name not in before.topics)
        schemas = tuple(schema for schema in desired.schemas if schema not in before.schema_ids)
        if not topics and not schemas:
            return before
        new = self._read_things(DesiredBroker(topics, frozenset(), schemas), in_force)
        return LiveState(
            {**before.topics, **new.topics}, before.rules, {**before.schema_ids, **new.schema_ids}
        )

    def carry_out(self, plan: Plan) -> Done:
        """Do the steps, in the plan's order.

        Readers who lost a right are held at no data; :meth:`release` them when all is done.
        """
        self._hold.hold(plan.revoke)
        self._revoke(plan.revoke)
        ended_ms = self._hold.wait_until_gone(plan.revoke)
        self._create(plan.create)
        self._alter(plan.alter)
        registered = self._subjects.register(plan.register)
        in_batches(self._admin.create_acls, map(_binding, plan.allow), RULES_AT_ONCE)
        self._wait_for_rules(present=plan.allow, absent=plan.revoke)
        return Done(registered, ended_ms)

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
        if left := until_none_left(lambda: len(names - self.topic_names())):
            raise Unavailable(
                "The broker does not show the topics that it made.",
                expected=f"{len(names)} new topics",
                found=f"{left} not there",
            )

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

    def _configs(
        self, names: Iterable[str], stated: frozenset[str]
    ) -> dict[str, Mapping[str, str]]:
        """Of some forty settings only those that are stated for any topic: memory counts."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        configs = in_batches(
            self._admin.describe_configs,
            resources,
            TOPICS_AT_ONCE,
            kept=lambda found: {name: str(found[name].value) for name in stated & found.keys()},
        )
        return {resource.name: config for resource, config in configs.items()}

    def _rules_near(self, rules: Iterable[AccessRule]) -> frozenset[AccessRule]:
        """The rules of those whom some rules are about, or all."""
        principals = {rule.principal for rule in rules}
        if len(principals) > _PRINCIPALS_FEW:
            return self._rules()
        return frozenset().union(*map(self._rules, principals))

    def _rules(self, principal: str | None = None) -> frozenset[AccessRule]:
        # None stands for any name, principal and host; the library's types do not say so.
        anything: Any = None
        everything = AclBindingFilter(
            ResourceType.ANY,
            anything,
            ResourcePatternType.ANY,
            principal or anything,
            anything,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        found = wait_for(self._admin.describe_acls(everything, request_timeout=REQUEST_SECONDS))
        return frozenset(
            AccessRule(
                binding.principal,
                binding.permission_type.name,
                binding.operation.name,
                binding.restype.name,
                binding.resource_pattern_type.name,
                binding.name,
            )
            for binding in found
            if binding.host == _ANY_HOST
        )

    def _revoke(self, rules: Iterable[AccessRule]) -> None:
        filters = [
            AclBindingFilter(
                ResourceType[rule.resource],
                rule.name,
                ResourcePatternType[rule.pattern],
                rule.principal,
                _ANY_HOST,
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
        self, *, present: Iterable[AccessRule], absent: Iterable[AccessRule]
    ) -> None:
        # The controller has written the change; a broker follows a moment later.
        wanted, unwanted = set(present), set(absent)

        def count_left() -> int:
            rules = self._rules_near(wanted | unwanted)
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
        _ANY_HOST,
        AclOperation[rule.operation],
        AclPermissionType[rule.permission],
    )
