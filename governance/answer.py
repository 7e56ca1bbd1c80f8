"""What the registrar answers to a command, and keeps, so that a command is answered once."""

from typing import Literal

from pydantic import Field

from sharebus.governance.agency import Strict
from sharebus.governance.identity import Id


class Answer(Strict):
    """The answer to one command of one agency.

    ``state`` and ``version`` are those of its case as the command left it; ``basis`` is the article
    applied. A refusal says in ``problem`` to ``remedy`` what an error would say.
    """

    kind: Literal["answer"] = "answer"
    agency: Id
    command: str
    case_kind: str
    case: str
    verb: str
    outcome: Literal["accepted", "refused"]
    state: str = ""
    version: int = Field(0, ge=0)
    basis: str = ""
    problem: str = ""
    where: str = ""
    expected: str = ""
    found: str = ""
    remedy: str = ""
    decided_ms: int

    @property
    def id(self) -> str:
        """``<agency>/<command id>``: no agency can answer for another by reusing its ids."""
        return f"{self.agency}/{self.command}"
