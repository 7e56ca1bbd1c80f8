"""Facts: what is published is read back as it was, and equal facts are equal bytes."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry, LegalBasis, Rank
from sharebus.governance.facts import (
    Calendar,
    ClockRuleTable,
    Designation,
    NotSharedListing,
    PolicyFacts,
    RegisteredSchema,
    fact_from_json,
    fact_to_json,
)
from sharebus.governance.grant import Condition, Grant, Purpose, RowFilter, Term
from sharebus.governance.working_days import CalendarCorrection, SpecialDay
from sharebus.infra.clock_tables import load_clock_rules, load_working_days

MakeEntry = Callable[..., CatalogEntry]
MakeGrant = Callable[..., Grant]

CLOSURE = CalendarCorrection(
    version="2026-1",
    basis="通告",
    jurisdiction="3302",
    days=(SpecialDay(day=date(2026, 8, 11), working=False, name="台风停工"),),
)

_ids = st.from_regex(r"[a-z][a-z0-9-]{1,40}", fullmatch=True)
_texts = st.text(min_size=1, max_size=50).map(str.strip).filter(bool)
_values = st.frozensets(st.text(min_size=1, max_size=8).map(str.strip).filter(bool), min_size=1)
_fields = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
_conditions = st.one_of(
    st.builds(Condition, field=_fields, one_of=_values),
    st.builds(Condition, field=_fields, starts_with=_values),
)
_terms = st.tuples(st.dates(), st.dates()).map(
    lambda days: Term(first_day=min(days), last_day=max(days))
)
_grants = st.builds(
    Grant,
    id=_ids,
    entry=_ids,
    system=st.tuples(_ids, _ids).map(".".join),
    fields=st.lists(_fields, min_size=1, max_size=5, unique=True).map(tuple),
    row_filter=st.none()
    | st.builds(RowFilter, all=st.lists(_conditions, min_size=1, max_size=3).map(tuple)),
    purpose=st.builds(Purpose, legal_basis=_texts, scenario=_texts, scope=_texts),
    term=_terms,
    agreement=st.none() | _texts,
    approval=st.sampled_from(["automatic", "provider"]),
    revoked=st.booleans(),
)


@given(_grants)
def test_grant_read_back_is_the_grant(grant: Grant) -> None:
    text = fact_to_json(grant)
    assert fact_from_json(text) == grant
    assert fact_to_json(fact_from_json(text)) == text


@given(st.lists(st.text(min_size=1, max_size=6), min_size=2, unique=True))
def test_sets_given_in_another_order_are_the_same_bytes(codes: list[str]) -> None:
    term = Term(first_day=date(2026, 1, 1), last_day=date(2026, 12, 31))
    purpose = Purpose(legal_basis="示例法", scenario="核对", scope="全部")

    def grant(values: list[str]) -> Grant:
        document: dict[str, Any] = {"field": "district", "one_of": values}
        return Grant(
            id="tax-shops",
            entry="shops",
            system="tax.levy",
            fields=("code",),
            purpose=purpose,
            term=term,
            row_filter=RowFilter.model_validate({"all": [document]}),
        )

    assert fact_to_json(grant(codes)) == fact_to_json(grant(codes[::-1]))


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["type", "name", "doc", "default", "fields"]), _json))
def test_registered_schema_read_back_is_the_schema(avro_schema: dict[str, Any]) -> None:
    fact = RegisteredSchema(subject="ingress.shops-value", schema_id=7, avro_schema=avro_schema)
    read_back = fact_from_json(fact_to_json(fact))
    assert isinstance(read_back, RegisteredSchema)
    assert read_back.avro_schema == avro_schema


def test_entry_and_agency_read_back_are_the_same(
    make_entry: MakeEntry, agencies: tuple[Agency, ...]
) -> None:
    documents = [
        *agencies,
        make_entry(marks={"owner": "personal"}),
        make_entry(sharing={"class": "unconditional", "agencies": ["tax"]}),
        ClockRuleTable(table=load_clock_rules()),
        Calendar(table=load_working_days(), corrections=(CLOSURE,)),
        Designation(
            id="population.address",
            agency="bureau",
            basis=LegalBasis(instrument="示例法", rank=Rank.LAW, version="2020", article=5),
        ),
        NotSharedListing(
            id="secrets",
            name="示例",
            agency="bureau",
            basis=LegalBasis(instrument="示例法", version="2020", article=5),
        ),
    ]
    assert [fact_from_json(fact_to_json(document)) for document in documents] == documents
    facts = PolicyFacts()
    assert [facts.standing(document) for document in documents] == [None] * len(documents)
    for version, document in enumerate(documents):
        facts.apply(document, version)
    assert facts.standing(documents[-1]) == documents[-1]
    assert {fact_to_json(fact) for fact in facts} <= {fact_to_json(each) for each in documents}


def test_entry_and_its_listing_exclude_each_other(make_entry: MakeEntry) -> None:
    basis = {"instrument": "示例法", "version": "2020", "article": 5}
    listing = NotSharedListing(
        id="shops", name="商店", agency="bureau", basis=LegalBasis.model_validate(basis)
    )
    shared, kept = make_entry(), make_entry(sharing={"class": "not_shared", "basis": basis})
    facts = PolicyFacts()
    for version, (fact, entries, listed) in enumerate(
        [(shared, {"shops"}, set()), (listing, set(), {"shops"}), (shared, {"shops"}, set()),
         (kept, {"shops"}, set()), (listing, {"shops"}, {"shops"}), (kept, {"shops"}, {"shops"})]
    ):  # fmt: skip
        facts.apply(fact, version)
        assert (facts.entries.keys(), facts.not_shared.keys()) == (entries, listed)


def test_correction_that_does_not_fit_its_calendar_is_no_fact() -> None:
    late = SpecialDay(day=date(2040, 1, 1), working=False, name="元旦")
    with pytest.raises(ValidationError, match="does not fit the calendar"):
        Calendar(
            table=load_working_days(), corrections=(CLOSURE.model_copy(update={"days": (late,)}),)
        )


def test_later_fact_replaces_the_earlier_one_and_sets_the_version(
    make_entry: MakeEntry, agencies: tuple[Agency, ...]
) -> None:
    facts = PolicyFacts()
    facts.apply(agencies[0], 3)
    facts.apply(make_entry(), 4)
    assert not facts.is_suspended(facts.entries["shops"])
    facts.apply(agencies[0].model_copy(update={"suspended": True}), 9)
    assert facts.version == 9
    assert facts.is_suspended(facts.entries["shops"])


def test_entry_of_an_unknown_agency_counts_as_suspended(make_entry: MakeEntry) -> None:
    facts = PolicyFacts()
    facts.apply(make_entry(), 0)
    assert facts.is_suspended(facts.entries["shops"])


def test_facts_applied_again_in_their_own_order_are_the_same_facts(
    make_entry: MakeEntry, make_grant: MakeGrant, agencies: tuple[Agency, ...]
) -> None:
    facts = PolicyFacts()
    schemas = [
        RegisteredSchema(subject="ingress.shops-value", schema_id=schema_id, avro_schema={"v": v})
        for v, schema_id in enumerate((9, 2))
    ]
    for version, fact in enumerate([*schemas, make_grant(), make_entry(), *agencies]):
        facts.apply(fact, version)
    again = PolicyFacts()
    for fact in facts:
        again.apply(fact, facts.version)
    assert list(again) == list(facts)
    assert list(again.schemas["ingress.shops-value"]) == [9, 2]
    assert again.views_of(make_entry()) == facts.views_of(make_entry())


@pytest.mark.parametrize("default", [{"codes": ["b", "a"]}, {"one_of": 5}], ids=str)
def test_schema_with_a_default_that_looks_like_a_set_is_left_as_it_is(
    default: dict[str, Any],
) -> None:
    avro_schema = {"type": "record", "name": "R", "fields": [{"name": "f", "default": default}]}
    fact = RegisteredSchema(subject="ingress.shops-value", schema_id=7, avro_schema=avro_schema)
    assert json.loads(fact_to_json(fact))["avro_schema"] == avro_schema


def test_schema_that_is_withdrawn_is_none_and_comes_again_as_one_provided_later() -> None:
    subject = "view.shops.v-1-value"
    first, second = (
        RegisteredSchema(subject=subject, schema_id=schema_id, avro_schema={"v": schema_id})
        for schema_id in (1, 2)
    )
    gone = [one.model_copy(update={"withdrawn": True}) for one in (first, second)]
    facts = PolicyFacts()
    assert facts.standing(gone[0]) == gone[0]
    for version, fact in enumerate([first, second, gone[0]]):
        facts.apply(fact, version)
    assert (facts.schemas, facts.provided_at) == ({subject: {2: {"v": 2}}}, {subject: 0})
    assert (facts.standing(first), facts.standing(gone[1])) == (None, None)
    facts.apply(gone[1], 3)
    facts.apply(gone[1], 4)
    assert (facts.schemas, facts.provided_at) == ({}, {})
    facts.apply(fact_from_json(fact_to_json(first)), 5)
    assert (facts.schemas, facts.provided_at) == ({subject: {1: {"v": 1}}}, {subject: 5})
