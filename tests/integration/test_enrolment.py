"""Enrolling systems on a real broker: passwords once, certificates, and who is refused."""

import time

import pytest
from pydantic import SecretStr

from sharebus import InvalidInput, Refused
from sharebus.governance.identity import parse_system
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.enrolment import end_old_password, enrol, issue_certificate, rotate
from sharebus.infra.scram import Password
from sharebus.stream_apps.enforcer.apply import apply_catalog

from .town import DEADLINE_SECONDS, Town, write_error

pytestmark = pytest.mark.integration


def with_password(config: ClientConfig, password: Password) -> ClientConfig:
    login: ClientConfig = {
        "sasl.password": password.secret.get_secret_value(),
        "sasl.mechanism": password.mechanism,
    }
    return {**config, **login}


def wait_until_refused(config: ClientConfig, topic: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while write_error(config, topic) is None:
        assert time.monotonic() < deadline, "the old password still logs in"


def test_system_is_enrolled_once(town: Town) -> None:
    town.apply(town.entry())
    town.login(town.sender)
    with pytest.raises(Refused, match="enrolled already"):
        enrol(town.settings, [town.sender])


def test_rotation_leaves_no_moment_without_a_password(town: Town) -> None:
    town.apply(town.entry())
    first = town.login(town.sender)
    topic = f"ingress.{town.entry().id}"
    second = with_password(first, rotate(town.settings, town.sender))
    assert [write_error(config, topic) for config in (first, second)] == [None, None]
    with pytest.raises(Refused, match="an old and a new password"):
        rotate(town.settings, town.sender)
    end_old_password(town.settings, town.sender)
    wait_until_refused(first, topic)
    assert write_error(second, topic) is None
    with pytest.raises(Refused, match="has one password"):
        end_old_password(town.settings, town.sender)
    third = with_password(first, rotate(town.settings, town.sender))
    assert third["sasl.mechanism"] == first["sasl.mechanism"]
    assert [write_error(config, topic) for config in (second, third)] == [None, None]


@pytest.mark.parametrize("is_rotated_before", [False, True])
def test_password_that_somebody_saw_ends_at_once(town: Town, is_rotated_before: bool) -> None:
    town.apply(town.entry())
    old = [town.login(town.sender)]
    if is_rotated_before:
        old.append(with_password(old[0], rotate(town.settings, town.sender)))
    new = with_password(old[0], rotate(town.settings, town.sender, is_at_once=True))
    topic = f"ingress.{town.entry().id}"
    for config in old:
        wait_until_refused(config, topic)
    assert write_error(new, topic) is None


def test_system_without_a_password_has_none_to_rotate(town: Town) -> None:
    town.apply(town.entry())
    for call in (rotate, end_old_password):
        with pytest.raises(Refused, match="not enrolled yet"):
            call(town.settings, town.sender)


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
