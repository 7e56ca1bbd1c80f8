"""An agency's notices, folded: each case as the agency saw it last, and the answers it awaits."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from confluent_kafka import Message

from sharebus.governance.answer import Answer
from sharebus.governance.case import Case
from sharebus.infra.log_reader import LogReader
from sharebus.schemas.case_fact import case_of_notice
from sharebus.schemas.record import case_notice, command_answer
from sharebus.schemas.topic import notices_topic

_CASE_KEY: Final = "@case/"
_ANSWER_KEY: Final = "@answer/"


class CaseVersion(NamedTuple):
    """A version of a case as the agency may see it, and the move that made it.

    ``basis`` is the article it rests on; ``author`` the agency that acted, empty when the move fell
    due by itself. ``audit_writer`` and ``audit_sequence`` name the audit record that proves it.
    """

    case: Case
    verb: str
    basis: str
    author: str
    decided_ms: int
    audit_writer: str
    audit_sequence: int


class Mailbox:
    """Reads ``notices.<agency>`` from its start; it needs no right on a consumer group.

    It holds the newest notice of each case, as bytes, and nothing else: history is read again when
    it is asked for. Raises Unavailable where the notices cannot be read.
    """

    def __init__(self, log: LogReader, agency: str) -> None:
        self._log = log
        self._agency = agency
        self._topic = notices_topic(agency)
        self._next_offset = 0
        self._newest: dict[tuple[str, str], bytes] = {}
        self._awaited: dict[str, Answer | None] = {}

    def catch_up(self) -> None:
        """Take in everything up to the present end."""
        self._next_offset = self._log.read(self._topic, 0, self._next_offset, self._take)

    def expect(self, command: str) -> None:
        """Keep the answer to a command. Before the first :meth:`catch_up` it may be an old one."""
        self._awaited.setdefault(command, None)

    def answer(self, command: str) -> Answer | None:
        """The answer that was expected, once it has come."""
        return self._awaited.get(command)

    def latest(self, case_kind: str, case: str) -> CaseVersion | None:
        """The newest version that the agency was told of."""
        value = self._newest.get((case_kind, case))
        return None if value is None else _version(value)

    def cases(self) -> Iterator[CaseVersion]:
        """The newest version of every case, by kind and id."""
        for key in sorted(self._newest):
            yield _version(self._newest[key])

    def history(self, case_kind: str, case: str) -> list[CaseVersion]:
        """Every version that the agency was told of, the oldest first."""
        wanted = f"{_CASE_KEY}{case_kind}/{case}".encode()
        found: list[CaseVersion] = []

        def take(message: Message) -> None:
            value = message.value()
            if message.key() == wanted and value is not None:
                found.append(_version(value))

        self._log.read(self._topic, 0, 0, take)
        return found

    def _take(self, message: Message) -> None:
        key = (message.key() or b"").decode("utf-8", "replace")
        value = message.value()
        if value is None:
            return
        if key.startswith(_CASE_KEY):
            case_kind, _, case = key.removeprefix(_CASE_KEY).partition("/")
            self._newest[case_kind, case] = value
        elif key.removeprefix(_ANSWER_KEY) in self._awaited:
            self._awaited[key.removeprefix(_ANSWER_KEY)] = _answer(self._agency, value)


def _version(value: bytes) -> CaseVersion:
    record = case_notice().decode(value)
    return CaseVersion(
        case_of_notice(record), record["verb"], record["basis"], record["author"],
        record["decided_ms"], record["audit_writer"], record["audit_sequence"],
    )  # fmt: skip


def _answer(agency: str, value: bytes) -> Answer:
    record: dict[str, Any] = command_answer().decode(value)
    known = {name: record[name] for name in Answer.model_fields if name in record}
    return Answer.model_validate({"agency": agency, **known})
