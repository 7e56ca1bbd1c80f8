"""The configuration of the embedded broker, as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sharebus.infra.access_log import access_log_path, access_log_properties
from sharebus.infra.embedded.certificates import CertificateAuthority
from sharebus.infra.settings import Settings, endpoint, is_loopback

BROKER_SESSION_TIMEOUT_MS: Final = 4_000
_MAX_INT: Final = 2**31 - 1
_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"
_PLAIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule"
# A subject that is exactly one CN, which our authority alone can issue; any other subject stays a
# full distinguished name, to which no right is ever given.
_PRINCIPAL_OF_SUBJECT: Final = r"RULE:^CN=([a-z][a-z0-9.-]*)$/$1/,DEFAULT"


def server(
    settings: Settings,
    log_directory: Path,
    passwords: Mapping[str, str],
    authority: CertificateAuthority,
) -> str:
    """Broker and controller properties; holds the passwords of ``broker`` and ``controller``."""
    broker, controller = passwords["broker"], passwords["controller"]
    controller_address = f"127.0.0.1:{settings.controller_port}"
    client_protocol = "SASL_PLAINTEXT" if is_loopback(settings.bind_host) else "SASL_SSL"
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": controller_address,
        "log.dirs": log_directory,
        "listeners": f"{_listeners(settings, settings.bind_host)},"
        f"CONTROLLER://{controller_address}",
        "advertised.listeners": _listeners(settings, settings.advertised_host),
        "listener.security.protocol.map": f"CLIENT:{client_protocol},MTLS:SSL,"
        "CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        # SCRAM verifiers live in the metadata that the controller serves, so it cannot use them.
        "sasl.mechanism.controller.protocol": "PLAIN",
        # Two, so that a system can have an old and a new password for the time of a rotation.
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256",
        "listener.name.client.scram-sha-512.sasl.jaas.config": _login(_SCRAM, "broker", broker),
        "listener.name.client.scram-sha-256.sasl.jaas.config": f"{_SCRAM} required;",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": _login(
            _PLAIN, "controller", controller, f'user_controller="{controller}"'
        ),
        **_tls("client", authority),
        **_tls("mtls", authority),
        "listener.name.mtls.ssl.client.auth": "required",
        # Read from the plain name: Kafka 4.4 builds one mapper for all listeners.
        "ssl.principal.mapping.rules": _PRINCIPAL_OF_SUBJECT,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:broker;User:controller",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # Lost positions would make the gate publish all again (it refuses to).
        "offsets.retention.minutes": _MAX_INT,
        # A dead writer holds every read_committed reader of its partitions until its transaction
        # times out and the next scan aborts it.
        "transaction.max.timeout.ms": 15_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        # A killed broker is refused until the session of its former self has run out.
        "broker.session.timeout.ms": BROKER_SESSION_TIMEOUT_MS,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 2_000,  # a gate that died frees its partitions sooner
        # Kafka lets a transaction wait when the connection by which the broker asks itself was idle
        # and closed (decision 0012); dead peers are found by TCP keep-alive.
        "connections.max.idle.ms": 30 * 86_400_000,
        "message.max.bytes": 1_048_576,
    }
    if settings.flush_every_message:
        properties["log.flush.interval.messages"] = 1
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def controller_only(broker_properties: str, settings: Settings) -> str:
    """The same node without its broker: it keeps the cluster's metadata and serves no client."""
    overridden = {
        "process.roles": "controller",
        "listeners": f"CONTROLLER://127.0.0.1:{settings.controller_port}",
    }
    kept = [
        line
        for line in broker_properties.splitlines()
        if line.partition("=")[0]
        not in {*overridden, "advertised.listeners", "inter.broker.listener.name"}
    ]
    return "\n".join([*kept, *(f"{key}={value}" for key, value in overridden.items()), ""])


def _listeners(settings: Settings, host: str) -> str:
    client = endpoint(host, settings.kafka_port)
    mtls = endpoint(host, settings.kafka_mtls_port)
    return f"CLIENT://{client},MTLS://{mtls}"


def _login(module: str, username: str, password: str, *options: str) -> str:
    given = (f'username="{username}"', f'password="{password}"', *options)
    return f"{module} required {' '.join(given)};"


def _tls(listener: str, authority: CertificateAuthority) -> dict[str, object]:
    prefix = f"listener.name.{listener}.ssl"
    return {
        f"{prefix}.keystore.type": "PEM",
        f"{prefix}.keystore.location": authority.server_path,
        f"{prefix}.truststore.type": "PEM",
        f"{prefix}.truststore.location": authority.ca_path,
    }


def logging(settings: Settings, path: Path) -> str:
    """log4j2 properties: one file of at most 10 MB and three older ones, and the access log."""
    access = ""
    if settings.meter_reads:
        access = access_log_properties(access_log_path(settings))
    return f"""status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {path}
appender.file.filePattern = {path}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}} %-5p %c{{1}}: %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
{access}"""
