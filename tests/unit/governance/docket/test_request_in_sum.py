"""Who asks and who decides see what the agency would hold in sum; each as much as it may know."""

from typing import Any

from sharebus.governance.case import Case
from sharebus.governance.docket import Outcome

from .town import Town, accepted, entry_document, refusal


def told(outcome: Outcome, agency: str) -> dict[str, Any]:
    """What the last notice of a request tells an agency."""
    case: Case = [n.case for n in outcome.notices
                  if n.agency == agency and n.case.case_kind == "request"][-1]  # fmt: skip
    stated: dict[str, Any] = case.content["in_sum"]
    return stated


def asked(town: Town, *fields: str) -> Outcome:
    """A second request, of another agency's entry, by an agency that has names already."""
    town.ask("r-1", "open", ("code", "name"))
    document = entry_document("phones")
    document["provider"]["agency"] = "health"
    town.file("health", "entry", "phones", "draft", document=document)
    town.file("health", "entry", "phones", "submit", head=True)
    town.file("vault", "entry", "phones", "consent")
    town.file("office", "entry", "phones", "confirm")
    town.file("office", "entry", "phones", "publish")
    return town.ask("r-2", "phones", fields)


def test_applicant_and_authority_see_the_entries_and_the_provider_how_much() -> None:
    outcome = asked(Town(), "code", "phone")
    for agency in ("tax", "office"):
        (whole,) = told(outcome, agency)["joinable"]
        assert whole["key"] == ["firms.code"]
        assert whole["held"]["open"] == {"code": "none", "name": "none"}
        assert whole["new"] == {"phones": {"code": "none", "phone": "personal"}}
    shown = told(outcome, "health")
    assert (shown["entries"], shown["fields"], shown["marked"]) == (2, 4, {"personal": 1})
    assert shown["joinable"] == [
        {"key": ["firms.code"], "entries": 2, "fields": 4, "marked": {"personal": 1}}
    ]
    assert "open" not in str(shown)


def test_provider_is_told_of_no_other_providers_entry_in_any_notice() -> None:
    town = Town()
    asked(town, "code", "phone")
    town.file("health", "request", "r-2", "accept", accepted_fields=["code", "phone"])
    notices = [n for outcome in town.outcomes for n in outcome.notices if n.agency == "health"]
    about = [n.case.content["in_sum"] for n in notices if n.case.id == "r-2"]
    assert about
    assert "'open'" not in str(about)


def test_sum_is_made_again_for_what_was_consented_to() -> None:
    town = Town()
    asked(town, "code", "phone")
    accepted(town.file("health", "request", "r-2", "accept", accepted_fields=["phone"]))
    stated = town.case("request", "r-2").content["in_sum"]
    assert stated["joinable"] == []  # without the code the phones are of nobody known
    assert stated["fields"] == 3


def test_nothing_is_warned_of_where_nothing_becomes_joinable() -> None:
    town = Town()
    town.ask("r-1", "open", ("code",))
    assert town.case("request", "r-1").content["in_sum"] == {
        "entries": 1, "fields": 1, "marked": {}, "joinable": [], "more": 0,
    }  # fmt: skip


def test_field_that_is_asked_for_twice_is_refused_before_anybody_decides() -> None:
    assert "twice" in refusal(Town().ask("r-1", "closed", ("code", "code"))).found
