"""Enrolling systems on a real broker: passwords once, certificates, and who is refused."""

import time

import pytest
from pydantic import SecretStr

from sharebus import InvalidInput, Refused
from sharebus.governance.identity import parse_system
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.enrolment import enrol, issue_certificate
from sharebus.stream_apps.enforcer.apply import apply_catalog

from .town import DEADLINE_SECONDS, Town, write_error

pytestmark = pytest.mark.integration


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
