"""Enrols an agency's system once: gives it a password or a certificate, which is shown once.

The password is kept by the broker as a SCRAM verifier and by nobody in the clear, unless it is
saved on this machine for a system that runs here.
"""

import difflib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.identity import SystemName
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.credentials import client_config, credentials_for, credentials_path
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.secrets import write_credentials, write_private
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.scram import set_passwords
from sharebus.infra.settings import Settings

_ADMINISTRATOR: Final = "admin"
_PASSWORD_BYTES: Final = 24
_REQUEST_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Certificate:
    """Files with which a system logs in; ``keystore`` holds key and certificate, as Java asks."""

    authority: Path
    certificate: Path
    key: Path
    keystore: Path


def enrol(
    settings: Settings, systems: Sequence[SystemName], *, is_rotation: bool = False
) -> dict[SystemName, SecretStr]:
    """Give each system a random password on the broker, as administrator.

    With ``is_rotation`` a system that has one gets another, and the old one ends.

    :raises InvalidInput: a system is in no agency of the catalog.
    :raises Refused: a system is enrolled already; nothing was changed for any of them.
    :raises Unavailable: the broker does not answer.
    """
    if settings.sasl_mechanism != "SCRAM-SHA-512":
        raise Refused(
            "Passwords of this cluster are not ours to give.",
            expected="sasl_mechanism SCRAM-SHA-512",
            found=settings.sasl_mechanism,
            remedy="Let its administrator create the user, and set username and password.",
        )
    admin = connect_admin(client_config(settings, credentials_for(settings, _ADMINISTRATOR)))
    _require_known(settings, systems)
    principals = [system.principal for system in systems]
    enrolled = sorted(_enrolled(admin, principals))
    if enrolled and not is_rotation:
        raise Refused(
            "The system is enrolled already; its password is not shown a second time.",
            where=", ".join(enrolled),
            remedy="Use --rotate to give it a new one and end the old one.",
        )
    passwords = {principal: secrets.token_urlsafe(_PASSWORD_BYTES) for principal in principals}
    set_passwords(admin, passwords)
    _wait_until_enrolled(admin, principals)
    return {system: SecretStr(passwords[system.principal]) for system in systems}


def save_password(settings: Settings, system: SystemName, password: SecretStr) -> Path:
    """Keep the password for a system that runs on this machine (mode 0600); gives the file."""
    write_credentials(settings, system.principal, system.principal, password.get_secret_value())
    return credentials_path(settings, system.principal)


def issue_certificate(
    settings: Settings, system: SystemName, *, is_rotation: bool = False
) -> Certificate:
    """Issue a client certificate for the mTLS listener of the embedded broker.

    A rotation does not end the old certificate: the broker knows no revocation list.

    :raises Refused: it has one already, or the broker is not the embedded one.
    :raises InvalidInput: the system is in no agency of the catalog.
    """
    if not settings.embedded:
        raise Refused(
            "Certificates for this cluster are not ours to issue.",
            expected="the embedded broker",
            found=settings.bootstrap_servers,
            remedy=f"Have the cluster's authority issue one with subject CN={system.principal}.",
        )
    _require_known(settings, [system])
    authority = CertificateAuthority(settings)
    keystore = authority.directory / "clients" / f"{system.principal}-keystore.pem"
    if keystore.exists() and not is_rotation:
        raise Refused(
            "The system has a certificate already.",
            where=str(keystore.parent),
            remedy="Use --rotate to issue another one.",
        )
    certificate, key = authority.issue_client(system.principal)
    write_private(keystore, key.read_bytes() + certificate.read_bytes())
    return Certificate(authority.ca_path, certificate, key, keystore)


def _require_known(settings: Settings, systems: Sequence[SystemName]) -> None:
    reader = FactsReader(client_config(settings, credentials_for(settings, _ADMINISTRATOR)))
    try:
        reader.catch_up()
    finally:
        reader.close()
    known = [
        str(name) for agency in reader.facts.agencies.values() for name in agency.system_names()
    ]
    for system in systems:
        if str(system) not in known:
            nearest = difflib.get_close_matches(str(system), known, n=3) or sorted(known)[:10]
            raise InvalidInput(
                "There is no such system in the catalog.",
                expected=", ".join(nearest) or "an agency in the catalog: apply one first",
                found=str(system),
            )


def _enrolled(admin: AdminClient, principals: Sequence[str]) -> set[str]:
    futures = admin.describe_user_scram_credentials(list(principals))
    assert isinstance(futures, dict)  # noqa: S101 - it is one future only when asked for all users
    found = set()
    for principal, future in futures.items():
        try:
            future.result(_REQUEST_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.RESOURCE_NOT_FOUND:
                raise Unavailable(
                    "The broker does not say who is enrolled.", found=error.args[0].str()
                ) from error
        except TimeoutError as error:
            raise Unavailable("The broker does not answer.") from error
        else:
            found.add(principal)
    return found


def _wait_until_enrolled(admin: AdminClient, principals: Sequence[str]) -> None:
    # The controller has written the verifier; a broker follows a moment later.
    deadline = time.monotonic() + _REQUEST_SECONDS
    while _enrolled(admin, principals) != set(principals):
        if time.monotonic() > deadline:
            raise Unavailable("The broker does not know the new users.")
        time.sleep(_PAUSE_SECONDS)
