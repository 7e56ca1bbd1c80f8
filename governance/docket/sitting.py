"""A sitting: one command, or one tick, with everything that follows from it."""

import json
from collections import deque
from collections.abc import Iterable
from typing import Final

from sharebus import Refused
from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act, Author, Case, actors_of, advance, open_case
from sharebus.governance.docket.agency import AGENCIES, as_successor_of, read_agency
from sharebus.governance.docket.kind import Beginning, Due, Kind, Taken
from sharebus.governance.docket.kinds import KINDS
from sharebus.governance.docket.notice import notices_of
from sharebus.governance.docket.outcome import Filing, Notice
from sharebus.governance.docket.register import CaseKey, Register, key_of
from sharebus.governance.docket.timing import overdue_clocks, run_clocks
from sharebus.governance.facts import AnyFact
from sharebus.governance.lifecycle import CLOCK, NOTHING, Move
from sharebus.governance.lifecycles import LIFECYCLES

CASE_BYTES_MAX: Final = 524_288
"""A version of a case goes whole into one record; without an end it could not be written."""


class Sitting:
    """What is made at one instant, in order. ``command`` is empty when time alone passes."""

    def __init__(self, register: Register, at_ms: int, command: str) -> None:
        self.cases: list[Case] = []
        self.facts: list[AnyFact] = []
        self.notices: list[Notice] = []
        self._register = register
        self._at_ms = at_ms
        self._command = command
        self._agenda: deque[CaseKey] = deque()
        self._awaiting: set[CaseKey] = set()
        self._brought: tuple[AnyFact, ...] = ()

    def judge(self, filing: Filing, author: Author) -> tuple[Case, Move]:
        """The version that a command would make of its case, and the move; nothing changes yet.

        :raises Refused: the lifecycle, the law or what stands does not allow it.
        """
        kind = KINDS[filing.case_kind]
        act = filing.act
        standing = self._register.find(filing.case_kind, filing.case_id) or kind.adopt(
            self._register, filing.case_id
        )
        self._check_standing(author)
        if not takes_part(self._register, standing, author):
            _check_begins(kind.name, filing, is_taken=standing is not None)
            standing = None
        if standing is None:
            opening = kind.open(self._register, filing, author)
            case, move = open_case(
                kind.name, filing.case_id, act, opening.actors, jurisdiction=opening.jurisdiction,
                provider=opening.provider, subscriber=opening.subscriber,
            )  # fmt: skip
        else:
            parties = kind.parties(self._register, standing)
            case, move = advance(standing, act, actors_of(author, standing, parties))
        if move.head and filing.head is None:
            raise Refused(
                f"{move.verb} needs the approval of the agency's head ({move.basis})",
                where=f"{kind.name} {filing.case_id}",
                expected="the name and title of the head who approved it", found="none",
            )  # fmt: skip
        taken = Taken(standing, case, move, author, act.content, self._at_ms)
        made = self._checked(kind, taken, filing.officer, filing.head)
        _check_length(made)
        self._brought = kind.brought(self._register, taken)
        return made, move

    def carry_out(self, case: Case, move: Move, author: str) -> Answer:
        """Let what was judged stand, with everything that follows from it."""
        for fact in self._brought:
            self.publish(fact)
            if self._register.find(fact.kind, fact.id) is not None:
                self._keep(KINDS[fact.kind].adopt(self._register, fact.id))
        self._stand(case, move.verb, move.basis, author, move)
        self._put_down(KINDS[case.case_kind].touched_by(self._register, self._brought))
        self._settle()
        return Answer(
            agency=author, command=self._command, case_kind=case.case_kind, case=case.id,
            verb=move.verb, outcome="accepted", state=case.state, version=case.version,
            basis=move.basis, decided_ms=self._at_ms,
        )  # fmt: skip

    def fall_due(self, key: CaseKey) -> None:
        """Take what time brings to a case: its own moves, and what is overdue in it."""
        self._put_down([key])
        self._settle()

    def publish(self, fact: AnyFact) -> None:
        """Let a fact stand, unless it does already."""
        facts = self._register.facts
        if facts.standing(fact) != fact:
            facts.apply(fact, facts.version)
            self.facts.append(fact)

    def _settle(self) -> None:
        while self._agenda:
            key = self._agenda.popleft()
            self._awaiting.discard(key)
            kind = KINDS[key[0]]
            case = self._register.cases.get(key) or kind.adopt(self._register, key[1])
            if case is None:
                continue
            due = kind.due(self._register, case, self._at_ms)
            if due is not None:
                self._move(kind, case, due)
                continue
            made = len(self.facts)
            for fact in kind.facts(self._register, case):
                self.publish(fact)
            if len(self.facts) > made and key not in self._register.cases:
                self._keep(case)
            self._count_anew(case)

    def _keep(self, adopted: Case | None) -> None:
        """What stood by its fact alone is a case from the moment at which the docket changes the
        fact: else nothing would tell what ended with its reason from what somebody ended."""
        if adopted is None:
            return
        before = self._register.find(adopted.case_kind, adopted.id)
        at = {"opened_ms": before.opened_ms if before else self._at_ms, "changed_ms": self._at_ms}
        record = before.record + 1 if before else 1
        case = adopted.model_copy(update={**at, "record": record})
        self._register.put(case)
        self.cases.append(case)

    def _count_anew(self, case: Case) -> None:
        """Due instants move with the calendar, and what is past them is overdue."""
        clocks = overdue_clocks(self._register, case, self._at_ms)
        if clocks is None:
            return
        late = [c for c, was in zip(clocks, case.clocks, strict=True) if c.overdue > was.overdue]
        case = self._next_record(case).model_copy(update={"clocks": clocks})
        self._stand(case, "overdue" if late else "count_anew", "; ".join(c.basis for c in late))

    def _move(self, kind: Kind, case: Case, due: Due) -> None:
        act = Act(self._command, due.verb, case.version, due.content, self._at_ms)
        moved, move = advance(case, act, (CLOCK,))
        clock = Author("", case.jurisdiction, is_clock=True)
        taken = Taken(case, moved, move, clock, due.content, self._at_ms)
        self._stand(self._checked(kind, taken), move.verb, move.basis, "", move)

    def _begin(self, beginning: Beginning) -> None:
        kind = KINDS[beginning.case_kind]
        if (beginning.case_kind, beginning.case_id) in self._register.cases:
            return
        act = Act(self._command, beginning.verb, 0, beginning.content, self._at_ms)
        opening = beginning.opening
        case, move = open_case(
            beginning.case_kind, beginning.case_id, act, (CLOCK,),
            jurisdiction=opening.jurisdiction, provider=opening.provider,
            subscriber=opening.subscriber,
        )  # fmt: skip
        clock = Author("", case.jurisdiction, is_clock=True)
        taken = Taken(None, case, move, clock, beginning.content, self._at_ms)
        self._stand(self._checked(kind, taken), move.verb, move.basis, "", move)

    def _checked(
        self, kind: Kind, taken: Taken, officer: Officer | None = None, head: Officer | None = None
    ) -> Case:
        case = kind.check(self._register, taken)
        case = case.model_copy(update={"officer": officer, "head": head})
        clocks = run_clocks(self._register, kind, case, taken)
        return case.model_copy(update={"clocks": clocks})

    def _check_standing(self, author: Author) -> None:
        agency = self._register.facts.agencies.get(author.agency)
        if agency is not None and (agency.suspended or agency.left):
            raise Refused(
                "an agency that is suspended or has left gives no command (Order 809 Art 27)",
                where=f"agency {agency.id}", expected="an agency that is active",
                found="suspended" if agency.suspended else "left",
                remedy="a coordinator or the government restores what was suspended",
            )  # fmt: skip

    def _stand(
        self, case: Case, verb: str, basis: str, author: str = "", move: Move | None = None
    ) -> None:
        """Let a version of a case stand, with its facts, and put what follows on the agenda."""
        kind = KINDS[case.case_kind]
        before = self._register.find(case.case_kind, case.id)
        self._register.put(case)
        self.cases.append(case)
        for fact in kind.facts(self._register, case):
            self.publish(fact)
        parties = kind.parties(self._register, case)
        told = notices_of(self._register, kind, before, case, parties, move, author)
        self.notices += [Notice(agency, seen, verb, basis, author) for agency, seen in told]
        self._hand_over(case)
        self._put_down([key_of(case), *kind.follow(self._register, case)])
        for beginning in kind.begin(self._register, case):
            self._begin(beginning)

    def _put_down(self, keys: Iterable[CaseKey]) -> None:
        """Cases to look at again, each once."""
        for key in keys:
            if key not in self._awaiting:
                self._awaiting.add(key)
                self._agenda.append(key)

    def _hand_over(self, case: Case) -> None:
        """What an agency had goes to its successor, but for what is closed (Order 171 Art 4)."""
        if case.case_kind != "agency" or case.state != "succeeded":
            return
        old, new = case.id, str(case.content["successor"])
        facts = self._register.facts
        named = {("entry", entry) for entry in facts.entries} | {("grant", g) for g in facts.grants}
        successor = self._register.find("agency", new) or AGENCIES.adopt(self._register, new)
        if successor is not None:
            merged = as_successor_of(self._next_version(successor), read_agency(case))
            self._stand(merged, "succeed", "O Art 4")
        for key in sorted(named | self._register.cases.keys()):
            kind = KINDS[key[0]]
            standing = self._register.cases.get(key) or kind.adopt(self._register, key[1])
            if standing is None or kind.name == "agency" or not kind.involves(standing, old):
                continue
            if standing.state not in LIFECYCLES[kind.name].final_states:
                moved = kind.handed_over(self._next_version(standing), old, new)
                self._stand(moved, "succeed", "O Art 4")

    def _next_version(self, case: Case) -> Case:
        return self._next_record(case).model_copy(update={"version": case.version + 1})

    def _next_record(self, case: Case) -> Case:
        """No move: whoever answers the version that stands answers this one as well."""
        return case.model_copy(
            update={
                "record": case.record + 1, "changed_ms": self._at_ms, "command": self._command,
                "officer": None, "head": None,
            }
        )  # fmt: skip


def takes_part(register: Register, case: Case | None, author: Author) -> bool:
    """Whether an author has a part in a case that is there: as a party, by an office or by rule."""
    if case is None:
        return False
    return bool(actors_of(author, case, KINDS[case.case_kind].parties(register, case)))


def _check_begins(kind: str, filing: Filing, *, is_taken: bool) -> None:
    """Whoever has no part in a case learns as much of it as of one that is not there.

    :raises Refused: the command is not one that begins a case, or it would begin one under an id
        that is taken.
    """
    where = f"{kind} {filing.case_id}"
    begins = [
        move.verb for move in LIFECYCLES[kind].moves_from(NOTHING) if CLOCK not in move.actors
    ]
    if filing.act.verb not in begins:
        raise Refused(
            "the agency has a part in no case of this id", where=where, found=filing.act.verb,
            expected=f"the id of a case ({kind}) that the agency has a part in"
            + (f", or {' or '.join(begins)}, which begins one" if begins else ""),
            remedy="see which there are: sharebus case list",
        )  # fmt: skip
    if is_taken:
        raise Refused(
            "a new case cannot have this id: it is taken", where=where,
            expected="an id that no case has", found=filing.case_id,
            remedy="leave the id out, and one is made up",
        )  # fmt: skip


def _check_length(case: Case) -> None:
    try:
        text = json.dumps(case.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=False)
    except ValueError:  # Python writes no number of more than 4,300 digits
        raise Refused(
            "the case could not be written down", where=f"{case.case_kind} {case.id}",
            expected="numbers of at most 4,300 digits", found="a longer one",
        ) from None  # fmt: skip
    length_bytes = len(text.encode())
    if length_bytes > CASE_BYTES_MAX:
        raise Refused(
            "the case would be too long", where=f"{case.case_kind} {case.id}",
            expected=f"at most {CASE_BYTES_MAX} bytes with all that was filled before",
            found=f"{length_bytes} bytes", remedy="say it shorter, or name where it can be read",
        )  # fmt: skip
