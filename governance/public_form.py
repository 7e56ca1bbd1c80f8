"""What of a fact every agency may read: no more of persons than the law asks for."""

from typing import Final

from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, PolicyFacts

WITHHELD: Final = "不公开"
"""Stands in place of a name that is not published."""


def as_published(facts: PolicyFacts) -> PolicyFacts:
    """The facts as ``shared.catalog`` shows those of them that every agency may read."""
    published = PolicyFacts()
    for fact in facts:
        published.apply(public_form(fact), facts.version)
    return published


def public_form(fact: AnyFact) -> AnyFact:
    """The fact as it stands in ``shared.catalog``.

    The national catalog guide (政务信息资源目录编制指南) asks for an entry's provider and its code,
    and for no person: the officer's title stays, the name does not. An agency's own officer is the
    contact that it has designated (指定专人, Order 171 Art 27), and is named.
    """
    if not isinstance(fact, CatalogEntry):
        return fact
    officer = fact.provider.officer.model_copy(update={"name": WITHHELD})
    provider = fact.provider.model_copy(update={"officer": officer})
    return fact.model_copy(update={"provider": provider})
