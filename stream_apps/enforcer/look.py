"""Looks at broker and registry: at all of them in steps, between which a change can be made, and
at the little that one change concerns."""

from collections.abc import Collection, Generator, Iterable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, TopicCollection
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from sharebus.governance.facts import PolicyFacts
from sharebus.stream_apps.enforcer.desired import DesiredBroker
from sharebus.stream_apps.enforcer.difference import LiveState, LiveTopic
from sharebus.stream_apps.enforcer.request import REQUEST_SECONDS, asked, in_batches, wait_for
from sharebus.stream_apps.enforcer.rights import AccessRule
from sharebus.stream_apps.enforcer.subjects import Subjects

ANY_HOST: Final = "*"
_PRINCIPALS_FEW: Final = 10
"""The rules of so many are asked for one by one, of more all at once."""
_TOPICS_FEW: Final = 50
"""So many topics are asked for by their names; for more, all are."""
_SETTINGS_AT_ONCE: Final = 100
"""Topics whose settings are one step of a look: some forty settings each."""


class Seen(NamedTuple):
    """What a look at everything found; ``topics`` and ``subjects`` are all that there are."""

    live: LiveState
    topics: frozenset[str]
    subjects: frozenset[str]


class BrokerLook:
    """Methods raise Unavailable when broker or registry do not answer, Refused when they refuse."""

    def __init__(self, admin: AdminClient, subjects: Subjects) -> None:
        self._admin = admin
        self._subjects = subjects

    def topic_names(self) -> frozenset[str]:
        """All topics that there are."""
        return frozenset(asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics)

    def steps(self, desired: DesiredBroker, in_force: PolicyFacts) -> Generator[None, None, Seen]:
        """See what is there of what is desired, and all rules; each step is one request or a few.

        A schema that is a fact already is there if the registry still lists its subject; to ask
        for each one would take minutes in a large catalog.
        """
        metadata = asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics
        counts = {name: len(topic.partitions) for name, topic in metadata.items()}
        present = [topic.name for topic in desired.topics if topic.name in counts]
        live: dict[str, LiveTopic] = {}
        for start in range(0, len(present), _SETTINGS_AT_ONCE):
            yield
            names = present[start : start + _SETTINGS_AT_ONCE]
            configs = self._configs(names, _stated(desired))
            live |= {name: LiveTopic(counts[name], configs[name]) for name in names}
        yield
        subjects = self._subjects.names()
        ids = self._subjects.ids(desired.schemas, in_force, subjects)
        yield
        return Seen(LiveState(live, self.rules(), ids), frozenset(counts), subjects)

    def all(self, desired: DesiredBroker, in_force: PolicyFacts) -> Seen:
        """All steps at once."""
        steps = self.steps(desired, in_force)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                seen: Seen = end.value
                return seen

    def new(self, desired: DesiredBroker, in_force: PolicyFacts, before: LiveState) -> LiveState:
        """What was there before, and what is there of what was not looked at then.

        Rules are those of before: to read a city's takes a second, and drift is looked for apart.
        """
        unseen = [topic.name for topic in desired.topics if topic.name not in before.topics]
        schemas = [schema for schema in desired.schemas if schema not in before.schema_ids]
        counts = self.partition_counts(unseen)
        configs = self._configs(counts, _stated(desired))
        topics = {name: LiveTopic(count, configs[name]) for name, count in counts.items()}
        ids = self._subjects.ids(schemas, in_force)
        return LiveState({**before.topics, **topics}, before.rules, {**before.schema_ids, **ids})

    def partition_counts(self, names: Collection[str]) -> dict[str, int]:
        """Of those of the topics that are there."""
        if len(names) > _TOPICS_FEW:
            metadata = asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics
            return {name: len(metadata[name].partitions) for name in names if name in metadata}
        if not names:
            return {}
        futures = self._admin.describe_topics(
            TopicCollection(list(names)), request_timeout=REQUEST_SECONDS
        )
        unknown = KafkaError.UNKNOWN_TOPIC_OR_PART
        found = {name: wait_for(future, unknown) for name, future in futures.items()}
        return {name: len(topic.partitions) for name, topic in found.items() if topic}

    def _configs(
        self, names: Iterable[str], stated: frozenset[str]
    ) -> dict[str, Mapping[str, str]]:
        """Of some forty settings only those that are stated for any topic: memory counts."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        configs = in_batches(
            self._admin.describe_configs,
            resources,
            _SETTINGS_AT_ONCE,
            kept=lambda found: {name: str(found[name].value) for name in stated & found.keys()},
        )
        return {resource.name: config for resource, config in configs.items()}

    def rules_near(self, rules: Iterable[AccessRule]) -> frozenset[AccessRule]:
        """The rules of those whom some rules are about, or all."""
        principals = {rule.principal for rule in rules}
        if len(principals) > _PRINCIPALS_FEW:
            return self.rules()
        return frozenset().union(*map(self.rules, principals))

    def rules(self, principal: str | None = None) -> frozenset[AccessRule]:
        """The rules about a principal, or all, that hold on any host."""
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
            if binding.host == ANY_HOST
        )


def _stated(desired: DesiredBroker) -> frozenset[str]:
    return frozenset(name for topic in desired.topics for name in topic.config)
