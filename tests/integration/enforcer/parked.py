"""Connections that do all that a client can: raw requests, fetches parked at the broker, no rest.

A fetch asks for 900,000 bytes and waits a minute for them, uncommitted ones included, in a fetch
session of its own. Whatever the broker answers, the connection asks again, until it is refused.
"""

import asyncio
import resource
import struct
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from functools import cache
from hashlib import pbkdf2_hmac
from typing import Any, TypeVar

from aiokafka.conn import AIOKafkaConnection, ScramAuthenticator
from aiokafka.protocol.api import Request
from aiokafka.protocol.fetch import FetchRequest_v11

from sharebus.infra.broker_requests import _login
from sharebus.infra.credentials import ClientConfig

from ..town import DEADLINE_SECONDS

PARKED_MS = 60_000
AT_LEAST_BYTES = 900_000
REFUSED = 29
"""Error code TOPIC_AUTHORIZATION_FAILED."""
_AT_ONCE = 50
_FILES_BESIDE = 2_000
_BATCH_HEAD = struct.Struct(">qi11si")
_LENGTH_FROM = 12
_salted = cache(pbkdf2_hmac)
_T = TypeVar("_T")


class Fetch(Request[FetchRequest_v11]):
    """One fetch by one connection: in a new session (epoch 0), or of what the session has."""

    API_KEY = 1

    def __init__(
        self, places: Mapping[str, int], wait_ms: int, session: int = 0, epoch: int = 0
    ) -> None:
        self._places = places
        self._wait_ms = wait_ms
        self._session = session
        self._epoch = epoch

    def build(self, request_struct_class: type[FetchRequest_v11]) -> FetchRequest_v11:
        bytes_min = AT_LEAST_BYTES if self._wait_ms else 0
        topics = [
            (topic, [(0, -1, offset, -1, AT_LEAST_BYTES)]) for topic, offset in self._places.items()
        ]
        session = (self._session, self._epoch)
        return request_struct_class(
            -1, self._wait_ms, bytes_min, 50_000_000, 0, *session, topics, [], ""
        )


class _Scram(ScramAuthenticator):
    """Salts a password once, not once for each of a thousand connections."""

    def create_salted_password(self, salt: bytes, iterations: int) -> None:
        name, password = self._hashname, self._sasl_plain_password
        self._salted_password = _salted(name, password, salt, iterations)


class _Connection(AIOKafkaConnection):  # type: ignore[misc]
    def authenticator_scram(self) -> ScramAuthenticator:
        return _Scram(
            loop=self._loop,
            sasl_plain_username=self._sasl_plain_username,
            sasl_plain_password=self._sasl_plain_password,
            sasl_mechanism=self._sasl_mechanism,
        )


class ParkedConnection:
    """One of them, and what it was answered since it is parked."""

    def __init__(self, connection: AIOKafkaConnection, places: Mapping[str, int]) -> None:
        self._connection = connection
        self._first_places = places
        self._places = dict(places)
        self._session = 0
        self.contents: list[bytes] = []
        self.answers = 0
        self.refused: set[str] = set()
        self.asking: asyncio.Task[None] | None = None

    async def fetch(self, wait_ms: int, epoch: int = 0) -> None:
        """Ask once, and keep what comes."""
        answer = await self._connection.send(Fetch(self._places, wait_ms, self._session, epoch))
        self._session = answer.session_id
        self.answers += 1
        for topic, partitions in answer.topics:
            for _, code, *_, content in partitions:
                if code == REFUSED:
                    self.refused.add(topic)
                elif content:
                    self.contents.append(bytes(content))
                    self._places[topic] = _end_offset(bytes(content))

    async def park(self) -> None:
        """Be known to the broker as one who may read, then wait there."""
        await self.fetch(wait_ms=0)
        assert not self.refused
        self.contents.clear()
        self._places = dict(self._first_places)
        self.answers = 0
        self.asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        epoch = 0
        while not self.refused:
            epoch = epoch + 1 if self._session else 0
            await self.fetch(PARKED_MS, epoch)

    async def ask_for_what_was(self) -> None:
        """Ask once more, outside of the session, from where it began."""
        self.refused.clear()
        self._places = dict(self._first_places)
        await self.fetch(wait_ms=0, epoch=-1)

    async def leave(self) -> None:
        if self.asking is not None:
            self.asking.cancel()
        if closed := self._connection.close():
            await closed


class ParkedReaders:
    """So many connections of one login, which read topics from given offsets on; use as a context.

    ``places``: the offset in each topic's one partition.
    """

    def __init__(self, login: ClientConfig, places: Mapping[str, int], count: int = 1) -> None:
        self.connections: list[ParkedConnection] = []
        self._login = login
        self._places = places
        self._count = count
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "ParkedReaders":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(hard, self._count + _FILES_BESIDE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        future: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(DEADLINE_SECONDS)

    async def _open(self) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def opened() -> ParkedConnection:
            async with gate:
                host, _, port = str(self._login["bootstrap.servers"]).rpartition(":")
                options = {**_login(self._login), "request_timeout_ms": 10 * PARKED_MS}
                connection = _Connection(host, int(port), **options)
                await connection.connect()
                parked = ParkedConnection(connection, self._places)
                await parked.park()
                return parked

        self.connections = await asyncio.gather(*(opened() for _ in range(self._count)))

    async def _leave(self) -> None:
        await asyncio.gather(*(connection.leave() for connection in self.connections))

    def all_refused(self, topic: str) -> bool:
        """Whether each connection was told that it may not read a topic."""
        for connection in self.connections:
            if connection.asking is not None and connection.asking.done():
                connection.asking.result()
        return all(topic in connection.refused for connection in self.connections)

    def ask_for_what_was(self) -> None:
        """Let each connection ask once more, outside of its session, from where it began."""

        async def ask() -> None:
            await asyncio.gather(*(each.ask_for_what_was() for each in self.connections))

        self._run(ask())

    @property
    def contents(self) -> list[bytes]:
        """All batches of records that any of them was given since it is parked."""
        return [content for each in self.connections for content in each.contents]

    def parked_count(self) -> int:
        """How many had a fetch waiting that was let in: the first answer was no refusal."""
        return sum(connection.answers > 1 for connection in self.connections)


def _end_offset(content: bytes) -> int:
    """The offset behind the last record of whole batches."""
    place, end = 0, 0
    while place + _BATCH_HEAD.size <= len(content):
        first, length, _, last = _BATCH_HEAD.unpack_from(content, place)
        place, end = place + _LENGTH_FROM + length, first + last + 1
    return end
