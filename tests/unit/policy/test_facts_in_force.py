"""What is in force follows from the facts in their order, and each fact has one text."""

from typing import Any

import pytest
from pydantic import ValidationError

from sharebus.governance.agency import SigningKey
from sharebus.governance.entry import LegalBasis, Rank
from sharebus.governance.facts import (
    AnyFact,
    Calendar,
    ClockRuleTable,
    Designation,
    NotSharedListing,
    PolicyFacts,
    RegisteredSchema,
    fact_from_document,
    fact_from_json,
    fact_to_json,
)
from sharebus.governance.founder import Founder
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

from . import town

BASIS = LegalBasis(instrument="示例法", rank=Rank.LAW, version="2020", article=5)
SUBJECT = "ingress.persons-value"


def schema(schema_id: int = 7, withdrawn: bool = False, **avro_schema: Any) -> RegisteredSchema:
    return RegisteredSchema(
        subject=SUBJECT, schema_id=schema_id, avro_schema=avro_schema, withdrawn=withdrawn
    )


def founder(name: str) -> Founder:
    key = SigningKey(id="k1", algorithm="ed25519", public_key="ab")
    return Founder(name=name, keys=(key,))


EVERY_KIND: list[AnyFact] = [
    founder("建立者"),
    town.provider(),
    town.entry(),
    town.grant(["code"]),
    NotSharedListing(id="secrets", name="示例", agency="market", basis=BASIS),
    Designation(id="population.address", agency="market", basis=BASIS),
    ClockRuleTable(table=load_clock_rules()),
    Calendar(table=load_working_days()),
    schema(type="record"),
]
KINDS = [fact.kind for fact in EVERY_KIND]


def in_force(*facts: AnyFact) -> PolicyFacts:
    known = PolicyFacts()
    for version, fact in enumerate(facts):
        known.apply(fact, version)
    return known


def test_fact_has_one_text_with_sorted_keys_and_no_blanks_and_chinese_as_it_is() -> None:
    assert fact_to_json(EVERY_KIND[5]) == (
        '{"agency":"market","basis":{"article":5,"instrument":"示例法","rank":"law",'
        '"version":"2020"},"id":"population.address","kind":"designation","withdrawn":false}'
    )


def test_sets_are_sorted_in_the_text_and_lists_are_not() -> None:
    conditions = [
        {"field": "district", "one_of": ["b", "c", "a"]},
        {"field": "code", "starts_with": ["2", "3", "1"]},
    ]
    text = fact_to_json(town.grant(["name", "code"], conditions=conditions))
    assert '"fields":["name","code"]' in text
    assert '"one_of":["a","b","c"]' in text
    assert '"starts_with":["1","2","3"]' in text
    assert text.index('"district"') < text.index('"starts_with"')
    checks = {"code": [{"name": "code_table", "codes": ["b", "c", "a"], "on_failure": "flag"}]}
    assert '"codes":["a","b","c"]' in fact_to_json(town.case.entry(checks=checks))


@pytest.mark.parametrize("fact", EVERY_KIND, ids=KINDS)
def test_fact_of_every_kind_is_read_back_stands_and_is_told_again(fact: AnyFact) -> None:
    read = fact_from_json(fact_to_json(fact))
    assert read == fact
    document = fact.model_dump(mode="json", by_alias=True)
    assert fact_from_document(document) == fact
    facts = PolicyFacts()
    assert facts.standing(fact) is None
    assert list(facts) == []
    facts.apply(fact, 3)
    assert (facts.standing(read), list(facts), facts.version) == (fact, [fact], 3)


def test_all_facts_are_told_in_an_order_in_which_they_can_be_applied() -> None:
    assert [fact.kind for fact in in_force(*reversed(EVERY_KIND))] == KINDS
    assert PolicyFacts().version == -1


def test_founder_never_changes() -> None:
    facts = in_force(founder("first"), founder("second"))
    assert facts.founder == founder("first")


def test_what_ends_a_fact_is_said_or_it_stands() -> None:
    listing, designation = EVERY_KIND[4], EVERY_KIND[5]
    assert isinstance(listing, NotSharedListing)
    assert isinstance(designation, Designation)
    assert not listing.retired
    assert not designation.withdrawn
    assert not RegisteredSchema(subject=SUBJECT, schema_id=0, avro_schema={}).withdrawn
    with pytest.raises(ValidationError):
        schema(-1)


def test_schema_that_is_withdrawn_is_gone_and_its_subject_is_provided_anew() -> None:
    facts = in_force(schema(7, type="a"), schema(9, type="b"), schema(9, type="b"))
    assert facts.provided_at == {SUBJECT: 0}
    assert facts.standing(schema(7, type="other")) is None
    assert facts.standing(schema(7, withdrawn=True)) is None
    facts.apply(schema(7, withdrawn=True), 3)
    assert facts.schemas == {SUBJECT: {9: {"type": "b"}}}
    assert facts.provided_at == {SUBJECT: 0}
    assert facts.standing(schema(7, withdrawn=True)) == schema(7, withdrawn=True)
    facts.apply(schema(9, withdrawn=True), 4)
    facts.apply(schema(9, withdrawn=True), 5)
    assert (facts.schemas, facts.provided_at) == ({}, {})
    facts.apply(schema(9, type="b"), 6)
    assert facts.provided_at == {SUBJECT: 6}


def test_grant_that_names_another_entry_is_one_of_that_entry_alone() -> None:
    grant = town.grant(["code"])
    facts = in_force(grant, town.grant(["name"], "g-2"))
    facts.apply(grant.model_copy(update={"entry": "others"}), 9)
    assert [each.id for each in facts.grants_of("persons")] == ["g-2"]
    assert [each.id for each in facts.grants_of("others")] == ["g-1"]
    assert facts.grants_of("nothing") == ()


@pytest.mark.parametrize(
    ("provider", "entry"),
    [
        (town.provider(suspended=True), town.entry()),
        (town.provider(left=True, systems=[]), town.entry()),
        (town.provider(), town.entry(suspended=True)),
        (town.provider(), town.entry(retired=True)),
        (town.reader(), town.entry()),
    ],
    ids=["provider", "provider gone", "entry", "retired", "provider unknown"],
)
def test_entry_is_suspended_for_each_reason_alone(provider: Any, entry: Any) -> None:
    assert in_force(provider, entry).is_suspended(entry)
    assert not in_force(town.provider(), town.entry()).is_suspended(town.entry())


def test_provider_of_an_entry_is_the_system_that_it_names() -> None:
    name = in_force(town.provider()).provider_of(town.entry())
    assert (name.agency, name.system) == (town.case.AGENCY, town.case.SYSTEM)
