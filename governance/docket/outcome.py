"""What goes into the docket, and what comes out of it."""

from typing import NamedTuple

from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act, Case
from sharebus.governance.facts import AnyFact


class Filing(NamedTuple):
    """A command as it was received: about which case, and what it asks.

    ``officer`` gave it; ``head`` is the approving head, where the law asks for one.
    """

    case_kind: str
    case_id: str
    act: Act
    officer: Officer
    head: Officer | None = None


class Notice(NamedTuple):
    """What an agency is told: a version of a case as it may see it, and what made it.

    ``basis`` is the article; ``author`` is empty when the move fell due by itself.
    """

    agency: str
    case: Case
    verb: str
    basis: str
    author: str


class Outcome(NamedTuple):
    """What a command or the passing of time made, in order.

    ``answer`` is that to the command; time gets none. Beside a refusal stands only what had fallen
    due before. ``is_repeated``: the command was answered before, and nothing is to be written.
    """

    answer: Answer | None = None
    cases: tuple[Case, ...] = ()
    facts: tuple[AnyFact, ...] = ()
    notices: tuple[Notice, ...] = ()
    is_repeated: bool = False
