"""Whom facts concern: the agencies and entries from which something else may follow now. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, PolicyFacts, RegisteredSchema
from sharebus.governance.grant import Grant


class Concern(NamedTuple):
    """Ids of agencies and of entries, in their order."""

    agencies: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()


def concerned_by(facts: PolicyFacts, changes: Iterable[AnyFact]) -> Concern:
    """Those whom ``changes``, which ``facts`` hold already, concern.

    An agency's standing decides about what it provides and about what is granted to it.
    """
    agencies: set[str] = set()
    entries: set[str] = set()
    for change in changes:
        match change:
            case Agency():
                agencies.add(change.id)
            case CatalogEntry():
                entries.add(change.id)
            case Grant():
                entries.add(change.entry)
            case RegisteredSchema():
                entries.update(change.subject.removesuffix("-value").split(".")[1:2])
            case _:
                pass
    if agencies:
        provided = (e.id for e in facts.entries.values() if e.provider.agency in agencies)
        granted = (g.entry for g in facts.grants.values() if g.grantee.agency in agencies)
        entries.update(provided, granted)
    return Concern(tuple(sorted(agencies)), tuple(sorted(entries & facts.entries.keys())))
