"""Applying a catalog to a real broker and registry."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from sharebus import InvalidInput, Refused
from sharebus.governance.public_form import public_form
from sharebus.governance.view import view_of_grant
from sharebus.infra.catalog_files import InvalidCatalog
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.ledger.chain import WriterHead, verify_next
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.enforcer import apply as apply_module
from sharebus.stream_apps.enforcer.broker import BrokerState
from sharebus.stream_apps.enforcer.desired import DesiredTopic

from .town import DEADLINE_SECONDS, NOT_SHARED, Town, read_error, write_error

pytestmark = pytest.mark.integration


def test_catalog_applied_twice_changes_nothing_the_second_time(town: Town) -> None:
    entry = town.entry(partitions=2)
    first = town.apply(entry, grants=(town.grant(entry),))
    assert not first.is_empty
    second = town.apply(entry, grants=(town.grant(entry),), today=date(2030, 1, 1))
    assert second.is_empty
    assert second.version == first.version


def test_topics_have_the_settings_that_the_catalog_asks_for(town: Town, broker: Any) -> None:
    entry = town.entry(partitions=3)
    town.apply(entry)
    present = broker.admin.list_topics(timeout=DEADLINE_SECONDS).topics
    assert len(present[f"ingress.{entry.id}"].partitions) == 3
    assert len(present[f"shared.{entry.id}"].partitions) == 3
    assert f"accepted.{entry.id}" not in present
    resource = ConfigResource(ResourceType.TOPIC, f"ingress.{entry.id}")
    config = broker.admin.describe_configs([resource])[resource].result(DEADLINE_SECONDS)
    assert config["message.timestamp.type"].value == "LogAppendTime"
    assert config["retention.ms"].value == str(30 * 24 * 3600 * 1000)


def test_dry_run_names_the_steps_and_does_none_of_them(town: Town, broker: Any) -> None:
    entry = town.entry()
    before = town.apply().version
    planned = town.apply(entry, is_dry_run=True)
    assert {topic.name for topic in planned.plan.create} == {
        f"ingress.{entry.id}",
        f"shared.{entry.id}",
        f"deliveries.{entry.id}",
    }
    assert planned.version == before
    assert f"ingress.{entry.id}" not in broker.admin.list_topics(timeout=DEADLINE_SECONDS).topics
    assert entry.id not in town.facts().entries


def test_facts_in_force_are_the_documents_with_the_schemas_that_the_registry_gave(
    town: Town,
) -> None:
    entry = town.entry()
    grant = town.grant(entry)
    town.apply(entry, grants=(grant,))
    facts = town.facts()
    assert facts.entries[entry.id] == entry
    assert facts.grants[grant.id] == grant
    automatic = [found for found in facts.grants_of(entry.id) if found.approval == "automatic"]
    assert str(town.reader) in {found.system for found in automatic}
    ingress = facts.schemas[f"ingress.{entry.id}-value"]
    assert list(ingress.values()) == [entry.avro_schema]
    assert facts.schemas[f"shared.{entry.id}-value"] == ingress
    view = topics.view_topic(entry.id, view_of_grant(entry, grant).name)
    assert f"{view}-value" in facts.schemas


def test_every_agency_reads_the_catalog_and_no_agency_the_facts(
    town: Town,
) -> None:
    entry, secret = town.entry(), town.entry("secrets", sharing=NOT_SHARED)
    town.apply(entry, secret)
    login = town.login(town.reader)
    reader = FactsReader(login, topics.SHARED_CATALOG)
    reader.catch_up()
    reader.close()
    assert reader.facts.entries[entry.id] == public_form(entry)
    assert secret.id not in reader.facts.entries
    assert reader.facts.not_shared[secret.id].basis.instrument == "示例法"
    assert not reader.facts.grants
    refused = read_error(login, town.reader.principal, topics.FACTS_POLICY)
    assert refused == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_system_writes_its_own_ingress_topic_alone(town: Town) -> None:
    entry = town.entry()
    town.apply(entry)
    sender, reader = town.login(town.sender), town.login(town.reader)
    assert write_error(sender, f"ingress.{entry.id}") is None
    assert write_error(reader, f"ingress.{entry.id}") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert write_error(sender, f"shared.{entry.id}") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert write_error(sender, topics.FACTS_POLICY) == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_consumer_group_of_another_agency_is_refused(town: Town) -> None:
    entry = town.entry()
    town.apply(entry)
    login = town.login(town.reader)
    refused = read_error(login, f"agency.{town.sender.agency}.x", f"shared.{entry.id}")
    assert refused == KafkaError.GROUP_AUTHORIZATION_FAILED
    assert read_error(login, f"{town.reader.group_prefix}x", f"shared.{entry.id}") is None


def test_offsets_of_another_agency_are_not_moved_deleted_or_seen(town: Town) -> None:
    entry = town.entry()
    town.apply(entry)
    topic, theirs = f"shared.{entry.id}", f"{town.reader.group_prefix}theirs"
    owner = Consumer({**town.login(town.reader), "group.id": theirs}, logger=librdkafka_log)
    owner.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
    attacker = town.login(town.sender)
    moved = [TopicPartition(topic, 0, 0)]
    admin = AdminClient(attacker, logger=librdkafka_log)
    asked: dict[str, Any] = {
        **admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(theirs, moved)]),
        **{f"delete {group}": f for group, f in admin.delete_consumer_groups([theirs]).items()},
        **{f"describe {group}": f for group, f in admin.describe_consumer_groups([theirs]).items()},
    }
    for future in asked.values():
        with pytest.raises(KafkaException) as denied:
            future.result(DEADLINE_SECONDS)
        assert denied.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    groups = admin.list_consumer_groups().result(DEADLINE_SECONDS).valid
    assert theirs not in {group.group_id for group in groups}
    (kept,) = owner.committed([TopicPartition(topic, 0)], timeout=DEADLINE_SECONDS)
    assert kept.offset == 3
    owner.close()


def test_not_shared_entry_cannot_be_written_and_has_no_topic(town: Town, broker: Any) -> None:
    entry = town.entry(sharing=NOT_SHARED)
    town.apply(entry)
    present = broker.admin.list_topics(timeout=DEADLINE_SECONDS).topics
    assert [name for name in present if entry.id in name] == []
    login = town.login(town.sender)
    assert write_error(login, f"ingress.{entry.id}") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_revoked_grant_ends_the_right_and_the_restored_one_gives_it_again(
    town: Town,
) -> None:
    entry = town.entry(sharing={"class": "conditional", "conditions": "示例"})
    grant = town.grant(entry)
    view = topics.view_topic(entry.id, view_of_grant(entry, grant).name)
    town.apply(entry, grants=(grant,))
    login = town.login(town.reader)
    assert read_error(login, town.reader.principal, view) is None
    revoked = town.apply(entry, grants=(town.grant(entry, revoked=True),))
    assert {rule.name for rule in revoked.plan.revoke} == {view, f"deliveries.{entry.id}"}
    refused = read_error(login, town.reader.principal, view)
    assert refused == KafkaError.TOPIC_AUTHORIZATION_FAILED
    restored = town.apply(entry, grants=(grant,))
    assert restored.plan.create == ()
    assert read_error(login, town.reader.principal, view) is None


def test_grant_past_its_term_loses_its_right_when_the_catalog_is_applied_again(
    town: Town,
) -> None:
    entry = town.entry(sharing={"class": "conditional", "conditions": "示例"})
    term = {"first_day": "2026-01-01", "last_day": "2026-12-31"}
    town.apply(entry, grants=(town.grant(entry, term=term),), today=date(2026, 12, 31))
    later = town.apply(is_dry_run=True, today=date(2027, 1, 1))
    revoked = {rule.name for rule in later.plan.revoke if entry.id in rule.name}
    assert len(revoked) == 2


def test_new_schema_version_is_registered_for_ingress_and_every_view(town: Town) -> None:
    entry = town.entry(sharing={"class": "conditional", "conditions": "示例"})
    grant = town.grant(entry)
    town.apply(entry, grants=(grant,))
    opened = {"name": "opened", "type": ["null", "string"], "default": None}
    newer = town.entry(
        sharing={"class": "conditional", "conditions": "示例"},
        fields=[{"name": "code", "type": "string"}, opened],
    )
    wider = town.grant(newer, id=f"wide-{town.tag}", fields=["code", "opened", "district"])
    town.apply(newer, grants=(grant, wider))
    schemas = town.facts().schemas
    assert list(schemas[f"ingress.{entry.id}-value"].values()) == [
        entry.avro_schema,
        newer.avro_schema,
    ]
    view = topics.view_topic(entry.id, view_of_grant(newer, wider).name)
    names = [
        [field["name"] for field in schema["fields"]]
        for schema in schemas[f"{view}-value"].values()
    ]
    assert names == [["code", "district"], ["code", "opened", "district"]]
    assert town.apply(newer, grants=(grant, wider)).is_empty


def test_incompatible_schema_is_refused_before_anything_is_done(town: Town, broker: Any) -> None:
    entry = town.entry()
    before = town.apply(entry).version
    required = {"name": "opened", "type": "string"}
    broken = town.entry(fields=[{"name": "code", "type": "string"}, required])
    other = town.entry("alleys")
    with pytest.raises(InvalidInput, match="not compatible"):
        town.apply(other, broken)
    assert f"ingress.{other.id}" not in broker.admin.list_topics(timeout=DEADLINE_SECONDS).topics
    assert town.facts().version == before


def test_catalog_with_one_contradiction_is_refused_whole(town: Town) -> None:
    entry = town.entry()
    before = town.apply().version
    with pytest.raises(InvalidCatalog) as refused:
        town.apply(entry, grants=(town.grant(entry, fields=["colour"]),))
    assert [problem.field for problem in refused.value.problems] == ["fields"]
    assert town.facts().version == before


def test_application_that_dies_after_its_facts_is_completed_by_the_next(
    town: Town, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = town.entry()
    town.apply()

    def die(_: BrokerState, created: Sequence[DesiredTopic]) -> None:
        if created:
            raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(BrokerState, "_create", die)
        with pytest.raises(KeyboardInterrupt):
            town.apply(entry)
    assert town.facts().entries[entry.id] == entry
    assert f"ingress.{entry.id}-value" not in town.facts().schemas
    assert f"ingress.{entry.id}" not in broker.admin.list_topics(timeout=DEADLINE_SECONDS).topics
    completed = town.apply()
    assert f"ingress.{entry.id}" in {topic.name for topic in completed.plan.create}
    assert f"ingress.{entry.id}-value" in town.facts().schemas
    assert town.apply(entry).is_empty


def test_application_that_judged_by_what_stood_before_another_is_refused(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, other = town.entry(), town.entry("alleys")
    check = apply_module.check_documents

    def check_while_another_runs(*arguments: Any) -> Any:
        monkeypatch.setattr(apply_module, "check_documents", check)
        town.apply(other)
        return check(*arguments)

    town.apply()
    monkeypatch.setattr(apply_module, "check_documents", check_while_another_runs)
    with pytest.raises(Refused, match="has changed"):
        town.apply(entry)
    facts = town.facts()
    assert other.id in facts.entries
    assert entry.id not in facts.entries
    town.apply(entry)
    assert entry.id in town.facts().entries


def test_each_fact_is_in_the_audit_chain_of_who_made_it(town: Town) -> None:
    entry = town.entry()
    applied = town.apply(entry)
    heads = {name: WriterHead(name) for name in ("catalog", "registrar")}
    batches: dict[str, list[dict[str, Any]]] = {"catalog": [], "registrar": []}

    def take(message: Any) -> None:
        batch = audit_batch().decode(message.value())
        writer = batch["writer"]
        if writer in heads:
            heads[writer] = verify_next(heads[writer], batch, message.value())
            batches[writer].append(batch)

    log = LogReader(town.admin_config)
    log.settle(topics.AUDIT, 0)
    log.read(topics.AUDIT, 0, 0, take)
    log.close()
    made, schemas = batches["registrar"][-1], batches["catalog"][-1]
    assert (made["kind"], made["source_topic"]) == ("command", topics.commands_topic("founder"))
    assert (schemas["kind"], schemas["source_topic"]) == ("policy", topics.FACTS_POLICY)
    decision, *facts = made["lines"]
    assert (decision["place"], decision["outcome"]) == ("founding take_over", "accepted")
    names = {f"{fact.kind}/{fact.id}"[:64] for part in applied.facts for fact in part}
    assert {line["place"] for line in (*facts, *schemas["lines"])} == names
    assert {line["place"].partition("/")[0] for line in schemas["lines"]} == {"schema"}
    for last, lines in ((made, facts), (schemas, schemas["lines"])):
        for line in lines:
            assert len(line["digests"]) == 16 * len(last["routes"][line["route"]])
