"""Applying a catalog to a real broker and registry."""

import dataclasses
import time
import uuid
from datetime import date
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import ConfigResource, ResourceType
from pydantic import SecretStr

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.identity import SystemName, parse_system
from sharebus.governance.view import view_of_grant
from sharebus.infra.catalog_files import CatalogFiles, InvalidCatalog
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded import secrets
from sharebus.infra.enrolment import enrol, issue_certificate, save_password
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings
from sharebus.ledger.chain import WriterHead, verify_next
from sharebus.schemas import topic as topics
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.enforcer import apply as apply_module
from sharebus.stream_apps.enforcer.apply import Applied, apply_catalog
from sharebus.stream_apps.enforcer.publish import FactsPublisher

pytestmark = pytest.mark.integration

DEADLINE_SECONDS = 20.0
NOT_SHARED = {
    "class": "not_shared",
    "basis": {"instrument": "示例法", "version": "2020", "article": 5},
}


@dataclasses.dataclass
class Town:
    """A catalog of its own for one test: unique ids, one provider, one subscriber."""

    settings: Settings
    tag: str

    @property
    def sender(self) -> SystemName:
        return SystemName(f"bureau-{self.tag}", "sender")

    @property
    def reader(self) -> SystemName:
        return SystemName(f"tax-{self.tag}", "levy")

    def agencies(self) -> tuple[Agency, ...]:
        roles = {self.sender: "provider", self.reader: "subscriber"}
        return tuple(
            Agency.model_validate(
                {
                    "id": system.agency,
                    "code": f"TEST-{role[:3].upper()}-{self.tag.upper()}",
                    "name": "示例机关",
                    "jurisdiction": "330200",
                    "officer": {"name": "示例", "title": "专员"},
                    "systems": [{"id": system.system, "name": "系统", "roles": [role]}],
                }
            )
            for system, role in roles.items()
        )

    def entry(self, name: str = "shops", **changes: Any) -> CatalogEntry:
        fields = changes.pop("fields", [{"name": "code", "type": "string"}])
        return CatalogEntry.model_validate(
            {
                "id": f"{name}-{self.tag}",
                "name": "商店",
                "scope": "示例",
                "jurisdiction": "330200",
                "avro_schema": {
                    "type": "record",
                    "name": "Shop",
                    "namespace": f"test.t{self.tag}",
                    "fields": [*fields, {"name": "district", "type": "string"}],
                },
                "key_fields": ["code"],
                "data_items": [
                    {"field": name, "name": name, "origin": {"kind": "collected", "basis": "示例"}}
                    for name in (*(field["name"] for field in fields), "district")
                ],
                "sharing": {"class": "unconditional"},
                "provider": {
                    "agency": self.sender.agency,
                    "system": self.sender.system,
                    "officer": {"name": "示例", "title": "专员"},
                },
                "update": {"frequency": "daily", "deadline": "次日9时前"},
                "database": {"kind": "specialised", "domain": "示例"},
                **changes,
            }
        )

    def grant(self, entry: CatalogEntry, **changes: Any) -> Grant:
        return Grant.model_validate(
            {
                "id": f"grant-{self.tag}",
                "entry": entry.id,
                "system": str(self.reader),
                "fields": ["code", "district"],
                "row_filter": {"all": [{"field": "district", "one_of": ["330203"]}]},
                "purpose": {"legal_basis": "示例法", "scenario": "核对", "scope": "全部"},
                "term": {"first_day": "2026-01-01", "last_day": "2999-12-31"},
                **changes,
            }
        )

    def apply(self, *entries: CatalogEntry, grants: tuple[Grant, ...] = (), **how: Any) -> Applied:
        documents = Collection(self.agencies(), entries, grants)
        return apply_catalog(self.settings, CatalogFiles(documents, {}), **how)

    def login(self, system: SystemName) -> ClientConfig:
        password = enrol(self.settings, [system])[system]
        save_password(self.settings, system, password)
        return client_config(self.settings, credentials_for(self.settings, system.principal))

    @property
    def admin_config(self) -> ClientConfig:
        return client_config(self.settings, credentials_for(self.settings, "admin"))

    def facts(self, topic: str = topics.FACTS_POLICY) -> PolicyFacts:
        reader = FactsReader(self.admin_config, topic)
        try:
            reader.catch_up()
        finally:
            reader.close()
        return reader.facts


@pytest.fixture
def town(registry: Settings) -> Town:
    secrets.create_missing(registry)
    return Town(registry, uuid.uuid4().hex[:8])


def write_error(config: ClientConfig, topic: str) -> int | None:
    """Code of the broker's refusal to take a record, or None when it is written."""
    outcome: list[KafkaError | None] = []
    producer = Producer({**config, "message.timeout.ms": 5_000}, logger=librdkafka_log)
    try:
        producer.produce(topic, b"v", b"k", on_delivery=lambda error, _: outcome.append(error))
        producer.flush(DEADLINE_SECONDS)
    finally:
        producer.close()
    (error,) = outcome
    return None if error is None else error.code()


def read_error(config: ClientConfig, group: str, topic: str) -> int | None:
    """Code of the broker's refusal of a fetch, or None when the end of the topic is reached."""
    reading: ClientConfig = {
        **config,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    consumer = Consumer(reading, logger=librdkafka_log)
    consumer.subscribe([topic])
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        while time.monotonic() < deadline:
            message = consumer.poll(0.1)
            error = None if message is None else message.error()
            if error is not None:
                code = int(error.code())
                return None if code == KafkaError._PARTITION_EOF else code
    finally:
        consumer.close()
    raise AssertionError(f"the broker neither refuses {topic} nor gives its end")


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
    assert reader.facts.entries[entry.id] == entry
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


def test_application_that_dies_before_the_facts_is_completed_by_the_next(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = town.entry()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(FactsPublisher, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            town.apply(entry)
    assert entry.id not in town.facts().entries
    completed = town.apply(entry)
    assert completed.plan.is_empty
    assert town.facts().entries[entry.id] == entry


def test_second_application_at_the_same_time_fences_the_first(
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
    with pytest.raises(Unavailable, match="did not"):
        town.apply(entry)
    facts = town.facts()
    assert other.id in facts.entries
    assert entry.id not in facts.entries
    town.apply(entry)
    assert entry.id in town.facts().entries


def test_each_publication_is_in_the_audit_chain_with_a_line_for_each_fact(town: Town) -> None:
    entry = town.entry()
    applied = town.apply(entry)
    head, batches = WriterHead("enforcer"), []

    def take(message: Any) -> None:
        nonlocal head
        batch = audit_batch().decode(message.value())
        if batch["writer"] == "enforcer":
            head = verify_next(head, batch, message.value())
            batches.append(batch)

    log = LogReader(town.admin_config)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not batches and time.monotonic() < deadline:
        log.read(topics.AUDIT, 0, 0, take)
    log.close()
    last = batches[-1]
    names = {f"{fact.kind}/{fact.id}"[:64] for part in applied.facts for fact in part}
    assert {line["place"] for line in last["lines"]} == names
    assert (last["kind"], last["source_topic"]) == ("policy", topics.FACTS_POLICY)
    for line in last["lines"]:
        assert len(line["digests"]) == 16 * len(last["routes"][line["route"]])


def test_system_is_enrolled_once_and_rotation_ends_the_old_password(town: Town) -> None:
    town.apply(town.entry())
    old = town.login(town.sender)
    with pytest.raises(Refused, match="enrolled already"):
        enrol(town.settings, [town.sender])
    topic = f"ingress.{town.entry().id}"
    assert write_error(old, topic) is None
    password = enrol(town.settings, [town.sender], is_rotation=True)[town.sender]
    new = {**old, "sasl.password": password.get_secret_value()}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while write_error(old, topic) is None:
        assert time.monotonic() < deadline, "the old password still logs in"
    assert write_error(new, topic) is None


def test_administrator_with_a_wrong_password_is_told_so(town: Town) -> None:
    wrong = town.settings.model_copy(
        update={"username": "admin", "password": SecretStr("wrong"), "password_file": None}
    )
    with pytest.raises(Refused, match="does not accept the login"):
        apply_catalog(wrong)


def test_system_that_the_catalog_does_not_know_is_not_enrolled(town: Town) -> None:
    town.apply(town.entry())
    with pytest.raises(InvalidInput, match="no such system"):
        enrol(town.settings, [parse_system(f"tax-{town.tag}.levi")])


def test_certificate_logs_in_as_the_system_it_was_issued_to(town: Town) -> None:
    if not town.settings.embedded:
        pytest.skip("a cluster of somebody else issues its own certificates")
    entry = town.entry()
    town.apply(entry)
    certificate = issue_certificate(town.settings, town.sender)
    config: ClientConfig = {
        "bootstrap.servers": f"127.0.0.1:{town.settings.kafka_mtls_port}",
        "security.protocol": "SSL",
        "ssl.ca.location": str(certificate.authority),
        "ssl.certificate.location": str(certificate.certificate),
        "ssl.key.location": str(certificate.key),
    }
    assert write_error(config, f"ingress.{entry.id}") is None
    with pytest.raises(Refused, match="certificate already"):
        issue_certificate(town.settings, town.sender)
