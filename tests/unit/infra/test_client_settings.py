"""Settings for clients of any make say what a reader and a writer must not get wrong."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from sharebus.governance.identity import SystemName
from sharebus.infra.client_settings import ClientFormat, client_settings
from sharebus.infra.enrolment import Certificate
from sharebus.infra.scram import Password
from sharebus.infra.settings import Settings, load_settings

SYSTEM = SystemName("tax", "levy")
PASSWORD = Password(SecretStr("one-time"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    paths = [tmp_path / name for name in ("ca.pem", "client.pem", "key.pem", "keystore.pem")]
    for path in paths:
        path.write_text(f"PEM of {path.stem}\n", encoding="ascii")
    return Certificate(*paths)


def properties_of(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("form", [ClientFormat.PROPERTIES, ClientFormat.LIBRDKAFKA])
def test_settings_read_committed_in_a_group_of_the_agency(
    settings: Settings, form: ClientFormat
) -> None:
    properties = properties_of(client_settings(settings, SYSTEM, PASSWORD, form))
    assert properties["isolation.level"] == "read_committed"
    assert properties["group.id"].startswith("agency.tax.")
    assert properties["bootstrap.servers"] == settings.bootstrap_servers
    assert properties["sasl.mechanism"] == "SCRAM-SHA-512"


@pytest.mark.parametrize("form", ClientFormat)
def test_rotated_password_comes_with_its_mechanism(settings: Settings, form: ClientFormat) -> None:
    rotated = Password(SecretStr("one-time"), "SCRAM-SHA-256")
    text = client_settings(settings, SYSTEM, rotated, form)
    assert "SCRAM-SHA-256" in text.upper()
    assert "512" not in text


def test_librdkafka_is_told_the_partitioner_of_everybody_else(settings: Settings) -> None:
    text = client_settings(settings, SYSTEM, PASSWORD, ClientFormat.LIBRDKAFKA)
    assert properties_of(text)["partitioner"] == "murmur2_random"


def test_java_gets_the_password_inside_its_login_line(settings: Settings) -> None:
    text = client_settings(settings, SYSTEM, PASSWORD, ClientFormat.PROPERTIES)
    login = properties_of(text)["sasl.jaas.config"]
    assert 'username="agency.tax.levy" password="one-time";' in login


def test_kafkajs_gets_one_json_document(settings: Settings) -> None:
    document = json.loads(client_settings(settings, SYSTEM, PASSWORD, ClientFormat.KAFKAJS))
    assert document["client"]["sasl"]["mechanism"] == "scram-sha-512"
    assert document["consumer"] == {"groupId": "agency.tax.levy", "readUncommitted": False}
    assert document["registry"]["host"] == settings.registry_url


@pytest.mark.parametrize("form", list(ClientFormat))
def test_certificate_logs_in_without_a_password_at_its_own_port(
    settings: Settings, certificate: Certificate, form: ClientFormat
) -> None:
    text = client_settings(settings, SYSTEM, certificate, form)
    assert f"127.0.0.1:{settings.kafka_mtls_port}" in text
    assert "sasl" not in text
    if form is ClientFormat.KAFKAJS:
        assert json.loads(text)["client"]["ssl"] == {
            "ca": ["PEM of ca\n"],
            "cert": "PEM of client\n",
            "key": "PEM of key\n",
        }
    else:
        assert properties_of(text)["security.protocol"] == "SSL"
