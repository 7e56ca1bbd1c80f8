"""The embedded broker's configuration keeps what the design promises."""

import pytest

from sharebus.infra.embedded import kafka_properties
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.settings import load_settings


def properties(tmp_path, **overrides) -> dict[str, str]:
    settings = load_settings(data_dir=tmp_path, **overrides)
    passwords = {"broker": "b-secret", "controller": "c-secret"}
    authority = CertificateAuthority(settings)
    text = kafka_properties.server(settings, tmp_path / "log", passwords, authority)
    return dict(line.split("=", 1) for line in text.splitlines())


def test_nothing_is_bound_beyond_loopback_unless_asked(tmp_path):
    listeners = properties(tmp_path)["listeners"].split(",")
    assert [listener.split("://")[1].split(":")[0] for listener in listeners] == ["127.0.0.1"] * 3


def test_beyond_loopback_clients_speak_tls_and_the_controller_stays_inside(tmp_path):
    found = properties(tmp_path, bind_host="192.0.2.1", advertised_host="bus.example")
    assert "CLIENT:SASL_SSL" in found["listener.security.protocol.map"]
    assert "CONTROLLER://127.0.0.1:19094" in found["listeners"]
    assert found["advertised.listeners"] == "CLIENT://bus.example:19092,MTLS://bus.example:19093"


def test_rights_are_denied_by_default_and_three_principals_have_all(tmp_path):
    found = properties(tmp_path)
    assert found["authorizer.class.name"].endswith("StandardAuthorizer")
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert found["super.users"] == "User:admin;User:broker;User:controller"
    assert found["listener.name.mtls.ssl.client.auth"] == "required"


@pytest.mark.parametrize("flush", [True, False])
def test_every_message_is_flushed_unless_told_otherwise(tmp_path, flush):
    found = properties(tmp_path, flush_every_message=flush)
    assert ("log.flush.interval.messages" in found) is flush


def test_password_of_each_listener_is_its_own(tmp_path):
    found = properties(tmp_path)
    client = found["listener.name.client.scram-sha-512.sasl.jaas.config"]
    controller = found["listener.name.controller.plain.sasl.jaas.config"]
    assert "b-secret" in client
    assert "c-secret" not in client
    assert "b-secret" not in controller
    assert 'user_controller="c-secret"' in controller
