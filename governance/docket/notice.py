"""Who is told of a new version of a case, and what of it."""

from collections.abc import Iterator

from sharebus.governance.case import Case, Parties
from sharebus.governance.docket.kind import Kind
from sharebus.governance.docket.register import Register
from sharebus.governance.lifecycle import Move
from sharebus.governance.lifecycles import LIFECYCLES
from sharebus.governance.role import OFFICES, Role


def notices_of(
    register: Register, kind: Kind, before: Case | None, case: Case, parties: Parties,
    move: Move | None, author: str,
) -> Iterator[tuple[str, Case]]:  # fmt: skip
    """The agencies that are told, each with the case as it may see it; by agency.

    Every party is told of every version, and so are the author, the offices that the move tells,
    and those that may act on the case, or are awaited in it, as it stands now or stood before: else
    they would wait for what is done. What is overdue is told to the coordinator.
    """
    told = {agency for agencies in parties.values() for agency in agencies} | {author} - {""}
    offices = set(move.tells if move else (Role.COORDINATOR,))
    for standing in filter(None, (before, case)):
        offices.update(clock.actor for clock in standing.clocks)
        for following in LIFECYCLES[kind.name].moves_from(standing.state):
            offices.update(Role(actor) for actor in following.actors if actor in OFFICES)
    for office in offices & OFFICES:
        told.update(register.holders(office, case.jurisdiction))
    for agency in sorted(told):
        yield agency, kind.seen_by(register, case, agency)
