"""An entry is published by all whose consent it takes, and narrowed by a filed change alone."""

from typing import Any

import pytest

from sharebus.governance.facts import NotSharedListing

from .town import BASIS, CLASSES, FIELDS, FIVE, Town, accepted, entry_document, refusal


def test_nothing_stands_in_the_policy_before_publication(town: Town) -> None:
    town.file("market", "entry", "shops", "draft", document=entry_document("shops"))
    missing = refusal(town.file("market", "entry", "shops", "submit"))
    assert "head" in missing.problem
    accepted(town.file("market", "entry", "shops", "submit", head=True))
    assert town.case("entry", "shops").head is not None
    refusal(town.file("office", "entry", "shops", "confirm"))
    told = town.file("vault", "entry", "shops", "consent").notices
    assert {notice.agency for notice in told} == {"market", "office", "vault"}
    accepted(town.file("office", "entry", "shops", "confirm"))
    assert "shops" not in town.docket.facts.entries
    assert accepted(town.file("office", "entry", "shops", "publish")).basis == "O Art 11, 15"
    assert not town.docket.facts.entries["shops"].suspended


def test_every_problem_of_a_document_is_named_at_once(town: Town) -> None:
    document = entry_document("other", jurisdiction="330100", partitions=99)
    document["key_fields"] = ["nothing"]
    wrong = refusal(town.file("market", "entry", "shops", "draft", document=document))
    assert "partitions" in wrong.expected
    document = entry_document("other", jurisdiction="330100", suspended=True)
    document["provider"]["system"] = "cellar"
    wrong = refusal(town.file("market", "entry", "shops", "draft", document=document))
    for field in ("id: shops", "jurisdiction: 330200", "provider.system", "suspended"):
        assert field in wrong.expected
    assert town.docket.cases == {}


def test_agency_drafts_its_own_entries_alone(town: Town) -> None:
    foreign = refusal(town.file("tax", "entry", "shops", "draft", document=entry_document("shops")))
    assert "provider.agency: tax" in foreign.expected


@pytest.mark.parametrize("rank", ["rule", "document", None])
def test_not_shared_entry_rests_on_law_or_regulation(town: Town, rank: str | None) -> None:
    sharing = {"class": "not_shared", "basis": {**BASIS, "rank": rank}}
    document = entry_document("shops", sharing=sharing)
    wrong = refusal(town.file("market", "entry", "shops", "draft", document=document))
    assert "law" in wrong.expected
    assert wrong.found == (rank or "none")


def test_not_shared_entry_is_listed_once_confirmed(town: Town) -> None:
    outcome = town.publish("shops", sharing=CLASSES["secret"])
    accepted(outcome)
    listing = town.docket.facts.not_shared["shops"]
    assert isinstance(listing, NotSharedListing)
    assert (listing.agency, listing.basis.article) == ("market", 28)
    confirmed = town.outcomes[-2]
    assert [fact.kind for fact in confirmed.facts] == ["not_shared"]
    town.filed_change("ch-1", "shops", "retire")
    town.file("office", "entry", "shops", "retire", reason="x", change="ch-1")
    assert town.docket.facts.not_shared["shops"].retired


def test_freeze_takes_nothing_but_a_reason_and_suspension_a_filed_change(town: Town) -> None:
    assert "market" in {
        n.agency for n in town.file("vault", "entry", "open", "freeze", reason="x").notices
    }
    assert town.docket.facts.entries["open"].suspended
    accepted(town.file("office", "entry", "open", "resume"))
    assert not town.docket.facts.entries["open"].suspended
    refusal(town.file("office", "entry", "open", "suspend", reason="x", change="ch-1"))
    town.ask("r-1", "open")
    proposed = town.file("market", "change", "ch-1", "propose", entry="open", action="suspend",
                         reason="x")  # fmt: skip
    assert {notice.agency for notice in proposed.notices} == {"market", "office", "tax"}
    refusal(town.file("office", "entry", "open", "suspend", reason="x", change="ch-1"))
    accepted(town.file("market", "change", "ch-1", "consult", record="x"))
    accepted(town.file("office", "change", "ch-1", "file"))
    refusal(town.file("office", "entry", "closed", "suspend", reason="x", change="ch-1"))
    refusal(town.file("office", "entry", "open", "retire", reason="x", change="ch-1"))
    accepted(town.file("office", "entry", "open", "suspend", reason="x", change="ch-1"))
    assert town.state("change", "ch-1") == "carried_out"
    accepted(town.file("office", "entry", "open", "resume"))
    refusal(town.file("office", "entry", "open", "suspend", reason="x", change="ch-1"))


def test_change_is_proposed_by_provider_or_coordinator_alone(town: Town) -> None:
    content = {"entry": "open", "action": "retire", "reason": "x"}
    for who in ("tax", "watch", "hall"):
        refusal(town.file(who, "change", "ch-1", "propose", **content))
    accepted(town.file("office", "change", "ch-1", "propose", **content))
    accepted(town.file("office", "change", "ch-1", "consult", record="x"))
    refusal(town.file("market", "change", "ch-2", "propose", **{**content, "action": "close"}))
    refusal(town.file("market", "change", "ch-2", "propose", **{**content, "action": "revise"}))


def test_comment_of_a_grantee_is_for_provider_and_coordinator(town: Town) -> None:
    for who in ("tax", "health"):
        town.file(who, "request", f"r-{who}", "submit", entry="open", system=f"{who}.desk",
                  fields=["code"], **FIVE)  # fmt: skip
    town.file("market", "change", "ch-1", "propose", entry="open", action="retire", reason="x")
    town.file("tax", "change", "ch-1", "comment", opinion="税务仍需")
    outcome = town.file("health", "change", "ch-1", "comment", opinion="同意")
    seen = {notice.agency: set(notice.case.content["comments"]) for notice in outcome.notices}
    assert seen == {
        "market": {"tax", "health"}, "office": {"tax", "health"}, "tax": {"tax"},
        "health": {"health"},
    }  # fmt: skip
    refusal(town.file("hall", "change", "ch-1", "comment", opinion="x"))


def test_retired_entry_releases_nothing_and_cannot_be_asked_for(town: Town) -> None:
    town.ask("r-1", "open")
    town.filed_change("ch-1", "open", "retire")
    outcome = town.file("office", "entry", "open", "retire", reason="x", change="ch-1")
    accepted(outcome)
    facts = town.docket.facts
    assert facts.entries["open"].retired
    assert facts.views_of(facts.entries["open"]) == ()
    assert (town.state("grant", "r-1"), town.grants()) == ("revoked", {})
    refusal(town.ask("r-2", "open"))
    refusal(town.file("office", "entry", "open", "resume"))


def test_revision_that_widens_needs_no_change_and_one_that_narrows_does(town: Town) -> None:
    accepted(
        town.file(
            "office", "entry", "open", "revise", document=entry_document("open", scope="市区")
        )
    )
    assert town.docket.facts.entries["open"].scope == "市区"
    fewer = entry_document("closed")
    fewer["data_items"] = [item for item in fewer["data_items"] if item["field"] != "name"]
    fewer["avro_schema"]["fields"] = [
        field for field in fewer["avro_schema"]["fields"] if field["name"] != "name"
    ]
    wrong = refusal(town.file("office", "entry", "closed", "revise", document=fewer))
    assert wrong.found == "field name is gone"
    town.ask("r-1", "closed", ("code", "name"))
    town.accept("r-1", "code", "name")
    town.ask("r-2", "closed", ("name",))
    town.accept("r-2", "name")
    by_name = {"all": [{"field": "name", "starts_with": ["甲"]}]}
    town.ask("r-3", "closed", ("code",), row_filter=by_name)
    town.accept("r-3", "code")
    town.filed_change("ch-1", "closed", "revise", document=fewer)
    other = {**fewer, "name": "别的"}
    refusal(town.file("office", "entry", "closed", "revise", document=other, change="ch-1"))
    accepted(town.file("office", "entry", "closed", "revise", document=fewer, change="ch-1"))
    assert town.grants()["r-1"].fields == ("code",)
    assert set(town.grants()) == {"r-1"}


def test_agency_that_is_no_longer_concerned_loses_what_it_got_at_once(town: Town) -> None:
    for who in ("tax", "health"):
        town.file(who, "request", f"r-{who}", "submit", entry="open", system=f"{who}.desk",
                  fields=["code"], **FIVE)  # fmt: skip
    few = entry_document("open", sharing=CLASSES["few"])
    wrong = refusal(town.file("office", "entry", "open", "revise", document=few))
    assert wrong.found == "agencies no longer concerned: some of all"
    town.filed_change("ch-1", "open", "revise", document=few)
    accepted(town.file("office", "entry", "open", "revise", document=few, change="ch-1"))
    assert set(town.grants()) == {"r-health"}
    wider = entry_document("open", sharing={"class": "unconditional"})
    accepted(town.file("office", "entry", "open", "revise", document=wider))
    assert set(town.grants()) == {"r-health", "r-tax"}


@pytest.mark.parametrize(
    "changes",
    [{"partitions": 4}, {"key_fields": ["name"]}],
    ids=lambda changes: next(iter(changes)),
)
def test_what_publication_fixed_stays_whatever_is_filed(
    town: Town, changes: dict[str, Any]
) -> None:
    document = entry_document("open", **changes)
    town.filed_change("ch-1", "open", "revise", document=document)
    wrong = refusal(
        town.file("office", "entry", "open", "revise", document=document, change="ch-1")
    )
    assert "as published" in wrong.expected


def test_mark_that_is_added_withholds_the_field_until_there_is_an_agreement(town: Town) -> None:
    town.ask("r-1", "closed", ("code", "name"))
    town.accept("r-1", "code", "name")
    marked = entry_document("closed")
    marked["data_items"][1]["mark"] = "personal"
    town.filed_change("ch-1", "closed", "revise", document=marked)
    accepted(town.file("office", "entry", "closed", "revise", document=marked, change="ch-1"))
    assert town.grants() == {}
    town.agree()
    assert town.grants()["r-1"].agreement == "a-1"
    assert set(FIELDS) > set(town.grants()["r-1"].fields)
