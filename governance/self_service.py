"""Self-service (自行获取): the grants that follow from the catalog without a request."""

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Final

from sharebus.governance.agency import Agency, SystemRole
from sharebus.governance.collection import is_in_scope
from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.grant import Grant, Purpose, Term

LAST_DAY: Final = date(9999, 12, 31)
AUTOMATIC_PREFIX: Final = "auto-"
_DIGEST_CHARS: Final = 16
_AUTOMATIC_PURPOSE: Final = Purpose(
    legal_basis="Order 171 Art 17, Art 18 ¶1 (无附加条件共享类，由行政机关自行获取)",
    scenario="self-service: the entry is shared without additional conditions",
    scope="the fields without a protection mark",
)


def automatic_grants(
    agencies: Iterable[Agency],
    entries: Iterable[CatalogEntry],
    standing: Iterable[Grant],
    today: date,
) -> tuple[Grant, ...]:
    """The automatic grants (自行获取) that follow from the catalog, sorted by id.

    Every subscriber system of every agency in scope gets each unconditional entry, but for the
    system that provides it. ``standing`` are the grants in force before: a grant keeps its first
    day, one that was revoked stays revoked, and one whose reason is gone is revoked.
    """
    before = {grant.id: grant for grant in standing if grant.id.startswith(AUTOMATIC_PREFIX)}
    subscribers = [
        system for agency in agencies for system in agency.system_names(SystemRole.SUBSCRIBER)
    ]
    wanted: dict[str, Grant] = {}
    for entry in entries:
        sharing = entry.sharing
        if not isinstance(sharing, Unconditional):
            continue
        unmarked = tuple(name for name in entry.field_names if name not in entry.marked_fields)
        for system in subscribers:
            is_provider = system == (entry.provider.agency, entry.provider.system)
            if is_provider or not is_in_scope(sharing, system.agency) or not unmarked:
                continue
            grant_id = automatic_grant_id(entry.id, str(system))
            known = before.get(grant_id)
            wanted[grant_id] = Grant(
                id=grant_id,
                entry=entry.id,
                system=str(system),
                fields=unmarked,
                purpose=_AUTOMATIC_PURPOSE,
                term=known.term if known else Term(first_day=today, last_day=LAST_DAY),
                approval="automatic",
                revoked=known.revoked if known else False,
            )
    for grant_id, grant in before.items():
        if grant_id not in wanted:
            wanted[grant_id] = grant.model_copy(update={"revoked": True})
    return tuple(wanted[grant_id] for grant_id in sorted(wanted))


def automatic_grant_id(entry: str, system: str) -> str:
    """Id of the automatic grant of a system on an entry: the same at every application."""
    digest = hashlib.sha256(f"{entry}/{system}".encode()).hexdigest()
    return AUTOMATIC_PREFIX + digest[:_DIGEST_CHARS]
