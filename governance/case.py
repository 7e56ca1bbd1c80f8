"""A case: one agency, entry, request, grant … on its way through its lifecycle. Pure.

A case is a fact, and each command makes a new version of it. Whatever decides knows only the case
as it stands, the command, who its author is and when it was received, so the same commands at the
same instants give the same cases, byte for byte.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from sharebus import InvalidInput, Refused
from sharebus.governance.agency import DivisionCode, Officer, Strict
from sharebus.governance.clock import Clock
from sharebus.governance.identity import FOUNDER, Id
from sharebus.governance.lifecycle import CLOCK, NOTHING, Actor, Move
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import Role


class RunningClock(Strict):
    """A step of a case that is due: who must act, until when, by which article.

    ``because`` says how the instant was counted. ``clock`` is missing where the parties set the
    day, and ``due_ms`` while the clock is paused.
    ``overdue`` stays until the step is done; a provisional instant is never overdue.
    """

    step: str
    actor: Role
    due_ms: int | None
    local: str
    basis: str
    because: str = ""
    provisional: bool = False
    overdue: bool = False
    clock: Clock | None = None


class Case(Strict):
    """A version of a case; version 0 is of what stands by the catalog's reviewed files alone.

    ``version`` is raised by moves, and a command names the one that its author saw. ``record``
    counts whatever was written of the case, clocks that ran out or were counted anew included: an
    answer that crosses one of those is not about another case than its author saw.

    ``content`` holds the fields that commands have filled, the last one of each name; ``consents``
    the command by which each role consented in the present state. ``changed_ms`` is when the
    command of this version was received, in milliseconds since 1970 (UTC); ``officer`` gave it and
    ``head`` approved it. A version that fell due by itself has no officer, and no command where
    none brought it about.
    """

    kind: Literal["case"] = "case"
    id: Id
    case_kind: str
    jurisdiction: DivisionCode
    state: str
    version: int = Field(ge=0)
    record: int = Field(0, ge=0)
    provider: Id | None = None
    subscriber: Id | None = None
    consents: Mapping[str, str] = {}
    content: Mapping[str, Any] = {}
    clocks: tuple[RunningClock, ...] = ()
    opened_ms: int
    changed_ms: int
    command: str
    officer: Officer | None = None
    head: Officer | None = None


Parties = Mapping[Role, Collection[str]]
"""The agencies that take part in a case, by role."""


def parties_of(case: Case) -> Parties:
    """The provider and the subscriber that a case names."""
    return {
        Role.PROVIDER: tuple(filter(None, [case.provider])),
        Role.SUBSCRIBER: tuple(filter(None, [case.subscriber])),
    }


class Author(NamedTuple):
    """Who acts: an agency with the offices that it holds in a jurisdiction, or the clock."""

    agency: str
    jurisdiction: str
    offices: frozenset[Role] = frozenset()
    is_clock: bool = False


class Act(NamedTuple):
    """What a command asks for. ``seen_version`` is the version that its author knew."""

    command: str
    verb: str
    seen_version: int
    content: Mapping[str, Any]
    received_ms: int


def actors_of(author: Author, case: Case, parties: Parties | None = None) -> tuple[Actor, ...]:
    """As whom an author may act in a case: as a party, by its offices, or as the clock.

    ``parties`` are those that the case names, if not given. An office counts in its own
    jurisdiction alone (Order 171 Art 4, 33).
    """
    if author.is_clock:
        return (CLOCK,)
    if author.agency == FOUNDER:
        return (FOUNDER,)
    parties = parties_of(case) if parties is None else parties
    actors: list[Actor] = [role for role in Role if author.agency in parties.get(role, ())]
    if author.jurisdiction == case.jurisdiction:
        actors += sorted(author.offices)
    return tuple(actors)


def open_case(
    case_kind: str,
    case_id: str,
    act: Act,
    actors: Iterable[Actor],
    *,
    jurisdiction: str,
    provider: str | None = None,
    subscriber: str | None = None,
) -> tuple[Case, Move]:
    """The first version of a case.

    :raises InvalidInput: there is no such kind. :raises Refused: the move is not one that begins
        it, not by this actor, or something is missing; or the author saw another version.
    """
    lifecycle = LIFECYCLES.get(case_kind)
    if lifecycle is None:
        raise InvalidInput(
            "there is no such kind of case", expected=", ".join(LIFECYCLES), found=case_kind
        )
    _check_version(f"{case_kind} {case_id}", 0, act)
    move = _move(case_kind, case_id, NOTHING, act, actors, ())
    case = Case(
        id=case_id, case_kind=case_kind, jurisdiction=jurisdiction, state=move.target, version=1,
        record=1, provider=provider, subscriber=subscriber, content=dict(act.content),
        opened_ms=act.received_ms, changed_ms=act.received_ms, command=act.command,
    )  # fmt: skip
    return case, move


def advance(case: Case, act: Act, actors: Iterable[Actor]) -> tuple[Case, Move]:
    """The next version of a case, and the move that made it.

    :raises Refused: the author saw another version, or the lifecycle does not allow the move.
    """
    _check_version(f"{case.case_kind} {case.id}", case.version, act)
    actors = tuple(actors)
    move = _move(case.case_kind, case.id, case.state, act, actors, case.consents)
    consents = dict(case.consents)
    if move.is_consent:
        consents |= {actor: act.command for actor in actors if actor in move.actors}
    elif move.target != case.state or "document" in act.content:
        consents = {}  # a consent to one draft is none to another
    changed = case.model_copy(
        update={
            "state": move.target,
            "version": case.version + 1,
            "record": case.record + 1,
            "consents": consents,
            "content": {**case.content, **act.content},
            "changed_ms": act.received_ms,
            "command": act.command,
        }
    )
    return changed, move


def _check_version(where: str, version: int, act: Act) -> None:
    if act.seen_version != version:
        raise Refused(
            "the case has changed since its author looked at it",
            where=where,
            expected=f"version {version}",
            found=f"version {act.seen_version}",
            remedy="look at the case again, and give the command anew if it still holds",
        )


def _move(
    case_kind: str, case_id: str, state: str, act: Act, actors: Iterable[Actor],
    consents: Collection[str],
) -> Move:  # fmt: skip
    """The move as whichever actor may take it; else the refusal of the one who came nearest."""
    lifecycle = LIFECYCLES[case_kind]
    given = [name for name, value in act.content.items() if value not in (None, "", [], {})]
    able = [move for move in lifecycle.moves_from(state) if move.verb == act.verb]
    chosen = [actor for actor in actors if any(actor in move.actors for move in able)]
    actor = (chosen or list(actors) or ["an outsider"])[0]
    return lifecycle.move(state, act.verb, actor, case=case_id, given=given, consents=consents)
