"""What librdkafka has no call for: quotas of users, and one broker's own view of its rules.

The requests are declared in Kafka's words (AlterClientQuotas and DescribeClientQuotas, version 0)
and sent by the connection of the Kafka client that comes with Faust.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int8, Int16, Int32, Schema, String

from sharebus import Refused, Unavailable
from sharebus.infra.credentials import ClientConfig

REQUEST_SHARE: Final = "request_percentage"
_REQUEST_MS: Final = 10_000
_ANY: Final = 1
_USER: Final = "user"
_TEXT: Final = String("utf-8")
_ENTITY: Final = Array(("entity_type", _TEXT), ("entity_name", _TEXT))
_REFUSALS: Final = frozenset({29, 30, 31, 58})
"""Topic, group or cluster authorisation failed; authentication failed."""
_T = TypeVar("_T")


class BrokerAddress(NamedTuple):
    """Where one broker of the cluster listens."""

    host: str
    port: int


class _AlterQuotasResponse(Response):
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(("error_code", Int16), ("error_message", _TEXT), ("entity", _ENTITY)),
        ),
    )


class AlterQuotasStruct(RequestStruct):
    """AlterClientQuotas, version 0."""

    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _AlterQuotasResponse
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", _ENTITY),
                ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class Quota(NamedTuple):
    """Bounds of an entity: a user, a client id, or both; a name of None stands for all others.

    In a request a bound of None takes it away.
    """

    entity: tuple[tuple[str, str | None], ...]
    bounds: Mapping[str, float | None]

    @property
    def user(self) -> str | None:
        """The user, if it is of one."""
        return dict(self.entity).get(_USER)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {name or '(all others)'}" for kind, name in self.entity)


class AlterQuotas(Request[AlterQuotasStruct]):
    """Sets bounds and takes bounds away."""

    API_KEY = 49

    def __init__(self, quotas: Iterable[Quota]) -> None:
        self._quotas = quotas

    def build(self, request_struct_class: type[AlterQuotasStruct]) -> AlterQuotasStruct:
        """The request as it is sent."""
        entries = [
            (
                list(quota.entity),
                [(key, bound or 0.0, bound is None) for key, bound in quota.bounds.items()],
            )
            for quota in self._quotas
        ]
        return request_struct_class(entries, False)


class _DescribeQuotasResponse(Response):
    API_KEY = 48
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", _TEXT),
        (
            "entries",
            Array(("entity", _ENTITY), ("values", Array(("key", _TEXT), ("value", Float64)))),
        ),
    )


class _DescribeQuotasStruct(RequestStruct):
    API_KEY = 48
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeQuotasResponse
    SCHEMA = Schema(
        ("components", Array(("entity_type", _TEXT), ("match_type", Int8), ("match", _TEXT))),
        ("strict", Boolean),
    )


class _DescribeQuotas(Request[_DescribeQuotasStruct]):
    API_KEY = 48

    def build(self, request_struct_class: type[_DescribeQuotasStruct]) -> _DescribeQuotasStruct:
        return request_struct_class([], False)


def set_request_shares(
    config: ClientConfig, broker: BrokerAddress, share_by_user: Mapping[str, float | None]
) -> None:
    """Bound how much of a broker thread each user may take, in percent; None takes it away.

    Any broker passes it on to the controller; see that it stands with :func:`request_shares`.

    :raises Refused: the principal has no right to. :raises Unavailable: it was not done.
    """

    alter_quotas(
        config,
        broker,
        [Quota(((_USER, user),), {REQUEST_SHARE: s}) for user, s in share_by_user.items()],
    )


def alter_quotas(config: ClientConfig, broker: BrokerAddress, changes: Iterable[Quota]) -> None:
    """Set bounds, and take away those that are None.

    :raises Refused: the principal has no right to. :raises Unavailable: it was not done.
    """
    asked = list(changes)

    async def ask(connection: AIOKafkaConnection) -> None:
        answer = await connection.send(AlterQuotas(asked))
        for code, message, _ in answer.entries:
            _check(code, message)

    if asked:
        _ask(config, broker, ask)


def all_quotas(config: ClientConfig, broker: BrokerAddress) -> list[Quota]:
    """Every quota, as this broker knows them; errors as when setting."""

    async def ask(connection: AIOKafkaConnection) -> list[Quota]:
        answer = await connection.send(_DescribeQuotas())
        _check(answer.error_code, answer.error_message)
        return [
            Quota(tuple(map(tuple, entity)), dict(values))
            for entity, values in answer.entries or ()
        ]

    return _ask(config, broker, ask)


def request_shares(config: ClientConfig, broker: BrokerAddress) -> dict[str, float]:
    """The bound of each user that has one, as this broker knows them; errors as when setting."""
    return {
        quota.user: share
        for quota in all_quotas(config, broker)
        if len(quota.entity) == 1 and quota.user is not None
        if (share := quota.bounds.get(REQUEST_SHARE)) is not None
    }


def topics_readable_by(
    config: ClientConfig, broker: BrokerAddress, principals: Iterable[str]
) -> dict[str, frozenset[str]]:
    """By principal (``User:…``), the topics to which the authorizer of *this* broker has a rule.

    A broker applies the log of the metadata in its order, quotas before rules: when a rule is gone
    here, a quota that was set before it stands.
    """

    async def ask(connection: AIOKafkaConnection) -> dict[str, frozenset[str]]:
        found = {}
        for principal in principals:
            request = DescribeAclsRequest(2, None, _ANY, principal, None, _ANY, _ANY)
            answer = await connection.send(request)
            _check(answer.error_code, answer.error_message)
            found[principal] = frozenset(resource[1] for resource in answer.resources)
        return found

    return _ask(config, broker, ask)


def _check(code: int, message: str | None) -> None:
    if code in _REFUSALS:
        raise Refused("The broker refuses this to us.", found=message or for_code(code).__name__)
    if code:
        raise Unavailable("The broker did not do it.", found=message or for_code(code).__name__)


def _ask(
    config: ClientConfig,
    broker: BrokerAddress,
    ask: Callable[[AIOKafkaConnection], Awaitable[_T]],
) -> _T:
    async def connected() -> _T:
        connection = AIOKafkaConnection(broker.host, broker.port, **_login(config))
        try:
            await connection.connect()
            return await ask(connection)
        finally:
            if closed := connection.close():
                await closed
            await asyncio.sleep(0)  # the loop closes the socket in its next turn, if it has one

    try:
        return asyncio.run(connected())
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(
            "A broker does not answer a request about quotas or rules.",
            where=f"{broker.host}:{broker.port}",
            found=str(error) or type(error).__name__,
        ) from error


def _login(config: ClientConfig) -> dict[str, Any]:
    protocol = str(config["security.protocol"])
    login: dict[str, Any] = {"security_protocol": protocol, "request_timeout_ms": _REQUEST_MS}
    if protocol.startswith("SASL"):
        login |= {
            "sasl_mechanism": config["sasl.mechanism"],
            "sasl_plain_username": config["sasl.username"],
            "sasl_plain_password": config["sasl.password"],
        }
    if protocol.endswith("SSL"):
        authority = config.get("ssl.ca.location")
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if certificate := config.get("ssl.certificate.location"):
            context.load_cert_chain(str(certificate), str(config["ssl.key.location"]))
        login["ssl_context"] = context
    return login
