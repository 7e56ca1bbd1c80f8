"""Since when a view is without a grant, as the facts tell it, and when its topic is due to go.

The facts are read from their beginning at each start, so that nobody has to remember it.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant
from sharebus.schemas import topic as topics

VIEW_PREFIX: Final = "view."
_DAY_MS: Final = timedelta(days=1) // timedelta(milliseconds=1)


class UnusedView(NamedTuple):
    """A view that no grant asks for: since when, and from when on its topic is deleted.

    Both in milliseconds since 1970-01-01T00:00Z.
    """

    topic: str
    ended_ms: int
    due_ms: int

    def __str__(self) -> str:
        ended, due = (
            datetime.fromtimestamp(instant_ms // 1000, UTC).isoformat()
            for instant_ms in (self.ended_ms, self.due_ms)
        )
        return f"{self.topic} (without a grant since {ended}, due {due})"


class ViewEnds:
    """When the last grant of each view ended; give it every fact, in their order."""

    def __init__(self) -> None:
        self._ended_ms: dict[str, dict[str, int]] = {}

    def learn(
        self, facts: PolicyFacts, before: AnyFact | None, fact: AnyFact, instant_ms: int
    ) -> None:
        """Take a fact that was applied to ``facts`` in place of ``before``, at an instant."""
        match fact, before:
            case Grant(), None if fact.entry not in self._ended_ms:
                return  # a first grant ends nothing, and nothing has ended that it could revive
            case Grant(), (Grant() | None):
                entry = facts.entries.get(fact.entry)
                if entry is None:
                    return
                given = [grant for grant in (before, fact) if grant is not None]
                concerned = {topics.view_topic(entry.id, _view_name(entry, g)) for g in given}
            case CatalogEntry(), CatalogEntry():
                entry = fact
                views = facts.views_of(before)
                concerned = {topics.view_topic(entry.id, view.name) for view in views}
            case _:
                return
        used = {topics.view_topic(entry.id, view.name) for view in facts.views_of(entry)}
        ended = self._ended_ms.setdefault(entry.id, {})
        for topic in concerned - used:
            ended.setdefault(topic, instant_ms)
        for topic in used & ended.keys():
            del ended[topic]

    def unused(
        self, present: Iterable[str], wanted: Collection[str], kept_days: int
    ) -> tuple[UnusedView, ...]:
        """Of the topics that are there and not wanted, the views that some grant once asked for."""
        return tuple(
            UnusedView(topic, ended_ms, ended_ms + kept_days * _DAY_MS)
            for topic in sorted(present)
            if topic.startswith(VIEW_PREFIX) and topic not in wanted
            if (ended_ms := self._ended_ms_of(topic)) is not None
        )

    def _ended_ms_of(self, topic: str) -> int | None:
        entry, _, _ = topic.removeprefix(VIEW_PREFIX).partition(".")
        return self._ended_ms.get(entry, {}).get(topic)


def _view_name(entry: CatalogEntry, grant: Grant) -> str:
    return view_of_grant(entry, grant).name
