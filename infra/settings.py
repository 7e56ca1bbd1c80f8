"""Settings: one TOML file, overridden by ``SHAREBUS_…`` variables of the environment.

The file is ``SHAREBUS_CONFIG``, or ``sharebus.toml`` in the working directory when there is one.
Relative paths count from the working directory. With ``embedded = true`` the addresses of broker
and registry follow from the ports, so one setting says each thing; for a cluster of your own set
``embedded = false`` and give ``bootstrap_servers`` and ``registry_url``.
"""

import difflib
import ipaddress
import json
import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sharebus import InvalidInput
from sharebus.governance.role import Role
from sharebus.infra.settings_file import CONFIG_VARIABLE, read_settings_file, settings_file

ENV_PREFIX = "SHAREBUS_"
_TEST_VARIABLES = ("test_", "require_")
"""Of the test suite, not of the platform."""

Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Everything that differs between installations; immutable. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, extra="forbid", frozen=True, env_ignore_empty=True
    )

    data_dir: Path = Path(".sharebus/data")
    artifacts_dir: Path = Path(".sharebus/artifacts")

    embedded: bool = True
    bind_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    advertised_host: str = ""
    kafka_port: Port = 19092
    kafka_mtls_port: Port = 19093
    controller_port: Port = 19094
    registry_port: Port = 18081
    metrics_port: Port = 18090
    registrar_metrics_port: Port = 18085
    enforcer_metrics_port: Port = 18086
    notary_metrics_port: Port = 18087
    meter_metrics_port: Port = 18070
    flush_every_message: bool = True
    """Ask the disk to keep each message before it is acknowledged: nothing accepted is lost in a
    power cut. False is for tests that are not about that."""

    gate_instance: Annotated[int, Field(ge=0, le=999)] = 0
    """Names one gate process among several; each has a transactional id and a chain of its own."""

    gate_session_timeout_ms: Annotated[int, Field(ge=2_000, le=60_000)] = 6_000
    """How long a gate that died holds its partitions before another may serve them. The embedded
    broker allows 2,000 and more, a broker as shipped 6,000."""

    rights_removed_max: Annotated[int, Field(ge=1)] = 1_000
    """A plan that takes away more rights than this waits for a person: `sharebus broker apply`."""

    meter_reads: bool = True
    """Whether the embedded broker logs what it gives to whom, and a meter counts it for the audit.
    False saves the broker's and the meter's work, and nobody can prove who received what."""

    meter_instance: Annotated[int, Field(ge=0, le=999)] = 0
    """Names one meter among several; each follows the access log of one broker."""

    access_log: Path | None = None
    """The access log of a broker of your own; ``<data_dir>/logs/access.log`` unless told."""

    view_kept_days: Annotated[int, Field(ge=0)] = 30
    """Days after which a view that no grant asks for is deleted, with what it holds: it can be
    filled again at any time. Within them a grant that is renewed late finds its reader's place,
    and a dispute over what was released finds it; 30 as ingress and deletions are kept."""

    role_titles: dict[Role, str] = {}
    """What people call the roles of the law here, such as ``coordinator = "数据局"``."""

    ledger_origin: Annotated[str, Field(pattern=r"^[^\s+]+$")] = "sharebus.local/audit"
    """Names the log of the audit in its checkpoints, for ever; a URL without a scheme."""

    ledger_dir: Path | None = None
    """Where the notary keeps the log's tiles; ``<data_dir>/ledger`` unless told."""

    ledger_policy: Path | None = None
    """Whom to trust: the log's key, witnesses, quorum (C2SP tlog-policy). Without it no witness."""

    bootstrap_servers: str = ""
    registry_url: str = ""
    replication_factor: Annotated[int, Field(ge=1, le=32767)] = 1

    security_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL", "SSL"] = "SASL_PLAINTEXT"
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    ssl_ca_file: Path | None = None
    ssl_certificate_file: Path | None = None
    ssl_key_file: Path | None = None
    registry_username: str = ""
    registry_password_file: Path | None = None
    registry_ca_file: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        path = settings_file()
        from_file = InitSettingsSource(settings_cls, read_settings_file(path) if path else {})
        return init_settings, env_settings, from_file

    @field_validator(
        "data_dir",
        "artifacts_dir",
        "ledger_dir",
        "ledger_policy",
        "password_file",
        "ssl_ca_file",
        "ssl_certificate_file",
        "ssl_key_file",
        "registry_password_file",
        "registry_ca_file",
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # Child processes get these paths too, and must not read them from another directory.
        return path.expanduser().absolute() if path else None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.embedded:
            self._fill_in_embedded()
        missing = [
            name
            for name in ("bootstrap_servers", "registry_url")
            if not self.embedded and not getattr(self, name)
        ]
        if missing:
            raise ValueError(f"embedded = false needs {' and '.join(missing)}")
        if (self.ssl_certificate_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_certificate_file and ssl_key_file are given together or not")
        if self.password and self.password_file:
            raise ValueError("give password or password_file, not both")
        if self.security_protocol == "SSL" and self.ssl_certificate_file is None:
            raise ValueError("security_protocol SSL needs ssl_certificate_file and ssl_key_file")
        return self

    def _fill_in_embedded(self) -> None:
        if not self.advertised_host and _is_wildcard(self.bind_host):
            raise ValueError(
                f"bind_host {self.bind_host} is every address of this machine; advertised_host "
                "must name the one that clients connect to"
            )
        host = self.advertised_host or self.bind_host
        by_certificate = self.security_protocol == "SSL"
        port = self.kafka_mtls_port if by_certificate else self.kafka_port
        derived: dict[str, Any] = {
            "advertised_host": host,
            "bootstrap_servers": endpoint(host, port),
            "registry_url": f"http://127.0.0.1:{self.registry_port}/apis/ccompat/v7",
        }
        if not by_certificate:
            secured = not is_loopback(self.bind_host)
            derived["security_protocol"] = "SASL_SSL" if secured else "SASL_PLAINTEXT"
        if self.ssl_ca_file is None and derived.get("security_protocol") != "SASL_PLAINTEXT":
            derived["ssl_ca_file"] = self.data_dir / "certificates" / "ca.pem"
        for name, value in derived.items():
            given = getattr(self, name)
            if name in self.model_fields_set and given and given != value:
                raise ValueError(
                    f"embedded = true serves {name} = {value}, not {given}; set embedded = false "
                    "for a cluster of your own, or change bind_host or the ports"
                )
            # The model is frozen for everybody but its own validator.
            self.__dict__[name] = value


PORT_SETTINGS: Final = tuple(name for name in Settings.model_fields if name.endswith("_port"))
"""Names of the settings that are ports of this machine."""


def endpoint(host: str, port: int) -> str:
    """``host:port``, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def is_loopback(host: str) -> bool:
    """True when ``host`` can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """Read the settings; ``overrides`` beat the environment, which beats the file.

    Raises InvalidInput, naming the file or variable, the key, what was expected and what was found.
    """
    _check_variables()
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise _explained(error) from error


def _check_variables() -> None:
    """A misspelt variable would be ignored, and nobody would know."""
    for variable in sorted(os.environ):
        if not variable.startswith(ENV_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        key = variable.removeprefix(ENV_PREFIX).lower()
        if key not in Settings.model_fields and not key.startswith(_TEST_VARIABLES):
            raise _unknown(key, variable)


def _unknown(key: str, where: str) -> InvalidInput:
    nearest = difflib.get_close_matches(key, Settings.model_fields, n=1)
    return InvalidInput(
        f"There is no setting {key!r}.",
        where=where,
        expected=nearest[0] if nearest else ", ".join(sorted(Settings.model_fields)),
        found=key,
    )


def _explained(error: ValidationError) -> InvalidInput:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    variable = ENV_PREFIX + key.upper()
    path = settings_file()
    where = variable if variable in os.environ else f"{path}: {key}" if path else key
    if first["type"] == "extra_forbidden":
        return _unknown(key, where)
    if not first["loc"]:  # a rule between settings, which says itself what is wrong
        return InvalidInput(
            "These settings contradict each other.",
            where=str(path or "environment"),
            found=first["msg"].removeprefix("Value error, "),
        )
    secret = "password" in key
    return InvalidInput(
        f"The setting {key!r} cannot be used.",
        where=where,
        expected=first["msg"],
        found="(not shown)" if secret else repr(first["input"]),
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as ``SHAREBUS_…`` variables, for a child process.

    Without username and password: every app is its own principal and reads its own credentials.
    """
    values = settings.model_dump(
        mode="json", exclude={"username", "password", "password_file"}, exclude_none=True
    )
    return {
        ENV_PREFIX + name.upper(): value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value != ""
    }
