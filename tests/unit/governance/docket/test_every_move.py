"""Every move of every lifecycle is one that the docket takes; every state is reached."""

from datetime import date, time
from typing import Any

from sharebus.governance.identity import FOUNDER
from sharebus.governance.lifecycles import LIFECYCLES

from .test_clocks_of_cases import without_zhejiang
from .town import BASIS, FIVE, Town, accepted, agency_document, entry_document

TERM = FIVE["term"]


def agencies(town: Town) -> None:
    town.file("office", "agency", "market", "suspend", reason="x")
    town.ask("r-1", "closed")
    town.file("office", "agency", "market", "restore")
    for name in ("water", "roads"):
        document = agency_document(name)
        accepted(town.file("office", "agency", name, "onboard", document=document))
    key = {"id": "k2", "algorithm": "ed25519", "public_key": "cd"}
    system = {"id": "levy", "name": "征收", "roles": ["provider"]}
    accepted(town.file("water", "agency", "water", "rotate_key", key=key))
    accepted(town.file("water", "agency", "water", "register_system", system=system))
    accepted(town.file("water", "agency", "water", "rotate", system="levy"))
    accepted(town.file("office", "agency", "water", "suspend", reason="x"))
    accepted(town.file("office", "agency", "water", "restore"))
    accepted(town.file("office", "agency", "water", "succeed", reason="x", successor="roads"))
    accepted(town.file("office", "agency", "roads", "exit", reason="x"))


def entries(town: Town) -> None:
    document = entry_document("shops")
    town.file("market", "entry", "shops", "draft", document=document)
    accepted(town.file("market", "entry", "shops", "amend", document=document))
    town.file("market", "entry", "shops", "submit", head=True)
    accepted(town.file("vault", "entry", "shops", "return", reason="x"))
    town.file("market", "entry", "shops", "submit", head=True)
    town.file("vault", "entry", "shops", "consent")
    town.file("office", "entry", "shops", "confirm")
    accepted(town.file("office", "entry", "shops", "publish"))
    accepted(town.file("office", "entry", "shops", "freeze", reason="x"))
    accepted(town.file("office", "entry", "shops", "resume"))
    accepted(town.file("office", "entry", "shops", "revise", document=document))
    accepted(town.file("market", "entry", "shops", "report_change", reason="x"))
    accepted(town.file("market", "entry", "shops", "ask_extension", reason="x", extension=2))
    accepted(town.file("office", "entry", "shops", "extend"))
    accepted(town.file("market", "entry", "shops", "hand_in", head=True, document=document))
    leave_to_the_authority(town, "update_catalog")
    accepted(town.file("office", "entry", "shops", "return_update", reason="x"))
    day = {"step": "update_catalog", "due": "2026-05-01"}
    accepted(town.file("office", "entry", "shops", "set_due", **day))
    for number, action in enumerate(("suspend", "retire")):
        town.filed_change(f"ch-{number}", "shops", action)
        accepted(town.file("office", "entry", "shops", action, reason="x", change=f"ch-{number}"))


def changes(town: Town) -> None:
    town.ask("r-1", "open")
    for number, (who, verb, content) in enumerate(
        [("office", "refuse", {"reason": "x"}), ("market", "withdraw", {})]
    ):
        case = f"ch-{number}"
        town.file("market", "change", case, "propose", entry="open", action="retire", reason="x")
        accepted(town.file("tax", "change", case, "comment", opinion="x"))
        accepted(town.file("market", "change", case, "consult", record="x"))
        accepted(town.file(who, "change", case, verb, **content))


def demands(town: Town) -> None:
    for case in ("d-1", "d-2", "d-3"):
        town.file("tax", "demand", case, "state", content="x", purpose="x")
        town.file("office", "demand", case, "ask", provider="market")
    accepted(town.file("market", "demand", "d-1", "promise", due="2026-05-01"))
    accepted(town.file("office", "demand", "d-1", "list", entry="open"))
    accepted(town.file("market", "demand", "d-2", "decline", legal_basis="x"))
    accepted(town.file("tax", "demand", "d-3", "withdraw"))


def requests(town: Town) -> None:
    town.file("office", "table", "t-1", "issue", table="clock_rules", document=without_zhejiang())
    town.ask("r-0", "open")
    town.ask("r-1", "closed")
    town.file("market", "request", "r-1", "list_missing", missing="x")
    accepted(town.file("tax", "request", "r-1", "complete", **FIVE))
    accepted(town.file("market", "request", "r-1", "ask_extension", reason="x", extension=3))
    accepted(town.file("office", "request", "r-1", "extend"))
    accepted(town.accept("r-1", "code"))
    for case, verb in (("r-2", "overrule"), ("r-3", "uphold")):
        town.ask(case, "closed")
        town.file("market", "request", case, "refuse", legal_basis="x")
        accepted(town.file("tax", "request", case, "ask_review", reason="x"))
        more = {"accepted_fields": ["code"]} if verb == "overrule" else {}
        accepted(town.file("office", "request", case, verb, reason="x", **more))
    leave_to_the_authority(town, "reply_conditional")
    town.ask("r-4", "closed")
    day = {"step": "reply_conditional", "due": "2026-05-01"}
    accepted(town.file("office", "request", "r-4", "set_due", **day))
    accepted(town.file("tax", "request", "r-4", "withdraw"))


def leave_to_the_authority(town: Town, step: str) -> None:
    table = without_zhejiang()["table"]
    for row in table["rules"]:
        if row["step"] == step:
            for name in ("amount", "unit", "extension"):
                row.pop(name, None)
            row["set_by"] = "coordinator"
    document = {"table": table | {"version": step}}
    accepted(town.file("office", "table", f"t-{step.replace('_', '-')}", "issue",
                       table="clock_rules", document=document))  # fmt: skip


def grants(town: Town) -> None:
    for number in range(5):
        town.ask(f"r-{number}", "open")
    accepted(town.file("market", "grant", "r-0", "renew", term=TERM))
    for verb, content in (("restore", {}), ("terminate", {"reason": "x"})):
        town.file("market", "grant", "r-0", "suspend", reason="x", rectify_by="2026-05-01")
        accepted(town.file("tax", "grant", "r-0", "rectify", report="x"))
        accepted(town.file("market", "grant", "r-0", verb, **content))
    accepted(town.file("office", "grant", "r-1", "revoke", reason="x"))
    accepted(town.file("tax", "grant", "r-2", "give_back"))
    town.until(date(2026, 12, 31))


def agreements(town: Town) -> None:
    town.agree("a-1")
    town.agree("a-2")
    accepted(town.file("tax", "agreement", "a-1", "terminate", reason="x"))
    town.file("tax", "agreement", "a-3", "propose", parties=["market", "tax"], text_digest="x",
              term=TERM)  # fmt: skip
    accepted(town.file("market", "agreement", "a-3", "withdraw"))
    town.until(date(2026, 12, 31))


def disputes(town: Town) -> None:
    town.ask("r-1", "closed")
    for case in ("d-1", "d-2"):
        town.file("tax", "dispute", case, "raise", about="request/r-1", opinion="x")
        town.file("tax", "dispute", case, "bring", opinion="x")
    accepted(town.file("market", "dispute", "d-1", "settle", record="x"))
    town.file("office", "dispute", "d-2", "submit", opinion="x")
    accepted(town.file("hall", "dispute", "d-2", "decide", decision="x"))


def permissions(town: Town) -> None:
    town.ask("r-1", "open")
    for case in ("p-1", "p-2"):
        town.file("tax", "permission", case, "ask", entry="open", use="publish", purpose="x")
    accepted(town.file("market", "permission", "p-1", "refuse", reason="x"))
    town.file("market", "permission", "p-2", "permit")
    accepted(town.file("market", "permission", "p-2", "take_back", reason="x"))


def emergencies(town: Town) -> None:
    scope: dict[str, Any] = {"entries": ["open"], "agencies": ["tax"], "until": "2026-03-09",
                             "seal_by": "2026-03-09"}  # fmt: skip
    for case in ("e-1", "e-2"):
        town.file("office", "emergency", case, "declare", reason="x", **scope)
    accepted(town.file("office", "emergency", "e-1", "end"))
    accepted(town.file("tax", "emergency", "e-1", "consent"))
    assert town.state("emergency", "e-1") == "sealed"
    accepted(town.file("office", "emergency", "e-1", "report", report="x"))
    town.until(date(2026, 3, 9))


def usages(town: Town) -> None:
    town.ask("r-1", "open")
    accepted(town.file("tax", "usage", "u-1", "record", grant="r-1", purpose="x", used_by="x",
                       period={**TERM, "last_day": "2026-03-02"}))  # fmt: skip
    accepted(town.file("tax", "usage", "u-2", "dispose", grant="r-1", means="x", day="2026-03-02"))
    accepted(town.file("market", "usage", "u-3", "inspect", entry="open"))


def erasures(town: Town) -> None:
    town.ask("r-1", "open")
    town.file("tax", "usage", "u-1", "dispose", grant="r-1", means="x", day="2026-03-02")
    town.until(date(2029, 3, 5))
    accepted(town.file("tax", "erasure", "x-1", "erase", about="usage/u-1", basis="x",
                       keys=["0123456789abcdef"]))  # fmt: skip


def questions(town: Town) -> None:
    town.publish("names", sharing={"class": "unconditional"})
    town.file("office", "agency", "market", "succeed", reason="x", successor="health")
    town.file("office", "designation", "s-1", "designate", content_item="firms.name",
              agency="tax", basis=BASIS)  # fmt: skip
    cited, taken, *_ = sorted(key[1] for key in town.docket.cases if key[0] == "question")
    town.file("health", "question", cited, "cite", basis=BASIS)
    accepted(town.file("office", "question", cited, "reject", reason="x"))
    town.file("health", "question", cited, "cite", basis=BASIS)
    accepted(town.file("office", "question", cited, "allow"))
    document = entry_document("firms", sharing={"class": "unconditional"})
    document["provider"]["agency"] = "tax"
    town.file("tax", "entry", "firms", "draft", document=document)
    town.file("tax", "entry", "firms", "submit", head=True)
    town.file("vault", "entry", "firms", "consent")
    town.file("office", "entry", "firms", "confirm")
    town.file("office", "entry", "firms", "publish")
    town.file("health", "request", "r-1", "submit", entry="firms", system="health.desk",
              fields=["name"], **FIVE)  # fmt: skip
    accepted(town.file("health", "question", taken, "take", grant="r-1"))
    accepted(town.file("office", "designation", "s-1", "withdraw", reason="x"))


def violations(town: Town) -> None:
    told = {"item": 4, "source": "by_hand", "findings": "x"}
    days = {"working_days": 1}
    for case in ("v-1", "v-2"):
        town.file("watch", "violation", case, "propose", agency="market", **told, **days)
    accepted(town.file("market", "violation", "v-1", "state", statement="x"))
    town.until(date(2026, 3, 10), time(12))
    for case in ("v-1", "v-2"):
        town.file("watch", "violation", case, "order", reason="x", measures="x", **days)
    accepted(town.file("watch", "violation", "v-1", "remind"))
    town.file("market", "violation", "v-1", "reply", reply="x")
    accepted(town.file("watch", "violation", "v-1", "return", reason="x", **days))
    town.file("market", "violation", "v-1", "reply", reply="x")
    accepted(town.file("watch", "violation", "v-1", "verify", finding="x"))
    town.until(date(2026, 3, 20))
    town.file("hall", "violation", "v-2", "criticise", reason="x", responsible="x")
    accepted(town.file("watch", "violation", "v-2", "refer", reason="x", referred_to="x"))
    accepted(town.file("watch", "violation", "v-2", "withdraw", reason="x"))


def foundings(town: Town) -> None:
    document = agency_document("water")
    accepted(
        town.file(FOUNDER, "founding", FOUNDER, "take_over", documents={"agencies": [document]})
    )
    accepted(town.file(FOUNDER, "founding", FOUNDER, "close", reason="x"))


def test_every_move_is_taken_and_every_state_reached() -> None:
    taken: set[tuple[str, str]] = set()
    reached: set[tuple[str, str]] = set()
    for way in (
        agencies, entries, changes, demands, requests, grants, agreements, disputes, permissions,
        emergencies, usages, erasures, questions, violations, foundings,
    ):  # fmt: skip
        town = Town()
        way(town)
        for outcome in town.outcomes:
            taken |= {(notice.case.case_kind, notice.verb) for notice in outcome.notices}
            reached |= {(case.case_kind, case.state) for case in outcome.cases}
    cycles = LIFECYCLES.values()
    assert {(cycle.kind, move.verb) for cycle in cycles for move in cycle.moves} <= taken
    assert {(cycle.kind, state) for cycle in cycles for state in cycle.states} == reached
