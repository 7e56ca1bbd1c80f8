"""Decisions of a docket in memory about a town's facts; what follows is published as facts are.

So each cause for which a right ends is the law's own, without a registrar and its signatures.
"""

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sharebus.governance.agency import Agency
from sharebus.governance.docket import Docket
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import AnyFact, fact_document
from sharebus.governance.grant import Grant
from sharebus.governance.identity import SystemName
from sharebus.governance.view import view_of_grant
from sharebus.infra.audit_key import audit_digest
from sharebus.schemas import topic as topics
from sharebus.schemas.record import platform_records
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.enforcer.apply import local_date
from sharebus.stream_apps.enforcer.plan import FactChanges
from sharebus.stream_apps.enforcer.publish import CATALOG, FactsPublisher

from ...unit.governance.docket import town as docket_town
from ..town import DEADLINE_SECONDS, Town

CONDITIONAL = {"class": "conditional", "conditions": "示例"}
TERM = {"first_day": "2026-01-01", "last_day": "2999-12-31"}
CAUSES = (
    "revoked", "misused", "returned", "expired", "suspended", "exited", "unagreed", "emergency",
    "retired", "marked",
)  # fmt: skip


def publish(town: Town, *facts: AnyFact) -> int:
    """Publish facts as a decision does; gives when they were committed."""
    if facts:
        standing = town.facts()
        ids = {r.subject: max(standing.schemas[r.subject]) for r in platform_records()}
        with FactsPublisher(town.admin_config, audit_digest(town.settings), CATALOG) as publisher:
            changes = FactChanges(facts, ())
            publisher.publish(changes, ids, standing.version, topics.FACTS_POLICY)
    return time.time_ns() // 1_000_000


class Decisions(docket_town.Town):
    """For each cause an agency with one system, which holds a grant on an entry of its own.

    ``decide`` brings the cause about, and gives when what follows was committed.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self.provider = town.sender.agency
        self.authority = f"data-{town.tag}"
        self.entries = {cause: self._entry(cause) for cause in CAUSES}
        self.docket = Docket(town.facts(), docket_town.TABLES)
        self.done, self.outcomes = [], []
        self.tick(time.time_ns() // 1_000_000)
        agencies = [self._agency(self.authority, offices=["coordinator"])]
        agencies += [self._agency(self.reader(cause).agency) for cause in CAUSES]
        given = [
            town.grant(
                entry,
                id=f"{cause}-{town.tag}",
                system=str(self.reader(cause)),
                row_filter=None,
                term={**TERM, "last_day": "2998-12-31"} if cause == "expired" else TERM,
            )
            for cause, entry in self.entries.items()
            if cause not in ("unagreed", "emergency")
        ]
        for fact in (*agencies, *self.entries.values(), *given):
            self.docket.facts.apply(fact, self.docket.facts.version + 1)
        self.publish([*agencies, *self.entries.values(), *given])
        self._agree_and_give()
        self._declare()
        office.wait_until_standing(town.admin_config, town.facts().version, DEADLINE_SECONDS)

    def reader(self, cause: str) -> SystemName:
        return SystemName(f"{cause}-{self.town.tag}", "desk")

    def _agency(self, name: str, **changes: Any) -> Agency:
        system = {"id": "desk", "name": "系统", "roles": ["subscriber"]}
        document = self.town.agencies()[0].model_dump(mode="json", exclude_none=True)
        named = {"id": name, "code": f"TEST-{name.upper()}", "systems": [system]}
        return Agency.model_validate({**document, **named, **changes})

    def _entry(self, cause: str, **changes: Any) -> CatalogEntry:
        entry = self.town.entry(cause, sharing=CONDITIONAL, **changes)
        if cause != "unagreed":
            return entry
        return _with_mark(entry)

    def _agree_and_give(self) -> None:
        case, subscriber = f"a-{self.town.tag}", self.reader("unagreed")
        for who, verb, content in (
            (self.provider, "propose", {
                "parties": [self.provider, subscriber.agency], "text_digest": "x", "term": TERM,
            }),
            (subscriber.agency, "consent", {}), (self.provider, "consent", {}),
        ):  # fmt: skip
            self.act(who, "agreement", case, verb, **content)
        grant = f"unagreed-{self.town.tag}"
        self.act(
            subscriber.agency, "request", grant, "submit", entry=self.entries["unagreed"].id,
            system=str(subscriber), fields=["code", "district"],
            **{**docket_town.FIVE, "term": TERM},
        )  # fmt: skip
        fields = ["code", "district"]
        self.act(self.provider, "request", grant, "accept", accepted_fields=fields)

    def _declare(self) -> None:
        day = local_date()
        self.act(
            self.authority, "emergency", f"e-{self.town.tag}", "declare", reason="台风",
            entries=[self.entries["emergency"].id], agencies=[self.reader("emergency").agency],
            until=str(day + timedelta(days=2)), seal_by=str(day + timedelta(days=4)),
        )  # fmt: skip

    def act(self, who: str, kind: str, case: str, verb: str, **content: Any) -> int:
        """File one command, which must be accepted; gives when its facts were committed."""
        outcome = self.file(who, kind, case, verb, **content)
        docket_town.accepted(outcome)
        return self.publish(outcome.facts)

    def publish(self, facts: Iterable[AnyFact]) -> int:
        return publish(self.town, *facts)

    def grant(self, cause: str) -> Grant:
        (grant,) = self.docket.facts.grants_of(self.entries[cause].id)
        return grant

    def view(self, cause: str) -> str:
        name = view_of_grant(self.entries[cause], self.grant(cause)).name
        return topics.view_topic(self.entries[cause].id, name)

    def decide(self, cause: str) -> int:
        """Let the cause come about; all but the end of a term, which is the clock's."""
        entry, agency = self.entries[cause].id, self.reader(cause).agency
        because, grant = {"reason": "示例"}, self.grant(cause).id
        day = local_date() + timedelta(days=9)
        match cause:
            case "revoked":
                return self.act(self.authority, "grant", grant, "revoke", **because)
            case "misused":
                halt = {**because, "rectify_by": str(day)}
                return self.act(self.provider, "grant", grant, "suspend", **halt)
            case "returned":
                return self.act(agency, "grant", grant, "give_back")
            case "suspended":
                return self.act(self.authority, "agency", agency, "suspend", **because)
            case "exited":
                return self.act(self.authority, "agency", agency, "exit", **because)
            case "unagreed":
                case = f"a-{self.town.tag}"
                return self.act(self.provider, "agreement", case, "terminate", **because)
            case "emergency":
                return self.act(self.authority, "emergency", f"e-{self.town.tag}", "end")
            case "retired":
                return self._change(entry, "retire")
            case _:
                marked = fact_document(_with_mark(self.entries[cause]))
                return self._change(entry, "revise", document=marked)

    def _change(self, entry: str, action: str, **content: Any) -> int:
        """What is published keeps its class: an entry of another class takes its place."""
        change = f"ch-{entry}"
        self.act(
            self.provider, "change", change, "propose", entry=entry, action=action, reason="示例",
            **content,
        )  # fmt: skip
        self.act(self.provider, "change", change, "consult", record="示例")
        self.act(self.authority, "change", change, "file")
        because = content or {"reason": "示例"}
        return self.act(self.authority, "entry", entry, action, change=change, **because)


def _with_mark(entry: CatalogEntry) -> CatalogEntry:
    document = fact_document(entry)
    document["data_items"][-1]["mark"] = "personal"
    return CatalogEntry.model_validate(document)
