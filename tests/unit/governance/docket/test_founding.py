"""The reviewed files come in by the founder's commands alone, and undo nothing that was decided."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from sharebus.governance.agency import Agency
from sharebus.governance.collection import NO_DOCUMENTS, Collection
from sharebus.governance.docket import Outcome
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.identity import FOUNDER
from sharebus.governance.takeover import (
    AUTOMATIC_MAX,
    brought_facts,
    check_documents,
    differing,
    in_parts,
    merged_facts,
)

from . import test_history
from .town import (
    CLASSES,
    FIVE,
    OFFICER,
    OFFICES,
    PARTIES,
    Town,
    accepted,
    agency_document,
    entry_document,
    facts,
    granted,
    refusal,
)

TODAY = date(2026, 3, 2)


def take_over(town: Town, **documents: list[Any]) -> Outcome:
    return town.file(FOUNDER, "founding", FOUNDER, "take_over", documents=documents)


def grant_document(name: str, **changes: Any) -> dict[str, Any]:
    purpose = {name: FIVE[name] for name in ("legal_basis", "scenario", "scope")}
    return {
        "id": name, "entry": "closed", "system": "tax.desk", "fields": ["code"],
        "purpose": purpose, "term": FIVE["term"], **changes,
    }  # fmt: skip


def test_documents_become_facts_with_the_grants_that_follow_and_the_case_counts_them() -> None:
    town = Town()
    outcome = take_over(
        town,
        agencies=[agency_document("water")],
        entries=[entry_document("shops", sharing={"class": "unconditional"})],
        grants=[grant_document("g-1")],
    )
    accepted(outcome)
    kinds = [fact.kind for fact in outcome.facts]
    assert kinds[:3] == ["agency", "entry", "grant"]
    assert {grant.approval for grant in granted(outcome)[1:]} == {"automatic"}
    systems = {grant.system for grant in granted(outcome) if grant.entry == "shops"}
    assert {"tax.desk", "water.desk"} <= systems
    (case,) = outcome.cases
    assert case.content["taken_over"] == {"agencies": 1, "entries": 1, "grants": 1}
    assert set(case.content) == {"taken_over", "digest"}
    again = take_over(town, grants=[grant_document("g-1"), grant_document("g-2")])
    assert [fact.id for fact in again.facts] == ["g-2"]
    assert again.cases[0].content["taken_over"]["grants"] == 3


@pytest.mark.parametrize("who", [*PARTIES, *OFFICES])
def test_nobody_but_the_founder_brings_files_in(who: str) -> None:
    town = Town()
    refusal(town.file(who, "founding", FOUNDER, "take_over", documents={}))


@pytest.mark.parametrize("kind", ["request", "demand", "entry", "agency", "agreement", "table"])
def test_founder_does_nothing_else(kind: str) -> None:
    refusal(Town().file(FOUNDER, kind, "x-1", "submit", content="x", purpose="x"))


def test_bus_is_founded_once() -> None:
    refusal(Town().file(FOUNDER, "founding", "another", "take_over", documents={}))


def test_command_is_refused_whole_with_every_contradiction() -> None:
    town = Town()
    outcome = take_over(
        town,
        agencies=[agency_document("water")],
        grants=[grant_document("g-1", fields=["colour"]), grant_document("g-2", system="no.desk")],
    )
    answer = refusal(outcome)
    assert "2 problems" in answer.problem
    assert "water" not in town.docket.facts.agencies


@pytest.mark.parametrize(
    "documents",
    [None, [], "x", {"agencies": {}}, {"others": []}, {"entries": [5]}, {"grants": [{}]}],
)
def test_what_is_no_list_of_documents_is_refused(documents: Any) -> None:
    refusal(Town().file(FOUNDER, "founding", FOUNDER, "take_over", documents=documents))


def test_hostile_schema_is_refused_before_anybody_trusts_its_form() -> None:
    recursive = {"type": "record", "name": "Row", "fields": [{"name": "code", "type": "Row"}]}
    answer = refusal(take_over(Town(), entries=[entry_document("shops", avro_schema=recursive)]))
    assert "avro_schema" in answer.expected


def test_old_file_over_what_a_command_decided_is_refused_and_the_same_one_is_not() -> None:
    town = Town()
    town.file("office", "entry", "closed", "freeze", reason="泄露")
    answer = refusal(take_over(town, entries=[entry_document("closed")]))
    assert "lifecycle's commands" in answer.expected
    assert town.docket.facts.entries["closed"].suspended
    accepted(take_over(town, entries=[entry_document("closed", suspended=True)]))


def test_grant_that_rests_on_a_changed_agency_follows_at_once() -> None:
    town = Town()
    town.ask("r-1", "open", ("code",))
    assert not town.docket.facts.grants["r-1"].revoked
    outcome = take_over(town, agencies=[agency_document("tax", suspended=True)])
    accepted(outcome)
    assert town.docket.facts.grants["r-1"].revoked
    accepted(take_over(town, agencies=[agency_document("tax")]))
    assert not town.docket.facts.grants["r-1"].revoked


def test_automatic_grant_that_was_given_back_is_not_given_again() -> None:
    town = Town()
    document = entry_document("shops", sharing={"class": "unconditional"})
    take_over(town, entries=[document])
    (grant,) = [g for g in town.docket.facts.grants_of("shops") if g.system == "tax.desk"]
    accepted(town.file("tax", "grant", grant.id, "give_back"))
    accepted(take_over(town, entries=[{**document, "scope": "市区"}]))
    assert town.docket.facts.grants[grant.id].revoked


def automatic(town: Town, entry: str = "shops", system: str = "tax.desk") -> str:
    (grant,) = [g for g in town.docket.facts.grants_of(entry) if g.system == system]
    return grant.id


@pytest.fixture
def shops() -> Town:
    """A town with automatic grants on an unconditional entry, and one of the reviewed files."""
    town = Town()
    accepted(take_over(town, entries=[entry_document("shops", sharing={"class": "unconditional"})]))
    accepted(take_over(town, grants=[grant_document("g-1")]))
    return town


def test_grant_of_the_files_comes_back_with_the_reason_that_it_ended_by(shops: Town) -> None:
    before = shops.grants()
    assert {automatic(shops), "g-1"} <= before.keys()
    accepted(shops.file("office", "agency", "tax", "suspend", reason="x"))
    assert not {automatic(shops), "g-1"} & shops.grants().keys()
    accepted(take_over(shops, grants=[grant_document("g-1")]))
    assert "g-1" not in shops.grants()
    accepted(shops.file("office", "agency", "tax", "restore"))
    assert shops.grants() == before
    assert test_history.all_facts(test_history.restored(shops).docket) == (
        test_history.all_facts(shops.docket)
    )


@pytest.mark.parametrize("is_filed", [True, False])
def test_automatic_grant_comes_back_when_its_agency_is_in_scope_again(
    shops: Town, is_filed: bool
) -> None:
    grant = automatic(shops)
    for agencies, has_it in ((["health"], False), (["health", "tax"], True), (["health"], False)):
        sharing = {"class": "unconditional", "agencies": agencies}
        document = entry_document("shops", sharing=sharing)
        if is_filed:
            accepted(take_over(shops, entries=[document]))
        else:
            change = f"ch-{len(shops.done)}"
            shops.filed_change(change, "shops", "revise", document=document)
            accepted(shops.file("office", "entry", "shops", "revise", document=document,
                                change=change))  # fmt: skip
        assert (grant in shops.grants()) == has_it


def test_automatic_grant_that_somebody_ended_does_not_come_back_with_its_reason(
    shops: Town,
) -> None:
    accepted(shops.file("tax", "grant", automatic(shops), "give_back"))
    shops.file("office", "agency", "tax", "suspend", reason="x")
    shops.file("office", "agency", "tax", "restore")
    assert automatic(shops) not in shops.grants()


def test_file_changes_a_grant_that_no_command_has_moved_though_it_had_ended(shops: Town) -> None:
    shops.file("office", "agency", "tax", "suspend", reason="x")
    shops.file("office", "agency", "tax", "restore")
    accepted(take_over(shops, grants=[grant_document("g-1", fields=["code", "name"])]))
    assert shops.grants()["g-1"].fields == ("code", "name")
    accepted(take_over(shops, grants=[grant_document("g-1", revoked=True)]))
    shops.file("office", "agency", "tax", "suspend", reason="x")
    shops.file("office", "agency", "tax", "restore")
    assert "g-1" not in shops.grants()


def test_file_that_ends_a_term_earlier_is_watched() -> None:
    town = Town()
    take_over(town, grants=[grant_document("g-1")])
    term = {"first_day": "2026-01-01", "last_day": "2026-03-10"}
    accepted(take_over(town, grants=[grant_document("g-1", term=term)]))
    town.until(date(2026, 3, 11))
    assert town.state("grant", "g-1") == "lapsed"


def test_after_the_closing_files_change_nothing_and_coordinators_know() -> None:
    town = Town()
    take_over(town, agencies=[agency_document("water")])
    closed = town.file(FOUNDER, "founding", FOUNDER, "close", reason="各机关已有密钥")
    assert {notice.agency for notice in closed.notices} == {FOUNDER, "office"}
    refusal(take_over(town, agencies=[agency_document("roads")]))


class TownWithFiles(test_history.AnyTown):
    """The same town, into which files come at any time, new ones and old ones."""

    @rule(data=st.data(), agencies=st.lists(st.sampled_from([*PARTIES, "water"]), max_size=2),
          entries=st.lists(st.sampled_from([*CLASSES, "shops"]), max_size=2))  # fmt: skip
    def files_come_in(self, data: st.DataObject, agencies: list[str], entries: list[str]) -> None:
        cases = dict(self.town.docket.cases)
        before = {key: self.standing(key) for key in cases}
        officer = st.sampled_from([OFFICER, {"name": "周某", "title": "科长"}])
        scope = st.sampled_from(["全市", "市区"])
        outcome = take_over(
            self.town,
            agencies=[agency_document(name, officer=data.draw(officer)) for name in agencies],
            entries=[entry_document(name, scope=data.draw(scope)) for name in entries],
        )
        self.check(outcome)
        assert outcome.answer is not None
        for key in before.keys() - {("founding", FOUNDER)}:
            if self.town.docket.cases[key] is cases[key] and key[0] in ("agency", "entry"):
                assert self.standing(key) == before[key]

    def standing(self, key: tuple[str, str]) -> Any:
        facts = self.town.docket.facts
        return {"agency": facts.agencies, "entry": facts.entries}.get(key[0], {}).get(key[1])  # type: ignore[attr-defined]

    def check(self, outcome: Outcome) -> None:
        told = [notice for notice in outcome.notices if notice.agency != FOUNDER]
        super().check(outcome._replace(notices=tuple(told)))

    @invariant()
    def what_is_released_rests_on_a_case_in_force_and_an_entry_that_is_there(self) -> None:
        facts = self.town.docket.facts
        for name, grant in self.town.grants().items():
            assert facts.entries[grant.entry].sharing_class != "not_shared"
            case = self.town.docket.cases.get(("grant", name))
            assert case is None or case.state == "in_force"

    @invariant()
    def grant_releases_exactly_what_its_case_and_the_law_allow(self) -> None:
        for kind, name in self.town.docket.cases:
            if kind == "grant" and ("request", name) in self.town.docket.cases:
                grant = self.town.docket.facts.grants[name]
                released = set() if grant.revoked else set(grant.fields)
                assert released == test_history.allowed(self.town, name)


TestTownWithFiles = TownWithFiles.TestCase
TestTownWithFiles.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


_names = st.sampled_from([f"entry-{number}" for number in range(6)])


@st.composite
def collections(draw: st.DrawFn) -> Collection:
    agencies = [
        Agency.model_validate(agency_document(name))
        for name in draw(st.lists(st.sampled_from(["water", "roads", "tax"]), unique=True))
    ]
    entries = []
    for name in draw(st.lists(_names, unique=True)):
        sharing = draw(st.sampled_from([CLASSES["open"], CLASSES["closed"]]))
        document = entry_document(name, sharing=sharing)
        origin = draw(_names)
        if origin < name:
            document["data_items"][0]["origin"] = {"kind": "shared", "entry": origin}
        entries.append(CatalogEntry.model_validate(document))
    grants = [
        Grant.model_validate(grant_document(name, entry=draw(_names)))
        for name in draw(st.lists(st.sampled_from(["g-1", "g-2", "g-3"]), unique=True))
    ]
    return Collection(tuple(agencies), tuple(entries), tuple(grants))


@given(collections(), st.integers(1, 4_000))
@settings(deadline=None)
def test_parts_in_their_order_bring_what_the_whole_would(whole: Collection, bytes_max: int) -> None:
    in_force = facts()
    if check_documents(in_force, whole):
        return
    expected = merged_facts(in_force, whole, TODAY)
    stepwise = facts()
    for part in in_parts(in_force, whole, bytes_max):
        assert check_documents(stepwise, part) == []
        stepwise = merged_facts(stepwise, part, TODAY)
    assert stepwise.agencies == expected.agencies
    assert stepwise.entries == expected.entries
    assert stepwise.grants == expected.grants
    assert differing(expected, whole) == NO_DOCUMENTS
    assert brought_facts(expected, whole, TODAY) == ()


def test_part_brings_no_more_grants_than_a_transaction_takes() -> None:
    in_force = PolicyFacts()
    for number in range(100):
        agency = Agency.model_validate(agency_document(f"a-{number}"))
        in_force.apply(agency, number)
    entries = [entry_document(f"e-{n}", sharing=CLASSES["open"]) for n in range(50)]
    whole = Collection(entries=tuple(CatalogEntry.model_validate(each) for each in entries))
    parts = list(in_parts(in_force, whole, 10_000_000))
    assert [len(part.entries) for part in parts] == [AUTOMATIC_MAX // 100] * 2 + [10]
