"""Secrets of the embedded broker and of the platform's own apps: made once, kept with mode 0600."""

import json
import os
import secrets
import tempfile
import tomllib
from pathlib import Path

from sharebus.infra.credentials import credentials_path, read_private
from sharebus.infra.settings import Settings
from sharebus.ledger.keys import signer_key

BROKER_PRINCIPALS = ("admin", "broker", "controller")
APP_PRINCIPALS = ("registry", "gate", "enforcer", "registrar", "notary", "meter")
PLATFORM_PRINCIPALS = (*APP_PRINCIPALS, "broker", "controller")
"""Whose reads are no evidence of anything: they are the platform at work."""
KEYS = ("audit_key", "view_key")
NOTARY_KEY = "notary_key"
_KEY_BYTES = 32
_PASSWORD_BYTES = 24


def create_missing(settings: Settings) -> None:
    """Create every password and key that is not there yet; never change one that is."""
    for principal in (*BROKER_PRINCIPALS, *APP_PRINCIPALS):
        create_credentials(settings, principal)
    create_keys(settings)
    create_notary_key(settings)


def create_keys(settings: Settings) -> list[Path]:
    """Create each key that is not there yet; gives the files of those."""
    missing = [path for name in KEYS if not (path := key_path(settings, name)).exists()]
    for path in missing:
        write_private(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    return missing


def create_notary_key(settings: Settings) -> bool:
    """Make the private key of the audit's log unless it is there; returns whether it was made.

    It is the notary's alone: unlike the other keys it is copied nowhere but into a sealed backup.
    """
    path = key_path(settings, NOTARY_KEY)
    if path.exists():
        return False
    text = signer_key(settings.ledger_origin, secrets.token_bytes(_KEY_BYTES))
    write_private(path, text.encode() + b"\n")
    return True


def create_credentials(settings: Settings, principal: str) -> bool:
    """Give ``principal`` a random password unless it has one; returns whether it was given."""
    if credentials_path(settings, principal).exists():
        return False
    # Letters, digits, - and _: safe in TOML, in JAAS strings and in StorageTool's arguments.
    write_credentials(settings, principal, principal, secrets.token_urlsafe(_PASSWORD_BYTES))
    return True


def write_credentials(
    settings: Settings, principal: str, username: str, password: str, mechanism: str = ""
) -> None:
    """Keep what ``principal`` logs in with; an older password is replaced.

    Without ``mechanism`` it is that of the settings.
    """
    lines = {"username": username, "password": password, "mechanism": mechanism}
    # A JSON string is a TOML string too.
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items() if value)
    write_private(credentials_path(settings, principal), text.encode())


def password_of(settings: Settings, principal: str) -> str:
    """The password of a principal of the embedded broker, from its file."""
    text = read_private(credentials_path(settings, principal), what=f"password of {principal}")
    return str(tomllib.loads(text)["password"])


def key_path(settings: Settings, name: str) -> Path:
    """File of the key ``name``: 64 hexadecimal digits, or the notary's in Go's signer form."""
    return settings.data_dir / "secrets" / name


def write_private(path: Path, content: bytes) -> None:
    """Write ``content`` with mode 0600; a reader sees the old content or the new, never a part."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
