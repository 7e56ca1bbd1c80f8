"""What an inspection tells a provider: who holds an entry, and what became of it. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from sharebus.governance.case import Case
from sharebus.governance.grant import Grant


class Disposal(NamedTuple):
    """The last disposal that a holder recorded; ``is_whole``: of all that came under the grant."""

    day: date
    means: str
    is_whole: bool


class Holder(NamedTuple):
    """A grant on the entry, and what its holder has recorded of it (Order 809 Art 29).

    ``holds`` says whether its system may read now. ``uses`` and ``events`` are sums over the usage
    records, ``last_used`` the last day of the latest; a holder may have used more than it recorded.
    """

    grant: Grant
    holds: bool
    uses: int
    events: int
    last_used: date | None
    disposed: Disposal | None


class Inspection(NamedTuple):
    """An inspection, which is on record as ``usage`` case ``case``, by the article ``basis``."""

    case: str
    basis: str
    holders: tuple[Holder, ...]


def read_inspection(case: Case, basis: str) -> Inspection:
    """The inspection that a case of usage holds."""
    return Inspection(case.id, basis, tuple(map(_holder, case.content.get("holders", ()))))


def _holder(told: Mapping[str, Any]) -> Holder:
    last, disposed = told["last_used"], told["disposed"]
    return Holder(
        Grant.model_validate(told["grant"]), told["holds"], told["uses"], told["events"],
        date.fromisoformat(last) if last else None,
        Disposal(date.fromisoformat(disposed["day"]), disposed["means"], disposed["is_whole"])
        if disposed
        else None,
    )  # fmt: skip
