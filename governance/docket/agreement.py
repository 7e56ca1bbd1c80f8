"""Security and confidentiality agreements (安全保密协议) between agencies (Order 171 Art 19)."""

from collections.abc import Iterable
from datetime import date, time

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Due, Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, read_texts, short
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.grant import Term
from sharebus.governance.local_time import instant_ms, local_day
from sharebus.governance.role import Role

_BOTH = frozenset({Role.PROVIDER, Role.SUBSCRIBER})


class Agreements(Kind):
    """In force once both have consented and its term has begun, until the term is over."""

    name = "agreement"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The parties that it names are the provider, then the subscriber."""
        named = filing.act.content.get("parties")
        parties = read_texts(filing.act.content, "parties") if named else []
        if len(parties) != 2:
            raise Refused(
                "an agreement is between two agencies (Order 171 Art 19)",
                expected="parties: the provider, then the subscriber", found=short(named),
            )  # fmt: skip
        provider, subscriber = (register.agency(party) for party in parties)
        roles = {provider.id: Role.PROVIDER, subscriber.id: Role.SUBSCRIBER}
        return Opening(
            provider.jurisdiction, provider.id, subscriber.id,
            tuple(filter(None, [roles.get(author.agency)])),
        )  # fmt: skip

    def check(self, register: Register, taken: Taken) -> Case:
        """Its term has not passed."""
        if taken.move.verb == "propose" and _term(taken.case).last_day < local_day(taken.at_ms):
            raise Refused(
                "the agreement would be over before it is made",
                expected=f"a last day from {local_day(taken.at_ms)} on",
                found=str(_term(taken.case).last_day),
            )  # fmt: skip
        return taken.case

    def due(self, register: Register, case: Case, now_ms: int) -> Due | None:
        """It is signed, or its term is over."""
        if case.state not in ("proposed", "in_force"):
            return None
        term, today = _term(case), local_day(now_ms)
        if today > term.last_day:
            return Due("lapse")
        is_signed = case.state == "proposed" and case.consents.keys() >= _BOTH
        return Due("sign") if is_signed and term.first_day <= today else None

    def due_ms(self, case: Case) -> int | None:
        """When the term begins, or is over."""
        if case.state == "proposed" and case.consents.keys() >= _BOTH:
            return begins_ms(_term(case).first_day)
        is_open = case.state in ("proposed", "in_force")
        return ends_ms(_term(case).last_day) if is_open else None

    def follow(self, register: Register, case: Case) -> Iterable[CaseKey]:
        """Requests that wait for it, and grants and emergencies that rest on it."""
        for kind in ("request", "grant"):
            for other in register.between(kind, case.provider, case.subscriber):
                yield kind, other.id
        for emergency in register.of_kind("emergency"):
            yield "emergency", emergency.id

    def handed_over(self, case: Case, old: str, new: str) -> Case:
        """The successor is the party."""
        moved = super().handed_over(case, old, new)
        parties = [moved.provider, moved.subscriber]
        return moved.model_copy(update={"content": {**case.content, "parties": parties}})


def agreement_in_force(
    register: Register, provider: str | None, subscriber: str | None
) -> str | None:
    """The agreement in force between two agencies, if there is one."""
    found = register.between("agreement", provider, subscriber)
    return next((case.id for case in found if case.state == "in_force"), None)


def begins_ms(day: date) -> int:
    """The instant at which a local day begins."""
    return instant_ms(day, time())


def ends_ms(day: date) -> int | None:
    """The instant at which a local day is over; None where a term has no end."""
    return None if day == date.max else instant_ms(day)


def _term(case: Case) -> Term:
    return read_document(Term, case.content.get("term"), "term")


AGREEMENTS = Agreements()
