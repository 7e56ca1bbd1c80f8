"""Credentials are found in one order, kept private, and become librdkafka properties."""

import pytest

from sharebus import InvalidInput
from sharebus.infra.credentials import (
    Credentials,
    client_config,
    credentials_for,
    credentials_path,
)
from sharebus.infra.embedded import secrets
from sharebus.infra.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    return load_settings(data_dir=tmp_path)


def test_created_credentials_are_found_private_and_never_replaced(settings):
    assert secrets.create_credentials(settings, "gate")
    first = credentials_for(settings, "gate")
    assert not secrets.create_credentials(settings, "gate")

    assert credentials_for(settings, "gate") == first
    assert first.username == "gate"
    path = credentials_path(settings, "gate")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_credentials_that_others_may_read_are_refused(settings, mode):
    secrets.create_credentials(settings, "gate")
    path = credentials_path(settings, "gate")
    path.chmod(mode)
    with pytest.raises(InvalidInput, match="Others than the owner") as caught:
        credentials_for(settings, "gate")
    assert caught.value.found == f"{mode:04o}"
    assert caught.value.where == str(path)


def test_missing_credentials_say_which_and_where(settings):
    with pytest.raises(InvalidInput, match=r"agency\.a\.b") as caught:
        credentials_for(settings, "agency.a.b")
    assert caught.value.where == str(credentials_path(settings, "agency.a.b"))


@pytest.mark.parametrize("text", ["username =", 'username = "a"'])
def test_damaged_credentials_are_refused(settings, text):
    secrets.write_private(credentials_path(settings, "gate"), text.encode())
    with pytest.raises(InvalidInput, match="credentials"):
        credentials_for(settings, "gate")


def test_given_username_beats_the_file_of_the_principal(settings, tmp_path):
    secrets.create_credentials(settings, "gate")
    secrets.write_private(tmp_path / "password", b"from file\n")
    given = settings.model_copy(
        update={"username": "named", "password_file": tmp_path / "password"}
    )
    found = credentials_for(given, "gate")
    assert found.username == "named"
    assert found.password is not None
    assert found.password.get_secret_value() == "from file"


def test_username_without_password_is_refused(settings):
    with pytest.raises(InvalidInput, match="without a password"):
        credentials_for(settings.model_copy(update={"username": "named"}), "gate")


def test_password_with_quotes_and_backslashes_is_kept_exactly(settings):
    password = 'a"b\\c\n密码'
    secrets.write_credentials(settings, "gate", "gate", password)
    assert secrets.password_of(settings, "gate") == password


def test_client_config_of_plain_sasl_holds_no_tls(settings):
    secrets.create_credentials(settings, "gate")
    config = client_config(settings, credentials_for(settings, "gate"))
    assert config == {
        "bootstrap.servers": "127.0.0.1:19092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "gate",
        "sasl.password": secrets.password_of(settings, "gate"),
    }


def test_rotated_password_is_kept_with_its_mechanism(settings):
    secrets.write_credentials(settings, "a.b", "a.b", "new", "SCRAM-SHA-256")
    config = client_config(settings, credentials_for(settings, "a.b"))
    assert (config["sasl.mechanism"], config["sasl.password"]) == ("SCRAM-SHA-256", "new")


def test_client_config_of_mtls_holds_certificates_and_no_password(tmp_path):
    settings = load_settings(
        embedded=False, bootstrap_servers="a:1", registry_url="http://a:2",
        security_protocol="SSL", ssl_ca_file=tmp_path / "ca",
        ssl_certificate_file=tmp_path / "certificate", ssl_key_file=tmp_path / "key",
    )  # fmt: skip
    assert client_config(settings, credentials_for(settings, "gate")) == {
        "bootstrap.servers": "a:1",
        "security.protocol": "SSL",
        "ssl.ca.location": str(tmp_path / "ca"),
        "ssl.certificate.location": str(tmp_path / "certificate"),
        "ssl.key.location": str(tmp_path / "key"),
    }


def test_credentials_do_not_show_the_password(settings):
    secrets.write_credentials(settings, "gate", "gate", "hush")
    found = credentials_for(settings, "gate")
    assert isinstance(found, Credentials)
    assert "hush" not in repr(found)


def test_create_missing_makes_every_secret_once(settings):
    secrets.create_missing(settings)
    files = sorted(path for path in settings.data_dir.rglob("*") if path.is_file())
    contents = [path.read_bytes() for path in files]
    assert len(set(contents)) == len(files) == 12
    for key in secrets.KEYS:
        assert len(bytes.fromhex(secrets.key_path(settings, key).read_text())) == 32

    secrets.create_missing(settings)
    assert [path.read_bytes() for path in files] == contents


def test_interrupted_write_leaves_the_old_content_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "secret"
    secrets.write_private(path, b"old")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        secrets.write_private(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    assert path.read_bytes() == b"old"
