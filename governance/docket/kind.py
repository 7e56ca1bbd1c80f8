"""What a kind of case adds to its lifecycle: who takes part, what is checked, what follows."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from sharebus import Refused
from sharebus.governance.case import Author, Case, Parties, parties_of
from sharebus.governance.clock_rule import CaseEvent, CaseKind, Step
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.facts import AnyFact
from sharebus.governance.lifecycle import Move
from sharebus.governance.role import Role


class Opening(NamedTuple):
    """The parties of a case that begins, and as whom its author acts."""

    jurisdiction: str
    provider: str | None = None
    subscriber: str | None = None
    actors: tuple[str, ...] = ()


class Taken(NamedTuple):
    """A move as taken, before it stands: the case as it was, as it becomes, and by what."""

    before: Case | None
    case: Case
    move: Move
    author: Author
    content: Mapping[str, Any]
    at_ms: int


class Due(NamedTuple):
    """A move that the clock takes."""

    verb: str
    content: Mapping[str, Any] = {}


class Beginning(NamedTuple):
    """A case that begins by itself."""

    case_kind: str
    case_id: str
    verb: str
    content: Mapping[str, Any]
    opening: Opening


class Kind:
    """One kind of case. What is here is what most of them do: nothing beside the lifecycle.

    ``clock_kind`` chooses the procedure in the rule table; ``events`` says which events of the
    table a verb is, ``running`` in which states a step's clock runs, and ``does`` which steps a
    verb does though the case may stay in such a state.
    """

    name: str
    clock_kind: CaseKind | None = None
    events: ClassVar[Mapping[str, tuple[CaseEvent, ...]]] = {}
    running: ClassVar[Mapping[str, frozenset[str]]] = {}
    does: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """Who takes part in a new case.

        :raises Refused: there can be no such case.
        """
        raise Refused(
            "a case of this kind begins by itself", expected="a case that is there",
            found=f"{self.name} {filing.case_id}",
        )  # fmt: skip

    def adopt(self, register: Register, case_id: str) -> Case | None:
        """The case of what stands by the facts alone (``catalog apply``), as version 0."""
        return None

    def parties(self, register: Register, case: Case) -> Parties:
        """Which agencies take part, as what."""
        return parties_of(case)

    def check(self, register: Register, taken: Taken) -> Case:
        """The case as it shall stand after a move.

        :raises Refused: what the command fills is not as it must be.
        """
        return taken.case

    def brought(self, register: Register, taken: Taken) -> tuple[AnyFact, ...]:
        """Facts that a move brings itself, beside what its case says by :meth:`facts`.

        :raises Refused: they cannot stand.
        """
        return ()

    def touched_by(self, register: Register, facts: Iterable[AnyFact]) -> Iterable[CaseKey]:
        """Cases that may have to move because of facts that were brought."""
        return ()

    def facts(self, register: Register, case: Case) -> Iterable[AnyFact]:
        """What the policy must say while the case stands so."""
        return ()

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """The move that the clock takes at an instant, if any."""
        return None

    def due_ms(self, case: Case) -> int | None:
        """When :meth:`due` can find something by time alone."""
        return None

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """Cases that may have to move, or whose facts may change, because this one has."""
        return ()

    def begin(self, register: Register, case: Case) -> Iterable[Beginning]:
        """Cases that begin by themselves because this one stands so."""
        return ()

    def events_of(self, register: Register, case: Case, verb: str) -> tuple[CaseEvent, ...]:
        """The events of the table that a move is in a case like this."""
        return self.events.get(verb, ())

    def is_timed(self, register: Register, case: Case, step: Step) -> bool:
        """Whether a step of the table belongs to a case like this."""
        return True

    def seen_by(self, register: Register, case: Case, agency: str) -> Case:
        """The case as an agency may see it."""
        return case

    def involves(self, case: Case, agency: str) -> bool:
        """Whether a case goes to the successor of an agency."""
        return agency in (case.provider, case.subscriber)

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The case after an agency has succeeded another (Order 171 Art 4)."""
        return case.model_copy(
            update={
                "provider": new if case.provider == old else case.provider,
                "subscriber": new if case.subscriber == old else case.subscriber,
            }
        )


def as_subscriber(jurisdiction: str, provider: str | None, author: Author) -> Opening:
    """A case that its subscriber begins."""
    return Opening(jurisdiction, provider, author.agency, (Role.SUBSCRIBER,))
