"""A line of the broker's access log: a fetch that gave records, a refusal, or the broker's life.

Three loggers of the broker write one file, each line ``<milliseconds since 1970> <message>``; see
``infra/access_log.py``. What a client chooses stands in it (its client id, the name of a
group), so line breaks are escaped there, and everything is read as foreign text here.
"""

import json
import re
from typing import Any, Final, NamedTuple

TEXT_CHARS_MAX: Final = 100
"""A name that a client chose is kept to so many characters."""
_READ_COMMITTED: Final = 1
_FETCH: Final = "Completed request:"
_REFUSED: Final = re.compile(
    r"Principal = (?P<principal>.+?) is Denied operation = (?P<operation>\w+) from host = \S+ "
    # The name is the client's, who may have put the words that follow into it: the last ones count.
    r"on resource = (?P<kind>\w+):\w+:(?P<name>.*) for request = (?P<request>\w+) "
    r"with resourceRefCount = (?P<count>\d+) based on rule (?P<rule>.*)"
)
# What no topic or group of the bus is called, and numbers as long as a person's: the audit keeps
# what it holds for ever, and the name is a client's. Digits beside letters are those of a digest.
_UNSAID: Final = re.compile(r"[^A-Za-z0-9_.:-]+|(?<![0-9A-Za-z])[0-9]{11,}[Xx]?(?![0-9A-Za-z])")
_LIFE: Final = re.compile(r"\[BrokerServer id=\d+\] Transition from (\w+) to (\w+)")


class Part(NamedTuple):
    """What one fetch gave of one partition.

    ``first_offset`` is None when the request did not name it again. ``bound`` is behind the last
    record that it can have given: the end that the reader could see.
    """

    topic_id: str
    partition: int
    first_offset: int | None
    bound: int
    given_bytes: int


class Fetch(NamedTuple):
    """One fetch; ``parts`` are those that gave records.

    ``session`` is the id of its incremental session (KIP-227), 0 without one. ``asked`` and
    ``forgotten`` say what the request itself tells of the session's partitions.
    """

    at_ms: int
    principal: str
    connection: str
    session: int
    is_new_session: bool
    asked: dict[tuple[str, int], int]
    forgotten: tuple[tuple[str, int], ...]
    parts: tuple[Part, ...]


class Refusal(NamedTuple):
    """The broker refused an operation, and by which of its rules."""

    at_ms: int
    principal: str
    operation: str
    resource: str
    request: str
    rule: str
    times: int


class Life(NamedTuple):
    """The broker changes its state."""

    at_ms: int
    before: str
    after: str


Access = Fetch | Refusal | Life


def read_line(line: str) -> Access | None:
    """What a line says; None if it is nothing of ours, or no whole line."""
    instant, _, message = line.partition(" ")
    if not instant.isascii() or not instant.isdigit() or len(instant) > len("9999999999999999"):
        return None
    at_ms = int(instant)
    if message.startswith(_FETCH):
        return _fetch(at_ms, message.removeprefix(_FETCH))
    if refused := _REFUSED.fullmatch(message):
        return Refusal(
            at_ms, _principal(refused["principal"]), refused["operation"],
            f"{refused['kind']} {_named(refused['name'])}"[:TEXT_CHARS_MAX], refused["request"],
            refused["rule"][:TEXT_CHARS_MAX], int(refused["count"]),
        )  # fmt: skip
    if life := _LIFE.match(message):
        return Life(at_ms, life[1], life[2])
    return None


def _named(text: str) -> str:
    return _UNSAID.sub("*", text)


def _principal(text: str) -> str:
    return text.removeprefix("User:")[:TEXT_CHARS_MAX]


def _fetch(at_ms: int, text: str) -> Fetch | None:
    try:
        document = json.loads(text)
        request, response = document["request"], document["response"]
        asked = {
            (_topic_id(topic), each["partition"]): each["fetchOffset"]
            for topic in request["topics"]
            for each in topic["partitions"]
        }
        forgotten = tuple(
            (_topic_id(topic), partition)
            for topic in request["forgottenTopicsData"]
            for partition in topic["partitions"]
        )
        return Fetch(
            at_ms, _principal(document["principal"]), document["connection"],
            response["sessionId"], request["sessionEpoch"] == 0, asked, forgotten,
            tuple(_parts(request, response, asked)),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _topic_id(topic: dict[str, Any]) -> str:
    """As librdkafka, and so the rest of the audit, writes it: Kafka logs base64 safe for URLs."""
    text: str = topic["topicId"]
    return text.replace("-", "+").replace("_", "/")


def _parts(
    request: dict[str, Any], response: dict[str, Any], asked: dict[tuple[str, int], int]
) -> list[Part]:
    end = "lastStableOffset" if request["isolationLevel"] == _READ_COMMITTED else "highWatermark"
    return [
        Part(
            _topic_id(topic), each["partitionIndex"],
            asked.get((_topic_id(topic), each["partitionIndex"])), each[end],
            each["recordsSizeInBytes"],
        )
        for topic in response["responses"]
        for each in topic["partitions"]
        if each["recordsSizeInBytes"] > 0
    ]  # fmt: skip
