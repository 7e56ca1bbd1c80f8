"""Who could read a topic, by which grant, for what and when: from the facts of policy.

A release came to a topic, and whoever held a grant for it then could read it; who did read is told
by the broker's own log of requests, not by this.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sharebus.governance.facts import AnyFact
from sharebus.governance.grant import Grant
from sharebus.governance.release import PolicyHistory, ReadingSpan
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
    """Every grant that was ever a fact, while it let its system read: an agency or an entry that is
    suspended reads and is read by nobody."""

    def __init__(self) -> None:
        self._history = PolicyHistory()
        self._instants_ms: dict[int, int] = {}

    @classmethod
    def read(cls, config: ClientConfig) -> "GrantHistory":
        """Read all facts of policy.

        :raises Unavailable: the broker does not answer.
        """
        history = cls()
        reader: FactsReader | None = None

        def learn(_before: AnyFact | None, fact: AnyFact, instant_ms: int) -> None:
            assert reader is not None  # noqa: S101 - it is what calls this
            history.learn(reader.facts.version, fact, instant_ms)

        reader = FactsReader(config, learn=learn)
        try:
            reader.catch_up()
        finally:
            reader.close()
        return history

    def learn(self, version: int, fact: AnyFact, instant_ms: int) -> None:
        """Take one fact, in order, with its policy version."""
        self._history.take(fact, version)
        self._instants_ms[version] = instant_ms

    def of_topic(self, topic: str, since_ms: int, until_ms: int) -> list[Holder]:
        """Who held a grant for the topic at some time between the two."""
        entries = topic.split(".")[1:2]
        held = self._held(lambda grant: grant.entry in entries, since_ms, until_ms)
        return [each for each in held if each.topic == topic]

    def of_agency(self, agency: str, since_ms: int, until_ms: int) -> list[Holder]:
        """What the systems of an agency held at some time between the two."""
        held = self._held(lambda grant: grant.grantee.agency == agency, since_ms, until_ms)
        return [each for each in held if each.system.partition(".")[0] == agency]

    def _held(
        self, is_meant: Callable[[Grant], bool], since_ms: int, until_ms: int
    ) -> list[Holder]:
        holders = map(self._holder, self._history.spans_where(is_meant))
        held = [each for each in holders if each.since_ms <= until_ms and each.until_ms >= since_ms]
        return sorted(held, key=lambda each: (each.topic, each.system, each.since_ms))

    def _holder(self, span: ReadingSpan) -> Holder:
        grant, end = span.grant, span.end_version
        return Holder(
            view_topic(grant.entry, span.view), grant.system, grant.id,
            grant.purpose.scenario, grant.purpose.legal_basis, str(grant.term.first_day),
            str(grant.term.last_day), self._instants_ms[span.first_version],
            NOT_ENDED if end is None else self._instants_ms[end],
        )  # fmt: skip
