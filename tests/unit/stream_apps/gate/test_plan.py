"""What is compiled from the policy: views, keys, content checks, references."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.rule import Rule
from sharebus.schemas import topic as topics
from sharebus.schemas.entity_key import compile_entity_key
from sharebus.schemas.record import delivery_closed
from sharebus.stream_apps.gate.judge import Refusal
from sharebus.stream_apps.gate.plan import NotProvisioned, compile_plan

from . import case

REFERENCE_FIELDS = [
    {"name": "code", "type": "string"},
    {"name": "location", "type": "string"},
    {"name": "digest", "type": "string"},
    {"name": "size_bytes", "type": "long"},
    {"name": "expires_at", "type": "string"},
]
REFERENCE = case.plan_of(
    case.entry(
        "scans",
        avro_schema=case.schema(REFERENCE_FIELDS),
        marked=(),
        provision_method="reference",
    )
)
SOUND = {
    "code": "1",
    "location": "https://files.market.invalid/scans/1.zip",
    "digest": "sha256:" + "0123456789abcdef" * 4,
    "size_bytes": 0,
    "expires_at": "2026-11-22T12:00:01+08:00",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("location", "ftp://files.invalid/1"),
        ("location", "file:///etc/passwd"),
        ("location", "https:///1.zip"),
        ("location", "https://user:secret@files.invalid/1"),
        ("location", "https://["),
        ("location", ""),
        ("digest", "md5:" + "0" * 32),
        ("digest", "sha256:" + "0" * 63),
        ("digest", "sha256:" + "A" * 64),
        ("digest", "sha512:" + "0" * 64),
        ("digest", "sha256:~" + "0" * 63),
        ("digest", "sha256:" + "0" * 63 + "~"),
        ("digest", "sha256:" + "０" * 64),
        ("size_bytes", -1),
        ("expires_at", "2026-11-22T12:00:00+08:00"),
        ("expires_at", "2026-11-23T12:00:00"),
        ("expires_at", "0001-01-01T00:00:00+14:00"),
        ("expires_at", "tomorrow"),
        ("expires_at", ""),
    ],
)
def test_reference_with_a_bad_part_is_refused_at_its_field(field: str, value: Any) -> None:
    with pytest.raises(Refusal) as refused:
        REFERENCE.check_content({**SOUND, field: value}, case.NOON_MS)
    assert (refused.value.rule, refused.value.place) == (Rule.REFERENCE_INVALID, field)


@pytest.mark.parametrize("location", ["sftp://h/p", "s3://bucket/key", "https://h:8443/p?q#f"])
def test_reference_that_is_sound_passes(location: str) -> None:
    assert REFERENCE.check_content({**SOUND, "location": location}, case.NOON_MS) == ""


@given(text=st.text(max_size=30))
def test_reference_of_any_text_passes_or_is_refused(text: str) -> None:
    for field in ("location", "digest", "expires_at"):
        try:
            REFERENCE.check_content({**SOUND, field: text}, case.NOON_MS)
        except Refusal as refusal:
            assert refusal.place == field  # noqa: PT017 - a text may also pass


def test_flagged_fields_are_named_once_each() -> None:
    flags = [
        {"name": name, "on_failure": "flag"}
        for name in ("control_characters", "bidirectional_characters")
    ]
    plan = case.plan_of(case.entry(checks={"name": flags, "phone": flags}))
    row = case.row(name="a\0\u202e", phone="\0\u202e")
    assert plan.check_content(row, 0) == "name,phone"
    assert plan.check_content(case.row(phone=None), 0) == ""


def without_schema(facts: PolicyFacts, prefix: str) -> PolicyFacts:
    """The facts before the enforcer registered the schemas of these subjects."""
    incomplete = PolicyFacts()
    for version, fact in enumerate(facts):
        if not (fact.kind == "schema" and fact.subject.startswith(prefix)):
            incomplete.apply(fact, version)
    return incomplete


def test_plan_leaves_out_a_new_view_until_it_is_provisioned_and_no_other() -> None:
    entry = case.entry()
    one, two = case.grant("one", fields=["code"]), case.grant("two", fields=["code", "name"])
    facts = case.facts_of(entry, one, two)
    first, second = compile_plan(facts, entry, case.VIEW_KEY).views
    before = without_schema(facts, topics.value_subject(second.topic))
    assert [view.name for view in compile_plan(before, entry, case.VIEW_KEY).views] == [first.name]


def test_plan_waits_while_a_view_lacks_one_schema_of_several_and_while_the_entry_has_none() -> None:
    entry, grant = case.entry(), case.grant("one", fields=["code", "name"])
    facts = case.facts_of(entry, grant)
    longer = case.schema([*case.FIELDS, {"name": "note", "type": "string", "default": ""}])
    later = RegisteredSchema(
        subject=topics.value_subject(topics.ingress_topic(entry.id)), schema_id=98,
        avro_schema={**longer, "fields": [*longer["fields"][1:], longer["fields"][0]]},
    )  # fmt: skip
    facts.apply(later, facts.version + 1)
    with pytest.raises(NotProvisioned, match="no registered schema"):
        compile_plan(facts, entry, case.VIEW_KEY)
    with pytest.raises(NotProvisioned, match="not registered yet"):
        compile_plan(without_schema(facts, "ingress."), entry, case.VIEW_KEY)


def test_plan_waits_for_the_topic_of_what_is_accepted_and_not_for_the_schema_of_closings() -> None:
    entry = case.entry()
    facts = case.facts_of(entry)
    with pytest.raises(NotProvisioned, match="the topic of what is accepted is not there"):
        compile_plan(without_schema(facts, "accepted."), entry, case.VIEW_KEY)
    before = without_schema(facts, delivery_closed().subject)
    assert compile_plan(before, entry, case.VIEW_KEY).closing_schema_id is None
    assert compile_plan(facts, entry, case.VIEW_KEY).closing_schema_id == case.CLOSING_ID


def test_view_knows_since_when_its_topic_is_there() -> None:
    entry, grant = case.entry(), case.grant("one", fields=["code"])
    facts = case.facts_of(entry, grant)
    (view,) = compile_plan(facts, entry, case.VIEW_KEY).views
    assert view.provided_at == facts.provided_at[topics.value_subject(view.topic)]


def test_plan_of_an_entry_that_shares_one_copy_has_no_second_one() -> None:
    entry = case.unconditional()
    plan = case.plan_of(entry, case.grant("all", entry.id, approval="automatic"))
    assert plan.accepted_topic == topics.view_topic(entry.id, "shared")
    assert plan.views == ()


def test_plan_of_unconditional_entry_with_marks_keeps_them_out_of_the_shared_topic() -> None:
    entry = case.entry("persons", sharing={"class": "unconditional"})
    (view,) = case.plan_of(entry).views
    assert view.topic == "shared.persons"
    assert case.plan_of(entry).accepted_topic == "accepted.persons"


def test_plan_revoked_grant_has_no_view() -> None:
    assert case.plan_of(case.entry(), case.grant("one", fields=["code"], revoked=True)).views == ()


def test_plan_grants_of_one_policy_share_one_view() -> None:
    first, second = case.grant("one", fields=["code"]), case.grant("two", fields=["code"])
    assert len(case.plan_of(case.entry(), first, second).views) == 1


keys = st.fixed_dictionaries(
    {"code": st.text(max_size=6), "district": st.sampled_from(["330203", "3302|5", "\\"])}
)


@given(key=keys)
def test_key_filter_of_a_deletion_equals_the_row_filter(key: dict[str, str]) -> None:
    entry = case.entry(key_fields=["district", "code"])
    conditions = [{"field": "district", "one_of": ["330203", "\\"]}]
    (view,) = case.plan_of(entry, case.grant("one", conditions=conditions)).views
    row = case.row(**key)
    assert view.passes_key is not None
    assert view.passes_key(compile_entity_key(entry.key_fields)(row)) == view.passes(row)


def test_two_views_never_share_a_pseudonym() -> None:
    grants = [case.grant("one", fields=["name"]), case.grant("two", fields=["name", "district"])]
    secrets = {view.pseudonym_secret for view in case.plan_of(case.entry(), *grants).views}
    assert len(secrets) == 2
    assert None not in secrets
