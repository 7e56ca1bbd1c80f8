"""What the broker must hold, and the steps that lead there."""

from datetime import date
from typing import Any

import pytest

from sharebus import InvalidInput
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.facts import NotSharedListing, PolicyFacts, RegisteredSchema
from sharebus.governance.takeover import check_documents, merged_facts
from sharebus.governance.view import view_of_grant, view_schema
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.topic import AUDIT_CHECKPOINTS, SHARED_CATALOG, view_topic
from sharebus.stream_apps.enforcer.desired import (
    SubjectSchema,
    desired_broker,
)
from sharebus.stream_apps.enforcer.difference import LiveTopic, difference
from sharebus.stream_apps.enforcer.plan import fact_changes, plan_of_change
from sharebus.stream_apps.enforcer.rights import AccessRule

from .enforcer_case import (
    CONDITIONAL,
    NOT_SHARED,
    NOTHING,
    MakeEntry,
    MakeGrant,
    as_live,
    facts_of,
    rights_of,
    topics_of,
)


def test_entry_without_marks_shared_with_all_has_one_copy(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry(partitions=3)), today)
    of_entry = {name: count for name, count in topics_of(desired).items() if "shops" in name}
    assert of_entry == {"ingress.shops": 3, "shared.shops": 3, "deliveries.shops": 1}


def test_entry_with_marked_fields_has_an_accepted_topic_beside_its_views(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    entry = make_entry(marks={"owner": "personal"}, partitions=2)
    grant = make_grant(fields=["code", "owner"], agreement="安全保密协议 1")
    view = view_topic("shops", view_of_grant(entry, grant).name)
    desired = desired_broker(facts_of(*agencies, entry, grant), today)
    of_entry = {name: count for name, count in topics_of(desired).items() if "shops" in name}
    assert of_entry == {
        "ingress.shops": 2,
        "accepted.shops": 2,
        "shared.shops": 2,
        view: 2,
        "deliveries.shops": 1,
    }


def test_not_shared_entry_has_no_topic_no_right_and_no_schema(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    without = desired_broker(facts_of(*agencies), today)
    assert desired_broker(facts_of(*agencies, make_entry(sharing=NOT_SHARED)), today) == without
    written = [right for right in rights_of(without, "bureau.sender") if right[0] == "WRITE"]
    assert written == [("WRITE", "TOPIC", "commands.bureau")]


def test_ingress_has_one_writer_besides_nobody(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry()), today)
    writers = {
        rule.principal
        for rule in desired.rules
        if rule.operation == "WRITE" and "ingress.shops".startswith(rule.name)
    }
    assert writers == {"User:agency.bureau.sender"}


def test_agencies_have_no_right_on_a_pattern_but_their_own_groups(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry(), make_grant()), today)
    patterns = {
        (rule.principal, rule.resource, rule.name)
        for rule in desired.rules
        if rule.pattern != "LITERAL" and rule.principal.startswith("User:agency.")
    }
    assert patterns == {
        ("User:agency.bureau.sender", "GROUP", "agency.bureau."),
        ("User:agency.bureau.desk", "GROUP", "agency.bureau."),
        ("User:agency.tax.levy", "GROUP", "agency.tax."),
    }
    assert "*" not in {rule.name for rule in desired.rules}


def test_grantee_reads_its_view_and_its_deliveries_and_nothing_else_of_the_entry(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    entry, grant = make_entry(sharing=CONDITIONAL), make_grant()
    desired = desired_broker(facts_of(*agencies, entry, grant), today)
    view = view_topic("shops", view_of_grant(entry, grant).name)
    assert rights_of(desired, "tax.levy") == {
        ("READ", "TOPIC", view),
        ("READ", "TOPIC", "deliveries.shops"),
        ("READ", "TOPIC", "notices.tax"),
        ("WRITE", "TOPIC", "commands.tax"),
        ("READ", "TOPIC", SHARED_CATALOG),
        ("READ", "TOPIC", AUDIT_CHECKPOINTS),
        ("READ", "GROUP", "agency.tax."),
    }


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"revoked": True}, date(2026, 11, 22)),
        ({}, date(2025, 12, 31)),
        ({}, date(2027, 1, 1)),
    ],
    ids=["revoked", "not yet", "no longer"],
)
def test_grant_that_does_not_stand_gives_no_right(
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    changes: dict[str, Any],
    day: date,
) -> None:
    entry = make_entry(sharing=CONDITIONAL)
    desired = desired_broker(facts_of(*agencies, entry, make_grant(**changes)), day)
    assert not [name for _, _, name in rights_of(desired, "tax.levy") if "shops" in name]


def test_quarantine_is_read_by_the_systems_that_send_alone(
    agencies: tuple[Agency, ...], today: date
) -> None:
    desired = desired_broker(facts_of(*agencies), today)
    readers = {rule.principal for rule in desired.rules if rule.name == "quarantine.bureau"}
    assert readers == {"User:agency.bureau.sender"}
    assert "quarantine.tax" not in topics_of(desired)


def test_gate_may_write_every_shared_topic_but_the_catalog(today: date) -> None:
    rules = desired_broker(facts_of(), today).rules
    assert AccessRule("User:gate", "ALLOW", "WRITE", "TOPIC", "PREFIXED", "shared.") in rules
    assert AccessRule("User:gate", "DENY", "WRITE", "TOPIC", "LITERAL", SHARED_CATALOG) in rules
    assert not [
        rule for rule in rules if rule.operation == "WRITE" and rule.name.startswith("ingress")
    ]


def test_events_are_stamped_by_the_broker_and_views_are_compacted(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry(marks={"owner": "privacy"})), today)
    configs = {topic.name: topic.config for topic in desired.topics}
    assert {config["message.timestamp.type"] for config in configs.values()} == {"LogAppendTime"}
    policies = {name: config["cleanup.policy"] for name, config in configs.items()}
    assert policies["ingress.shops"] == policies["facts.policy"] == policies["audit"] == "delete"
    assert policies["shared.shops"] == policies["accepted.shops"] == "compact"
    assert configs["facts.policy"]["retention.ms"] == configs["audit"]["retention.ms"] == "-1"


def test_cluster_of_three_asks_for_two_copies_of_every_record(today: date) -> None:
    for replication_factor, expected in ((1, None), (3, "2")):
        desired = desired_broker(facts_of(), today, replication_factor)
        assert {topic.config.get("min.insync.replicas") for topic in desired.topics} == {expected}


def test_accepted_topic_has_the_text_of_the_ingress_schema(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    for entry, accepted in (
        (make_entry(), "shared.shops-value"),
        (make_entry(sharing=CONDITIONAL), "accepted.shops-value"),
    ):
        schemas = desired_broker(facts_of(*agencies, entry), today).schemas
        text = canonical_json(entry.avro_schema)
        assert [schema.subject for schema in schemas if schema.text == text] == [
            "ingress.shops-value",
            accepted,
        ]


def test_one_copy_has_no_second_schema_beside_the_ingress_schema(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    documented = {**make_entry().avro_schema, "doc": "a view would leave this out"}
    facts = facts_of(*agencies, make_entry(avro_schema=documented))
    subjects = [schema.subject for schema in desired_broker(facts, today).schemas]
    assert subjects.count("shared.shops-value") == 1


def test_view_has_a_schema_for_every_version_under_which_events_come(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    old = make_entry(sharing=CONDITIONAL)
    new_schema = {
        **old.avro_schema,
        "fields": [
            *old.avro_schema["fields"],
            {"name": "opened", "type": ["null", "string"], "default": None},
        ],
    }
    new = make_entry(sharing=CONDITIONAL, avro_schema=new_schema)
    grant = make_grant(fields=["code", "opened"])
    registered = RegisteredSchema(
        subject="ingress.shops-value", schema_id=4, avro_schema=old.avro_schema
    )
    facts = facts_of(*agencies, new, grant, registered)
    subject = view_topic("shops", view_of_grant(new, grant).name) + "-value"
    texts = [
        schema.text for schema in desired_broker(facts, today).schemas if schema.subject == subject
    ]
    assert texts == [
        canonical_json(view_schema(old.avro_schema, grant.fields)),
        canonical_json(view_schema(new_schema, grant.fields)),
    ]


def test_nothing_is_to_do_when_all_is_there(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry(), make_grant()), today)
    assert not difference(desired, NOTHING).is_empty
    assert difference(desired, as_live(desired)).is_empty


def test_right_that_no_grant_gives_is_taken_away_and_others_users_are_left_alone(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    desired = desired_broker(facts_of(*agencies, make_entry()), today)
    stray = AccessRule("User:agency.tax.levy", "ALLOW", "READ", "TOPIC", "LITERAL", "ingress.shops")
    foreign = AccessRule("User:backup", "ALLOW", "READ", "TOPIC", "PREFIXED", "ingress.")
    live = as_live(desired)
    plan = difference(desired, live._replace(rules=live.rules | {stray, foreign}))
    assert plan.revoke == (stray,)
    assert plan.allow == ()


def test_what_denies_is_set_before_what_permits(today: date) -> None:
    plan = difference(desired_broker(facts_of(), today), NOTHING)
    permissions = [rule.permission for rule in plan.allow]
    assert permissions == sorted(permissions, key=["DENY", "ALLOW"].index)
    assert "DENY" in permissions


def test_changed_setting_is_set_again_alone(today: date) -> None:
    desired = desired_broker(facts_of(), today)
    live = as_live(desired)
    topics = dict(live.topics)
    topics["audit"] = LiveTopic(1, {**topics["audit"].config, "retention.ms": "1000"})
    plan = difference(desired, live._replace(topics=topics))
    assert [(change.topic, dict(change.config)) for change in plan.alter] == [
        ("audit", {"retention.ms": "-1"})
    ]
    assert plan._replace(alter=()).is_empty


def test_topic_with_another_partition_count_is_refused(today: date) -> None:
    desired = desired_broker(facts_of(), today)
    live = as_live(desired)
    topics = {**live.topics, "audit": LiveTopic(2, live.topics["audit"].config)}
    with pytest.raises(InvalidInput, match="can never change"):
        difference(desired, live._replace(topics=topics)).require_possible(())


def test_topic_that_nothing_asks_for_is_left_alone(today: date) -> None:
    desired = desired_broker(facts_of(), today)
    live = as_live(desired)
    topics = {**live.topics, "ingress.forgotten": LiveTopic(1, {})}
    assert difference(desired, live._replace(topics=topics)).is_empty


@pytest.mark.parametrize("changed", ["agency", "entry", "new entry", "grant", "revoked", "nothing"])
def test_plan_of_a_change_is_the_difference_on_a_broker_that_matches(
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    today: date,
    changed: str,
) -> None:
    entries = (make_entry(sharing=CONDITIONAL), make_entry("alleys"))
    before = merged_facts(PolicyFacts(), Collection(agencies, entries, (make_grant(),)), today)
    change = {
        "agency": Collection((agencies[1].model_copy(update={"suspended": True}),)),
        "entry": Collection(
            entries=(make_entry(sharing=CONDITIONAL, marks={"owner": "personal"}),)
        ),
        "new entry": Collection(entries=(make_entry("lanes"),)),
        "grant": Collection(grants=(make_grant("other", fields=["code"]),)),
        "revoked": Collection(grants=(make_grant(revoked=True),)),
        "nothing": Collection(),
    }[changed]
    after = merged_facts(before, change, today)
    live = as_live(desired_broker(before, today))
    plan = plan_of_change(before, after, today, 1)
    assert plan == difference(desired_broker(after, today), live)
    assert plan.is_empty == (changed in ("entry", "nothing"))  # a mark asks for nothing there


def test_document_that_is_not_given_again_stays_in_force(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    in_force = merged_facts(
        PolicyFacts(), Collection(agencies, (make_entry(sharing=CONDITIONAL),), ()), today
    )
    grant = make_grant()
    assert check_documents(in_force, Collection(grants=(grant,))) == []
    merged = merged_facts(in_force, Collection(grants=(grant,)), today)
    assert set(merged.entries) == {"shops"}
    assert set(merged.grants) == {"tax-shops"}


def test_document_that_contradicts_what_is_in_force_is_a_problem(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    entries = (make_entry(sharing=CONDITIONAL), make_entry("alleys", sharing=CONDITIONAL))
    in_force = merged_facts(PolicyFacts(), Collection(agencies, entries, (make_grant(),)), today)
    moved = Collection(
        entries=(make_entry(sharing=CONDITIONAL, partitions=2),),
        grants=(make_grant(entry="alleys"), make_grant("other", system="nobody.none")),
    )
    assert [(problem.document, problem.field) for problem in check_documents(in_force, moved)] == [
        ("grant other", "system"),
        ("entry shops", "partitions"),
        ("grant tax-shops", "system, entry"),
    ]


def test_facts_that_are_published_are_not_published_again(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, today: date
) -> None:
    documents = Collection(agencies, (make_entry(), make_entry("secrets", sharing=NOT_SHARED)), ())
    merged = merged_facts(PolicyFacts(), documents, today)
    schema_ids = {
        SubjectSchema("ingress.shops-value", canonical_json(make_entry().avro_schema)): 5,
        SubjectSchema("audit-value", '{"type":"record"}'): 6,
    }
    first = fact_changes(PolicyFacts(), PolicyFacts(), merged, schema_ids)
    assert {(fact.kind, fact.id) for fact in first.policy} >= {
        ("schema", "audit-value/6"),
        ("entry", "secrets"),
        ("agency", "tax"),
    }
    in_force, published = facts_of(*first.policy), facts_of(*first.catalog)
    assert fact_changes(in_force, published, merged, schema_ids).is_empty
    renamed = merged_facts(
        in_force, Collection(agencies=(agencies[1].model_copy(update={"name": "新名"}),)), today
    )
    changes = fact_changes(in_force, published, renamed, schema_ids)
    for published_facts in (changes.policy, changes.catalog):
        assert [fact.id for fact in published_facts] == ["tax"]


def test_catalog_for_everybody_tells_entries_and_only_names_of_what_is_not_shared(
    agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant, today: date
) -> None:
    entries = (make_entry(), make_entry("secrets", sharing=NOT_SHARED))
    merged = merged_facts(PolicyFacts(), Collection(agencies, entries, (make_grant(),)), today)
    schema_ids = {
        SubjectSchema("ingress.shops-value", "{}"): 5,
        SubjectSchema("view.shops.v-1-value", "{}"): 6,
        SubjectSchema("sharebus.DeliveryClosed", "{}"): 7,
    }
    public = fact_changes(PolicyFacts(), PolicyFacts(), merged, schema_ids).catalog
    assert [(fact.kind, fact.id) for fact in public] == [
        ("schema", "ingress.shops-value/5"),
        ("schema", "sharebus.DeliveryClosed/7"),
        ("agency", "bureau"),
        ("agency", "tax"),
        ("entry", "shops"),
        ("not_shared", "secrets"),
    ]
    listing = public[-1]
    assert isinstance(listing, NotSharedListing)
    assert "code" not in listing.model_dump_json()
