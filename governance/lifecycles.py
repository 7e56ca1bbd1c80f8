"""The lifecycles of what agencies share, ask for, agree on and dispute.

Articles: O is Ningbo Order 171, S State Council Order 809, Z the Zhejiang Public Data Regulation.
A rule that a jurisdiction adds (another consent, another actor) is a lifecycle of its own.
"""

from typing import Final

from sharebus.governance.identity import FOUNDER
from sharebus.governance.lifecycle import CLOCK, CONSENT, NOTHING, Lifecycle, Move
from sharebus.governance.lifecycle_of_violation import VIOLATION
from sharebus.governance.lifecycles_of_use import EMERGENCY, ERASURE, PERMISSION, USAGE
from sharebus.governance.role import Role

_COORDINATOR, _SUPERVISOR = Role.COORDINATOR, Role.SUPERVISOR
_SECRECY, _ARCHIVES, _GOVERNMENT = Role.SECRECY, Role.ARCHIVES, Role.GOVERNMENT
_PROVIDER, _SUBSCRIBER = Role.PROVIDER, Role.SUBSCRIBER
_AGENCY: Final = (_PROVIDER, _SUBSCRIBER)


def _set_due(*states: str) -> tuple[Move, ...]:
    """A row of the clock table may leave a step's day to the authority: ``due`` is its last day."""
    return tuple(
        Move("set_due", (state,), state, (_COORDINATOR,), "O Art 16, 20, 29", needs=("step", "due"),
             tells=(_PROVIDER, _SUBSCRIBER))
        for state in states
    )  # fmt: skip


AGENCY: Final = Lifecycle(
    "agency",
    (
        Move("onboard", (NOTHING,), "active", (_COORDINATOR,), "O Art 4, 27", needs=("document",)),
        Move("register_system", ("active",), "active", _AGENCY, "O Art 23", needs=("system",)),
        Move("rotate", ("active",), "active", _AGENCY, "O Art 23", needs=("system",)),
        Move("rotate_key", ("active",), "active", _AGENCY, "O Art 23", needs=("key",),
             may=("replaces",)),
        Move("suspend", ("active",), "suspended", (_COORDINATOR, _SUPERVISOR, _GOVERNMENT),
             "S Art 27", needs=("reason",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("restore", ("suspended",), "active", (_COORDINATOR, _GOVERNMENT), "S Art 27",
             tells=(_PROVIDER, _SUBSCRIBER)),
        Move("succeed", ("active", "suspended"), "succeeded", (_COORDINATOR,), "O Art 4",
             needs=("reason", "successor"), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("exit", ("active", "suspended"), "exited", (_COORDINATOR,), "O Art 4",
             needs=("reason",), tells=(_PROVIDER, _SUBSCRIBER)),
    ),
)  # fmt: skip

ENTRY: Final = Lifecycle(
    "entry",
    (
        Move("draft", (NOTHING,), "draft", (_PROVIDER,), "O Art 11", needs=("document",)),
        Move("amend", ("draft",), "draft", (_PROVIDER,), "O Art 11", needs=("document",)),
        Move("submit", ("draft",), "submitted", (_PROVIDER,), "O Art 11, S Art 13",
             tells=(_COORDINATOR, _SECRECY, _ARCHIVES), head=True),
        Move(CONSENT, ("submitted",), "submitted", (_SECRECY, _ARCHIVES), "O Art 12"),
        Move("return", ("submitted",), "draft", (_COORDINATOR, _SECRECY, _ARCHIVES), "O Art 12",
             needs=("reason",), tells=(_PROVIDER,)),
        Move("confirm", ("submitted",), "confirmed", (_COORDINATOR,), "O Art 12",
             consents=(_SECRECY, _ARCHIVES), tells=(_PROVIDER,)),
        Move("publish", ("confirmed",), "published", (_COORDINATOR,), "O Art 11, 15",
             tells=(_PROVIDER,)),
        Move("freeze", ("published",), "suspended", (_COORDINATOR, _SECRECY), "O Art 21",
             needs=("reason",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("suspend", ("published",), "suspended", (_COORDINATOR,), "O Art 15, S Art 27",
             needs=("reason", "change"), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("resume", ("suspended",), "published", (_COORDINATOR,), "O Art 15",
             tells=(_PROVIDER, _SUBSCRIBER)),
        Move("report_change", ("published",), "published", (_PROVIDER, _COORDINATOR), "S Art 17",
             needs=("reason",), tells=(_PROVIDER, _COORDINATOR)),
        Move("ask_extension", ("published",), "published", (_PROVIDER,), "S Art 17",
             needs=("reason", "extension"), tells=(_COORDINATOR,)),
        Move("extend", ("published",), "published", (_COORDINATOR,), "S Art 17",
             tells=(_PROVIDER,)),
        Move("hand_in", ("published",), "published", (_PROVIDER,), "S Art 13, 17",
             needs=("document",), tells=(_COORDINATOR,), head=True),
        Move("return_update", ("published",), "published", (_COORDINATOR,), "S Art 17",
             needs=("reason",), tells=(_PROVIDER,)),
        *_set_due("submitted", "published"),
        Move("revise", ("published",), "published", (_COORDINATOR,), "O Art 15, S Art 27",
             needs=("document",), may=("change",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("retire", ("published", "suspended"), "retired", (_COORDINATOR,), "O Art 15, S Art 27",
             needs=("reason", "change"), tells=(_PROVIDER, _SUBSCRIBER)),
    ),
)  # fmt: skip
"""``change`` names a filed change: without one an entry is only frozen, for security's sake, or
revised in a way that narrows nothing. What is handed in for an update waits for the revision."""

CHANGE: Final = Lifecycle(
    "change",
    (
        Move("propose", (NOTHING,), "proposed", (_PROVIDER, _COORDINATOR), "S Art 27",
             needs=("entry", "action", "reason"), may=("document",),
             tells=(_COORDINATOR, _SUBSCRIBER)),
        Move("comment", ("proposed",), "proposed", (_SUBSCRIBER,), "S Art 27", needs=("opinion",),
             tells=(_PROVIDER, _COORDINATOR)),
        Move("consult", ("proposed",), "consulted", (_PROVIDER, _COORDINATOR), "S Art 27",
             needs=("record",), tells=(_COORDINATOR,)),
        Move("file", ("consulted",), "filed", (_COORDINATOR,), "S Art 27",
             tells=(_PROVIDER, _SUBSCRIBER)),
        Move("carry_out", ("filed",), "carried_out", (CLOCK,), "S Art 27", tells=(_COORDINATOR,)),
        Move("refuse", ("proposed", "consulted"), "refused", (_COORDINATOR,), "S Art 27",
             needs=("reason",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("withdraw", ("proposed", "consulted", "filed"), "withdrawn", (_PROVIDER,), "S Art 27",
             tells=(_COORDINATOR, _SUBSCRIBER)),
    ),
)  # fmt: skip
"""A change that narrows: fewer fields or agencies, a schema that breaks, a halt, an end.

``action`` is ``suspend``, ``retire`` or ``revise``, with the new ``document`` for the last.
"""

DEMAND: Final = Lifecycle(
    "demand",
    (
        Move("state", (NOTHING,), "open", (_SUBSCRIBER,), "O Art 11", needs=("content", "purpose"),
             tells=(_COORDINATOR,)),
        Move("ask", ("open",), "asked", (_COORDINATOR,), "O Art 11", needs=("provider",),
             tells=(_PROVIDER, _SUBSCRIBER)),
        Move("promise", ("asked",), "promised", (_PROVIDER,), "O Art 11", needs=("due",),
             tells=(_COORDINATOR, _SUBSCRIBER)),
        Move("decline", ("asked",), "declined", (_PROVIDER,), "O Art 5, 10", needs=("legal_basis",),
             tells=(_COORDINATOR, _SUBSCRIBER)),
        Move("list", ("asked", "promised"), "listed", (_COORDINATOR,), "O Art 11", needs=("entry",),
             tells=(_SUBSCRIBER,)),
        Move("withdraw", ("open", "asked", "promised"), "withdrawn", (_SUBSCRIBER,), "O Art 11",
             tells=(_COORDINATOR, _PROVIDER)),
    ),
)  # fmt: skip

FIVE_THINGS: Final = ("legal_basis", "scenario", "scope", "mode", "term")
"""What an application states (S Art 20, Z Art 24)."""

REQUEST: Final = Lifecycle(
    "request",
    (
        Move("submit", (NOTHING,), "submitted", (_SUBSCRIBER,), "O Art 18, S Art 20, Z Art 24",
             needs=("entry", "system", "fields", *FIVE_THINGS), may=("row_filter", "return_flow"),
             tells=(_PROVIDER, _COORDINATOR)),
        Move("grant_at_once", ("submitted",), "consented", (CLOCK,), "O Art 17, 18",
             needs=("accepted_fields",), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("ask", ("submitted",), "submitted", (CLOCK,), "Z Art 25",
             tells=(_PROVIDER, _COORDINATOR)),
        Move("list_missing", ("submitted",), "incomplete", (_PROVIDER,), "S Art 21",
             needs=("missing",), tells=(_SUBSCRIBER,)),
        Move("complete", ("incomplete",), "completed", (_SUBSCRIBER,), "S Art 21",
             needs=FIVE_THINGS, may=("fields", "row_filter"), tells=(_PROVIDER,)),
        Move("ask_extension", ("submitted",), "submitted", (_PROVIDER,), "S Art 21",
             needs=("reason", "extension"), tells=(_COORDINATOR,)),
        Move("ask_extension", ("completed",), "completed", (_PROVIDER,), "S Art 21",
             needs=("reason", "extension"), tells=(_COORDINATOR,)),
        Move("extend", ("submitted", "completed"), "extended", (_COORDINATOR,), "S Art 21",
             tells=(_SUBSCRIBER, _PROVIDER)),
        Move("accept", ("submitted", "completed", "extended"), "consented", (_PROVIDER,),
             "S Art 21, 22", needs=("accepted_fields",), tells=(_SUBSCRIBER, _COORDINATOR)),
        Move("refuse", ("submitted", "completed", "extended"), "refused", (_PROVIDER,),
             "O Art 5, S Art 21", needs=("legal_basis",), tells=(_SUBSCRIBER, _COORDINATOR)),
        Move("ask_review", ("refused",), "under_review", (_SUBSCRIBER,), "Z Art 25",
             needs=("reason",), tells=(_COORDINATOR, _PROVIDER)),
        Move("overrule", ("refused", "under_review"), "consented", (_COORDINATOR,), "Z Art 25",
             needs=("reason", "accepted_fields"), tells=(_SUBSCRIBER, _PROVIDER)),
        Move("uphold", ("refused", "under_review"), "upheld", (_COORDINATOR,), "Z Art 25",
             needs=("reason",), tells=(_SUBSCRIBER, _PROVIDER)),
        *_set_due("submitted", "completed", "extended", "consented", "refused", "under_review"),
        Move("supply", ("consented",), "supplied", (CLOCK,), "S Art 22",
             tells=(_SUBSCRIBER, _PROVIDER)),
        Move("withdraw", ("submitted", "incomplete", "completed", "extended", "consented"),
             "withdrawn", (_SUBSCRIBER,), "S Art 20", tells=(_PROVIDER, _COORDINATOR)),
    ),
)  # fmt: skip
"""The list of what is missing is given once (S Art 21): what was completed is not sent back.

A provider asks for an ``extension`` in working days; by extending, the authority consents to it. It
reviews a refusal at the subscriber's wish or of itself.
"""

GRANT: Final = Lifecycle(
    "grant",
    (
        Move("give", (NOTHING,), "in_force", (CLOCK,), "O Art 18", needs=("request",),
             tells=(_SUBSCRIBER, _PROVIDER)),
        Move("renew", ("in_force",), "in_force", (_PROVIDER,), "S Art 20", needs=("term",),
             tells=(_SUBSCRIBER,)),
        Move("suspend", ("in_force",), "suspended", (_PROVIDER, _COORDINATOR), "S Art 27",
             needs=("reason", "rectify_by"), tells=(_SUBSCRIBER, _PROVIDER, _COORDINATOR)),
        Move("rectify", ("suspended",), "suspended", (_SUBSCRIBER,), "S Art 27",
             needs=("report",), tells=(_PROVIDER, _COORDINATOR)),
        Move("restore", ("suspended",), "in_force", (_PROVIDER, _COORDINATOR), "S Art 27",
             tells=(_SUBSCRIBER, _PROVIDER, _COORDINATOR)),
        Move("terminate", ("suspended",), "terminated", (_PROVIDER, _COORDINATOR), "S Art 27",
             needs=("reason",), tells=(_SUBSCRIBER, _PROVIDER, _COORDINATOR)),
        Move("revoke", ("in_force", "suspended"), "revoked", (_COORDINATOR, CLOCK), "O Art 18, 20",
             needs=("reason",), tells=(_SUBSCRIBER, _PROVIDER)),
        Move("give_back", ("in_force", "suspended"), "given_back", (_SUBSCRIBER,), "O Art 20",
             tells=(_PROVIDER,)),
        Move("lapse", ("in_force", "suspended"), "lapsed", (CLOCK,), "S Art 20",
             tells=(_SUBSCRIBER, _PROVIDER)),
    ),
)  # fmt: skip

AGREEMENT: Final = Lifecycle(
    "agreement",
    (
        Move("propose", (NOTHING,), "proposed", _AGENCY, "O Art 19",
             needs=("parties", "text_digest", "term"), tells=(_PROVIDER, _SUBSCRIBER)),
        Move(CONSENT, ("proposed",), "proposed", _AGENCY, "O Art 19"),
        Move("sign", ("proposed",), "in_force", (CLOCK,), "O Art 19",
             consents=(_PROVIDER, _SUBSCRIBER), tells=(_PROVIDER, _SUBSCRIBER, _COORDINATOR)),
        Move("withdraw", ("proposed",), "withdrawn", _AGENCY, "O Art 19",
             tells=(_PROVIDER, _SUBSCRIBER)),
        Move("terminate", ("in_force",), "terminated", _AGENCY, "O Art 19", needs=("reason",),
             tells=(_PROVIDER, _SUBSCRIBER, _COORDINATOR)),
        Move("lapse", ("proposed", "in_force"), "lapsed", (CLOCK,), "O Art 19",
             tells=(_PROVIDER, _SUBSCRIBER, _COORDINATOR)),
    ),
)  # fmt: skip

DISPUTE: Final = Lifecycle(
    "dispute",
    (
        Move("raise", (NOTHING,), "negotiation", _AGENCY, "O Art 18, S Art 28",
             needs=("about", "opinion"), tells=(_PROVIDER, _SUBSCRIBER)),
        Move("settle", ("negotiation", "coordination"), "settled", _AGENCY, "S Art 28",
             needs=("record",), tells=(_PROVIDER, _SUBSCRIBER, _COORDINATOR)),
        Move("bring", ("negotiation",), "coordination", _AGENCY, "O Art 18, S Art 28",
             needs=("opinion",), tells=(_COORDINATOR, _SUPERVISOR, _SECRECY)),
        Move("submit", ("coordination",), "government", (_COORDINATOR,), "S Art 28",
             needs=("opinion",), tells=(_GOVERNMENT, _PROVIDER, _SUBSCRIBER)),
        Move("decide", ("government",), "decided", (_GOVERNMENT,), "S Art 28", needs=("decision",),
             tells=(_COORDINATOR, _PROVIDER, _SUBSCRIBER)),
    ),
)  # fmt: skip

DESIGNATION: Final = Lifecycle(
    "designation",
    (
        Move("designate", (NOTHING,), "designated", (_COORDINATOR,), "O Art 7",
             needs=("content_item", "agency", "basis"), tells=(_PROVIDER,)),
        Move("withdraw", ("designated",), "withdrawn", (_COORDINATOR,), "O Art 7",
             needs=("reason",), tells=(_PROVIDER,)),
    ),
)  # fmt: skip
"""Which agency collects a content item (数源部门, 一数一源)."""

QUESTION: Final = Lifecycle(
    "question",
    (
        Move("raise", (NOTHING,), "open", (CLOCK,), "O Art 7",
             needs=("entry", "content_item", "agency"), tells=(_PROVIDER, _COORDINATOR)),
        Move("cite", ("open",), "cited", (_PROVIDER,), "O Art 7", needs=("basis",),
             tells=(_COORDINATOR,)),
        Move("take", ("open",), "taken", (_PROVIDER,), "O Art 7", needs=("grant",),
             tells=(_COORDINATOR,)),
        Move("allow", ("cited",), "allowed", (_COORDINATOR,), "O Art 7", tells=(_PROVIDER,)),
        Move("reject", ("cited",), "open", (_COORDINATOR,), "O Art 7", needs=("reason",),
             tells=(_PROVIDER,)),
    ),
)  # fmt: skip
"""An agency collects what another one is the designated source of: it cites the law that allows
it, or takes it by sharing."""

TABLE: Final = Lifecycle(
    "table",
    (
        Move("issue", (NOTHING,), "issued", (_COORDINATOR,), "O Art 4",
             needs=("table", "document"), tells=(_COORDINATOR,)),
    ),
)  # fmt: skip
"""A rule table (``clock_rules``) or working days (``calendar``), whole; a later one replaces it."""

FOUNDING: Final = Lifecycle(
    "founding",
    (
        Move("take_over", (NOTHING,), "open", (FOUNDER,), "O Art 11, 12", needs=("documents",)),
        Move("take_over", ("open",), "open", (FOUNDER,), "O Art 11, 12", needs=("documents",)),
        Move("close", ("open",), "closed", (FOUNDER,), "O Art 11, 15", needs=("reason",),
             tells=(_COORDINATOR,)),
    ),
)  # fmt: skip
"""The reviewed files come in, until the agencies act by their own keys."""

LIFECYCLES: Final = {
    lifecycle.kind: lifecycle
    for lifecycle in (
        AGENCY, ENTRY, CHANGE, DEMAND, REQUEST, GRANT, AGREEMENT, DISPUTE, PERMISSION, EMERGENCY,
        USAGE, ERASURE, DESIGNATION, QUESTION, VIOLATION, TABLE,
        FOUNDING,
    )
}  # fmt: skip
