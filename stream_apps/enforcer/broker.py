"""Reads what broker and registry hold, and carries out the steps of a plan."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
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

from sharebus import Refused, Unavailable
from sharebus.governance.facts import PolicyFacts
from sharebus.infra.registry import SchemaRegistry
from sharebus.schemas.canonical import canonical_json
from sharebus.stream_apps.enforcer.desired import AccessRule, DesiredBroker, SubjectSchema
from sharebus.stream_apps.enforcer.plan import ConfigChange, LiveState, LiveTopic, Plan

REQUEST_SECONDS: Final = 30.0
_READ_BACK_SECONDS_MAX: Final = 15.0
_READ_BACK_PAUSE_SECONDS: Final = 0.05
_REGISTRATIONS_AT_ONCE: Final = 8
_ANY_HOST: Final = "*"


class BrokerState:
    """Broker and registry as one thing that can be read and changed.

    Methods raise Unavailable when one of them does not answer, and Refused when the principal has
    no right to administer the broker.
    """

    def __init__(
        self, admin: AdminClient, registry: SchemaRegistry, replication_factor: int
    ) -> None:
        self._admin = admin
        self._registry = registry
        self._replication_factor = replication_factor

    def topic_names(self) -> frozenset[str]:
        """All topics that there are."""
        return frozenset(_asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics)

    def read(self, desired: DesiredBroker, in_force: PolicyFacts) -> LiveState:
        """What is there of what is desired, and all rules.

        A schema that is a fact already is there if the registry still lists its subject; to ask
        for each one would take minutes in a large catalog.
        """
        metadata = _asked(lambda: self._admin.list_topics(timeout=REQUEST_SECONDS)).topics
        present = [topic.name for topic in desired.topics if topic.name in metadata]
        configs = self._configs(present)
        return LiveState(
            {name: LiveTopic(len(metadata[name].partitions), configs[name]) for name in present},
            self._rules(),
            self._schema_ids(desired.schemas, in_force),
        )

    def _schema_ids(
        self, desired: Iterable[SubjectSchema], in_force: PolicyFacts
    ) -> dict[SubjectSchema, int]:
        subjects = frozenset(self._registry.subjects())
        known = {
            SubjectSchema(subject, canonical_json(avro_schema)): schema_id
            for subject, by_id in in_force.schemas.items()
            for schema_id, avro_schema in by_id.items()
        }
        found: dict[SubjectSchema, int] = {}
        for schema in desired:
            if schema.subject in subjects:
                schema_id = known.get(schema)
                if schema_id is None:
                    schema_id = self._registry.id_of(schema.subject, json.loads(schema.text))
                if schema_id is not None:
                    found[schema] = schema_id
        return found

    def check(self, plan: Plan) -> None:
        """Ask the registry whether it would take every schema, before anything is done.

        :raises InvalidInput: a schema contradicts an earlier version of its subject.
        """
        for schema in plan.register:
            self._registry.check_compatible(schema.subject, json.loads(schema.text))

    def carry_out(self, plan: Plan) -> dict[SubjectSchema, int]:
        """Do the steps, in the plan's order; gives the ids of the schemas that were registered."""
        self._revoke(plan.revoke)
        if plan.create:
            topics = [
                NewTopic(
                    topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=self._replication_factor,
                    config=dict(topic.config),
                )
                for topic in plan.create
            ]
            _wait_all(self._admin.create_topics(topics, request_timeout=REQUEST_SECONDS))
        self._alter(plan.alter)
        registered = self._register(plan.register)
        if plan.allow:
            bindings = [_binding(rule) for rule in plan.allow]
            _wait_all(self._admin.create_acls(bindings, request_timeout=REQUEST_SECONDS))
        self._wait_for_rules(present=plan.allow, absent=plan.revoke)
        return registered

    def topic_id(self, topic: str) -> str:
        """The id of a topic: a topic made anew under the same name has another."""
        futures = self._admin.describe_topics(
            TopicCollection([topic]), request_timeout=REQUEST_SECONDS
        )
        return str(_wait(futures[topic]).topic_id)

    def _register(self, schemas: Iterable[SubjectSchema]) -> dict[SubjectSchema, int]:
        """Subjects side by side, for each registration waits for the registry's own log; the
        versions of one subject in their order."""
        by_subject: dict[str, list[SubjectSchema]] = {}
        for schema in schemas:
            by_subject.setdefault(schema.subject, []).append(schema)

        def register(versions: list[SubjectSchema]) -> dict[SubjectSchema, int]:
            return {
                schema: self._registry.register(schema.subject, json.loads(schema.text))
                for schema in versions
            }

        with ThreadPoolExecutor(_REGISTRATIONS_AT_ONCE) as pool:
            parts = list(pool.map(register, by_subject.values()))
        return {schema: schema_id for part in parts for schema, schema_id in part.items()}

    def _configs(self, names: Iterable[str]) -> dict[str, Mapping[str, str]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        futures = self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS)
        return {
            resource.name: {name: str(entry.value) for name, entry in _wait(future).items()}
            for resource, future in futures.items()
        }

    def _rules(self) -> frozenset[AccessRule]:
        # None stands for any name, principal and host; the library's types do not say so.
        anything: Any = None
        everything = AclBindingFilter(
            ResourceType.ANY,
            anything,
            ResourcePatternType.ANY,
            anything,
            anything,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        found = _wait(self._admin.describe_acls(everything, request_timeout=REQUEST_SECONDS))
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
        if filters:
            _wait_all(self._admin.delete_acls(filters, request_timeout=REQUEST_SECONDS))

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
        if resources:
            _wait_all(
                self._admin.incremental_alter_configs(resources, request_timeout=REQUEST_SECONDS)
            )

    def _wait_for_rules(
        self, *, present: Iterable[AccessRule], absent: Iterable[AccessRule]
    ) -> None:
        # The controller has written the change; a broker follows a moment later.
        wanted, unwanted = set(present), set(absent)
        deadline = time.monotonic() + _READ_BACK_SECONDS_MAX
        while wanted or unwanted:
            rules = self._rules()
            if wanted <= rules and not unwanted & rules:
                return
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The broker does not follow its own rules of access.",
                    expected=f"{len(wanted)} new rules, {len(unwanted)} removed",
                    found=f"{len(wanted - rules)} not there, {len(unwanted & rules)} still there",
                )
            time.sleep(_READ_BACK_PAUSE_SECONDS)


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


def _wait_all(futures: Mapping[Any, "Future[Any]"]) -> None:
    for future in futures.values():
        _wait(future)


def _wait(future: "Future[Any]") -> Any:
    return _asked(lambda: future.result(REQUEST_SECONDS))


def _asked(request: Callable[[], Any]) -> Any:
    try:
        return request()
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in (
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError._AUTHENTICATION,
        ):
            raise Refused("The broker refuses this to us.", found=cause.str()) from error
        raise Unavailable("The broker did not do it.", found=cause.str()) from error
    except TimeoutError as error:
        raise Unavailable(
            "The broker does not answer.", expected=f"within {REQUEST_SECONDS:g} s"
        ) from error
