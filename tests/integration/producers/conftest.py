"""A provider with catalog entries of its own, and a real gate that decides what it sends."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.identity import SystemName
from sharebus.infra.catalog_files import CatalogFiles
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings, environment_of
from sharebus.producers.provider import Provider
from sharebus.producers.publication import PublishOptions, PublishReport, publish_file
from sharebus.schemas.topic import accepted_topic, ingress_topic
from sharebus.stream_apps.enforcer.apply import apply_catalog

DEADLINE_SECONDS = 60.0
ENTRY_COUNTS = {"open": 29, "closed": 15}
FIELDS: list[dict[str, Any]] = [
    {"name": "code", "type": "string"},
    {"name": "name", "type": ["null", "string"]},
    {"name": "since", "type": ["null", {"type": "int", "logicalType": "date"}]},
]


class GateProcess:
    """The gate as it runs in production, in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {**os.environ, **environment_of(settings)}
        self._log = settings.data_dir / "gate-of-providers.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "faust", "-A", "sharebus.stream_apps.gate.app"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "worker", "-l", "info", "--without-web"],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(DEADLINE_SECONDS)
            self._process = None


@dataclass
class Register:
    """A provider's system, and the ways in which the tests look at what it did."""

    settings: Settings
    gate: GateProcess
    system: SystemName
    colleague: SystemName
    """A system of another agency, which also provides an entry."""
    entries: dict[str, list[CatalogEntry]] = field(default_factory=dict)

    def provider(self, entry: CatalogEntry) -> Provider:
        return Provider(entry.id, str(self.system), self.settings)

    def publish(self, entry: CatalogEntry, path: Path, **options: Any) -> PublishReport:
        wanted = PublishOptions(
            **{"period": "2026-11", "wait_seconds": DEADLINE_SECONDS, **options}
        )
        with self.provider(entry) as provider:
            return publish_file(provider, path, wanted, lambda *_progress: None)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """``sharebus …`` as a process."""
        return subprocess.Popen(
            [Path(sys.executable).with_name("sharebus"), *arguments],
            env={**os.environ, **environment_of(self.settings)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.command(*arguments)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
        return process.returncode, out, err

    def records(self, topic: str, partition_count: int) -> list[Message]:
        """Everything committed in a topic, as the administrator sees it."""
        log = LogReader(client_config(self.settings, credentials_for(self.settings, "admin")))
        found: list[Message] = []
        for partition in range(partition_count):
            log.read(topic, partition, 0, found.append)
        log.close()
        return found

    def sent_count(self, entry: CatalogEntry) -> int:
        log = LogReader(client_config(self.settings, credentials_for(self.settings, "admin")))
        ends = [log.bounds(ingress_topic(entry.id), p)[1] for p in range(entry.partitions)]
        log.close()
        return sum(ends)

    def accepted(self, entry: CatalogEntry) -> list[Message]:
        return self.records(accepted_topic(entry), entry.partitions)

    def present(self, entry: CatalogEntry) -> dict[str, bytes]:
        """What is accepted, compacted: key to value."""
        state: dict[str, bytes] = {}
        for message in self.accepted(entry):
            key, value = (message.key() or b"").decode(), message.value()
            if value is None:
                state.pop(key, None)
            else:
                state[key] = value
        return state

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.1)


def _entry(name: str, system: SystemName, tag: str, sharing: dict[str, Any]) -> CatalogEntry:
    checks = [{"name": "bidirectional_characters", "on_failure": "refuse"}]
    return CatalogEntry.model_validate(
        {
            "id": name,
            "name": "示例目录",
            "scope": "示例",
            "jurisdiction": "330000",
            "avro_schema": {
                "type": "record", "name": "Sample", "namespace": f"test.p{tag}", "fields": FIELDS,
            },
            "key_fields": ["code"],
            "data_items": [
                {
                    "field": item["name"], "name": item["name"],
                    "origin": {"kind": "collected", "basis": "示例法"},
                    "checks": checks if item["name"] == "name" else [],
                }
                for item in FIELDS
            ],
            "sharing": sharing,
            "provider": {
                "agency": system.agency, "system": system.system,
                "officer": {"name": "示例", "title": "专员"},
            },
            "update": {"frequency": "daily", "deadline": "每日"},
            "database": {"kind": "specialised", "domain": "示例"},
            "partitions": 1 if sharing["class"] == "unconditional" else 3,
        }
    )  # fmt: skip


def _agency(system: SystemName, tag: str) -> Agency:
    return Agency.model_validate(
        {
            "id": system.agency, "code": f"TEST-{system.agency.upper()}", "name": "示例机关",
            "jurisdiction": "330000", "officer": {"name": "示例", "title": "专员"},
            "systems": [{"id": system.system, "name": "系统", "roles": ["provider"]}],
        }
    )  # fmt: skip


@pytest.fixture(scope="package")
def register(registry: Settings) -> Iterator[Register]:
    tag = uuid.uuid4().hex[:6]
    system, colleague = SystemName(f"pa-{tag}", "register"), SystemName(f"pb-{tag}", "register")
    gate = GateProcess(registry)
    found = Register(registry, gate, system, colleague)
    for kind, sharing in (
        ("open", {"class": "unconditional"}),
        ("closed", {"class": "conditional", "conditions": "示例"}),
    ):
        found.entries[kind] = [
            _entry(f"{kind}-{tag}-{number}", system, tag, sharing)
            for number in range(ENTRY_COUNTS[kind])
        ]
    theirs = _entry(f"theirs-{tag}", colleague, tag, {"class": "unconditional"})
    found.entries["theirs"] = [theirs]
    entries = tuple(entry for some in found.entries.values() for entry in some)
    agencies = (_agency(system, tag), _agency(colleague, tag))
    apply_catalog(registry, CatalogFiles(Collection(agencies, entries, ()), {}))
    for name, password in enrol(registry, [system, colleague]).items():
        save_password(registry, name, password)
    gate.start()
    yield found
    gate.stop()


@pytest.fixture
def open_entry(register: Register) -> CatalogEntry:
    """Unconditional, so its shared topic is its accepted topic; one partition."""
    return register.entries["open"].pop()


@pytest.fixture
def closed_entry(register: Register) -> CatalogEntry:
    """Conditional, with an accepted topic; three partitions."""
    return register.entries["closed"].pop()


def write_csv(path: Path, rows: dict[str, str], encoding: str = "utf-8") -> Path:
    """A file of codes and names."""
    lines = ["code,name,since", *(f"{code},{name}," for code, name in rows.items())]
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    return path
