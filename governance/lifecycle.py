"""How a case moves: states, and the moves between them, each with who may take it and by what law.

A lifecycle is data. It knows no case and no clock: it says what may come next, and what must be
there for it. Consents are moves as well, which leave the state as it is; they hold until the state
changes, so that nobody's consent to one draft is taken for a consent to another.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sharebus import InvalidInput, Refused
from sharebus.governance.role import Role

NOTHING: Final = ""
"""The state of a case that is not there yet."""
CLOCK: Final = "clock"
"""Who takes a move that falls due by itself."""

Actor = str
"""A role, the founder, or the clock."""


@dataclass(frozen=True)
class Move:
    """One move: from any of ``sources`` to ``target``, by any of ``actors``.

    ``basis`` is the article it rests on, as (instrument, article) in words; ``consents`` the roles
    whose consent must stand; ``needs`` the fields that the command must fill and ``may`` those that
    it can fill beside them, no others; ``tells`` which offices get a notice, for the parties always
    do. ``head``: the command names the approving head.
    """

    verb: str
    sources: tuple[str, ...]
    target: str
    actors: tuple[Actor, ...]
    basis: str
    consents: tuple[Role, ...] = ()
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    tells: tuple[Role, ...] = ()
    head: bool = False

    @property
    def is_consent(self) -> bool:
        """Whether it only records a consent."""
        return self.verb == CONSENT


CONSENT: Final = "consent"


class Lifecycle:
    """The moves of one kind of case.

    :raises InvalidInput: two moves of one verb leave one state, a state cannot be reached, or a
        consent that a move asks for can never be given.
    """

    def __init__(self, kind: str, moves: Iterable[Move]) -> None:
        self.kind = kind
        self.moves = tuple(moves)
        self._by_source: dict[str, dict[str, Move]] = {NOTHING: {}}
        for move in self.moves:
            for state in (*move.sources, move.target):
                self._by_source.setdefault(state, {})
            for source in move.sources:
                if self._by_source[source].setdefault(move.verb, move) is not move:
                    raise InvalidInput(
                        "two moves of one verb leave one state",
                        where=f"{kind} {source or 'nothing'} {move.verb}",
                    )
        self._check_reachable()
        self._check_consents()

    @property
    def states(self) -> frozenset[str]:
        """All states but that of a case that is not there."""
        return frozenset(self._by_source) - {NOTHING}

    @property
    def final_states(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(state for state in self.states if not self._by_source[state])

    def moves_from(self, state: str) -> tuple[Move, ...]:
        """The moves that leave a state, or are taken in it."""
        return tuple(self._by_source[state].values())

    def move(
        self,
        state: str,
        verb: str,
        actor: Actor,
        *,
        case: str = "",
        given: Collection[str] = (),
        consents: Collection[str] = (),
    ) -> Move:
        """The move that a verb means in a state, if all that it asks for is there.

        ``case`` is the id by which a refusal names it; ``given`` are the fields that the command
        fills, ``consents`` the roles that have consented in this state.

        :raises Refused: not in this state, not by this actor, or something is missing; the error
            says what would be possible, and names the article.
        """
        where = f"{self.kind} {case}".rstrip() + f", {state or 'not there yet'}"
        found = self._by_source.get(state, {}).get(verb)
        if found is None:
            possible = sorted(move.verb for move in self._by_source.get(state, {}).values())
            raise Refused(
                f"{verb} is no move of this case now",
                where=where,
                expected=", ".join(possible) or "nothing: the case is closed",
                found=verb,
            )
        if actor not in found.actors:
            raise Refused(
                f"{verb} is not for {actor} to do ({found.basis})",
                where=where,
                expected=" or ".join(found.actors),
                found=actor,
            )
        missing = [name for name in found.needs if name not in given]
        if missing:
            raise Refused(
                f"{verb} lacks what {found.basis} asks for",
                where=where,
                expected=", ".join(found.needs),
                found=f"without {', '.join(missing)}",
            )
        surplus = [name for name in given if name not in (*found.needs, *found.may)]
        if surplus:  # else it would change what somebody else has stated
            raise Refused(
                f"{verb} does not fill these fields",
                where=where,
                expected=", ".join((*found.needs, *found.may)) or "none",
                found=", ".join(surplus),
            )
        awaited = [role for role in found.consents if role not in consents]
        if awaited:
            raise Refused(
                f"{verb} waits for consent ({found.basis})",
                where=where,
                expected=f"consent of {', '.join(found.consents)}",
                found=f"not yet of {', '.join(awaited)}",
            )
        return found

    def _check_reachable(self) -> None:
        reached, left = {NOTHING}, [NOTHING]
        while left:
            for move in self._by_source[left.pop()].values():
                if move.target not in reached:
                    reached.add(move.target)
                    left.append(move.target)
        lost = self._by_source.keys() - reached
        if lost:
            raise InvalidInput(
                "a state cannot be reached", where=self.kind, found=", ".join(sorted(lost))
            )

    def _check_consents(self) -> None:
        for move in self.moves:
            for source in move.sources:
                consent = self._by_source[source].get(CONSENT)
                able = consent.actors if consent and consent.target == source else ()
                lacking = [role for role in move.consents if role not in able]
                if lacking:
                    raise InvalidInput(
                        "a consent that a move asks for can never be given",
                        where=f"{self.kind} {source} {move.verb}",
                        found=", ".join(lacking),
                    )
