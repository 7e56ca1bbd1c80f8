"""A town hall: agencies with keys and offices, and a registrar that answers their commands."""

import json
import uuid
from typing import Any, NamedTuple

from confluent_kafka import Producer

from sharebus.governance.agency import Agency, SigningKey
from sharebus.governance.case import Case
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas import topic as topics
from sharebus.schemas.command import Command, command_record, sign
from sharebus.schemas.record import case_notice, command, command_answer
from sharebus.schemas.signature import ALGORITHMS

from ...unit.stream_apps.gate import case
from ..app_process import DEADLINE_SECONDS, AppProcess, wait_until
from ..world import PROVIDER, SUBSCRIBER, World

OFFICER = {"name": "王某", "title": "处长"}
TERM = {"first_day": "2026-01-01", "last_day": "2099-12-31"}


class Given(NamedTuple):
    """A command as it was sent, and by whom."""

    agency: str
    command: Command


class Hall:
    """A provider, a subscriber and a coordinating authority, each with one system and one key."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.registrar = AppProcess(world.settings, "registrar", "registrar")
        tag = uuid.uuid4().hex[:6]
        self.provider, self.subscriber = f"house-{tag}", f"court-{tag}"
        self.coordinator = f"data-{tag}"
        self.keys = {
            name: bytes([number]) * 32
            for number, name in enumerate((self.provider, self.subscriber, self.coordinator), 1)
        }
        self._producers: dict[str, Producer] = {}
        world.apply(*self.agencies())

    def agencies(self) -> list[Agency]:
        roles = {
            self.provider: (PROVIDER, "provider"), self.subscriber: (SUBSCRIBER, "subscriber"),
            self.coordinator: ("office", "subscriber"),
        }  # fmt: skip
        offices = ["coordinator", "supervisor", "secrecy", "archives"]
        return [
            case.agency(
                name, code=f"HALL-{name.upper()}", keys=[self.signing_key(name)],
                systems=[{"id": system, "name": system, "roles": [role]}],
                offices=offices if name == self.coordinator else [],
            )
            for name, (system, role) in roles.items()
        ]  # fmt: skip

    def signing_key(self, agency: str) -> dict[str, str]:
        public_key = ALGORITHMS["ed25519"].public_key(self.keys[agency]).hex()
        key = SigningKey(id="office", algorithm="ed25519", public_key=public_key)
        return key.model_dump()

    def entry(self, **changes: Any) -> Any:
        provider = {"agency": self.provider, "system": PROVIDER, "officer": OFFICER}
        return self.world.entry(**{"provider": provider, **changes})

    def give(
        self,
        agency: str,
        kind: str,
        case_id: str,
        verb: str,
        body: dict[str, Any],
        *,
        seen: int = 0,
        topic_of: str = "",
        signed_by: bytes | None = None,
        command_id: str = "",
    ) -> Given:
        """Send one command, signed by the agency unless told otherwise."""
        unsigned = Command.model_validate(
            {
                "id": command_id or str(uuid.uuid4()), "case": case_id, "case_kind": kind,
                "seen_version": seen, "verb": verb, "body": body, "officer": OFFICER,
                "head": {"name": "李某", "title": "局长"},
            }
        )  # fmt: skip
        signed = sign(
            agency, unsigned, key="office", algorithm="ed25519",
            private_key=signed_by or self.keys[agency],
        )  # fmt: skip
        self.write(topic_of or agency, command().encode(1, command_record(signed)))
        return Given(agency, signed)

    def write(self, agency: str, value: bytes | None) -> None:
        """Any bytes into an agency's topic of commands, with its own credentials."""
        producer = self.producer(agency)
        producer.produce(topics.commands_topic(agency), value, b"case", 0)
        producer.poll(0)

    def producer(self, agency: str) -> Producer:
        if agency not in self._producers:
            (system,) = self.world.facts_now().agencies[agency].system_names()
            config = self.world.broker.client_config(system.principal)
            self._producers[agency] = Producer({**config, "linger.ms": 1}, logger=librdkafka_log)
        return self._producers[agency]

    def flush(self) -> None:
        for producer in self._producers.values():
            assert producer.flush(DEADLINE_SECONDS) == 0

    def request(self, entry: Any, case_id: str, *fields: str) -> Given:
        return self.give(
            self.subscriber, "request", case_id, "submit",
            {
                "entry": entry.id, "system": f"{self.subscriber}.{SUBSCRIBER}",
                "fields": list(fields) or ["code", "name"], "legal_basis": "税收征收管理法",
                "scenario": "核对", "scope": "全市", "mode": "subscribe", "term": TERM,
            },
        )  # fmt: skip

    def upsert(self, entry: Any, row: dict[str, Any]) -> None:
        """Publish a row, as the provider of the hall does."""
        world = self.world
        headers = world.headers(
            uuid.uuid4().hex, source=f"/systems/agency.{self.provider}.{PROVIDER}"
        )
        key, producer = str(row["code"]).encode(), self.producer(self.provider)
        sent = world.send(entry, key, world.value(entry, row), headers, producer=producer)
        self.flush()
        assert sent.error is None

    def notices(self, agency: str) -> list[tuple[bytes, bytes]]:
        found = self.world.records(topics.notices_topic(agency))
        return [(bytes(record.key() or b""), record.value() or b"") for record in found]

    def answers(self, agency: str) -> dict[str, list[dict[str, Any]]]:
        """All answers to an agency, by command id, without where they are proved."""
        found: dict[str, list[dict[str, Any]]] = {}
        for key, value in self.notices(agency):
            if key.startswith(b"@answer/"):
                answer = command_answer().decode(value)
                found.setdefault(answer["command"], []).append(answer)
        return found

    def answer(self, given: Given) -> dict[str, Any]:
        """The answer to a command, as soon as it is there."""
        self.flush()

        def look() -> list[dict[str, Any]] | None:
            self.registrar.tend()
            return self.answers(given.agency).get(given.command.id)

        found: list[dict[str, Any]] = wait_until(look, f"{given.command.verb} is answered")
        return found[-1]

    def cases(self, agency: str) -> dict[tuple[str, str], list[Case]]:
        """The versions of each case that an agency was told, in order."""
        found: dict[tuple[str, str], list[Case]] = {}
        for key, value in self.notices(agency):
            if key.startswith(b"@case/"):
                notice = case_notice().decode(value)
                version = Case.model_validate(json.loads(notice["body"]))
                found.setdefault((notice["case_kind"], notice["case"]), []).append(version)
        return found

    def close(self) -> None:
        self.registrar.stop()
        for producer in self._producers.values():
            producer.close()


def send_as_administrator(world: World, topic: str, value: bytes) -> None:
    """Any bytes into any topic, as nobody but a super-user can."""
    producer = Producer({**world.admin_config, "linger.ms": 0}, logger=librdkafka_log)
    producer.produce(topic, value, b"case", 0)
    assert producer.flush(DEADLINE_SECONDS) == 0
    producer.close()
