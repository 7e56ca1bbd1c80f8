"""A certificate authority for the embedded broker: TLS for clients elsewhere, and mTLS.

Made once under ``<data_dir>/certificates``. The subject of a client certificate is exactly
``CN=<principal>``, which the broker's mTLS listener maps to that principal.
"""

import datetime
import ipaddress
import re
from pathlib import Path
from typing import Final, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sharebus import InvalidInput, Refused
from sharebus.governance.identity import ID_PATTERN
from sharebus.infra.embedded.secrets import BROKER_PRINCIPALS, write_private
from sharebus.infra.settings import Settings

VALID_DAYS: Final = 3650
CLIENT_VALID_DAYS: Final = 397
_COMMON_NAME_CHARACTERS_MAX: Final = 64
_RENEWED_BEFORE: Final = datetime.timedelta(days=30)
_CLOCK_SKEW: Final = datetime.timedelta(minutes=10)


class CertificateAuthority:
    """The authority of one data directory; it is created when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.directory = settings.data_dir / "certificates"
        self.ca_path = self.directory / "ca.pem"
        self._ca_key_path = self.directory / "ca-key.pem"
        self.server_path = self.directory / "server.pem"

    def create_missing(self) -> None:
        """Create authority and server certificate, the latter anew when it no longer fits."""
        if not (self.ca_path.exists() and self._ca_key_path.exists()):
            self._create_authority()
        if not self._server_is_current():
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = self._sign(
                key,
                "sharebus-broker",
                x509.SubjectAlternativeName(self._server_names()),
                usage=ExtendedKeyUsageOID.SERVER_AUTH,
                valid_days=VALID_DAYS,
            )
            write_private(self.server_path, _pem_of_key(key) + _pem(certificate))

    def issue_client(self, principal: str, directory: Path | None = None) -> tuple[Path, Path]:
        """Certificate and key with which ``principal`` connects to the mTLS listener.

        Returns the two paths. Raises Refused for the broker's own principals, which have all
        rights, and InvalidInput for a name that no system or certificate can have.
        """
        if principal in BROKER_PRINCIPALS:
            raise Refused(f"{principal} has every right on the broker and gets no certificate.")
        named = all(re.fullmatch(ID_PATTERN, part) for part in principal.split("."))
        if not named or len(principal) > _COMMON_NAME_CHARACTERS_MAX:
            raise InvalidInput(
                "No certificate can be issued for this name.",
                where="principal",
                expected="agency.<agency>.<system> or an app, at most "
                f"{_COMMON_NAME_CHARACTERS_MAX} characters (the limit of X.509)",
                found=repr(principal),
            )
        self.create_missing()
        directory = directory or self.directory / "clients"
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            key,
            principal,
            None,
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            valid_days=CLIENT_VALID_DAYS,
        )
        certificate_path = directory / f"{principal}.pem"
        key_path = directory / f"{principal}-key.pem"
        write_private(key_path, _pem_of_key(key))
        write_private(certificate_path, _pem(certificate))
        return certificate_path, key_path

    def _create_authority(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("sharebus embedded authority")
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .sign(key, hashes.SHA256())
        )
        # The certificate last: whoever finds it can rely on the key.
        write_private(self._ca_key_path, _pem_of_key(key))
        write_private(self.ca_path, _pem(certificate))

    def _sign(
        self,
        key: ec.EllipticCurvePrivateKey,
        common_name: str,
        names: x509.SubjectAlternativeName | None,
        *,
        usage: x509.ObjectIdentifier,
        valid_days: int,
    ) -> x509.Certificate:
        authority = x509.load_pem_x509_certificate(self.ca_path.read_bytes())
        authority_key = cast(
            ec.EllipticCurvePrivateKey,
            serialization.load_pem_private_key(self._ca_key_path.read_bytes(), None),
        )
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + datetime.timedelta(days=valid_days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(authority_key, hashes.SHA256())

    def _server_names(self) -> list[x509.GeneralName]:
        hosts = ["127.0.0.1", "localhost"]
        for host in (self._settings.bind_host, self._settings.advertised_host):
            if host not in hosts:
                hosts.append(host)
        return [_general_name(host) for host in hosts]

    def _server_is_current(self) -> bool:
        if not self.server_path.exists():
            return False
        certificate = x509.load_pem_x509_certificate(self.server_path.read_bytes())
        authority = x509.load_pem_x509_certificate(self.ca_path.read_bytes())
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError):
            return False
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        return list(names.value) == self._server_names() and left > _RENEWED_BEFORE


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
