"""A catalog of its own for one test, and how the broker answers its systems."""

import dataclasses
import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.governance.identity import SystemName
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import Settings
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.apply import Applied, apply_catalog

DEADLINE_SECONDS = 60.0
REFUSED_SECONDS = 2.0
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


def write_error(config: ClientConfig, topic: str) -> int | None:
    """Code of the broker's refusal to take a record, or None when it is written."""
    outcome: list[KafkaError | None] = []
    # A new password is not known at once, so only a login that is refused for a while is refused.
    refused: list[tuple[float, KafkaError]] = []

    def told(error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:
            refused.append((time.monotonic() + REFUSED_SECONDS, error))

    options = {"message.timeout.ms": int(DEADLINE_SECONDS * 1_000), "error_cb": told}
    producer = Producer({**config, **options}, logger=librdkafka_log)
    try:
        producer.produce(topic, b"v", b"k", on_delivery=lambda error, _: outcome.append(error))
        while not outcome:
            producer.poll(0.1)
            if refused and time.monotonic() > refused[0][0]:
                outcome.append(refused[0][1])
    finally:
        producer.purge()
        producer.close()
    return None if outcome[0] is None else outcome[0].code()


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
