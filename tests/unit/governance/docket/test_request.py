"""Commands become grants by the rules alone, the same way each time, and never too many of them."""

from typing import Any

import pytest

from sharebus.governance.docket import Outcome
from sharebus.governance.grant import Grant

from .town import FIELDS, Town, granted, refusal


def test_unmarked_fields_of_an_unconditional_entry_are_granted_at_once(town: Town) -> None:
    outcome = town.ask("r-1", "open", ("code", "name"))
    assert [case.state for case in outcome.cases] == [
        "submitted", "consented", "supplied", "in_force",
    ]  # fmt: skip
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
    assert [case.case_kind for case in outcome.cases] == [
        "agreement",
        "agreement",
        "request",
        "grant",
    ]
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
    town.agree("a-1", "health")
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
        ({"system": "tax.cellar"}, "tax.cellar"),
        ({"row_filter": {"all": [{"field": "salary", "one_of": ["1"]}]}}, "salary"),
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
    again = town.again(*town.done[1])
    assert again == Outcome(first.answer, is_repeated=True)
    assert town.docket.cases["request", "r-1"].version == 3


@pytest.mark.parametrize("case", ["paper", "auto-1", "em-1"])
def test_request_does_not_take_the_id_of_a_grant_that_stands(town: Town, case: str) -> None:
    town.ask("r-1", "open")
    document = {**town.case("grant", "r-1").content["document"], "id": "paper"}
    facts = town.docket.facts
    facts.apply(Grant.model_validate(document), facts.version + 1)
    assert refusal(town.ask(case, "open", ("name",))).expected == "another id"
    assert town.grants()["paper"].fields == ("code",)


def test_stranger_cannot_decide_and_coordinator_overrules(town: Town) -> None:
    town.ask("r-1", "closed")
    assert refusal(town.file("health", "request", "r-1", "accept", accepted_fields=["code"]))
    town.file("market", "request", "r-1", "refuse", legal_basis="商业秘密")
    town.file("tax", "request", "r-1", "ask_review", reason="履职需要")
    assert refusal(town.file("market", "request", "r-1", "overrule", reason="x",
                             accepted_fields=["code"]))  # fmt: skip
    outcome = town.file("office", "request", "r-1", "overrule", reason="应当共享",
                        accepted_fields=["code"])  # fmt: skip
    assert [grant.fields for grant in granted(outcome)] == [("code",)]
