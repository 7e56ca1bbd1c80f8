"""The docket: every case, and what a command makes of them. Pure, and the same each time.

A command changes one case. What follows from that by itself (an unconditional entry granted at
once, an agreement that both have signed, a grant that waited for it, grants that end with it) are
moves of the clock, taken in a fixed order until none is left; so the commands, in their order and
with the instants at which they were received, give the same cases and grants again.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sharebus import Refused, SharebusError
from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.application import (
    Application,
    check_application,
    is_self_service,
    read_application,
)
from sharebus.governance.case import Act, Author, Case, actors_of, advance, open_case
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.facts import AnyFact, PolicyFacts
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

    ``answer`` is that to the command; time gets none. A refused command has nothing else.
    ``is_repeated`` says that the command was answered before: nothing is to be written again.
    """

    answer: Answer | None = None
    cases: tuple[Case, ...] = ()
    facts: tuple[AnyFact, ...] = ()
    notices: tuple[Notice, ...] = ()
    is_repeated: bool = False


class Docket:
    """The cases as they stand, over the facts of agencies and entries.

    ``tables`` count only where ``facts`` hold none. The facts that it makes are folded into
    ``facts`` at once, under the version they have.
    """

    def __init__(self, facts: PolicyFacts, tables: ClockTables) -> None:
        self.facts = facts
        self.tables = tables
        self.cases: dict[CaseKey, Case] = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        self._waiting: set[CaseKey] = set()
        self._between: dict[tuple[str, Parties], set[str]] = {}

    def restore(self, item: Case | Answer) -> None:
        """Fold in what stood before; a later version of a case replaces the earlier one."""
        if isinstance(item, Answer):
            self._answers[item.agency, item.command] = item
        else:
            self._put(item)

    def decide(self, filing: Filing, author: Author) -> Outcome:
        """Answer a command, and let what it changes stand; nothing changes if it is refused.

        A command that the agency gave before gets that answer again (by its id).
        """
        known = self._answers.get((author.agency, filing.act.command))
        if known is not None:
            return Outcome(known, is_repeated=True)
        try:
            outcome = self._take(filing, author)
        except SharebusError as refusal:
            standing = self.cases.get((filing.case_kind, filing.case_id))
            outcome = Outcome(_refused(filing, author, standing, refusal))
        answer = outcome.answer
        assert answer is not None  # noqa: S101 - both ways above give one
        self._answers[author.agency, answer.command] = answer
        return outcome

    def tick(self, now_ms: int) -> Outcome:
        """Everything that is due at an instant, in milliseconds since 1970 (UTC)."""
        return Outcome()

    def next_due_ms(self) -> int | None:
        """When :meth:`tick` has something to do next; None when nothing is awaited."""
        return None

    def _take(self, filing: Filing, author: Author) -> Outcome:
        standing = self.cases.get((filing.case_kind, filing.case_id))
        if standing is None:
            case, move = self._open(filing, author)
        else:
            case, move = advance(standing, filing.act, actors_of(author, standing))
            self._check_content(case, move)
        answer = _accepted(filing, author, case, move)
        cases = [case]
        facts: list[AnyFact] = []
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
            if self.facts.grants.get(grant.id) != grant:
                self.facts.apply(grant, self.facts.version)
                facts.append(grant)
        return Outcome(answer, tuple(cases), tuple(facts), tuple(notices))

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
    for agency in sorted({case.provider, case.subscriber, author} - {None, ""}, key=str):
        yield Notice(str(agency), case, move.verb, move.basis, author)


def _accepted(filing: Filing, author: Author, case: Case, move: Move) -> Answer:
    return Answer(
        agency=author.agency, command=filing.act.command, case_kind=case.case_kind, case=case.id,
        verb=move.verb, outcome="accepted", state=case.state, version=case.version,
        basis=move.basis, decided_ms=filing.act.received_ms,
    )  # fmt: skip


def _refused(
    filing: Filing, author: Author, standing: Case | None, refusal: SharebusError
) -> Answer:
    return Answer(
        agency=author.agency, command=filing.act.command, case_kind=filing.case_kind,
        case=filing.case_id, verb=filing.act.verb, outcome="refused",
        state=standing.state if standing else "", version=standing.version if standing else 0,
        problem=refusal.problem, where=refusal.where, expected=refusal.expected,
        found=refusal.found, remedy=refusal.remedy, decided_ms=filing.act.received_ms,
    )  # fmt: skip
