"""The lifecycles of use: what else may be done with what was shared, and what became of it.

Articles as in ``lifecycles``, which has these with all others.
"""

from typing import Final

from sharebus.governance.lifecycle import CLOCK, CONSENT, NOTHING, Lifecycle, Move
from sharebus.governance.role import Role

_COORDINATOR, _SUPERVISOR, _GOVERNMENT = Role.COORDINATOR, Role.SUPERVISOR, Role.GOVERNMENT
_PROVIDER, _SUBSCRIBER = Role.PROVIDER, Role.SUBSCRIBER

PERMISSION: Final = Lifecycle(
    "permission",
    (
        Move("ask", (NOTHING,), "asked", (_SUBSCRIBER,), "O Art 7, 20",
             needs=("entry", "use", "purpose"), tells=(_PROVIDER,)),
        Move("permit", ("asked",), "permitted", (_PROVIDER,), "O Art 7, 20",
             tells=(_SUBSCRIBER, _COORDINATOR)),
        Move("refuse", ("asked",), "refused", (_PROVIDER,), "O Art 7, 20", needs=("reason",),
             tells=(_SUBSCRIBER,)),
        Move("take_back", ("permitted",), "taken_back", (_PROVIDER,), "O Art 20", needs=("reason",),
             tells=(_SUBSCRIBER, _COORDINATOR)),
    ),
)  # fmt: skip
"""``use`` is ``publish``, of what was shared (O Art 20), or ``pass_on`` (O Art 7)."""

EMERGENCY: Final = Lifecycle(
    "emergency",
    (
        Move("declare", (NOTHING,), "declared", (_COORDINATOR, _GOVERNMENT), "Z Art 21",
             needs=("reason", "entries", "agencies", "until", "seal_by"),
             tells=(_PROVIDER, _SUBSCRIBER, _SUPERVISOR)),
        Move("lapse", ("declared",), "ended", (CLOCK,), "Z Art 21",
             tells=(_PROVIDER, _SUBSCRIBER, _COORDINATOR)),
        Move("end", ("declared",), "ended", (_COORDINATOR, _GOVERNMENT), "Z Art 21",
             may=("seal_by",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move(CONSENT, ("ended",), "ended", (_SUBSCRIBER,), "Z Art 21"),
        Move("seal", ("ended",), "sealed", (CLOCK,), "Z Art 21", tells=(_PROVIDER, _SUPERVISOR)),
        Move("report", ("sealed",), "reported", (_COORDINATOR,), "Z Art 21", needs=("report",),
             may=("list_digest",), tells=(_SUPERVISOR, _GOVERNMENT)),
    ),
)  # fmt: skip
"""The consent of recipients says that they have sealed what is personal or commercial (封存), until
the end of ``seal_by``; with that of all of them it is sealed."""

USAGE: Final = Lifecycle(
    "usage",
    (
        Move("record", (NOTHING,), "recorded", (_SUBSCRIBER,), "S Art 29",
             needs=("grant", "purpose", "used_by", "period"),
             may=("events", "delivery", "remark"), tells=(_PROVIDER,)),
        Move("dispose", (NOTHING,), "disposed", (_SUBSCRIBER,), "S Art 29",
             needs=("grant", "means", "day"), may=("period", "remark"), tells=(_PROVIDER,)),
        Move("inspect", (NOTHING,), "inspected", (_PROVIDER,), "S Art 29", needs=("entry",),
             may=("agency",), tells=(_PROVIDER,)),
    ),
)  # fmt: skip
"""What became of what was received: each record is a case of its own, which nothing changes."""

ERASURE: Final = Lifecycle(
    "erasure",
    (
        Move("erase", (NOTHING,), "erased", (_PROVIDER,), "P Art 47",
             needs=("about", "keys", "basis"), tells=(_COORDINATOR, _SUPERVISOR)),
    ),
)  # fmt: skip
"""An agency destroyed its keys of what is sealed in a case; P is the Personal Information
Protection Law (个人信息保护法)."""
