"""Usage and disposal (使用记录), kept by recipients and inspected by providers (Order 809 Art 29).

Each record is a case that nothing changes any more, so it keeps a key of its own in the facts of
cases for ever, which is longer than the three years that the law asks for. It says what was done
with data, never what is in them.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from sharebus import Refused
from sharebus.governance.case import Author, Case
from sharebus.governance.docket.kind import Kind, Opening, Taken
from sharebus.governance.docket.outcome import Filing
from sharebus.governance.docket.reading import read_document, read_text, short
from sharebus.governance.docket.register import Register
from sharebus.governance.facts import fact_document
from sharebus.governance.grant import Grant, Term
from sharebus.governance.local_time import local_day
from sharebus.governance.resident_id import holds_resident_id
from sharebus.governance.role import Role

HOLDERS_MAX: Final = 300
"""So many grants fit into one inspection; of an entry with more, one agency at a time."""
EVENTS_MAX: Final = 10**15
_TEXT_CHARS_MAX: Final = 1_000
_TEXTS: Final = ("purpose", "used_by", "delivery", "means", "remark")


class Usages(Kind):
    """``record`` and ``dispose`` are about a grant, which may have ended.

    ``inspect`` is the provider's: ``content["holders"]`` is then every grant on the entry as it
    stood, with what its holder has recorded.
    """

    name = "usage"

    def open(self, register: Register, filing: Filing, author: Author) -> Opening:
        """The holder of the grant records; the provider of the entry inspects."""
        content = filing.act.content
        if filing.act.verb == "inspect":
            name = content.get("entry")
            entry = register.facts.entries.get(name) if isinstance(name, str) else None
            if entry is None or entry.provider.agency != author.agency:
                raise Refused(
                    "a provider inspects the use of its own entries (Order 809 Art 29)",
                    expected=f"an entry that {author.agency} provides", found=short(name),
                )  # fmt: skip
            return Opening(entry.jurisdiction, author.agency, None, (Role.PROVIDER,))
        grant = _grant(register, content, author)
        entry = register.facts.entries[grant.entry]
        return Opening(entry.jurisdiction, entry.provider.agency, author.agency, (Role.SUBSCRIBER,))

    def check(self, register: Register, taken: Taken) -> Case:
        """What was done lies in the past, and is told without anybody's name."""
        content, today = taken.content, local_day(taken.at_ms)
        if taken.move.verb == "inspect":
            return _with(taken.case, {"holders": _holders(register, content, today)})
        grant = _grant(register, content, taken.author)
        read: dict[str, object] = {"entry": grant.entry, "system": grant.system}
        for name in _TEXTS:
            if name in content:
                _check_text(name, read_text(content, name))
        if "period" in content:
            period = read_document(Term, content["period"], "period")
            _check_past("the last day of a period of use", period.last_day, today)
            read["period"] = period.model_dump(mode="json")
        if "events" in content:
            _check_events(content["events"])
        if taken.move.verb == "dispose":
            day = _day(content)
            _check_past("the day of a disposal", day, today)
            read["day"] = str(day)
        return _with(taken.case, read)


def _grant(register: Register, content: Mapping[str, Any], author: Author) -> Grant:
    grants = register.facts.grants
    named = content.get("grant")
    grant = grants.get(named) if isinstance(named, str) else None
    is_own = grant is not None and grant.grantee.agency == author.agency
    if grant is None or not is_own or grant.entry not in register.facts.entries:
        raise Refused(
            "an agency records what it does under a grant of its own (Order 809 Art 29)",
            expected=f"the id of a grant that {author.agency} has or had", found=short(named),
            remedy="see: sharebus grant list --all",
        )  # fmt: skip
    return grant


def _holders(
    register: Register, content: Mapping[str, Any], today: date
) -> list[dict[str, object]]:
    agency = register.agency(content["agency"]).id if content.get("agency") else ""
    found = [
        grant
        for grant in register.facts.grants_of(str(content["entry"]))
        if agency in ("", grant.grantee.agency)
    ]
    if len(found) > HOLDERS_MAX:
        raise Refused(
            "more grants than one inspection can hold", where=f"entry {content['entry']}",
            expected=f"at most {HOLDERS_MAX}", found=str(len(found)),
            remedy="inspect one agency at a time: --agency AGENCY",
        )  # fmt: skip
    records: dict[str, list[Case]] = {}
    for case in register.about("usage", str(content["entry"])):
        if case.state != "inspected":
            records.setdefault(str(case.content["grant"]), []).append(case)
    return [
        {
            "grant": fact_document(grant),
            "holds": register.facts.may_read(grant, today),
            **_told(records.get(grant.id, ())),
        }
        for grant in found
    ]


def _told(records: Iterable[Case]) -> dict[str, object]:
    """What a holder has recorded, in sum."""
    uses = [case.content for case in records if case.state == "recorded"]
    disposals = [case.content for case in records if case.state == "disposed"]
    last = max(disposals, key=lambda content: str(content["day"]), default=None)
    return {
        "uses": len(uses),
        "last_used": max((str(each["period"]["last_day"]) for each in uses), default=None),
        "events": sum(each.get("events", 0) for each in uses),
        "disposed": last and {
            "day": last["day"], "means": last["means"], "is_whole": "period" not in last,
        },
    }  # fmt: skip


def _check_events(events: object) -> None:
    # An inspection adds them up: without a bound one recipient could make the sum too long to be
    # written down, and every inspection of the entry would be refused.
    if type(events) is not int or not 0 <= events <= EVENTS_MAX:
        raise Refused(
            "events is how many were used", expected=f"a number from 0 to {EVENTS_MAX}",
            found=short(str(events)[:20]) if type(events) is not int else "another number",
        )  # fmt: skip


def _with(case: Case, more: Mapping[str, object]) -> Case:
    return case.model_copy(update={"content": {**case.content, **more}})


def _check_text(name: str, text: str) -> None:
    if len(text) > _TEXT_CHARS_MAX:
        raise Refused(
            f"{name} is too long", expected=f"at most {_TEXT_CHARS_MAX} characters",
            found=f"{len(text)} characters",
        )  # fmt: skip
    if holds_resident_id(text):
        raise Refused(
            f"{name} names a person: a usage record tells what was done, not with whose data",
            expected="text without resident ids (公民身份号码)", found="a resident id",
        )  # fmt: skip


def _day(content: Mapping[str, Any]) -> date:
    text = read_text(content, "day")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("day is a date", expected="YYYY-MM-DD", found=short(text)) from None


def _check_past(what: str, day: date, today: date) -> None:
    if day > today:
        raise Refused(
            f"{what} is not in the future", expected=f"a date until {today}", found=str(day)
        )


USAGES = Usages()
