"""The stage of the benchmarks: an embedded broker, one entry at a time, and a gate process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Message, Producer
from fastavro import parse_schema, schemaless_writer

from sharebus.cli.demo import free_ports
from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Grant
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import ClientConfig, client_config, credentials_for
from sharebus.infra.embedded.kafka import EmbeddedKafka
from sharebus.infra.embedded.registry import EmbeddedRegistry
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import PORT_SETTINGS, Settings, environment_of, load_settings
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.framing import frame
from sharebus.schemas.record import audit_batch
from sharebus.schemas.topic import AUDIT, ingress_topic, value_subject
from sharebus.stream_apps.enforcer.apply import apply_catalog

PROVIDER: Final = "bench-provider"
SUBSCRIBER: Final = "bench-subscriber.reader"
SOURCE: Final = f"/systems/agency.{PROVIDER}.writer"
PAYLOAD_BYTES: Final = 211
FIELDS: Final[list[dict[str, Any]]] = [
    {"name": "uscc", "type": "string"},
    {"name": "name", "type": "string"},
    {"name": "legal_representative", "type": "string"},
    {"name": "phone", "type": ["null", "string"]},
    {"name": "registered_address", "type": "string"},
    {"name": "district", "type": "string"},
    {"name": "registered_on", "type": {"type": "int", "logicalType": "date"}},
    {"name": "capital_yuan", "type": "double"},
    {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["on", "off"]}},
    {"name": "remark", "type": "string"},
]
MARKED: Final = ("legal_representative", "phone")
_OFFICER: Final = {"name": "bench", "title": "bench"}
_PARSED: Final = parse_schema(
    {"type": "record", "name": "LegalPerson", "fields": json.loads(json.dumps(FIELDS))}
)


def agencies() -> list[Agency]:
    """One provider and one subscriber."""
    return [
        Agency.model_validate(
            {
                "id": agency, "code": code, "name": agency, "jurisdiction": "330200",
                "officer": _OFFICER,
                "systems": [{"id": system, "name": system, "roles": [role]}],
            }
        )
        for agency, code, system, role in (
            (PROVIDER, "BENCH-PROVIDER", "writer", "provider"),
            ("bench-subscriber", "BENCH-SUBSCRIBER", "reader", "subscriber"),
        )
    ]  # fmt: skip


def entry_of(entry_id: str, *, is_masked: bool, partitions: int = 1) -> CatalogEntry:
    """An entry with every check on: a credit code that refuses, control characters that flag."""
    checks = {
        "uscc": [{"name": "unified_social_credit_code", "on_failure": "refuse"}],
        "name": [{"name": "control_characters", "on_failure": "flag"}],
    }
    return CatalogEntry.model_validate(
        {
            "id": entry_id, "name": entry_id, "scope": "bench", "jurisdiction": "330200",
            "avro_schema": {"type": "record", "name": "LegalPerson", "fields": FIELDS},
            "key_fields": ["uscc"],
            "data_items": [
                {
                    "field": field["name"], "name": field["name"],
                    "mark": "personal" if is_masked and field["name"] in MARKED else "none",
                    "origin": {"kind": "collected", "basis": "bench"},
                    "checks": checks.get(field["name"], []),
                }
                for field in FIELDS
            ],
            "sharing": {"class": "conditional", "conditions": "bench"}
            if is_masked
            else {"class": "unconditional"},
            "provider": {"agency": PROVIDER, "system": "writer", "officer": _OFFICER},
            "update": {"frequency": "daily", "deadline": "bench"},
            "database": {"kind": "base", "domain": "bench"},
            "partitions": partitions,
        }
    )  # fmt: skip


def grant_of(entry: CatalogEntry) -> Grant:
    """A grant on the unmarked fields."""
    return Grant.model_validate(
        {
            "id": f"g-{entry.id}", "entry": entry.id, "system": SUBSCRIBER,
            "fields": [name for name in entry.field_names if name not in entry.marked_fields],
            "purpose": {"legal_basis": "bench", "scenario": "bench", "scope": "bench"},
            "term": {"first_day": date(2026, 1, 1), "last_day": date(2099, 1, 1)},
        }
    )  # fmt: skip


def credit_code(number: int) -> str:
    """A valid unified social credit code."""
    from sharebus.governance.content_checks import unified_social_credit_code

    return unified_social_credit_code(f"91330200{number:09d}")


def value_of(code: str, schema_id: int) -> bytes:
    """A framed value of exactly ``PAYLOAD_BYTES``, frame included."""
    row = {
        "uscc": code, "name": "宁波示例科技有限公司", "legal_representative": "示例人",
        "phone": "0574-00000000", "registered_address": "浙江省宁波市海曙区示例路1弄2号303室",
        "district": "330203", "registered_on": 18_000, "capital_yuan": 1_000_000.0,
        "status": "on", "remark": "",
    }  # fmt: skip
    body = BytesIO()
    schemaless_writer(body, _PARSED, row)
    row["remark"] = "x" * (PAYLOAD_BYTES - 5 - len(body.getvalue()))
    body = BytesIO()
    schemaless_writer(body, _PARSED, row)
    value = frame(schema_id, body.getvalue())
    assert len(value) == PAYLOAD_BYTES, len(value)
    return value


class Stage:
    """A running broker and registry, and what the benchmarks do on them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.admin_config = client_config(settings, credentials_for(settings, "admin"))

    def apply(self, *entries: CatalogEntry) -> None:
        """Provision entries, with a grant on each that is conditional."""
        grants = [grant_of(entry) for entry in entries if entry.sharing_class == "conditional"]
        collection = Collection(tuple(agencies()), entries, tuple(grants))
        apply_catalog(self.settings, CatalogFiles(collection, {}))

    def facts(self) -> PolicyFacts:
        """The facts in force."""
        reader = FactsReader(self.admin_config)
        reader.catch_up()
        reader.close()
        return reader.facts

    def schema_id(self, entry: str) -> int:
        """The id under which the entry's values are framed."""
        return max(self.facts().schemas[value_subject(ingress_topic(entry))])

    def producer(self) -> Producer:
        """A provider's producer; it writes as administrator, the rights are not measured here."""
        config: ClientConfig = {
            **self.admin_config,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 200_000,
        }
        return Producer(config)

    def preload(self, entry: str, count: int, start: int = 0) -> None:
        """Put events into an ingress topic."""
        schema_id = self.schema_id(entry)
        producer = self.producer()
        topic = ingress_topic(entry)
        for number in range(start, start + count):
            code = credit_code(number % 1_000_000)
            while True:
                try:
                    producer.produce(
                        topic, value_of(code, schema_id), code.encode(), headers=headers_of(number)
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()

    def log_of(self, app: str) -> Path:
        """Where an app of this stage says what it does."""
        return self.settings.data_dir / "logs" / f"{app}.log"

    @contextmanager
    def app(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of an app, as the supervisor starts it."""
        environment = {**os.environ, **environment_of(self.settings)}
        module = f"sharebus.stream_apps.{name}.app"
        argv = [sys.executable, "-m", "faust", "-A", module, "worker", "-l", "info",
                "--without-web"]  # fmt: skip
        with self.log_of(name).open("ab") as log:
            process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def audit_times(self, entry: str, count: int, gate: subprocess.Popen[bytes]) -> list[Any]:
        """Wait until ``count`` events of an entry are decided; gives (ms, lines) per record."""
        reader = LogReader(self.admin_config)
        found: list[tuple[int, int]] = []
        lines = 0
        next_offset = 0

        def take(message: Message) -> None:
            nonlocal lines
            batch = audit_batch().decode(message.value() or b"")
            if batch["entry"] == entry and batch["source_topic"] == ingress_topic(entry):
                refused = [line for line in batch["lines"] if line["outcome"] != "accepted"]
                assert not refused, refused[0]
                lines += len(batch["lines"])
                found.append((message.timestamp()[1], len(batch["lines"])))

        while lines < count:
            next_offset = reader.read(AUDIT, 0, next_offset, take)
            if gate.poll() is not None:
                raise SystemExit(f"the gate ended with {gate.returncode}; see its log")
            time.sleep(0.2)
        reader.close()
        return found


def headers_of(number: int) -> ce.Headers:
    """Five CloudEvents headers, and the two that the bus asks for beside them."""
    return ce.change_headers(
        event_id=f"bench-{number}", source=SOURCE, event_type=ce.TYPE_UPSERTED,
        time="2026-11-22T08:00:00Z", data_period="2026-11", delivery="bench",
    )  # fmt: skip


@contextmanager
def stage(*, is_flushed: bool = False) -> Iterator[Stage]:
    """A broker and a registry on free ports, in a temporary data directory."""
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sharebus-bench-")))
        settings = load_settings(data_dir=folder, flush_every_message=is_flushed, **ports)
        stack.enter_context(EmbeddedKafka(settings))
        stack.enter_context(EmbeddedRegistry(settings))
        yield Stage(settings)
