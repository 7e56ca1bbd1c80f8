"""What must be done to the broker and the registry. Pure; ``broker`` does it."""

from collections.abc import Collection, Container, Mapping
from typing import Final, NamedTuple

from sharebus import InvalidInput, Refused
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.desired import (
    DesiredBroker,
    DesiredTopic,
    SubjectSchema,
    is_of_platform,
)
from sharebus.stream_apps.enforcer.rights import (
    ENFORCER,
    GATE,
    METER,
    NOTARY,
    REGISTRAR,
    AccessRule,
)

_AGENCIES: Final = "User:agency."
_APPS: Final = frozenset(f"User:{name}" for name in (GATE, REGISTRAR, ENFORCER, NOTARY, METER))


class LiveTopic(NamedTuple):
    """A topic as the broker has it."""

    partitions: int
    config: Mapping[str, str]


class LiveState(NamedTuple):
    """What is there: ``schema_ids`` only for the schemas that were asked for."""

    topics: Mapping[str, LiveTopic]
    rules: frozenset[AccessRule]
    schema_ids: Mapping[SubjectSchema, int]

    def after(self, plan: "Plan", registered: Mapping[SubjectSchema, int]) -> "LiveState":
        """What is there when a plan was carried out."""
        present = dict(self.topics)
        for topic in plan.create:
            present[topic.name] = LiveTopic(topic.partitions, topic.config)
        for change in plan.alter:
            before = present[change.topic]
            present[change.topic] = before._replace(config={**before.config, **change.config})
        return LiveState(
            present,
            (self.rules - set(plan.revoke)) | set(plan.allow),
            {**self.schema_ids, **registered},
        )

    def part(self, of: DesiredBroker) -> "LiveState":
        """What is there of a part of what is, or was, desired."""
        names = [topic.name for topic in of.topics]
        return LiveState(
            {name: self.topics[name] for name in names if name in self.topics},
            self.rules & of.rules,
            {schema: self.schema_ids[schema] for schema in of.schemas if schema in self.schema_ids},
        )

    def without(self, names: Collection[str]) -> "LiveState":
        """What is there when topics and their subjects are deleted."""
        subjects = {topics.value_subject(name) for name in names}
        return LiveState(
            {name: topic for name, topic in self.topics.items() if name not in names},
            self.rules,
            {s: number for s, number in self.schema_ids.items() if s.subject not in subjects},
        )

    def replaced(self, of: DesiredBroker, part: "LiveState") -> "LiveState":
        """What is there, by another look as to this part."""
        own = self.part(of)
        gone = {name: topic for name, topic in self.topics.items() if name not in own.topics}
        schemas = {s: number for s, number in self.schema_ids.items() if s not in own.schema_ids}
        return LiveState(
            {**gone, **part.topics},
            (self.rules - own.rules) | part.rules,
            {**schemas, **part.schema_ids},
        )


class ConfigChange(NamedTuple):
    """Settings of one topic that are to be set."""

    topic: str
    config: Mapping[str, str]


class Plan(NamedTuple):
    """The steps in the order in which they are done, but for the facts, which come last.

    Rights are taken away first, so that nothing that is set up later is readable under them, and
    given when what they are on is there.
    """

    revoke: tuple[AccessRule, ...] = ()
    create: tuple[DesiredTopic, ...] = ()
    alter: tuple[ConfigChange, ...] = ()
    register: tuple[SubjectSchema, ...] = ()
    allow: tuple[AccessRule, ...] = ()
    conflicts: tuple["Conflict", ...] = ()
    """What differs and is not ours to change: no step is for these."""

    @property
    def is_empty(self) -> bool:
        """Whether broker and registry are as they must be."""
        return not any(self)

    def require_possible(self, entries: Container[str]) -> None:
        """Whether these entries can change: what differs at others is held, and all else goes on.

        :raises InvalidInput: something of theirs, or of the platform, differs that only a person
            may change.
        """
        for conflict in self.conflicts:
            owner = conflict.topic.split(".")[1:2]
            if is_of_platform(conflict.topic) or any(entry in entries for entry in owner):
                raise InvalidInput(conflict.problem, **conflict.details)

    def require_within(self, rights_removed_max: int) -> None:
        """Whether it takes away no more rights than may go unasked.

        :raises Refused: it does.
        """
        if len(self.revoke) > rights_removed_max:
            conflict = _too_many(len(self.revoke), rights_removed_max)
            raise Refused(conflict.problem, **conflict.details)

    def within(self, rights_removed_max: int) -> "Plan":
        """The plan, but for what may not go unasked.

        That is to take away more rights than so many, and to change how the audit is kept: the
        broker lets nobody but an administrator do it, and whoever did is to be found.
        """
        alter = tuple(change for change in self.alter if change.topic not in topics.SEALED)
        sealed = (_sealed(change) for change in self.alter if change.topic in topics.SEALED)
        plan = self._replace(alter=alter, conflicts=(*self.conflicts, *sealed))
        if len(self.revoke) <= rights_removed_max:
            return plan
        conflict = _too_many(len(self.revoke), rights_removed_max)
        return plan._replace(revoke=(), conflicts=(*plan.conflicts, conflict))

    def only(self, desired: DesiredBroker) -> "Plan":
        """The steps, but for rights, that lead to a part of what is desired."""
        names = {topic.name for topic in desired.topics}
        schemas = set(desired.schemas)
        return Plan(
            create=tuple(topic for topic in self.create if topic.name in names),
            alter=tuple(change for change in self.alter if change.topic in names),
            register=tuple(schema for schema in self.register if schema in schemas),
        )

    def without(self, done: "Plan") -> "Plan":
        """The steps but those of another plan, that are done."""
        return Plan(
            revoke=self.revoke,
            create=tuple(topic for topic in self.create if topic not in done.create),
            alter=tuple(change for change in self.alter if change not in done.alter),
            register=tuple(schema for schema in self.register if schema not in done.register),
            allow=self.allow,
        )


class Conflict(NamedTuple):
    """A difference that a person must look at; ``topic`` is where."""

    topic: str
    problem: str
    expected: str
    found: str
    remedy: str = ""

    @property
    def details(self) -> dict[str, str]:
        """As the keywords of an error."""
        details = {"where": f"topic {self.topic}", "expected": self.expected, "found": self.found}
        return {**details, "remedy": self.remedy} if self.remedy else details


def difference(desired: DesiredBroker, live: LiveState) -> Plan:
    """The steps from what is there to what must be there.

    Topics are not deleted here, and rules of principals that are not agencies or apps of the bus
    are left alone. Another number of partitions is a conflict: it can never be changed. So is a
    topic that is gone: rights come after their topic, so one on which there are rights was there,
    and what it held is lost, which no empty topic may hide. Such a topic gets no right and no
    schema; all others go on.
    """
    create: list[DesiredTopic] = []
    alter: list[ConfigChange] = []
    conflicts: list[Conflict] = []
    had_rights = {rule.name for rule in live.rules if rule.pattern == "LITERAL"}
    for topic in desired.topics:
        standing = live.topics.get(topic.name)
        if standing is None:
            if topic.name in had_rights:
                conflicts.append(_lost(topic))
            else:
                create.append(topic)
            continue
        if standing.partitions != topic.partitions:
            conflicts.append(
                Conflict(
                    topic.name,
                    "the number of partitions of a topic can never change: events would change "
                    "places",
                    str(topic.partitions),
                    str(standing.partitions),
                )
            )
            continue
        changes = {
            name: value
            for name, value in topic.config.items()
            if standing.config.get(name) != value
        }
        if changes:
            alter.append(ConfigChange(topic.name, changes))
    held = {conflict.topic for conflict in conflicts}
    held_subjects = {topics.value_subject(name) for name in held}
    owned = {rule for rule in live.rules if _is_owned(rule.principal)}
    given = {rule for rule in desired.rules - live.rules if rule.name not in held}
    return Plan(
        # What permits goes before what denies, and comes after it.
        revoke=tuple(sorted(owned - desired.rules, key=lambda rule: (rule.permission, rule))),
        create=tuple(create),
        alter=tuple(alter),
        register=tuple(
            schema
            for schema in desired.schemas
            if schema not in live.schema_ids and schema.subject not in held_subjects
        ),
        allow=tuple(sorted(given, key=lambda rule: (rule.permission != "DENY", rule))),
        conflicts=tuple(conflicts),
    )


def difference_within(before: DesiredBroker, after: DesiredBroker, live: LiveState) -> Plan:
    """The steps for a part of what is desired, that was desired otherwise ``before``.

    The same as those of :func:`difference` as far as they are about this part; what nobody ever
    desired there is not looked for.
    """
    either = DesiredBroker(after.topics, before.rules | after.rules, after.schemas)
    return difference(after, live.part(either))


def _too_many(count: int, count_max: int) -> Conflict:
    """A plan that takes away more rights than is usual may be a mistake in the facts."""
    return Conflict(
        topics.FACTS_POLICY,
        "more rights would be taken away than may go unasked",
        f"at most {count_max}",
        str(count),
        f"See `sharebus broker plan`; then `sharebus broker apply --yes-remove {count}`.",
    )


def _sealed(change: ConfigChange) -> Conflict:
    return Conflict(
        change.topic,
        "somebody changed how the audit is kept",
        ", ".join(f"{name}={value}" for name, value in sorted(change.config.items())),
        "another value",
        "Find out who did it; then set it back as administrator: `sharebus broker apply`.",
    )


def _lost(topic: DesiredTopic) -> Conflict:
    return Conflict(
        topic.name,
        "a topic that was there is gone, and with it what it held",
        f"{topic.partitions} partitions",
        "no such topic, but rights on it",
        f"Restore it from a copy; or make it anew, empty: `sharebus broker apply --remake "
        f"{topic.name}`.",
    )


def _is_owned(principal: str) -> bool:
    return principal.startswith(_AGENCIES) or principal in _APPS
