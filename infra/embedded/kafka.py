"""Apache Kafka as a child process: one node, KRaft, authenticated, deny by default.

Listeners: CLIENT (SASL/SCRAM, with TLS as soon as it is bound beyond loopback), MTLS (client
certificates) and CONTROLLER (loopback only). Passwords are in files with mode 0600 and never on a
command line, where every user of the machine could read them.
"""

import base64
import logging
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from sharebus import Unavailable
from sharebus.infra import child_process, scram
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.embedded import artifacts, kafka_properties, secrets
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.embedded.service import (
    JVM,
    EmbeddedService,
    port_answers,
    require_free_port,
)
from sharebus.infra.settings import endpoint

_CLEAN_SHUTDOWN: Final = ".kafka_cleanshutdown"
_FENCE_TIMEOUT_SECONDS: Final = 30.0
_FENCED_BEFORE_SECONDS: Final = 1.5 * kafka_properties.BROKER_SESSION_TIMEOUT_MS / 1_000
_STOP_TIMEOUT_SECONDS: Final = 10.0
_FORMAT_TIMEOUT_SECONDS: Final = 60.0
_PROBE_TIMEOUT_SECONDS: Final = 2.0

_connecting = logging.getLogger(f"{__name__}.connecting")
_connecting.addHandler(logging.NullHandler())
_connecting.propagate = False


class EmbeddedKafka(EmbeddedService):
    """The broker of one data directory.

    It serves when it answers an authenticated request of ``admin``, and then the apps' users
    exist. Data and users are kept between starts; ports may change.
    """

    name = "kafka"

    @property
    def address(self) -> str:
        """Where clients connect with SASL."""
        return endpoint(self.settings.advertised_host, self.settings.kafka_port)

    def admin(self) -> AdminClient:
        """A client with all rights."""
        return AdminClient(self._admin_config())

    def prepare(self) -> list[str]:
        """Create secrets, certificates and, the first time, the storage; see `EmbeddedService`."""
        settings = self.settings
        for name in ("kafka_port", "kafka_mtls_port"):
            require_free_port(settings.bind_host, name, getattr(settings, name))
        require_free_port("127.0.0.1", "controller_port", settings.controller_port)
        class_path = artifacts.kafka_class_path(settings.artifacts_dir)
        secrets.create_missing(settings)
        CertificateAuthority(settings).create_missing()
        if not self._log_directory.exists():
            self._format(class_path)
        properties = self._write_properties(self._log_directory)
        logging_path = self.directory / "log4j2.properties"
        logging_path.write_text(
            kafka_properties.logging(self.settings, self.log_path), encoding="utf-8"
        )
        return [
            *JVM, "-Xms256m", "-Xmx512m", f"-Dlog4j2.configurationFile={logging_path}",
            "-cp", class_path, "kafka.Kafka", str(properties),
        ]  # fmt: skip

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process; after an unclean stop, see first that its former self is forgotten.

        Kafka 4.4.0 loses transactions when a node that was killed comes back before its former
        self is fenced: it takes up the transactions under the old registration, is fenced in the
        midst of it and takes the partitions for deleted (KAFKA-20734). As a controller alone it
        has no transactions to take up.
        """
        if self._log_directory.exists() and not (self._log_directory / _CLEAN_SHUTDOWN).exists():
            self._fence_former_self()
        return super().launch()

    def _fence_former_self(self) -> None:
        argv = self.prepare()
        path = Path(argv[-1])
        only = path.with_name("controller-only.properties")
        text = kafka_properties.controller_only(path.read_text(encoding="utf-8"), self.settings)
        secrets.write_private(only, text.encode())
        log = _LogTail(self.log_path)
        process = child_process.start([*argv[:-1], str(only)], log=self._output_path)
        deadline = time.monotonic() + _FENCE_TIMEOUT_SECONDS
        is_active = False
        try:
            # Whatever else is wrong with it, the start proper will tell.
            while process.poll() is None and time.monotonic() < deadline:
                if log.says(b"Fencing broker 1 "):
                    return
                if not is_active and log.says(b"Becoming the active controller"):
                    # If it says nothing from now on, the former self was fenced before.
                    is_active = True
                    deadline = time.monotonic() + _FENCED_BEFORE_SECONDS
                time.sleep(0.1)
        finally:
            child_process.stop(process, timeout_seconds=_STOP_TIMEOUT_SECONDS)

    def is_ready(self) -> bool:
        """Whether the broker answers ``admin``; makes sure that the apps' users exist."""
        if not port_answers(self._local_host, self.settings.kafka_port):
            return False
        # A client that cannot log in yet would print each attempt.
        admin = AdminClient(self._admin_config(), logger=_connecting)
        try:
            if not admin.list_topics(timeout=_PROBE_TIMEOUT_SECONDS).brokers:
                return False
            # The files say what the passwords are, on every start.
            scram.set_passwords(
                admin,
                {app: secrets.password_of(self.settings, app) for app in secrets.APP_PRINCIPALS},
            )
        except (KafkaException, Unavailable):
            return False
        return True

    def _admin_config(self) -> dict[str, str | int | float | bool]:
        return client_config(self.settings, credentials_for(self.settings, "admin"))

    @property
    def _local_host(self) -> str:
        wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return wildcards.get(self.settings.bind_host, self.settings.bind_host)

    @property
    def _log_directory(self) -> Path:
        return self.directory / "log"

    def _write_properties(self, log_directory: Path) -> Path:
        path = self.directory / f"{log_directory.name}.properties"
        passwords = {
            principal: secrets.password_of(self.settings, principal)
            for principal in ("broker", "controller")
        }
        text = kafka_properties.server(
            self.settings, log_directory, passwords, CertificateAuthority(self.settings)
        )
        secrets.write_private(path, text.encode())
        return path

    def _format(self, class_path: str) -> None:
        # Into a directory that becomes the log by one rename: an interrupted format starts anew.
        unfinished = self.directory / "unfinished-log"
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = self._write_properties(unfinished)
        # `broker` must exist before the first start, since the broker connects to itself, and
        # `admin` to create all other users. The tool reads arguments from a file named after @.
        arguments = ["format", "--standalone", "--cluster-id", _random_cluster_id()]
        arguments += ["--config", str(properties)]
        for principal in ("admin", "broker"):
            password = secrets.password_of(self.settings, principal)
            arguments += [
                "--add-scram",
                f"SCRAM-SHA-512=[name={principal},iterations={scram.ITERATIONS},"
                f"password={password}]",
            ]
        path = self.directory / "format-arguments"
        secrets.write_private(path, "\n".join(arguments).encode())
        try:
            # Its output holds verifiers of the passwords and is thrown away.
            result = subprocess.run(
                [*JVM, "-cp", class_path, "kafka.tools.StorageTool", f"@{path}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=_FORMAT_TIMEOUT_SECONDS,
            )
        finally:
            path.unlink()
            properties.unlink()
        if result.returncode != 0:
            raise Unavailable(
                "The broker's storage could not be formatted.",
                where=str(self.directory),
                found=result.stderr.strip()[-500:],
            )
        unfinished.rename(self._log_directory)


class _LogTail:
    """What is written to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = path.stat().st_size if path.exists() else 0

    def says(self, word: bytes) -> bool:
        if not self._path.exists():
            return False
        with self._path.open("rb") as file:
            file.seek(self._start)
            return word in file.read()


def _random_cluster_id() -> str:
    # Kafka's own form; the tool would take a leading - for an option.
    return "s" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
