"""Clients that know nothing of sharebus read a topic with the settings that sharebus prints.

Kafka's console consumer and KafkaJS are fetched once, into ``.sharebus/foreign``. Without Node.js
or kcat their tests are skipped, unless ``SHAREBUS_REQUIRE_NODE`` or ``SHAREBUS_REQUIRE_KCAT`` is 1.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, Message
from fastavro import parse_schema, schemaless_reader
from pydantic import SecretStr

from sharebus.infra.client_settings import ClientFormat, client_settings
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.secrets import password_of
from sharebus.infra.enrolment import Certificate
from sharebus.infra.scram import Password

from ..foreign import DEADLINE_SECONDS, FETCH_SECONDS_MAX, FOREIGN, console_consumer, fetched, run

pytestmark = pytest.mark.integration

SINCE = date(1989, 12, 27)
SINCE_DAYS = (SINCE - date(1970, 1, 1)).days
ROWS: list[dict[str, Any]] = [
    {"code": "330203", "name": "海曙区", "since": SINCE},
    {"code": "330204"},
    {"code": "330205", "name": "江北 𠮷", "since": None},
]
KEYS = [row["code"] for row in ROWS]


@pytest.fixture
def entry(make_entry: Callable[[], Any]) -> Any:
    """Two rows and a deletion between events of transactions that were aborted."""
    entry = make_entry()
    entry.topic = entry.create_view()
    entry.grant(entry.topic)
    entry.write(entry.topic, [{"code": "999901", "name": "never"}], abort=True)
    entry.write(entry.topic, ROWS)
    entry.write(entry.topic, [{"code": "999902", "name": "never"}], abort=True)
    return entry


def printed_settings(entry: Any, form: ClientFormat, directory: Path) -> Path:
    """A file as ``sharebus credentials SYSTEM --format FORM`` prints it."""
    password = Password(SecretStr(password_of(entry.settings, entry.name.principal)))
    path = directory / form.value
    path.write_text(client_settings(entry.settings, entry.name, password, form), "utf-8")
    return path


def require(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        message = f"{tool} is missing"
        if os.environ.get(f"SHAREBUS_REQUIRE_{tool.upper()}") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


def fetch_npm_packages(directory: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOREIGN / "kafkajs" / name, directory)
    # The lock file holds no addresses: npm asks its configured registry and compares digests.
    command = ("npm", "ci", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund")
    run(*command, timeout_seconds=FETCH_SECONDS_MAX)


def read_librdkafka_settings(path: Path) -> dict[str, Any]:
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_kafkajs_with_printed_settings_reads_committed_events_with_decoded_values(
    entry: Any, tmp_path: Path
) -> None:
    node = require("node")
    packages = fetched(FOREIGN / "kafkajs" / "package-lock.json", fetch_npm_packages)
    output = run(
        node,
        FOREIGN / "kafkajs" / "subscriber.mjs",
        printed_settings(entry, ClientFormat.KAFKAJS, tmp_path),
        entry.topic,
        str(len(ROWS)),
        environment={"NODE_PATH": str(packages / "node_modules")},
    )
    events = sorted((json.loads(line) for line in output.splitlines()), key=lambda e: e["key"])
    assert [event["key"] for event in events] == KEYS
    assert [event["row"] for event in events] == [
        {"code": "330203", "name": "海曙区", "since": SINCE_DAYS},
        None,
        {"code": "330205", "name": "江北 𠮷", "since": None},
    ]
    assert {event["headers"]["ce_dataperiod"] for event in events} == {"2026-11-22"}


def test_stock_librdkafka_with_printed_settings_reads_committed_events(
    entry: Any, tmp_path: Path
) -> None:
    settings = read_librdkafka_settings(printed_settings(entry, ClientFormat.LIBRDKAFKA, tmp_path))
    rows = {
        (message.key() or b"").decode(): _decode_by_registry(entry, message.value())
        for message in _consume(settings, entry.topic, len(ROWS))
    }
    assert rows == {
        "330203": {"code": "330203", "name": "海曙区", "since": SINCE},
        "330204": None,
        "330205": {"code": "330205", "name": "江北 𠮷", "since": None},
    }


def _consume(settings: dict[str, Any], topic: str, count: int) -> list[Message]:
    consumer = Consumer({**settings, "log_level": 2})
    consumer.subscribe([topic])
    messages: list[Message] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(messages) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None:
            messages.append(message)
    consumer.close()
    return messages


def _decode_by_registry(entry: Any, value: bytes | None) -> Any:
    """Confluent framing with nothing but an HTTP client and an Avro library."""
    if value is None:
        return None
    assert value[0] == 0
    schema_id = int.from_bytes(value[1:5], "big")
    answer = httpx.get(f"{entry.settings.registry_url}/schemas/ids/{schema_id}", trust_env=False)
    schema = parse_schema(json.loads(answer.raise_for_status().json()["schema"]))
    return schemaless_reader(BytesIO(value[5:]), schema, None)


def test_stock_client_of_a_system_without_the_right_is_refused_by_the_broker(
    entry: Any, make_entry: Callable[[], Any], tmp_path: Path
) -> None:
    other = make_entry()
    other.grant()
    settings = read_librdkafka_settings(printed_settings(other, ClientFormat.LIBRDKAFKA, tmp_path))
    [message] = _consume(settings, entry.topic, 1)
    error = message.error()
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_console_consumer_with_printed_settings_reads_committed_events(
    entry: Any, tmp_path: Path
) -> None:
    output = run(
        *console_consumer(),
        "--bootstrap-server", entry.settings.bootstrap_servers, "--topic", entry.topic,
        "--command-config", printed_settings(entry, ClientFormat.PROPERTIES, tmp_path),
        "--max-messages", str(len(ROWS)), "--timeout-ms", str(DEADLINE_SECONDS * 500),
        "--formatter-property", "print.key=true", "--formatter-property", "print.value=false",
    )  # fmt: skip
    assert sorted(output.split()) == KEYS


def test_kcat_with_a_client_certificate_reads_committed_events(entry: Any, tmp_path: Path) -> None:
    kcat = require("kcat")
    if entry.broker.kafka is None:
        pytest.skip("certificates for this cluster are not ours to issue")
    authority = CertificateAuthority(entry.settings)
    certificate, key = authority.issue_client(entry.name.principal, tmp_path)
    login = Certificate(authority.ca_path, certificate, key, keystore=key)
    path = tmp_path / "kcat.conf"
    text = client_settings(entry.settings, entry.name, login, ClientFormat.LIBRDKAFKA)
    path.write_text(text, "utf-8")
    output = run(kcat, "-F", path, "-C", "-t", entry.topic, "-o", "beginning", "-e", "-f", "%k\n")
    assert sorted(output.split()) == KEYS
