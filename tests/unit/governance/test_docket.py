"""Commands become grants by the rules alone, the same way each time, and never too many of them."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sharebus.governance.agency import Agency, Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Act, Author
from sharebus.governance.clock_tables import ClockTables
from sharebus.governance.docket import Docket, Filing, Outcome
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts, fact_to_json
from sharebus.governance.grant import Grant
from sharebus.governance.role import Role
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

CITY = "330200"
OFFICER = {"name": "王某", "title": "处长"}
TABLES = ClockTables(load_clock_rules(), load_working_days())
MARKED = {"phone"}
FIELDS = ("code", "name", "phone")
FIVE: dict[str, Any] = {
    "legal_basis": "税收征收管理法 6",
    "scenario": "开业登记",
    "scope": "宁波市",
    "mode": "subscribe",
    "term": {"first_day": "2026-01-01", "last_day": "2026-12-31"},
}
CLASSES: dict[str, dict[str, Any]] = {
    "open": {"class": "unconditional"},
    "few": {"class": "unconditional", "agencies": ["health"]},
    "closed": {"class": "conditional", "conditions": "依法履职"},
    "secret": {
        "class": "not_shared",
        "basis": {"instrument": "统计法", "version": "2024", "article": 28},
    },
}


def agency(name: str) -> Agency:
    systems = [{"id": "desk", "name": name, "roles": ["provider", "subscriber"]}]
    return Agency.model_validate(
        {"id": name, "code": f"CODE-{name.upper()}", "name": name, "jurisdiction": CITY,
         "officer": OFFICER, "systems": systems}
    )  # fmt: skip


def entry(name: str) -> CatalogEntry:
    record = [{"name": field, "type": "string"} for field in FIELDS]
    items = [
        {"field": field, "name": field, "mark": "personal" if field in MARKED else "none",
         "origin": {"kind": "collected", "basis": "条例"}}
        for field in FIELDS
    ]  # fmt: skip
    return CatalogEntry.model_validate(
        {"id": name, "name": name, "scope": "全市", "jurisdiction": CITY,
         "avro_schema": {"type": "record", "name": "Row", "fields": record},
         "key_fields": ["code"], "data_items": items, "sharing": CLASSES[name],
         "provider": {"agency": "market", "system": "desk", "officer": OFFICER},
         "update": {"frequency": "daily", "deadline": "次日"},
         "database": {"kind": "base", "domain": "法人"}}
    )  # fmt: skip


def facts() -> PolicyFacts:
    known = PolicyFacts()
    for document in (*map(agency, ("market", "tax", "health", "office")), *map(entry, CLASSES)):
        known.apply(document, known.version + 1)
    return known


COORDINATOR = Author("office", CITY, frozenset({Role.COORDINATOR}))


class Town:
    """A docket, and whoever files with it."""

    def __init__(self) -> None:
        self.docket = Docket(facts(), TABLES)
        self.filed: list[tuple[Filing, Author]] = []

    def file(self, who: Author | str, kind: str, case: str, verb: str, **content: Any) -> Outcome:
        author = who if isinstance(who, Author) else Author(who, CITY)
        standing = self.docket.cases.get((kind, case))
        number = len(self.filed) + 1
        act = Act(f"c-{number}", verb, standing.version if standing else 0, content, number)
        self.filed.append((Filing(kind, case, act, Officer(**OFFICER)), author))
        return self.docket.decide(*self.filed[-1])

    def ask(
        self, case: str, entry_id: str, fields: tuple[str, ...] = ("code",), **changes: Any
    ) -> Outcome:
        content = {"entry": entry_id, "system": "tax.desk", "fields": list(fields), **FIVE}
        return self.file("tax", "request", case, "submit", **{**content, **changes})

    def agree(self, case: str = "a-1") -> Outcome:
        self.file("market", "agreement", case, "propose",
                  parties=["market", "tax"], text_digest="x", term="2026")  # fmt: skip
        self.file("tax", "agreement", case, "consent")
        return self.file("market", "agreement", case, "consent")

    def state(self, kind: str, case: str) -> str:
        return self.docket.cases[kind, case].state

    def grants(self) -> Mapping[str, Grant]:
        return {
            name: grant for name, grant in self.docket.facts.grants.items() if not grant.revoked
        }


def granted(outcome: Outcome) -> tuple[Grant, ...]:
    return tuple(fact for fact in outcome.facts if isinstance(fact, Grant))


def refusal(outcome: Outcome) -> Answer:
    answer = outcome.answer
    assert answer is not None
    assert (answer.outcome, outcome.cases, outcome.facts) == ("refused", (), ())
    assert answer.problem
    return answer


@pytest.fixture
def town() -> Town:
    return Town()


def test_unmarked_fields_of_an_unconditional_entry_are_granted_at_once(town: Town) -> None:
    outcome = town.ask("r-1", "open", ("code", "name"))
    assert [case.state for case in outcome.cases] == ["submitted", "consented", "supplied"]
    (grant,) = granted(outcome)
    assert (grant.id, grant.system, grant.fields) == ("r-1", "tax.desk", ("code", "name"))
    assert (grant.approval, grant.agreement) == ("automatic", None)
    assert {(n.agency, n.verb) for n in outcome.notices} >= {
        ("market", "submit"),
        ("tax", "supply"),
    }


@pytest.mark.parametrize(
    ("entry_id", "fields"), [("few", ("code",)), ("closed", ("code",)), ("open", FIELDS)]
)
def test_out_of_scope_conditional_or_marked_waits_for_the_provider(
    town: Town, entry_id: str, fields: tuple[str, ...]
) -> None:
    assert granted(town.ask("r-1", entry_id, fields)) == ()
    assert town.state("request", "r-1") == "submitted"
    outcome = town.file("market", "request", "r-1", "accept", accepted_fields=["code"])
    (grant,) = granted(outcome)
    assert (grant.fields, grant.approval) == (("code",), "provider")


def test_marked_fields_wait_for_an_agreement_and_end_with_it(town: Town) -> None:
    town.ask("r-1", "closed", FIELDS)
    town.file("market", "request", "r-1", "accept", accepted_fields=["phone", "code"])
    assert (town.state("request", "r-1"), town.grants()) == ("consented", {})
    outcome = town.agree()
    assert [case.case_kind for case in outcome.cases] == ["agreement", "agreement", "request"]
    assert town.grants()["r-1"].fields == ("code", "phone")
    assert town.grants()["r-1"].agreement == "a-1"

    ended = town.file("market", "agreement", "a-1", "terminate", reason="违约")
    assert [(grant.id, grant.revoked) for grant in granted(ended)] == [("r-1", True)]
    assert town.grants() == {}
    town.agree("a-2")
    assert town.grants()["r-1"].agreement == "a-2"


def test_agreement_between_others_covers_nobody_else(town: Town) -> None:
    town.ask("r-1", "closed", FIELDS)
    town.file("market", "request", "r-1", "accept", accepted_fields=["phone"])
    town.file("market", "agreement", "a-1", "propose",
              parties=["market", "health"], text_digest="x", term="2026")  # fmt: skip
    town.file("health", "agreement", "a-1", "consent")
    town.file("market", "agreement", "a-1", "consent")
    assert town.state("agreement", "a-1") == "in_force"
    assert town.grants() == {}


def test_not_shared_entry_cannot_be_asked_for_and_the_answer_cites_the_law(town: Town) -> None:
    outcome = town.ask("r-1", "secret")
    assert refusal(outcome).found == "统计法 Art 28"
    assert town.docket.cases == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"fields": ["code", "salary"]}, "salary"),
        ({"system": "health.desk"}, "health.desk"),
        ({"entry": "nowhere"}, "nowhere"),
        ({"mode": "copy"}, "mode"),
        ({"legal_basis": ""}, "legal_basis"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_application_that_is_wrong_is_refused_whole(
    town: Town, change: dict[str, Any], found: str
) -> None:
    outcome = town.ask("r-1", "closed", **change)
    assert found in refusal(outcome).found
    assert (outcome.cases, outcome.facts, town.docket.cases) == ((), (), {})


def test_provider_cannot_give_more_than_was_asked_nor_change_the_application(town: Town) -> None:
    town.ask("r-1", "closed")
    more = town.file("market", "request", "r-1", "accept", accepted_fields=["code", "phone"])
    assert refusal(more).expected == "code"
    longer = {"first_day": "2026-01-01", "last_day": "2099-12-31"}
    changed = town.file("market", "request", "r-1", "accept", accepted_fields=["code"], term=longer)
    assert refusal(changed).found == "term"
    assert town.state("request", "r-1") == "submitted"


def test_command_given_again_is_answered_again_and_done_once(town: Town) -> None:
    first = town.ask("r-1", "open")
    again = town.docket.decide(*town.filed[0])
    assert again == Outcome(first.answer, is_repeated=True)
    assert town.docket.cases["request", "r-1"].version == 3


def test_stranger_cannot_decide_and_coordinator_overrules(town: Town) -> None:
    town.ask("r-1", "closed")
    assert refusal(town.file("health", "request", "r-1", "accept", accepted_fields=["code"]))
    town.file("market", "request", "r-1", "refuse", legal_basis="商业秘密")
    town.file("tax", "request", "r-1", "ask_review", reason="履职需要")
    assert refusal(town.file("market", "request", "r-1", "overrule", reason="x",
                             accepted_fields=["code"]))  # fmt: skip
    outcome = town.file(COORDINATOR, "request", "r-1", "overrule", reason="应当共享",
                        accepted_fields=["code"])  # fmt: skip
    assert [grant.fields for grant in granted(outcome)] == [("code",)]


class AnyTown(RuleBasedStateMachine):
    """Whoever files whatever: marked fields only under an agreement, and replay gives the same."""

    @initialize()
    def begin(self) -> None:
        self.town = Town()

    @rule(
        case=st.sampled_from(["r-1", "r-2"]), entry_id=st.sampled_from(sorted(CLASSES)),
        fields=st.lists(st.sampled_from(FIELDS), min_size=1, unique=True),
    )  # fmt: skip
    def ask(self, case: str, entry_id: str, fields: list[str]) -> None:
        self.town.ask(case, entry_id, tuple(fields))

    @rule(
        case=st.sampled_from(["r-1", "r-2"]), who=st.sampled_from(["market", "tax", "health"]),
        verb=st.sampled_from(["accept", "refuse", "ask_review", "withdraw"]),
        fields=st.lists(st.sampled_from(FIELDS), unique=True),
    )  # fmt: skip
    def answer(self, case: str, who: str, verb: str, fields: list[str]) -> None:
        content: dict[str, dict[str, Any]] = {
            "accept": {"accepted_fields": fields}, "refuse": {"legal_basis": "x"},
            "ask_review": {"reason": "x"},
        }  # fmt: skip
        self.town.file(who, "request", case, verb, **content.get(verb, {}))

    @rule(case=st.sampled_from(["a-1", "a-2"]))
    def agree(self, case: str) -> None:
        self.town.agree(case)

    @rule(case=st.sampled_from(["a-1", "a-2"]), who=st.sampled_from(["market", "tax", "health"]))
    def end(self, case: str, who: str) -> None:
        self.town.file(who, "agreement", case, "terminate", reason="x")

    @invariant()
    def marked_fields_are_released_only_under_an_agreement_in_force(self) -> None:
        docket = self.town.docket
        in_force = {
            case.id for case in docket.cases.values()
            if case.case_kind == "agreement" and case.state == "in_force"
        }  # fmt: skip
        for grant in self.town.grants().values():
            assert docket.facts.entries[grant.entry].sharing_class != "not_shared"
            assert not MARKED & set(grant.fields) or grant.agreement in in_force

    @invariant()
    def grants_rest_on_requests_and_give_no_more_than_was_asked(self) -> None:
        for name, grant in self.town.docket.facts.grants.items():
            case = self.town.docket.cases["request", name]
            assert case.state == "supplied"
            assert set(grant.fields) <= set(case.content["fields"])

    def teardown(self) -> None:
        if not hasattr(self, "town"):
            return
        again = Docket(facts(), TABLES)
        for filing, author in self.town.filed:
            again.decide(filing, author)
        told, retold = self.town.docket, again
        assert [c.model_dump_json() for c in told.cases.values()] == [
            c.model_dump_json() for c in retold.cases.values()
        ]
        assert {k: fact_to_json(g) for k, g in told.facts.grants.items()} == {
            k: fact_to_json(g) for k, g in retold.facts.grants.items()
        }


TestAnyTown = AnyTown.TestCase
TestAnyTown.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
