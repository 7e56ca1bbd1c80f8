"""Demands (共享需求), disputes (争议协调) and permissions to publish or pass on."""

from typing import ClassVar

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Kind, Opening, Taken, as_subscriber
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_day, read_text, short
from sharebus.governance.docket.register import Register
from sharebus.governance.docket.timing import set_by_parties
from sharebus.governance.local_time import local_day
from sharebus.governance.role import Role

USES = ("publish", "pass_on")


class Demands(Kind):
    """Data that nobody lists (Order 171 Art 11): asked for in its agency's own jurisdiction."""

    name = "demand"
    running: ClassVar = {"list": frozenset({"promised"})}

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The provider is found by the coordinator."""
        return as_subscriber(author.jurisdiction, None, author)

    def check(self, register: Register, taken: Taken) -> Case:
        """The provider is an agency, the day has not passed, the entry is published."""
        case, verb = taken.case, taken.move.verb
        if verb == "ask":
            provider = register.agency(taken.content["provider"])
            return case.model_copy(update={"provider": provider.id})
        if verb == "promise":
            day = read_day(taken.content, "due", local_day(taken.at_ms))
            promised = set_by_parties("list", Role.PROVIDER, day, taken.move.basis)
            return case.model_copy(update={"clocks": (*case.clocks, promised)})
        if verb == "list":
            register.entry(taken.content["entry"])
        return case


class Disputes(Kind):
    """``content["about"]`` names a case, as kind/id; its parties are those of the dispute."""

    name = "dispute"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """One of the two agencies raises it."""
        named = filing.act.content.get("about")
        kind, _, case_id = named.partition("/") if isinstance(named, str) else ("", "", "")
        about = register.find(kind, case_id)
        if about is None or not about.provider or not about.subscriber:
            raise Refused(
                "a dispute is about a case between two agencies", found=short(named),
                expected="about: such as request/r-1, of which the agency is a party",
            )  # fmt: skip
        roles = {about.provider: Role.PROVIDER, about.subscriber: Role.SUBSCRIBER}
        return Opening(
            about.jurisdiction, about.provider, about.subscriber,
            tuple(filter(None, [roles.get(author.agency)])),
        )  # fmt: skip


class Permissions(Kind):
    """To publish what was shared (Order 171 Art 20), or to pass it on (Art 7)."""

    name = "permission"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """Whoever holds a grant on the entry asks its provider."""
        entry = register.entry(filing.act.content.get("entry"))
        return as_subscriber(entry.jurisdiction, entry.provider.agency, author)

    def check(self, register: Register, taken: Taken) -> Case:
        """The use is one that is known, of an entry that the agency has."""
        case = taken.case
        if taken.move.verb != "ask":
            return case
        if taken.content["use"] not in USES:
            raise Refused(
                "permission is asked for one use", expected=", ".join(USES),
                found=short(taken.content["use"]),
            )  # fmt: skip
        entry = read_text(case.content, "entry")
        grants = register.facts.grants_of(entry)
        if not any(g.grantee.agency == case.subscriber and not g.revoked for g in grants):
            raise Refused(
                "permission is for what an agency has", where=f"entry {entry}",
                expected="a grant in force of the agency's own", found="none",
                remedy="request the entry first",
            )  # fmt: skip
        return case


DEMANDS = Demands()
DISPUTES = Disputes()
PERMISSIONS = Permissions()
