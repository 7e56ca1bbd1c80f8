"""What a release rests on: the grants that a view and a policy version resolve to. Pure.

The gate's record of a release names the view and the policy version under which it was made, and
nothing else that may change. Which grants read the view then, for which purpose and until when,
follows from the facts up to that version (Order 809 Art 20, 29).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.view import view_of_grant


class ReadingSpan(NamedTuple):
    """A grant read a view from one policy version on, until before another; None: it still does."""

    view: str
    grant: Grant
    first_version: int
    end_version: int | None

    def has_begun(self, version: int) -> bool:
        """Whether the grant read the view at this version or before."""
        return self.first_version <= version

    def has_ended(self, version: int) -> bool:
        """Whether it had ended by this version."""
        return self.end_version is not None and self.end_version <= version


class PolicyHistory:
    """Agencies, entries and grants as they stood at each policy version; take facts in order."""

    def __init__(self) -> None:
        self.version = -1
        """That of the last fact taken."""
        self._known: dict[tuple[str, str], list[tuple[int, AnyFact]]] = {}
        self._grants_on: dict[str, set[str]] = {}

    def take(self, fact: AnyFact, version: int) -> None:
        """Take a fact; ``version`` is its offset."""
        self.version = version
        if isinstance(fact, Agency | CatalogEntry | Grant):
            self._known.setdefault((fact.kind, fact.id), []).append((version, fact))
        if isinstance(fact, Grant):
            self._grants_on.setdefault(fact.entry, set()).add(fact.id)

    def readers(self, entry: str, version: int, day: date) -> tuple[tuple[str, Grant], ...]:
        """The grants by which an entry was read at a version on a local day, each with its view."""
        found = (self._reading(grant, version, day) for grant in self._grants(entry))
        return tuple(sorted(filter(None, found), key=lambda each: (each[0], each[1].id)))

    def spans(self, prefix: str) -> Iterator[ReadingSpan]:
        """Those of each grant whose id begins so."""
        return self.spans_where(lambda grant: grant.id.startswith(prefix))

    def spans_where(self, is_meant: Callable[[Grant], bool]) -> Iterator[ReadingSpan]:
        """When each grant that is meant, as it ever was, read which view.

        Its term is not looked at: a grant whose term is over is revoked by a fact, which ends its
        span.
        """
        for (kind, grant_id), known in sorted(self._known.items(), key=lambda each: each[0]):
            if kind == "grant" and any(isinstance(g, Grant) and is_meant(g) for _, g in known):
                yield from self._spans_of(grant_id)

    def _spans_of(self, grant_id: str) -> Iterator[ReadingSpan]:
        open_span: ReadingSpan | None = None
        for version in self._changes(grant_id):
            grant = self._at("grant", grant_id, version)
            day = grant.term.first_day if isinstance(grant, Grant) else date.min
            reading = self._reading(grant_id, version, day)
            if open_span is not None and (
                reading is None or reading != (open_span.view, open_span.grant)
            ):
                yield open_span._replace(end_version=version)
                open_span = None
            if open_span is None and reading is not None:
                open_span = ReadingSpan(*reading, version, None)
        if open_span is not None:
            yield open_span

    def _changes(self, grant_id: str) -> list[int]:
        """The versions at which it may have begun or ended to read a view."""
        versions = [version for version, _ in self._known["grant", grant_id]]
        for _, grant in self._known["grant", grant_id]:
            if isinstance(grant, Grant):
                for key in (("entry", grant.entry), ("agency", grant.grantee.agency)):
                    versions += [version for version, _ in self._known.get(key, ())]
        first = self._known["grant", grant_id][0][0]
        return sorted({version for version in versions if version >= first})

    def _reading(self, grant_id: str, version: int, day: date) -> tuple[str, Grant] | None:
        grant = self._at("grant", grant_id, version)
        if not isinstance(grant, Grant):
            return None
        entry = self._at("entry", grant.entry, version)
        agency = self._at("agency", grant.grantee.agency, version)
        if not isinstance(entry, CatalogEntry) or agency is None:
            return None
        facts = PolicyFacts()
        for fact in (agency, entry, grant):
            facts.apply(fact, version)
        return (view_of_grant(entry, grant).name, grant) if facts.may_read(grant, day) else None

    def _grants(self, entry: str) -> list[str]:
        return sorted(self._grants_on.get(entry, ()))

    def _at(self, kind: str, name: str, version: int) -> AnyFact | None:
        known = self._known.get((kind, name), [])
        place = bisect_right(known, version, key=lambda item: item[0])
        return known[place - 1][1] if place else None
