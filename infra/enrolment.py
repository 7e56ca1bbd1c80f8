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

from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.identity import SystemName
from sharebus.infra.admin_client import connect_admin
from sharebus.infra.credentials import client_config, credentials_for, credentials_path
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.secrets import write_credentials, write_private
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.scram import (
    FIRST_MECHANISM,
    ITERATIONS,
    Password,
    Verifier,
    passwords_of,
    remove_password,
    set_password,
    set_passwords,
)
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


def enrol(settings: Settings, systems: Sequence[SystemName]) -> dict[SystemName, Password]:
    """Give each system a random password on the broker, as administrator.

    :raises InvalidInput: a system is in no agency of the catalog.
    :raises Refused: a system is enrolled already; nothing was changed for any of them.
    :raises Unavailable: the broker does not answer.
    """
    admin = _administrator(settings)
    _require_known(settings, systems)
    principals = [system.principal for system in systems]
    if enrolled := sorted(passwords_of(admin, principals)):
        raise Refused(
            "The system is enrolled already; its password is not shown a second time.",
            where=", ".join(enrolled),
            remedy="Use --rotate to give it a new one.",
        )
    passwords = {principal: secrets.token_urlsafe(_PASSWORD_BYTES) for principal in principals}
    set_passwords(admin, passwords)
    for principal in principals:
        _wait_until_known(admin, principal, [Verifier(FIRST_MECHANISM, ITERATIONS)])
    return {system: Password(SecretStr(passwords[system.principal])) for system in systems}


def rotate(settings: Settings, system: SystemName, *, is_at_once: bool = False) -> Password:
    """Give a system another password, under its other mechanism, as administrator.

    The old one goes on beside it until :func:`end_old_password`, so that the system changes over
    when it likes. With ``is_at_once`` every older one ends here: somebody may have seen it.

    :raises InvalidInput: the system is in no agency of the catalog.
    :raises Refused: it has two already, or none.
    :raises Unavailable: the broker does not answer.
    """
    admin = _administrator(settings)
    _require_known(settings, [system])
    old = _passwords_of(admin, system)
    if len(old) > 1 and not is_at_once:
        raise Refused(
            "The system has an old and a new password already.",
            where=str(system),
            remedy="Let it use the new one, end the old one with --end-old, then rotate again; "
            "or end both with --rotate --at-once.",
        )
    mechanism = "SCRAM-SHA-256" if old[-1].mechanism == FIRST_MECHANISM else FIRST_MECHANISM
    new = Verifier(mechanism, old[-1].iterations + 1)
    password = Password(SecretStr(secrets.token_urlsafe(_PASSWORD_BYTES)), mechanism)
    set_password(admin, system.principal, new, password.secret.get_secret_value())
    kept = [] if is_at_once else old
    for verifier in old if is_at_once else ():
        if verifier.mechanism != mechanism:
            remove_password(admin, system.principal, verifier.mechanism)
    _wait_until_known(admin, system.principal, [*kept, new])
    return password


def end_old_password(settings: Settings, system: SystemName) -> None:
    """End the older of two passwords; sessions that are open go on.

    :raises InvalidInput: the system is in no agency of the catalog.
    :raises Refused: it has but one, or none.
    :raises Unavailable: the broker does not answer.
    """
    admin = _administrator(settings)
    _require_known(settings, [system])
    old, *new = _passwords_of(admin, system)
    if not new:
        raise Refused(
            "The system has one password; without it, it could not log in.",
            where=str(system),
            remedy="Give it a new one first: --rotate.",
        )
    remove_password(admin, system.principal, old.mechanism)
    _wait_until_known(admin, system.principal, new)


def save_password(settings: Settings, system: SystemName, password: Password) -> Path:
    """Keep the password for a system that runs on this machine (mode 0600); gives the file."""
    name = system.principal
    write_credentials(settings, name, name, password.secret.get_secret_value(), password.mechanism)
    return credentials_path(settings, name)


def _administrator(settings: Settings) -> AdminClient:
    if settings.sasl_mechanism != FIRST_MECHANISM:
        raise Refused(
            "Passwords of this cluster are not ours to give.",
            expected=f"sasl_mechanism {FIRST_MECHANISM}",
            found=settings.sasl_mechanism,
            remedy="Let its administrator create the user, and set username and password.",
        )
    return connect_admin(client_config(settings, credentials_for(settings, _ADMINISTRATOR)))


def _passwords_of(admin: AdminClient, system: SystemName) -> list[Verifier]:
    found = passwords_of(admin, [system.principal]).get(system.principal)
    if not found:
        raise Refused(
            "The system is not enrolled yet.",
            where=str(system),
            remedy="Enrol it first, without --rotate and --end-old.",
        )
    return found


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


def _wait_until_known(admin: AdminClient, principal: str, wanted: Sequence[Verifier]) -> None:
    # The controller has written the verifier; a broker follows a moment later.
    deadline = time.monotonic() + _REQUEST_SECONDS
    while passwords_of(admin, [principal]).get(principal) != list(wanted):
        if time.monotonic() > deadline:
            raise Unavailable("The broker does not know the new password.", where=principal)
        time.sleep(_PAUSE_SECONDS)
