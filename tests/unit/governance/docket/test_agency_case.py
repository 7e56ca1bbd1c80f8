"""Agencies come and go by the coordinator; what they had ends, or goes to a successor."""

from typing import Any

import pytest

from .town import FIELDS, FIVE, Town, accepted, agency_document, refusal


def test_agency_is_taken_on_with_its_whole_document_and_can_act_at_once(town: Town) -> None:
    refusal(town.file("market", "agency", "water", "onboard", document=agency_document("water")))
    outcome = town.file("office", "agency", "water", "onboard", document=agency_document("water"))
    assert accepted(outcome).basis == "O Art 4, 27"
    assert "water" in {notice.agency for notice in outcome.notices}
    outcome = town.ask("r-1", "open", system="water.desk")
    refusal(outcome)
    assert town.docket.facts.agencies["water"].keys[0].id == "k1"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"code": "CODE-TAX"}, "tax"),
        ({"id": "waters"}, "waters"),
        ({"jurisdiction": "330281"}, "330281"),
        ({"keys": []}, "none"),
        ({"systems": []}, ""),
        ({"left": True, "systems": []}, ""),
        ({"suspended": True}, "true"),
    ],
    ids=str,
)
def test_document_that_is_wrong_takes_nobody_on(
    town: Town, changes: dict[str, Any], where: str
) -> None:
    document = agency_document("water") | changes
    wrong = refusal(town.file("office", "agency", "water", "onboard", document=document))
    assert where in wrong.found
    assert "water" not in town.docket.facts.agencies


def test_key_is_rotated_and_system_registered_by_the_agency_itself(town: Town) -> None:
    new = {"id": "k2", "algorithm": "sm2", "public_key": "cd"}
    refusal(town.file("market", "agency", "tax", "rotate_key", key=new))
    refusal(town.file("tax", "agency", "tax", "rotate_key", key=new, replaces="k9"))
    accepted(town.file("tax", "agency", "tax", "rotate_key", key=new))
    keys = town.docket.facts.agencies["tax"].keys
    assert [key.id for key in keys] == ["k1", "k2"]
    refusal(town.file("tax", "agency", "tax", "rotate_key", key=new))
    newer = {**new, "id": "k3"}
    accepted(town.file("tax", "agency", "tax", "rotate_key", key=newer, replaces="k1"))
    assert [key.id for key in town.docket.facts.agencies["tax"].keys] == ["k2", "k3"]
    system = {"id": "levy", "name": "征收", "roles": ["subscriber"]}
    accepted(town.file("tax", "agency", "tax", "register_system", system=system))
    refusal(town.file("tax", "agency", "tax", "register_system", system=system))
    accepted(town.ask("r-1", "open", system="tax.levy"))
    refusal(town.file("tax", "agency", "tax", "rotate", system="cellar"))
    accepted(town.file("tax", "agency", "tax", "rotate", system="levy"))


def test_suspended_agency_reads_nothing_and_gives_no_command_until_it_is_restored(
    town: Town,
) -> None:
    town.ask("r-0", "closed")
    town.accept("r-0", "code")
    town.file("office", "emergency", "e-1", "declare", reason="x", entries=["closed"],
              agencies=["tax"], until="2026-12-31", seal_by="2026-12-31")  # fmt: skip
    before = town.grants()
    assert len(before) == 2
    accepted(town.file("watch", "agency", "tax", "suspend", reason="滥用"))
    facts = town.docket.facts
    assert facts.agencies["tax"].suspended
    assert town.grants() == {}
    assert "suspended" in refusal(town.ask("r-1", "open")).problem
    refusal(town.file("tax", "grant", "r-0", "give_back"))
    refusal(town.file("watch", "agency", "tax", "restore"))
    accepted(town.file("office", "agency", "tax", "restore"))
    assert not facts.agencies["tax"].suspended
    assert town.grants() == before
    accepted(town.ask("r-1", "open"))


def test_exit_takes_every_right_and_leaves_no_entry_behind(town: Town) -> None:
    town.ask("r-1", "open")
    wrong = refusal(town.file("office", "agency", "market", "exit", reason="撤销"))
    assert "open" in wrong.found
    accepted(town.file("office", "agency", "tax", "exit", reason="撤销"))
    left = town.docket.facts.agencies["tax"]
    assert (left.left, left.systems, left.keys, left.offices) == (True, (), (), ())
    assert (town.state("grant", "r-1"), town.grants()) == ("revoked", {})
    taken = agency_document("levy", code="CODE-TAX")
    refusal(town.file("office", "agency", "levy", "onboard", document=taken))


def test_successor_gets_entries_grants_agreements_and_open_cases(town: Town) -> None:
    town.agree()
    town.ask("r-1", "closed", FIELDS)
    town.accept("r-1", *FIELDS)
    town.ask("r-2", "closed")
    outcome = town.file("office", "agency", "tax", "succeed", reason="合并", successor="health")
    accepted(outcome)
    moved = {(case.case_kind, case.id): case for case in outcome.cases}
    assert moved["agreement", "a-1"].content["parties"] == ["market", "health"]
    assert moved["request", "r-2"].content["system"] == "health.desk"
    assert town.grants()["r-1"].system == "health.desk"
    assert town.grants()["r-1"].agreement == "a-1"
    accepted(town.accept("r-2", "code"))
    assert town.grants()["r-2"].system == "health.desk"

    accepted(town.file("office", "agency", "market", "succeed", reason="x", successor="health"))
    facts = town.docket.facts
    assert {entry.provider.agency for entry in facts.entries.values()} == {"health"}
    accepted(town.file("health", "grant", "r-1", "renew",
                       term={"first_day": "2026-01-01", "last_day": "2027-12-31"}))  # fmt: skip
    town.file("health", "agency", "health", "rotate", system="desk")
    assert [system.id for system in facts.agencies["health"].systems] == ["desk"]


def test_system_of_the_one_that_went_is_a_system_of_its_successor(town: Town) -> None:
    system = {"id": "levy", "name": "征收", "roles": ["subscriber"]}
    town.file("tax", "agency", "tax", "register_system", system=system)
    town.ask("r-1", "open", system="tax.levy")
    accepted(town.file("office", "agency", "tax", "succeed", reason="x", successor="health"))
    accepted(town.file("health", "agency", "health", "rotate", system="levy"))
    assert {s.id for s in town.docket.facts.agencies["health"].systems} == {"desk", "levy"}
    assert town.grants()["r-1"].system == "health.levy"


def test_successor_is_concerned_where_the_other_agency_was(town: Town) -> None:
    town.file("health", "request", "r-1", "submit", entry="few", system="health.desk",
              fields=["code"], **FIVE)  # fmt: skip
    town.file("office", "agency", "health", "succeed", reason="x", successor="tax")
    assert town.grants()["r-1"].system == "tax.desk"
    assert town.case("entry", "few").content["document"]["sharing"]["agencies"] == ["tax"]


@pytest.mark.parametrize("successor", ["tax", "nobody", "", 7, ["health"]], ids=str)
def test_nobody_is_succeeded_by_itself_or_by_nobody(town: Town, successor: Any) -> None:
    refusal(town.file("office", "agency", "tax", "succeed", reason="x", successor=successor))


def test_office_is_suspended_by_the_government_alone_and_by_nobody_itself(town: Town) -> None:
    for who, whom in (("office", "watch"), ("watch", "office"), ("office", "office")):
        refusal(town.file(who, "agency", whom, "suspend", reason="x"))
    itself = refusal(town.file("hall", "agency", "hall", "suspend", reason="x"))
    assert "itself" in itself.problem
    accepted(town.file("hall", "agency", "office", "suspend", reason="x"))
    accepted(town.file("hall", "agency", "office", "restore"))
    assert not town.docket.facts.agencies["office"].suspended


def test_office_is_never_held_by_nobody_and_passes_to_the_successor(town: Town) -> None:
    wrong = refusal(town.file("office", "agency", "vault", "exit", reason="x"))
    assert wrong.found == "archives, secrecy"
    accepted(town.file("office", "agency", "vault", "succeed", reason="x", successor="health"))
    health = town.docket.facts.agencies["health"]
    assert set(health.offices) == {"archives", "secrecy"}
    refusal(town.file("office", "agency", "health", "exit", reason="x"))
