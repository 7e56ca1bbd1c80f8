"""The docket itself: commands are answered once, and what falls due is taken in its order."""

import heapq
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from sharebus import InvalidInput, Refused, SharebusError
from sharebus.governance.answer import Answer
from sharebus.governance.case import Author, Case
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket.founding import FOUNDING
from sharebus.governance.docket.kinds import KINDS
from sharebus.governance.docket.outcome import Filing, Outcome
from sharebus.governance.docket.register import CaseKey, Register
from sharebus.governance.docket.sitting import Sitting, takes_part
from sharebus.governance.docket.timing import due_at_ms
from sharebus.governance.facts import (
    AnyFact,
    Calendar,
    ClockRuleTable,
    DocketRules,
    PolicyFacts,
)
from sharebus.governance.grant import Grant
from sharebus.governance.identity import FOUNDER

RULES: Final = 3
"""Raised with every change by which the same commands come to something else."""


class Docket:
    """The cases as they stand, over the facts of policy.

    ``tables`` count only where ``facts`` hold none, and the first tick makes them facts; so it does
    with the rules by which commands are decided, where others are in force. The facts
    that the docket makes are folded into ``facts`` at once, under the version that they have.
    """

    def __init__(self, facts: PolicyFacts, tables: ClockTables) -> None:
        self.facts = facts
        self._tables = tables
        self._register = Register(facts, tables)
        self._answers: dict[tuple[str, str], Answer] = {}
        self._due: list[tuple[int, CaseKey]] = []
        self._due_at: dict[CaseKey, int] = {}
        self._grants_watched = 0

    @property
    def cases(self) -> Mapping[CaseKey, Case]:
        """The present version of each case, by kind and id."""
        return self._register.cases

    def restore(self, item: Case | Answer) -> None:
        """Fold in what stood before; a later version of a case replaces the earlier one."""
        if isinstance(item, Answer):
            self._answers[item.agency, item.command] = item
        else:
            self._register.put(item)
            self._watch(item)

    def decide(self, filing: Filing, author: Author) -> Outcome:
        """Answer a command, and let what it changes stand; it changes nothing if it is refused.

        What was due when the command was received comes first. A command that the agency gave
        before gets that answer again (by its id).
        """
        act = filing.act
        known = self._answers.get((author.agency, act.command))
        if known is not None:
            return Outcome(known, is_repeated=True)
        before = self._pass_time(act.received_ms)
        sitting = Sitting(self._register, act.received_ms, act.command)
        try:
            _check_text(filing)
            _check_founder(filing, author)
            case, move = sitting.judge(filing, author)
        except SharebusError as refusal:
            answer = self._refusal(filing, author, refusal)
        else:  # whatever fails from here on is no refusal: part of it stands already
            answer = sitting.carry_out(case, move, author.agency)
        self._answers[author.agency, act.command] = answer
        return self._outcome(answer, before, sitting)

    def tick(self, now_ms: int) -> Outcome:
        """Take everything that is due at an instant, in milliseconds since 1970 (UTC)."""
        sitting = self._pass_time(now_ms)
        for fact in self._missing_facts():
            sitting.publish(fact)
        return self._outcome(None, sitting)

    def next_due_ms(self) -> int | None:
        """When :meth:`tick` has something to do next; None when nothing is awaited."""
        if self._missing_facts():
            return 0
        self._watch_grants()
        while self._due and self._due_at.get(self._due[0][1]) != self._due[0][0]:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _pass_time(self, now_ms: int) -> Sitting:
        sitting = Sitting(self._register, now_ms, "")
        self._watch_grants()
        due = set()
        while self._due and self._due[0][0] <= now_ms:
            at_ms, key = heapq.heappop(self._due)
            if self._due_at.get(key) == at_ms:
                due.add((at_ms, key))
                del self._due_at[key]
        for _, key in sorted(due):
            sitting.fall_due(key)
        # What was not taken is watched again if its instant has moved, else never: it would be
        # due for ever.
        for _, key in due:
            case = self._register.cases.get(key)
            if case is not None and (due_at_ms(KINDS[key[0]], case) or 0) > now_ms:
                self._watch(case)
        return sitting

    def _outcome(self, answer: Answer | None, *sittings: Sitting) -> Outcome:
        cases = [case for sitting in sittings for case in sitting.cases]
        for case in cases:
            self._watch(self._register.cases[case.case_kind, case.id])
        self._watch_terms(fact.id for sitting in sittings for fact in sitting.facts
                          if isinstance(fact, Grant))  # fmt: skip
        return Outcome(
            answer,
            tuple(cases),
            tuple(fact for sitting in sittings for fact in sitting.facts),
            tuple(notice for sitting in sittings for notice in sitting.notices),
        )

    def _watch(self, case: Case) -> None:
        key = (case.case_kind, case.id)
        at_ms = due_at_ms(KINDS[case.case_kind], case)
        if at_ms is None:
            self._due_at.pop(key, None)
        elif self._due_at.get(key) != at_ms:
            self._due_at[key] = at_ms
            heapq.heappush(self._due, (at_ms, key))

    def _watch_grants(self) -> None:
        """Grants of the catalog's reviewed files have no case, and end all the same."""
        new = list(islice(self.facts.grants, self._grants_watched, None))
        self._grants_watched += len(new)
        self._watch_terms(new)

    def _watch_terms(self, grants: Iterable[str]) -> None:
        for grant_id in grants:
            if ("grant", grant_id) not in self._register.cases:
                case = KINDS["grant"].adopt(self._register, grant_id)
                if case is not None:
                    self._watch(case)

    def _missing_facts(self) -> list[AnyFact]:
        missing: list[AnyFact] = []
        if self.facts.docket_rules is None or self.facts.docket_rules.version != RULES:
            missing.append(DocketRules(version=RULES))
        if self.facts.clock_rules is None:
            missing.append(ClockRuleTable(table=self._tables.rules))
        if self.facts.calendar is None:
            _, days, corrections = self._tables
            missing.append(Calendar(table=days, corrections=corrections))
        return missing

    def _refusal(self, filing: Filing, author: Author, refusal: SharebusError) -> Answer:
        standing = self._register.find(filing.case_kind, filing.case_id)
        if not takes_part(self._register, standing, author):
            standing = None  # nothing of it is for whoever has no part in it
        return Answer(
            agency=author.agency, command=filing.act.command, case_kind=filing.case_kind,
            case=filing.case_id, verb=filing.act.verb, outcome="refused",
            state=standing.state if standing else "",
            version=standing.version if standing else 0,
            problem=refusal.problem, where=refusal.where, expected=refusal.expected,
            found=refusal.found, remedy=refusal.remedy, decided_ms=filing.act.received_ms,
        )  # fmt: skip


def _check_founder(filing: Filing, author: Author) -> None:
    """The founder is no agency: it brings in the reviewed files and does nothing else."""
    if (filing.case_kind == FOUNDING) != (author.agency == FOUNDER):
        raise Refused(
            "the founder brings in the reviewed files, and nobody else does",
            where=f"{filing.case_kind} {filing.case_id}", expected=f"{FOUNDING} by {FOUNDER}",
            found=f"{filing.case_kind} by {author.agency}",
        )  # fmt: skip


def _check_text(filing: Filing) -> None:
    """Everything that stands is written as JSON in UTF-8, and must be able to be."""
    if filing.case_kind not in KINDS:
        raise InvalidInput(
            "there is no such kind of case", expected=", ".join(KINDS), found=filing.case_kind
        )
    try:
        json.dumps(filing.act.content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        raise Refused(
            "the command holds what cannot be written down",
            expected="JSON of numbers and well-formed text", found="a lone surrogate or no number",
        ) from None  # fmt: skip
