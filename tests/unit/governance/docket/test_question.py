"""What another agency is the designated source of is collected by law, or taken by sharing."""

from typing import Any

from .town import BASIS, FIVE, Town, accepted, agency_document, entry_document, refusal


def designate(town: Town, case: str = "s-1", **changes: Any) -> Any:
    content = {"content_item": "firms.name", "agency": "tax", "basis": BASIS}
    return town.file("office", "designation", case, "designate", **{**content, **changes})


def questions(town: Town) -> dict[str, str]:
    found = {key[1]: case for key, case in town.docket.cases.items() if key[0] == "question"}
    return {case.content["entry"]: name for name, case in found.items() if case.state == "open"}


def test_designation_asks_every_other_agency_that_collects(town: Town) -> None:
    outcome = designate(town)
    assert accepted(outcome).basis == "O Art 7"
    assert set(questions(town)) == {"open", "few", "closed", "secret"}
    asked = [notice for notice in outcome.notices if notice.case.case_kind == "question"]
    assert {notice.agency for notice in asked} == {"market", "office"}
    assert town.docket.facts.designations["firms.name"].agency == "tax"


def test_publication_asks_about_what_it_collects_and_not_what_it_shares(town: Town) -> None:
    designate(town, content_item="firms.code", agency="market")
    assert questions(town) == {}
    designate(town, "s-2", content_item="cars.plate")
    collected = entry_document("shops")["data_items"]
    collected[1]["content_item"] = "cars.plate"
    accepted(town.publish("shops", data_items=collected))
    *_, confirmed, published = town.outcomes
    assert "question" not in {case.case_kind for case in confirmed.cases}
    assert [case.case_kind for case in published.cases] == ["entry", "question"]
    assert set(questions(town)) == {"shops"}


def test_question_is_answered_by_law_or_by_sharing(town: Town) -> None:
    designate(town)
    question = questions(town)["open"]
    refusal(town.file("market", "question", question, "cite", basis="某法"))
    refusal(town.file("tax", "question", question, "cite", basis=BASIS))
    accepted(town.file("market", "question", question, "cite", basis=BASIS))
    accepted(town.file("office", "question", question, "reject", reason="不适用"))
    accepted(town.file("market", "question", question, "cite", basis=BASIS))
    accepted(town.file("office", "question", question, "allow"))

    other = questions(town)["closed"]
    refusal(town.file("market", "question", other, "take", grant="r-1"))
    document = entry_document("names", sharing={"class": "unconditional"})
    document["provider"]["agency"] = "tax"
    document["data_items"][2]["mark"] = "none"
    town.file("tax", "entry", "names", "draft", document=document)
    town.file("tax", "entry", "names", "submit", head=True)
    town.file("vault", "entry", "names", "consent")
    town.file("office", "entry", "names", "confirm")
    accepted(town.file("office", "entry", "names", "publish"))
    town.file("market", "request", "r-1", "submit", entry="names", system="market.desk",
              fields=["name"], **FIVE)  # fmt: skip
    accepted(town.file("market", "question", other, "take", grant="r-1"))
    assert town.state("question", other) == "taken"


def test_one_source_at_a_time_and_another_after_it_is_withdrawn(town: Town) -> None:
    refusal(designate(town, agency="nobody"))
    refusal(designate(town, content_item="Firms Name"))
    designate(town)
    assert refusal(designate(town, "s-2", agency="health")).found == "tax"
    accepted(town.file("office", "designation", "s-1", "withdraw", reason="x"))
    assert town.docket.facts.designations["firms.name"].withdrawn
    accepted(designate(town, "s-2", agency="health"))


def test_what_was_obtained_by_sharing_is_registered_with_permission_alone(town: Town) -> None:
    items = entry_document("copies")["data_items"]
    items[1]["origin"] = {"kind": "shared", "entry": "closed"}
    document = entry_document("copies", data_items=items)
    document["provider"]["agency"] = "tax"
    accepted(town.file("tax", "entry", "copies", "draft", document=document))
    wrong = refusal(town.file("tax", "entry", "copies", "submit", head=True))
    assert "market" in wrong.expected
    asked = {"entry": "closed", "purpose": "x"}
    refusal(town.file("tax", "permission", "p-1", "ask", use="pass_on", **asked))
    town.ask("r-1", "closed")
    town.accept("r-1", "code")
    refusal(town.file("health", "permission", "p-1", "ask", use="pass_on", **asked))
    town.file("market", "grant", "r-1", "suspend", reason="x", rectify_by="2026-04-01")
    refusal(town.file("tax", "permission", "p-1", "ask", use="pass_on", **asked))
    town.file("market", "grant", "r-1", "restore")
    refusal(town.file("tax", "permission", "p-1", "ask", use="sell", **asked))
    town.file("tax", "permission", "p-0", "ask", use="publish", **asked)
    town.file("market", "permission", "p-0", "permit")
    town.file("tax", "permission", "p-1", "ask", use="pass_on", **asked)
    refusal(town.file("tax", "entry", "copies", "submit", head=True))
    accepted(town.file("market", "permission", "p-1", "permit"))
    accepted(town.file("tax", "entry", "copies", "submit", head=True))
    town.file("market", "permission", "p-1", "take_back", reason="x")
    town.file("vault", "entry", "copies", "consent")
    refusal(town.file("office", "entry", "copies", "confirm"))


def test_revision_that_passes_on_what_was_shared_takes_the_permission_too(town: Town) -> None:
    own = entry_document("copies")
    own["provider"]["agency"] = "tax"
    town.file("tax", "entry", "copies", "draft", document=own)
    town.file("tax", "entry", "copies", "submit", head=True)
    town.file("vault", "entry", "copies", "consent")
    town.file("office", "entry", "copies", "confirm")
    accepted(town.file("office", "entry", "copies", "publish"))
    items = [dict(item) for item in own["data_items"]]
    items[1]["origin"] = {"kind": "shared", "entry": "closed"}
    shared = {**own, "data_items": items}
    wrong = refusal(town.file("office", "entry", "copies", "revise", document=shared))
    assert "permission of market to pass on closed" in wrong.expected
    town.ask("r-1", "closed")
    town.accept("r-1", "code")
    town.file("tax", "permission", "p-1", "ask", use="pass_on", entry="closed", purpose="x")
    town.file("market", "permission", "p-1", "permit")
    accepted(town.file("office", "entry", "copies", "revise", document=shared))


def test_county_designates_no_source_for_the_city(town: Town) -> None:
    facts = town.docket.facts
    county = agency_document("county", jurisdiction="330281", offices=["coordinator"])
    facts.apply(type(facts.agencies["tax"]).model_validate(county), facts.version + 1)
    content = {"content_item": "firms.name", "agency": "county", "basis": BASIS}
    wrong = refusal(town.file("county", "designation", "s-1", "designate", **content))
    assert wrong.expected == "the coordinator of 330200"
    accepted(designate(town))
