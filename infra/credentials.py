"""Credentials: who connects to broker and registry, and with what secret."""

import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from sharebus import InvalidInput
from sharebus.infra.settings import Settings

CREDENTIALS = "credentials"

ClientConfig = dict[str, str | int | float | bool]
"""Properties of librdkafka, in the type that confluent_kafka takes."""


@dataclass(frozen=True)
class Credentials:
    """Who connects. ``password`` is None when the certificate says who it is (mTLS).

    ``mechanism`` is empty when it is that of the settings.
    """

    username: str
    password: SecretStr | None
    mechanism: str = ""


def credentials_path(settings: Settings, principal: str) -> Path:
    """Where the credentials of ``principal`` are kept."""
    return settings.data_dir / CREDENTIALS / f"{principal}.toml"


def credentials_for(settings: Settings, principal: str) -> Credentials:
    """The credentials of ``principal``: ``username`` and ``password`` of the settings when given,
    else its file. With security_protocol SSL there is no password.

    Raises InvalidInput when there are none, or when others than the owner may read the file.
    """
    if settings.security_protocol == "SSL":
        return Credentials(principal, None)
    if settings.username:
        return Credentials(settings.username, _given_password(settings))
    path = credentials_path(settings, principal)
    document = _toml(path, read_private(path, what=f"credentials of {principal}"))
    try:
        password = SecretStr(document["password"])
        return Credentials(document["username"], password, document.get("mechanism", ""))
    except KeyError as error:
        raise InvalidInput(
            f"The credentials of {principal} are incomplete.",
            where=str(path),
            expected="username and password",
            found=f"no {error.args[0]}",
        ) from error


def _given_password(settings: Settings) -> SecretStr:
    if settings.password:
        return settings.password
    if settings.password_file:
        return SecretStr(read_private(settings.password_file, what="password").strip())
    raise InvalidInput(
        "A username is set without a password.",
        where="username",
        expected="password or password_file",
        found=settings.username,
    )


def _toml(path: Path, text: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in tomllib.loads(text).items()}
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            "The credentials file is not TOML.", where=str(path), found=str(error)
        ) from error


def read_private(path: Path, *, what: str) -> str:
    """Text of a file that holds a secret.

    Raises InvalidInput when it is missing, or when others than its owner may read it.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The {what} cannot be read.",
            where=str(path),
            found=error.strerror or str(error),
            remedy="Enrol the system: `sharebus credentials SYSTEM --save`, with `--rotate` if "
            "it was enrolled before. Or set SHAREBUS_USERNAME and SHAREBUS_PASSWORD_FILE.",
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidInput(
            f"Others than the owner may read the {what}.",
            where=str(path),
            expected="0600",
            found=f"{stat.S_IMODE(mode):04o}",
            remedy=f"chmod 600 {path}, and change the password if somebody may have read it.",
        )
    return text


def client_config(settings: Settings, credentials: Credentials) -> ClientConfig:
    """How ``credentials`` connect to the broker, as librdkafka properties."""
    config: ClientConfig = {
        "bootstrap.servers": settings.bootstrap_servers,
        "security.protocol": settings.security_protocol,
    }
    if settings.security_protocol != "SSL" and credentials.password:
        config |= {
            "sasl.mechanism": credentials.mechanism or settings.sasl_mechanism,
            "sasl.username": credentials.username,
            "sasl.password": credentials.password.get_secret_value(),
        }
    files = {
        "ssl.ca.location": settings.ssl_ca_file,
        "ssl.certificate.location": settings.ssl_certificate_file,
        "ssl.key.location": settings.ssl_key_file,
    }
    if settings.security_protocol != "SASL_PLAINTEXT":
        config |= {name: str(path) for name, path in files.items() if path}
    return config
