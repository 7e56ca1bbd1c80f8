"""The two copies of an entry: its own, and the shared one that everybody reads.

What is accepted of an entry that shares one copy lies in the shared one; of all others in their
own. Another class takes it from the one to the other, and a mark that comes late takes nothing
back. Which copies stand is known by their schemas, which are facts.
"""

from collections.abc import Iterator

from sharebus.governance.collection import Problem
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts


def copy_left(facts: PolicyFacts, entry: CatalogEntry) -> str | None:
    """The topic of the copy that an entry has left by a change of class, once the other stands.

    It is deleted as soon as all that was accepted lies in the other one.
    """
    own, shared = f"accepted.{entry.id}", f"shared.{entry.id}"
    if not (_stands(facts, own) and _stands(facts, shared)):
        return None
    if entry.shares_one_copy:
        return own
    return None if entry.sharing_class == "unconditional" else shared


def is_shared_copy_closed(facts: PolicyFacts, entry: CatalogEntry) -> bool:
    """Whether a shared copy stands of an entry that nobody may read it of any more."""
    return entry.sharing_class != "unconditional" and _stands(facts, f"shared.{entry.id}")


def check_copies(
    facts: PolicyFacts, before: CatalogEntry, after: CatalogEntry
) -> Iterator[Problem]:
    """What the copies that stand do not allow an entry to become."""
    yield from marked_too_late(facts, after)
    if before.sharing_class == after.sharing_class:
        return
    name = f"entry {after.id}"
    left = copy_left(facts, before)
    if left is not None:
        yield Problem(
            name, "sharing.class",
            "no other class while the change before is being carried out: wait some seconds",
            f"topic {left} still stands",
        )  # fmt: skip
    if after.shares_one_copy:
        schemas = facts.schemas.get(f"ingress.{after.id}-value", {}).values()
        known = {field["name"] for schema in schemas for field in schema.get("fields", ())}
        if gone := sorted(known - set(after.field_names)):
            yield Problem(
                name, "sharing.class",
                "conditional, since rows that were accepted hold fields that are no more, and one "
                "copy is passed on as it came: publish the entry under another id",
                f"unconditional, without {', '.join(gone)}",
            )  # fmt: skip


def fields_ever_shared(facts: PolicyFacts, entry: str) -> frozenset[str]:
    """Fields of every schema under which records were written to the entry's shared topic.

    The topic is compacted, so a record stays until its key is written again: of a field that was
    removed, the values stand there as long as the topic does.
    """
    schemas = facts.schemas.get(f"shared.{entry}-value", {}).values()
    return frozenset(field["name"] for schema in schemas for field in schema.get("fields", ()))


def marked_too_late(facts: PolicyFacts, entry: CatalogEntry) -> Iterator[Problem]:
    """Fields whose mark would not protect what everybody can read (Order 171 Art 19)."""
    if entry.sharing_class != "unconditional":
        return  # the shared topic is closed by then, and goes
    for name in sorted(entry.marked_fields & fields_ever_shared(facts, entry.id)):
        yield Problem(
            f"entry {entry.id}", f"data_items.{name}.mark",
            "none, since records of the shared topic hold a field of this name: give the protected "
            "one a name of its own, or make the entry conditional first",
            "a mark",
        )  # fmt: skip


def _stands(facts: PolicyFacts, topic: str) -> bool:
    return f"{topic}-value" in facts.schemas
