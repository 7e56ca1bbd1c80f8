"""``sharebus credentials``: the one-time enrolment of an agency's system."""

from typing import Annotated

import typer

from sharebus import InvalidInput, Refused
from sharebus.cli.output import print_note, print_text
from sharebus.governance.identity import parse_system
from sharebus.infra.client_settings import ClientFormat, client_settings
from sharebus.infra.embedded.secrets import (
    KEYS,
    NOTARY_KEY,
    create_keys,
    create_notary_key,
    key_path,
)
from sharebus.infra.enrolment import (
    end_old_password,
    enrol,
    issue_certificate,
    rotate,
    save_password,
)
from sharebus.infra.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(
        "credentials", epilog="Example:  sharebus credentials nb-tax.levy --format librdkafka"
    )(_credentials)


def _credentials(
    system: Annotated[
        str | None, typer.Argument(help="AGENCY.SYSTEM, as in the catalog.", metavar="SYSTEM")
    ] = None,
    form: Annotated[
        ClientFormat, typer.Option("--format", help="Whose settings to print.")
    ] = ClientFormat.PROPERTIES,
    is_saved: Annotated[
        bool,
        typer.Option("--save", help="Keep the password in the data directory; print no settings."),
    ] = False,
    is_rotation: Annotated[
        bool,
        typer.Option(
            "--rotate",
            help="Give another password or certificate; the old one stays until --end-old.",
        ),
    ] = False,
    is_at_once: Annotated[
        bool,
        typer.Option("--at-once", help="With --rotate: end the old password now, it was seen."),
    ] = False,
    is_end_of_old: Annotated[
        bool, typer.Option("--end-old", help="End the old password after a rotation.")
    ] = False,
    is_certificate: Annotated[
        bool, typer.Option("--mtls", help="A client certificate instead of a password.")
    ] = False,
    is_for_keys: Annotated[
        bool,
        typer.Option("--keys", help="No SYSTEM: make the keys that all gates of a cluster share."),
    ] = False,
) -> None:
    """Enrol SYSTEM once and print the settings its client connects with.

    The password is printed this one time. Redirect it into a file that only its owner can read:
    (umask 077; sharebus credentials SYSTEM > client.properties)
    """
    settings = load_settings()
    if is_for_keys == (system is not None):
        raise InvalidInput("Give a system, or --keys.")
    if system is None:
        _make_keys(settings)
        return
    if is_at_once and (is_certificate or not is_rotation):
        raise InvalidInput("A password is ended at once by --rotate.", where="--at-once")
    if is_end_of_old and (is_certificate or is_rotation or is_saved):
        raise InvalidInput("The old password is ended by itself.", where="--end-old")
    name = parse_system(system)
    if is_end_of_old:
        end_old_password(settings, name)
        print_note(f"The old password of {name} has ended.")
        return
    if is_certificate:
        if is_saved:
            raise InvalidInput(
                "A certificate is always in files.", where="--save", expected="--mtls alone"
            )
        certificate = issue_certificate(settings, name, is_rotation=is_rotation)
        print_text(client_settings(settings, name, certificate, form))
        print_note(f"certificate: {certificate.certificate}", f"key:         {certificate.key}")
        return
    if is_rotation:
        password = rotate(settings, name, is_at_once=is_at_once)
    else:
        password = enrol(settings, [name])[name]
    if is_saved:
        print_note(
            f"{name} is enrolled; its password is in {save_password(settings, name, password)}"
        )
        return
    print_text(client_settings(settings, name, password, form))
    print_note(f"{name} is enrolled; this password is not shown again.")


def _make_keys(settings: Settings) -> None:
    there = [str(path) for name in KEYS if (path := key_path(settings, name)).exists()]
    if there:
        raise Refused(
            "A key is there already; another one would break with what was made with it.",
            where=", ".join(there),
            remedy="A key that was lost comes from a backup, or from another gate's machine.",
        )
    for path in create_keys(settings):
        print_note(f"made {path}")
    if create_notary_key(settings):
        print_note(
            f"made {key_path(settings, NOTARY_KEY)}: it signs the audit; move it to the machine of "
            "the notary, and leave it on no other"
        )
    print_note(
        "Copy the first two, with mode 0600, to every machine that runs a gate or applies the "
        "catalog, and all to your backup; never make them there again."
    )
