"""What waits for an agency: cases that it must move, until when, by which article. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from sharebus.governance.case import Author, Case, Parties, actors_of, parties_of
from sharebus.governance.clock_rule import Step
from sharebus.governance.lifecycle import Move
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import Role

AT_WILL: Final[Mapping[str, frozenset[str]]] = {
    "agency": frozenset(
        {"register_system", "rotate", "rotate_key", "suspend", "succeed", "exit"}
    ),
    "entry": frozenset(
        {"amend", "freeze", "suspend", "retire", "report_change", "ask_extension"}
    ),
    "change": frozenset({"withdraw", "refuse"}),
    "demand": frozenset({"withdraw"}),
    "request": frozenset({"withdraw", "ask_extension", "ask_review"}),
    "grant": frozenset({"renew", "suspend", "revoke", "give_back"}),
    "agreement": frozenset({"withdraw", "terminate"}),
    "permission": frozenset({"take_back"}),
    "emergency": frozenset({"end"}),
    "designation": frozenset({"withdraw"}),
    "violation": frozenset({"remind", "withdraw", "criticise", "refer"}),
}  # fmt: skip
"""Moves that somebody may take and nobody waits for."""


_DOES: Final[Mapping[str, str]] = {
    "hand_in": Step.UPDATE_CATALOG, "return_update": Step.REVIEW_CATALOG,
    "revise": Step.REVIEW_CATALOG, "rectify": "rectify",
}  # fmt: skip
"""Moves that are waited for while the clock of their step runs."""


class Task(NamedTuple):
    """A case that waits for an agency. ``verbs`` are the moves that it may take.

    There are none while what is due is done elsewhere: an entry published, an agreement signed.
    ``step``, ``due_ms`` and ``due`` (for people) are those of the clock that runs for it, empty
    where none does; ``basis`` is the article of the clock, else of the moves.
    """

    case: Case
    verbs: tuple[str, ...]
    basis: str
    step: str = ""
    due_ms: int | None = None
    due: str = ""
    is_provisional: bool = False
    is_overdue: bool = False


def tasks_of(cases: Iterable[Case], author: Author) -> list[Task]:
    """The tasks of an agency with its offices; what is due first stands first."""
    found = (_task(case, author) for case in cases)
    return sorted(
        (task for task in found if task is not None),
        key=lambda task: (task.due_ms is None, task.due_ms, task.case.changed_ms, task.case.id),
    )


def parties_seen(case: Case, agency: str) -> Parties:
    """The parties of a case, as far as one of them can tell from what it sees.

    An agency that is told of a change, without providing the entry, has a grant on it.
    """
    parties = {role: set(agencies) for role, agencies in parties_of(case).items()}
    if case.case_kind == "agency":
        parties = {Role.PROVIDER: {case.id}, Role.SUBSCRIBER: {case.id}}
    elif case.case_kind == "emergency":
        parties[Role.SUBSCRIBER] |= set(case.content.get("agencies", ()))
    elif case.case_kind == "change" and agency not in parties[Role.PROVIDER]:
        parties[Role.SUBSCRIBER].add(agency)
    return parties


def _task(case: Case, author: Author) -> Task | None:
    roles = actors_of(author, case, parties_seen(case, author.agency))
    moves = [
        move
        for move in LIFECYCLES[case.case_kind].moves_from(case.state)
        if set(move.actors) & set(roles) and _is_awaited(case, move, roles, author.agency)
    ]
    has_confirmed = author.agency in case.content.get("confirmed", ())
    clocks = [clock for clock in case.clocks if clock.actor in roles and not has_confirmed]
    if not moves and not clocks:
        return None
    verbs = tuple(move.verb for move in moves)
    clock = min(clocks, key=lambda each: (each.due_ms is None, each.due_ms or 0), default=None)
    if clock is None:
        return Task(case, verbs, "; ".join(dict.fromkeys(move.basis for move in moves)))
    return Task(
        case, verbs, clock.basis, clock.step, clock.due_ms, clock.local, clock.provisional,
        clock.overdue,
    )  # fmt: skip


def _is_awaited(case: Case, move: Move, roles: Iterable[str], agency: str) -> bool:
    if move.verb == "extend":
        return "extension" in case.content
    if move.verb == "set_due":
        return any(clock.clock and clock.clock.is_to_be_set for clock in case.clocks)
    if move.verb in _DOES:
        return any(clock.step == _DOES[move.verb] for clock in case.clocks)
    if move.is_consent:
        has_consented = any(role in case.consents for role in roles if role in move.actors)
        return agency not in case.content.get("confirmed", ()) and (
            case.case_kind == "emergency" or not has_consented
        )
    waits = any(role not in case.consents for role in move.consents)
    return not waits and move.verb not in AT_WILL.get(case.case_kind, frozenset())
