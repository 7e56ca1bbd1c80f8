"""The embedded authority issues to systems and apps, and to nobody with all rights."""

import datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from sharebus import InvalidInput, Refused
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.settings import load_settings


def authority(tmp_path, **overrides) -> CertificateAuthority:
    return CertificateAuthority(load_settings(data_dir=tmp_path, **overrides))


def load(path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_client_certificate_has_the_principal_alone_as_its_subject(tmp_path):
    ours = authority(tmp_path)
    certificate_path, key_path = ours.issue_client("agency.civil-affairs.registry")
    certificate = load(certificate_path)

    assert certificate.subject.rfc4514_string() == "CN=agency.civil-affairs.registry"
    certificate.verify_directly_issued_by(load(ours.ca_path))
    assert key_path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("principal", ["admin", "broker", "controller"])
def test_certificate_of_a_super_user_is_refused(tmp_path, principal):
    with pytest.raises(Refused):
        authority(tmp_path).issue_client(principal)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a,CN=admin",
        "../admin",
        "a b",
        "A.b",
        "a..b",
        "a+CN=b",
        "agency." + "a" * 40 + "." + "b" * 40,
    ],
)
def test_name_that_no_system_can_have_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput):
        authority(tmp_path).issue_client(name)


def test_server_certificate_names_loopback_and_the_advertised_host(tmp_path):
    ours = authority(tmp_path, bind_host="192.0.2.1", advertised_host="bus.example")
    ours.create_missing()
    names = load(ours.server_path).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(name.value) for name in names.value] == [
        "127.0.0.1", "localhost", "192.0.2.1", "bus.example",
    ]  # fmt: skip


def test_server_certificate_is_kept_until_addresses_or_authority_change(tmp_path):
    ours = authority(tmp_path)
    ours.create_missing()
    first = ours.server_path.read_bytes()
    ours.create_missing()
    assert ours.server_path.read_bytes() == first

    moved = authority(tmp_path, bind_host="192.0.2.1")
    moved.create_missing()
    second = ours.server_path.read_bytes()
    assert second != first

    moved.ca_path.unlink()
    moved.create_missing()
    load(moved.server_path).verify_directly_issued_by(load(moved.ca_path))


def test_server_certificate_that_ends_soon_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr("sharebus.infra.embedded.certificates.VALID_DAYS", 29)
    ours = authority(tmp_path)
    ours.create_missing()
    monkeypatch.undo()
    ours.create_missing()
    left = load(ours.server_path).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert left > datetime.timedelta(days=300)


def test_authority_is_a_certificate_authority_and_a_client_is_not(tmp_path):
    ours = authority(tmp_path)
    certificate_path, _ = ours.issue_client("gate")
    for path, is_authority in ((ours.ca_path, True), (certificate_path, False)):
        constraints = load(path).extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value.ca is is_authority
    assert load(ours.ca_path).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
