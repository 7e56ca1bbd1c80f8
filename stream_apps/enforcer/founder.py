"""The founder's desk: files what the reviewed files bring as signed commands, and awaits answers.

A registrar that runs decides them; where none does, they are decided here by the registrar's code.
"""

import time
import uuid
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.agency import Officer
from sharebus.governance.collection import Collection
from sharebus.governance.docket.founding import FOUNDING
from sharebus.governance.facts import PolicyFacts, fact_document
from sharebus.governance.founder import Founder
from sharebus.governance.identity import FOUNDER
from sharebus.governance.takeover import in_parts
from sharebus.infra.credentials import ClientConfig
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.private_key import key_path, load_key, new_key, save_key
from sharebus.infra.settings import Settings
from sharebus.schemas.command import Command, command_record, sign
from sharebus.schemas.record import case_notice, command, command_answer
from sharebus.schemas.topic import commands_topic, notices_topic
from sharebus.stream_apps.enforcer import office
from sharebus.stream_apps.registrar.loop import NAME as REGISTRAR
from sharebus.stream_apps.registrar.loop import RegistrarLoop
from sharebus.stream_apps.stopped import AppStopped
from sharebus.stream_apps.transaction import SchemaIds

DOCUMENT_BYTES_MAX: Final = 200_000
"""Of the documents in one command, whose body may have 262,144 bytes."""
_ANSWER_SECONDS_MAX: Final = 60.0
_SEND_SECONDS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.5
_TITLE: Final = "建立者 (founder)"
_CASE_KEY: Final = f"@case/{FOUNDING}/{FOUNDER}".encode()
_ANSWER_KEY: Final = b"@answer/"


def found(settings: Settings) -> Founder:
    """The founder of a bus that has none yet, with its key; one that is there already is taken."""
    path = key_path(settings, FOUNDER)
    if not path.exists():
        save_key(path, new_key("ed25519"))
    return Founder(name=_TITLE, keys=(load_key(path).public,))


class FounderDesk:
    """Files the founder's commands, as administrator; close it.

    Every command names the version of the founding that was told before the documents were judged:
    what another application brought in meanwhile makes it stale, and it is refused.
    """

    def __init__(
        self, settings: Settings, config: ClientConfig, admin: AdminClient, facts: FactsReader
    ) -> None:
        self._settings = settings
        self._config = config
        self._admin = admin
        self._facts = facts
        self._log = LogReader(config)
        self._next_notice = 0
        self._told_version = self._seen_version = 0
        self._awaited = ""
        self._answer: dict[str, Any] | None = None
        self._producer: Producer | None = None
        self._registrar: RegistrarLoop | None = None

    def look(self) -> None:
        """Take note of the version of the founding; whoever files decides by what stands now."""
        self._read_notices()
        self._seen_version = self._told_version

    def take_over(self, documents: Collection) -> None:
        """Bring in the documents that differ, in as many commands as they need.

        :raises Refused: the registrar refuses a command; those before it stand.
        :raises Unavailable: it is not answered in time, or another registrar has started.
        """
        in_force: PolicyFacts = self._facts.facts
        for part in list(in_parts(in_force, documents, DOCUMENT_BYTES_MAX)):
            lists = {
                name: [fact_document(document) for document in given]
                for name, given in part._asdict().items()
                if given
            }
            self.file("take_over", {"documents": lists})

    def file(self, verb: str, body: dict[str, Any]) -> None:
        """File one command; raises as :meth:`take_over`.

        :raises InvalidInput: the founder's key is not here, or there is no founder yet.
        """
        founder, path = self._facts.facts.founder, key_path(self._settings, FOUNDER)
        if founder is None:
            raise InvalidInput(
                "The bus has no founder yet.", expected="a bus that was started or applied to once"
            )
        if not path.exists():
            raise InvalidInput(
                "The founder's signing key is not here.", where=str(path),
                remedy="Put it back from where seals are kept; no other key can take its place.",
            )  # fmt: skip
        key = load_key(path)
        unsigned = Command.model_validate(
            {
                "id": str(uuid.uuid4()), "case": FOUNDER, "case_kind": FOUNDING,
                "seen_version": self._seen_version, "verb": verb, "body": body,
                "officer": Officer(name=founder.name, title=_TITLE),
            }
        )  # fmt: skip
        signed = sign(
            FOUNDER, unsigned, key=key.id, algorithm=key.algorithm, private_key=key.secret
        )
        self._awaited, self._answer = signed.id, None
        self._send(signed)
        answer = self._await(signed.id)
        if answer["outcome"] != "accepted":
            parts = {name: answer[name] for name in ("where", "expected", "found", "remedy")}
            raise Refused(answer["problem"], **parts)
        self._seen_version = answer["version"]

    def _send(self, signed: Command) -> None:
        if self._producer is None:
            options = {"acks": "all", "message.max.bytes": 1_048_576, "linger.ms": 0}
            self._producer = Producer({**self._config, **options}, logger=librdkafka_log)
        schema_id = SchemaIds.of_facts(self._facts.facts).of(command().subject)
        value = command().encode(schema_id, command_record(signed))
        failed: list[KafkaError | None] = []
        self._producer.produce(
            commands_topic(FOUNDER), value, f"{FOUNDING}/{FOUNDER}".encode(), 0,
            on_delivery=lambda error, _: failed.append(error),
        )  # fmt: skip
        self._producer.flush(_SEND_SECONDS_MAX)
        if failed != [None]:
            cause = failed[0].str() if failed and failed[0] else "no confirmation"
            raise Unavailable("The founder's command cannot be sent.", found=cause)

    def _await(self, command_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + _ANSWER_SECONDS_MAX
        next_look = 0.0
        while self._answer is None:
            if self._registrar is not None or time.monotonic() >= next_look:
                next_look = time.monotonic() + _LOOK_SECONDS
                self._decide_unless_a_registrar_runs()
            self._read_notices()
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The registrar has not answered yet; the command stands.",
                    where=f"command {command_id} of {FOUNDER}",
                    expected=f"an answer within {_ANSWER_SECONDS_MAX:g} s",
                    remedy="See that the registrar runs (`sharebus status`), and apply again.",
                )
            if self._answer is None:
                time.sleep(_PAUSE_SECONDS)
        return self._answer

    def _decide_unless_a_registrar_runs(self) -> None:
        if self._registrar is None:
            if office.is_held(self._admin, REGISTRAR):
                return
            self._registrar = RegistrarLoop(self._settings, self._config, self._facts)
        try:
            self._registrar.decide_waiting(commands_topic(FOUNDER))
        except AppStopped as stopped:
            raise Unavailable(
                "The founder's command was not decided.",
                found=str(stopped.found or stopped.problem),
                remedy="A registrar, or another application, may have started; apply again.",
            ) from stopped

    def _read_notices(self) -> None:
        topic = notices_topic(FOUNDER)
        self._next_notice = self._log.read(topic, 0, self._next_notice, self._take)

    def _take(self, message: Message) -> None:
        key, value = bytes(message.key() or b""), message.value() or b""
        if key == _CASE_KEY:
            self._told_version = case_notice().decode(value)["version"]
        elif key == _ANSWER_KEY + self._awaited.encode():
            self._answer = command_answer().decode(value)

    def close(self) -> None:
        """Leave the broker."""
        self._log.close()
        if self._producer is not None:
            self._producer.close()
        if self._registrar is not None:
            self._registrar.close()
