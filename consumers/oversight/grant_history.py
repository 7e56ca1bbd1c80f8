"""Who could read a topic, by which grant, for what and when: from the facts of policy.

A release came to a topic, and whoever held a grant for it then could read it; who did read is told
by the broker's own log of requests, not by this.
"""

from dataclasses import dataclass, replace
from typing import Final

from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.schemas.topic import view_topic

NOT_ENDED: Final = 2**62


@dataclass(frozen=True)
class Holder:
    """A system that held a grant for a topic, from one instant to another (ms since 1970).

    The term of the grant has days of its own, in China's time, and narrows this.
    """

    topic: str
    system: str
    grant: str
    scenario: str
    legal_basis: str
    first_day: str
    last_day: str
    since_ms: int
    until_ms: int = NOT_ENDED


class GrantHistory:
    """Every grant that was ever a fact, by the topic of its view."""

    def __init__(self) -> None:
        self._holders: dict[str, Holder] = {}
        self._past: list[Holder] = []

    @classmethod
    def read(cls, config: ClientConfig) -> "GrantHistory":
        """Read all facts of policy.

        :raises Unavailable: the broker does not answer.
        """
        history = cls()
        reader: FactsReader | None = None

        def learn(_before: AnyFact | None, fact: AnyFact, instant_ms: int) -> None:
            assert reader is not None  # noqa: S101 - it is what calls this
            history.learn(reader.facts, fact, instant_ms)

        reader = FactsReader(config, learn=learn)
        try:
            reader.catch_up()
        finally:
            reader.close()
        return history

    def learn(self, facts: PolicyFacts, fact: AnyFact, instant_ms: int) -> None:
        """Take one fact, in order; ``facts`` are those that stood when it came."""
        if not isinstance(fact, Grant):
            return
        before = self._holders.pop(fact.id, None)
        if before is not None:
            self._past.append(replace(before, until_ms=instant_ms))
        entry = facts.entries.get(fact.entry)
        if entry is None or fact.revoked:
            return
        self._holders[fact.id] = Holder(
            view_topic(entry.id, view_of_grant(entry, fact).name), str(fact.system), fact.id,
            fact.purpose.scenario, fact.purpose.legal_basis, str(fact.term.first_day),
            str(fact.term.last_day), instant_ms,
        )  # fmt: skip

    def of_topic(self, topic: str, since_ms: int, until_ms: int) -> list[Holder]:
        """Who held a grant for the topic at some time between the two."""
        return [each for each in self._all(since_ms, until_ms) if each.topic == topic]

    def of_agency(self, agency: str, since_ms: int, until_ms: int) -> list[Holder]:
        """What the systems of an agency held at some time between the two."""
        return [
            each
            for each in self._all(since_ms, until_ms)
            if each.system.partition(".")[0] == agency
        ]

    def _all(self, since_ms: int, until_ms: int) -> list[Holder]:
        everybody = (*self._past, *self._holders.values())
        held = [
            each for each in everybody if each.since_ms <= until_ms and each.until_ms >= since_ms
        ]
        return sorted(held, key=lambda each: (each.topic, each.system, each.since_ms))
