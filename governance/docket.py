"""The docket: every case, and what a command makes of them. Pure, and the same each time.

A command changes one case. What follows from that by itself (an unconditional entry granted at
once, an agreement that both have signed, a grant that waited for it, grants that end with it) are
moves of the clock, taken in a fixed order until none is left; so the commands, in their order and
with the instants at which they were received, give the same cases and grants again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sharebus import Refused
from sharebus.governance.application import (
    Application,
    check_application,
    is_self_service,
    read_application,
)
from sharebus.governance.case import Act, Author, Case, actors_of, advance, open_case
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.lifecycle import Move
from sharebus.governance.role import Role

CaseKey = tuple[str, str]
"""Kind and id."""
Parties = tuple[str | None, str | None]
"""Provider and subscriber."""
_WAITING: Final = frozenset({"proposed", "submitted", "consented"})
"""States that the clock may end."""


class Filing(NamedTuple):
    """A command as it was received: about which case, and what it asks."""

    case_kind: str
    case_id: str
    act: Act


class Notice(NamedTuple):
    """What an agency is told: which case moved, to where, and by which article."""

    agency: str
    case_kind: str
    case_id: str
    verb: str
    state: str
    basis: str


class Outcome(NamedTuple):
    """What one command made: new versions of cases and grants, and whom to tell, in order.

    A refused command has only its refusal. ``is_repeated`` says that it was answered before.
    """

    cases: tuple[Case, ...] = ()
    grants: tuple[Grant, ...] = ()
    notices: tuple[Notice, ...] = ()
    refusal: Refused | None = None
    is_repeated: bool = False


class Docket:
    """The cases as they stand, over the facts of agencies and entries."""

    def __init__(self, facts: PolicyFacts) -> None:
        self.facts = facts
        self.cases: dict[CaseKey, Case] = {}
        self.grants: dict[str, Grant] = {}
        self._answered: dict[str, Outcome] = {}
        self._waiting: set[CaseKey] = set()
        self._between: dict[tuple[str, Parties], set[str]] = {}

    def decide(self, filing: Filing, author: Author) -> Outcome:
        """Answer a command, and let what it changes stand; nothing changes if it is refused.

        A command that was answered before gets that answer again (by its id).
        """
        command = filing.act.command
        if command in self._answered:
            return self._answered[command]._replace(is_repeated=True)
        try:
            outcome = self._take(filing, author)
        except Refused as refusal:
            outcome = Outcome(refusal=refusal)
        self._answered[command] = outcome
        return outcome

    def _take(self, filing: Filing, author: Author) -> Outcome:
        standing = self.cases.get((filing.case_kind, filing.case_id))
        if standing is None:
            case, move = self._open(filing, author)
        else:
            case, move = advance(standing, filing.act, actors_of(author, standing))
            self._check_content(case, move)
        cases, grants = [case], []
        notices = list(_notices(case, move, author.agency))
        self._put(case)
        while (due := next(self._due_moves(), None)) is not None:
            waiting, verb, content = due
            act = filing.act._replace(verb=verb, seen_version=waiting.version, content=content)
            clock = Author("", waiting.jurisdiction, is_clock=True)
            case, move = advance(waiting, act, actors_of(clock, waiting))
            self._put(case)
            cases.append(case)
            notices += _notices(case, move, "")
        for grant in self._grants_that_follow(cases):
            if self.grants.get(grant.id) != grant:
                self.grants[grant.id] = grant
                grants.append(grant)
        return Outcome(tuple(cases), tuple(grants), tuple(notices))

    def _put(self, case: Case) -> None:
        key = (case.case_kind, case.id)
        self.cases[key] = case
        (self._waiting.add if case.state in _WAITING else self._waiting.discard)(key)
        parties = (case.provider, case.subscriber)
        self._between.setdefault((case.case_kind, parties), set()).add(case.id)

    def _open(self, filing: Filing, author: Author) -> tuple[Case, Move]:
        content = filing.act.content
        if filing.case_kind == "request":
            application = read_application(content, author.agency)
            entry = self.facts.entries.get(application.entry)
            if entry is None:
                raise Refused("there is no such entry", found=application.entry)
            check_application(application, entry)
            return open_case(
                "request", filing.case_id, filing.act, [Role.SUBSCRIBER],
                jurisdiction=entry.jurisdiction, provider=entry.provider.agency,
                subscriber=author.agency,
            )  # fmt: skip
        if filing.case_kind == "agreement":
            provider, subscriber = self._parties(content)
            roles = {provider: Role.PROVIDER, subscriber: Role.SUBSCRIBER}
            return open_case(
                "agreement", filing.case_id, filing.act, filter(None, [roles.get(author.agency)]),
                jurisdiction=self.facts.agencies[provider].jurisdiction,
                provider=provider, subscriber=subscriber,
            )  # fmt: skip
        raise Refused(
            "cases of this kind are not taken yet", expected="request or agreement",
            found=filing.case_kind,
        )  # fmt: skip

    def _parties(self, content: Mapping[str, Any]) -> tuple[str, str]:
        parties = content.get("parties")
        known = isinstance(parties, list | tuple) and all(
            isinstance(name, str) and name in self.facts.agencies for name in parties
        )
        if not known or not parties or len(set(parties)) != 2 or len(parties) != 2:
            raise Refused(
                "an agreement is between two agencies (Order 171 Art 19)",
                expected="parties: the provider, then the subscriber", found=repr(parties),
            )  # fmt: skip
        return parties[0], parties[1]

    def _check_content(self, case: Case, move: Move) -> None:
        if case.case_kind != "request":
            return
        application = read_application(case.content, case.subscriber or "")
        check_application(application, self.facts.entries[application.entry])
        if move.target == "consented":
            _accepted_fields(case, application)

    def _due_moves(self) -> Iterator[tuple[Case, str, Mapping[str, Any]]]:
        """Moves of the clock that wait for nothing but to be taken."""
        for key in sorted(self._waiting):
            case = self.cases[key]
            if case.case_kind == "agreement" and case.state == "proposed":
                if {Role.PROVIDER, Role.SUBSCRIBER} <= case.consents.keys():
                    yield case, "sign", {}
            elif case.case_kind == "request":
                application = read_application(case.content, case.subscriber or "")
                entry = self.facts.entries[application.entry]
                if case.state == "submitted" and is_self_service(application, entry):
                    yield case, "grant_at_once", {"accepted_fields": list(application.fields)}
                elif case.state == "consented" and self._is_covered(case, application):
                    yield case, "supply", {}

    def _agreement(self, case: Case) -> str | None:
        """The agreement in force between the parties of a case, if there is one."""
        ids = self._between.get(("agreement", (case.provider, case.subscriber)), set())
        return min((x for x in ids if self.cases["agreement", x].state == "in_force"), default=None)

    def _is_covered(self, case: Case, application: Application) -> bool:
        marked = self.facts.entries[application.entry].marked_fields
        return not marked & set(_accepted_fields(case, application)) or (
            self._agreement(case) is not None
        )

    def _grants_that_follow(self, changed: Iterable[Case]) -> Iterator[Grant]:
        """The grants of the requests that these cases are or cover; revoked while nothing does."""
        affected = set()
        for case in changed:
            between = ("request", (case.provider, case.subscriber))
            is_request = case.case_kind == "request"
            affected |= {case.id} if is_request else self._between.get(between, set())
        for case_id in sorted(affected):
            case = self.cases["request", case_id]
            if case.state != "supplied":
                continue
            application = read_application(case.content, case.subscriber or "")
            entry = self.facts.entries[application.entry]
            fields = _accepted_fields(case, application)
            needs_agreement = bool(entry.marked_fields & set(fields))
            agreement = self._agreement(case) if needs_agreement else None
            grant = application.grant(
                case_id, fields, agreement, is_automatic=is_self_service(application, entry)
            )
            is_covered = agreement is not None or not needs_agreement
            yield grant if is_covered else grant.model_copy(update={"revoked": True})


def _accepted_fields(case: Case, application: Application) -> tuple[str, ...]:
    """The fields that were consented to: no others than were asked for, in their order."""
    accepted = case.content.get("accepted_fields")
    names = accepted if isinstance(accepted, list | tuple) else ()
    unknown = [name for name in names if name not in application.fields]
    if unknown or not names:
        raise Refused(
            "consent is given to fields that were asked for", where=f"request {case.id}",
            expected=", ".join(application.fields), found=", ".join(map(str, names)) or "none",
        )  # fmt: skip
    return tuple(name for name in application.fields if name in names)


def _notices(case: Case, move: Move, author: str) -> Iterator[Notice]:
    parties = {Role.PROVIDER: case.provider, Role.SUBSCRIBER: case.subscriber}
    told = {parties.get(role) for role in move.tells} - {None, author}
    for agency in sorted(agency for agency in told if agency):
        yield Notice(agency, case.case_kind, case.id, move.verb, case.state, move.basis)
