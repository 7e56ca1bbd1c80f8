"""Settings come from overrides, environment and file in this order, and say what is wrong."""

import subprocess
import sys

import pytest

from sharebus import InvalidInput
from sharebus.infra.settings import Settings, environment_of, load_settings


@pytest.fixture(autouse=True)
def nothing_given(tmp_path, monkeypatch):
    """No settings of the machine that runs the tests, and an empty working directory."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SHAREBUS_{name.upper()}", raising=False)
    monkeypatch.delenv("SHAREBUS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def write_config(path, text, monkeypatch):
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SHAREBUS_CONFIG", str(path))


def test_environment_beats_file_and_override_beats_environment(tmp_path, monkeypatch):
    write_config(tmp_path / "a.toml", "kafka_port = 1001\nregistry_port = 1002", monkeypatch)
    monkeypatch.setenv("SHAREBUS_KAFKA_PORT", "2001")
    monkeypatch.setenv("SHAREBUS_CONTROLLER_PORT", "2003")

    settings = load_settings(controller_port=3003)

    assert (settings.registry_port, settings.kafka_port, settings.controller_port) == (
        1002, 2001, 3003,
    )  # fmt: skip


def test_sharebus_toml_of_the_working_directory_is_read_when_no_file_is_named(tmp_path):
    (tmp_path / "sharebus.toml").write_text("kafka_port = 1001", encoding="utf-8")
    assert load_settings().kafka_port == 1001


def test_named_file_that_is_missing_is_an_error_and_not_the_defaults(tmp_path, monkeypatch):
    monkeypatch.setenv("SHAREBUS_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(InvalidInput, match="cannot be read") as caught:
        load_settings()
    assert caught.value.where.endswith("missing.toml")


def test_unknown_key_is_refused_with_file_key_and_nearest_known_key(tmp_path, monkeypatch):
    write_config(tmp_path / "a.toml", 'security_protocoll = "SASL_SSL"', monkeypatch)
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert caught.value.where == f"{tmp_path / 'a.toml'}: security_protocoll"
    assert caught.value.expected == "security_protocol"


@pytest.mark.parametrize("text", ["kafka_port = ", "\xff"])
def test_file_that_is_not_toml_is_refused(tmp_path, monkeypatch, text):
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("SHAREBUS_CONFIG", str(path))
    with pytest.raises(InvalidInput, match="not TOML"):
        load_settings()


def test_misspelt_variable_is_refused_with_the_nearest_setting(monkeypatch):
    monkeypatch.setenv("SHAREBUS_KAFKA_PRT", "23")
    with pytest.raises(InvalidInput) as refused:
        load_settings()
    assert (refused.value.where, refused.value.expected) == ("SHAREBUS_KAFKA_PRT", "kafka_port")


def test_wrong_value_names_the_variable_it_came_from(monkeypatch):
    monkeypatch.setenv("SHAREBUS_KAFKA_PORT", "70000")
    with pytest.raises(InvalidInput) as caught:
        load_settings()
    assert (caught.value.where, caught.value.found) == ("SHAREBUS_KAFKA_PORT", "'70000'")


def test_wrong_value_of_a_secret_is_not_shown():
    with pytest.raises(InvalidInput) as caught:
        load_settings(password=["hush"])
    assert "hush" not in str(caught.value)


def test_password_is_not_shown_by_repr():
    assert "hush" not in repr(load_settings(username="a", password="hush"))


def test_embedded_addresses_follow_from_the_ports():
    settings = load_settings(kafka_port=1001, registry_port=1002)
    assert settings.bootstrap_servers == "127.0.0.1:1001"
    assert settings.registry_url == "http://127.0.0.1:1002/apis/ccompat/v7"
    assert settings.security_protocol == "SASL_PLAINTEXT"


def test_embedded_beyond_loopback_is_encrypted():
    settings = load_settings(bind_host="192.0.2.1")
    assert settings.security_protocol == "SASL_SSL"
    assert settings.ssl_ca_file == settings.data_dir / "certificates" / "ca.pem"
    with pytest.raises(InvalidInput, match="SASL_SSL"):
        load_settings(bind_host="192.0.2.1", security_protocol="SASL_PLAINTEXT")


def test_embedded_on_every_address_needs_the_one_to_connect_to():
    with pytest.raises(InvalidInput, match="advertised_host"):
        load_settings(bind_host="::")
    settings = load_settings(bind_host="::", advertised_host="bus.example")
    assert settings.bootstrap_servers == "bus.example:19092"


def test_ipv6_address_is_written_in_brackets():
    assert load_settings(bind_host="2001:db8::1").bootstrap_servers == "[2001:db8::1]:19092"


def test_embedded_with_the_address_of_another_cluster_is_refused():
    with pytest.raises(InvalidInput, match="embedded = false"):
        load_settings(bootstrap_servers="elsewhere:9092")


def test_cluster_of_ones_own_needs_both_addresses():
    with pytest.raises(InvalidInput, match="registry_url"):
        load_settings(embedded=False, bootstrap_servers="elsewhere:9092")


def test_client_certificate_in_embedded_mode_leads_to_the_mtls_port(tmp_path):
    settings = load_settings(
        security_protocol="SSL", ssl_certificate_file=tmp_path / "c", ssl_key_file=tmp_path / "k"
    )
    assert settings.bootstrap_servers == "127.0.0.1:19093"


@pytest.mark.parametrize(
    "contradiction",
    [
        {"security_protocol": "SSL"},
        {"ssl_key_file": "key.pem"},
        {"password": "a", "password_file": "b"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(contradiction):
    with pytest.raises(InvalidInput, match="contradict"):
        load_settings(**contradiction)


def test_child_process_reads_the_same_settings_without_the_credentials(monkeypatch):
    settings = load_settings(
        kafka_port=1001, data_dir="elsewhere", flush_every_message=False, username="u",
        password="hush",
    )  # fmt: skip
    environment = environment_of(settings)
    assert "hush" not in " ".join(environment.values())

    program = "from sharebus.infra.settings import load_settings as l; print(l().model_dump_json())"
    output = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd="/", capture_output=True, check=True
    ).stdout
    expected = settings.model_copy(update={"username": "", "password": None})
    assert Settings.model_validate_json(output) == expected
