"""What a look at everything finds beside rights and settings: differences that nobody decided.

What is safe to put right is put right: a password of a system that is in no agency ends, a quota on
a system is lifted, a subject gets its compatibility level back. The rest is a conflict, for a
person: what somebody made under a name of ours may be in use, and hold something.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from confluent_kafka.admin import AdminClient

from sharebus.governance.facts import PolicyFacts
from sharebus.infra.broker_requests import REQUEST_SHARE, Quota, all_quotas, alter_quotas
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.registry import COMPATIBILITY, SchemaRegistry
from sharebus.infra.scram import remove_users, users
from sharebus.schemas.topic import FACTS_POLICY
from sharebus.stream_apps.enforcer.desired import DesiredBroker
from sharebus.stream_apps.enforcer.difference import Conflict
from sharebus.stream_apps.enforcer.look import Seen
from sharebus.stream_apps.enforcer.revocation import AGENCIES, HELD_SHARE, ReaderHold

_SUBJECTS_AT_ONCE: Final = 100
"""Subjects of which one look asks for versions and level: two requests each."""
_SUBJECTS_A_STEP: Final = 10
_OF_ENTRIES: Final = ("ingress.", "accepted.", "shared.", "view.", "deliveries.")
_OF_AGENCIES: Final = ("notices.", "commands.", "quarantine.")


class Found(NamedTuple):
    """Whose or what was put right, and what is left to a person."""

    repaired: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


def foreign_names(
    seen: Seen, desired: DesiredBroker, facts: PolicyFacts, unused: Sequence[str]
) -> tuple[Conflict, ...]:
    """Topics and subjects that are called like ours and that no fact ever asked for. Pure.

    What an entry or agency had before it changed is no stranger: it is kept for its history.
    """
    ours = {topic.name for topic in desired.topics} | set(unused)

    def is_foreign(name: str) -> bool:
        prefix, _, rest = name.partition(".")
        owner = rest.partition(".")[0]
        if name in ours or not name.startswith(_OF_ENTRIES + _OF_AGENCIES):
            return False
        if f"{prefix}." in _OF_AGENCIES:
            return owner not in facts.agencies
        return prefix == "view" or owner not in facts.entries

    found = [("topic", name) for name in sorted(seen.topics) if is_foreign(name)]
    found += [
        ("subject", name)
        for name in sorted(seen.subjects)
        if is_foreign(name.removesuffix("-value"))
    ]
    return tuple(
        Conflict(
            name,
            f"a {kind} is called like ours, and nobody decided it",
            "only names that follow from the facts",
            f"{kind} {name}",
            f"Find out who made it; then delete the {kind} as administrator.",
        )
        for kind, name in found
    )


class DriftLook:
    """Looks for what the broker's topics, settings and rights do not show.

    Methods raise Unavailable when broker or registry do not answer, Refused when they refuse.
    """

    def __init__(
        self, config: ClientConfig, admin: AdminClient, registry: SchemaRegistry, hold: ReaderHold
    ) -> None:
        self._config = config
        self._admin = admin
        self._registry = registry
        self._hold = hold
        self._next_subject = 0
        self._foreign_versions: dict[str, Conflict] = {}
        self._held_before: frozenset[str] = frozenset()

    def strangers(self, facts: PolicyFacts) -> Found:
        """End the passwords of systems that are in no agency: of those that left, or never were."""
        agencies = facts.agencies.values()
        known = {system.principal for agency in agencies for system in agency.system_names()}
        named = {user for user in users(self._admin) if user.startswith(AGENCIES)}
        strangers = sorted(named - known)
        remove_users(self._admin, strangers)
        return Found(tuple(strangers))

    def quotas(self, released: Sequence[str]) -> Found:
        """Lift quotas of agencies' systems; others hold for our apps too, and are raised.

        A hold on a reader (decision 0019) is left alone when it is seen first: somebody may just
        be taking a right away. Seen again it was left behind, and is lifted as such: after the
        fetches that are parked on the ``released`` topics have ended.
        """
        broker = self._hold.broker()
        of_agencies: list[Quota] = []
        of_others: list[Quota] = []
        for quota in all_quotas(self._config, broker):
            is_ours = (quota.user or "").startswith(AGENCIES)
            (of_agencies if is_ours else of_others).append(quota)
        held = frozenset(quota.user or "" for quota in of_agencies if _is_hold(quota))
        stray = [quota for quota in of_agencies if not _is_hold(quota)]
        alter_quotas(
            self._config, broker, (q._replace(bounds=dict.fromkeys(q.bounds)) for q in stray)
        )
        left = held & self._held_before
        if left:
            self._hold.resume(released)
            self._hold.release()
        self._held_before = held - left
        conflicts = (
            Conflict(
                FACTS_POLICY,
                "a quota holds for whoever is called so, apps of the bus among them",
                "no quota but on agencies' systems, while a right of theirs ends",
                str(quota),
                "Find out who set it; then take it away as administrator.",
            )
            for quota in of_others
        )
        repaired = sorted({*(str(quota) for quota in stray), *(f"user {user}" for user in left)})
        return Found(tuple(repaired), tuple(conflicts))

    def subjects(self, desired: DesiredBroker, facts: PolicyFacts) -> Iterator[tuple[str, ...]]:
        """Look at some subjects, the next ones each time; each step gives those put right.

        A version that is no fact is kept: later ones must be compatible with it.
        """
        names = sorted({schema.subject for schema in desired.schemas} & facts.schemas.keys())
        start = self._next_subject if self._next_subject < len(names) else 0
        chosen = names[start : start + _SUBJECTS_AT_ONCE]
        self._next_subject = start + len(chosen)
        for first in range(0, len(chosen), _SUBJECTS_A_STEP):
            step = chosen[first : first + _SUBJECTS_A_STEP]
            yield tuple(name for name in step if self._is_repaired(name, facts))
        for gone in self._foreign_versions.keys() - set(names):
            del self._foreign_versions[gone]

    def foreign_versions(self) -> tuple[Conflict, ...]:
        """Those of all looks so far that stand."""
        return tuple(self._foreign_versions.values())

    def _is_repaired(self, subject: str, facts: PolicyFacts) -> bool:
        known = facts.schemas.get(subject, {}).keys()
        versions = self._registry.versions(subject)
        ids = {}
        if len(versions) > len(known):
            ids = {version: self._registry.version_id(subject, version) for version in versions}
        foreign = sorted(version for version, number in ids.items() if number not in known)
        self._foreign_versions.pop(subject, None)
        if foreign:
            self._foreign_versions[subject] = Conflict(
                subject,
                "somebody registered a schema that no fact asks for",
                f"{len(known)} versions",
                f"versions {', '.join(map(str, foreign))} beside them",
                "Find out who did it; then delete these versions from the registry.",
            )
        if not versions or self._registry.compatibility(subject) == COMPATIBILITY:
            return False
        self._registry.set_compatibility(subject)
        return True


def _is_hold(quota: Quota) -> bool:
    return len(quota.entity) == 1 and dict(quota.bounds) == {REQUEST_SHARE: HELD_SHARE}
