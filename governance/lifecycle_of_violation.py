"""The lifecycle of a violation (Order 171 Art 30), for all six items: proposed, heard, decided.

Articles as in ``lifecycles``, which has it with all others. The agency that it is about stands in
the case as its provider. People decide each step; discipline is only referred.
"""

from typing import Final

from sharebus.governance.lifecycle import NOTHING, Lifecycle, Move
from sharebus.governance.role import Role

_DECIDES: Final = (Role.SUPERVISOR, Role.COORDINATOR)
_AGENCY: Final = Role.PROVIDER

VIOLATION: Final = Lifecycle(
    "violation",
    (
        Move("propose", (NOTHING,), "proposed", _DECIDES, "O Art 30",
             needs=("agency", "item", "source", "findings", "working_days"), may=("entry",),
             tells=_DECIDES),
        Move("state", ("proposed",), "heard", (_AGENCY,), "O Art 30", needs=("statement",),
             tells=_DECIDES),
        Move("order", ("proposed", "heard"), "ordered", _DECIDES, "O Art 30",
             needs=("reason", "measures", "working_days"), tells=(_AGENCY, *_DECIDES)),
        Move("remind", ("ordered",), "ordered", _DECIDES, "O Art 26, 30", tells=(_AGENCY,)),
        Move("reply", ("ordered", "criticised", "referred"), "replied", (_AGENCY,), "O Art 30",
             needs=("reply",), tells=_DECIDES),
        Move("return", ("replied",), "ordered", _DECIDES, "O Art 30",
             needs=("reason", "working_days"), tells=(_AGENCY, *_DECIDES)),
        Move("verify", ("replied",), "corrected", _DECIDES, "O Art 30", needs=("finding",),
             tells=(_AGENCY, *_DECIDES)),
        Move("criticise", ("ordered",), "criticised", (*_DECIDES, Role.GOVERNMENT),
             "O Art 30", needs=("reason", "responsible"), tells=(_AGENCY, *_DECIDES)),
        Move("refer", ("criticised",), "referred", _DECIDES, "O Art 30",
             needs=("reason", "referred_to"), tells=(_AGENCY, *_DECIDES, Role.GOVERNMENT)),
        Move("withdraw",
             ("proposed", "heard", "ordered", "replied", "criticised", "referred"),
             "withdrawn", _DECIDES, "O Art 30", needs=("reason",), tells=(_AGENCY, *_DECIDES)),
    ),
)  # fmt: skip
"""``working_days`` are how many the agency has: to state its case, or to rectify. An order comes
when it has stated it or let its time pass, criticism (通报批评) when an order was not kept."""
