"""What a record of a topic of commands makes: a decision of the docket, or a refusal.

The registrar decides by it, and whoever audits decides again by it.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from sharebus import InvalidInput, Refused, SharebusError
from sharebus.governance.agency import Agency
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act, Author
from sharebus.governance.docket import Docket, Filing, Outcome
from sharebus.governance.founder import WHOLE_BUS, Founder
from sharebus.governance.identity import FOUNDER
from sharebus.governance.resident_id import names_resident
from sharebus.schemas.command import Command, check_signature, read_command
from sharebus.schemas.record import command as command_record
from sharebus.schemas.topic import agency_of_commands


class Arrival(NamedTuple):
    """One record of a topic of commands; ``value`` is None where nobody can unpack it."""

    topic: str
    offset: int
    ingress_ms: int
    value: bytes | None


class CommandRule(StrEnum):
    """Why a command was refused; stands in the audit and in the metrics."""

    UNREADABLE = "command.unreadable"
    MALFORMED = "command.malformed"
    HARMFUL = "command.harmful"
    AGENCY = "command.agency"
    SIGNATURE = "command.signature"
    PERSONAL = "command.personal"
    CASE = "command.case"


COMMAND_RULE_TITLES: Final[dict[CommandRule, str]] = {
    CommandRule.UNREADABLE: "the broker holds bytes at this offset that no client can unpack",
    CommandRule.MALFORMED: "the record is no command, or too long",
    CommandRule.HARMFUL: "registrars died of this command, so it was not opened again",
    CommandRule.AGENCY: "the agency is suspended, or no longer on the bus",
    CommandRule.SIGNATURE: "the command is not signed by the agency's own key",
    CommandRule.PERSONAL: "the command has a resident id (公民身份号码), which nobody could erase",
    CommandRule.CASE: "the case, its lifecycle or the law does not allow it; the answer says why",
}
"""One sentence per rule, for people."""


class Judged(NamedTuple):
    """One arrival, decided at ``at_ms``. ``command`` is None where none could be read.

    ``answer`` goes to the agency and is None where nobody can be answered; only that of the docket,
    in ``outcome``, is kept: a command that its agency did not sign does not use up its id.
    """

    arrival: Arrival
    at_ms: int
    outcome: Outcome
    rule: CommandRule | None
    command: Command | None
    answer: Answer | None


def judge(docket: Docket, arrival: Arrival, at_ms: int, *, is_harmful: bool = False) -> Judged:
    """Decide one arrival; the docket changes if the command is accepted."""
    if arrival.value is None:
        return Judged(arrival, at_ms, Outcome(), CommandRule.UNREADABLE, None, None)
    if is_harmful:
        return Judged(arrival, at_ms, Outcome(), CommandRule.HARMFUL, None, None)
    agency = agency_of_commands(arrival.topic)
    try:
        command = read_command(command_record().decode(arrival.value))
    except InvalidInput:
        return Judged(arrival, at_ms, Outcome(), CommandRule.MALFORMED, None, None)
    founder = docket.facts.founder
    standing = founder if agency == FOUNDER else docket.facts.agencies.get(agency)
    try:
        author = _author(agency, standing)
    except Refused as refusal:
        return _refused(arrival, at_ms, agency, command, CommandRule.AGENCY, refusal)
    try:
        check_signature(agency, command, standing.keys if standing else ())
    except Refused as refusal:
        return _refused(arrival, at_ms, agency, command, CommandRule.SIGNATURE, refusal)
    if names_resident(command.model_dump(exclude={"id", "signature"})):
        return _refused(arrival, at_ms, agency, command, CommandRule.PERSONAL, _names_resident())
    act = Act(command.id, command.verb, command.seen_version, command.body, at_ms)
    filing = Filing(command.case_kind, command.case, act, command.officer, command.head)
    outcome = docket.decide(filing, author)
    answer = outcome.answer
    is_refused = answer is not None and answer.outcome == "refused"
    rule = CommandRule.CASE if is_refused else None
    return Judged(arrival, at_ms, outcome, rule, command, answer)


def _names_resident() -> Refused:
    return Refused(
        "the command names a person by number, and what is decided is kept for ever",
        expected="text without resident ids (公民身份号码)", found="a resident id",
        remedy="Say it without the number; who must know it is told by another way.",
    )  # fmt: skip


def _author(agency: str, standing: Agency | Founder | None) -> Author:
    if isinstance(standing, Founder):
        return Author(agency, WHOLE_BUS)
    if standing is None or standing.left or standing.suspended:
        known = "suspended" if standing and standing.suspended else "not on the bus"
        raise Refused(
            "the agency may give no commands now", where=f"agency {agency}",
            expected="an agency in good standing", found=known,
            remedy="The coordinating authority restores it.",
        )  # fmt: skip
    return Author(agency, standing.jurisdiction, frozenset(standing.offices))


def _refused(
    arrival: Arrival, at_ms: int, agency: str, command: Command, rule: CommandRule,
    refusal: SharebusError,
) -> Judged:  # fmt: skip
    answer = Answer(
        agency=agency, command=command.id, case_kind=command.case_kind, case=command.case,
        verb=command.verb, outcome="refused", problem=refusal.problem, where=refusal.where,
        expected=refusal.expected, found=refusal.found, remedy=refusal.remedy, decided_ms=at_ms,
    )  # fmt: skip
    return Judged(arrival, at_ms, Outcome(), rule, command, answer)
