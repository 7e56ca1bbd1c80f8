"""What the shared copy of an entry may still hold: a mark that comes later cannot take it back."""

from collections.abc import Iterator

from sharebus.governance.collection import Problem
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts


def fields_ever_shared(facts: PolicyFacts, entry: str) -> frozenset[str]:
    """Fields of every schema under which records were written to the entry's shared topic.

    The topic is compacted, so a record stays until its key is written again: of a field that was
    removed, the values stand there as long as the topic does.
    """
    schemas = facts.schemas.get(f"shared.{entry}-value", {}).values()
    return frozenset(field["name"] for schema in schemas for field in schema.get("fields", ()))


def marked_too_late(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[Problem]:
    """Fields whose mark would not protect what everybody could read (Order 171 Art 19)."""
    for name in sorted(entry.marked_fields & fields_ever_shared(facts, entry.id)):
        yield Problem(
            f"entry {entry.id}", f"data_items.{name}.mark",
            "none, since records of the shared topic hold a field of this name: give the protected "
            "one a name of its own",
            "a mark",
        )  # fmt: skip
