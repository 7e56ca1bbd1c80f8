"""The desk of an agency: files commands, waits for their answers, and shows the agency's cases."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final, Self

from confluent_kafka import Producer

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.agency import Officer
from sharebus.governance.answer import Answer
from sharebus.governance.case import Author
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName
from sharebus.infra.case_keys import CaseKeys
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.private_key import PrivateKey
from sharebus.infra.settings import Settings
from sharebus.producers.desk.inbox import Task, tasks_of
from sharebus.producers.desk.inspection import Inspection, read_inspection
from sharebus.producers.desk.mailbox import CaseVersion, Mailbox
from sharebus.producers.outbox import Outbox, producer_config
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.command import command_record, read_command, sign
from sharebus.schemas.record import command as command_type
from sharebus.schemas.topic import SHARED_CATALOG, commands_topic

ANSWER_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.05
_ID_BYTES: Final = 4


def new_case_id(kind: str) -> str:
    """An id for a new case; this many bits are never drawn twice by accident."""
    return f"{kind[0]}-{secrets.token_hex(_ID_BYTES)}"  # only the registrar knows all ids


def refusal_of(answer: Answer) -> Refused:
    """The refusal that an answer tells, as the error it was, with the article and what to do."""
    return Refused(
        answer.problem, where=answer.where or f"{answer.case_kind} {answer.case}",
        expected=answer.expected, found=answer.found, remedy=answer.remedy,
    )  # fmt: skip


class Desk:
    """Acts for the agency of ``system`` (its credentials) with ``key``; use it as a context::

        with Desk(settings, parse_system("nb-tax.levy"), key, officer) as desk:
            answer = desk.file("request", "r-1", "withdraw", {})
            for task in desk.inbox():
                print(task.case.id, task.due, task.basis)

    ``officer`` gives the commands, and its name is sealed, as that of a head is; without one it is
    the agency's officer on record, whom every agency knows. Without a key
    the desk only reads. It needs the broker alone.

    :raises InvalidInput: there are no credentials.
    :raises Unavailable: the broker does not answer.
    """

    def __init__(
        self,
        settings: Settings,
        system: SystemName,
        key: PrivateKey | None = None,
        officer: Officer | None = None,
    ) -> None:
        self.system = system
        self.agency = system.agency
        self._key = key
        self._officer = officer
        self._case_keys = CaseKeys(settings)
        self._config = client_config(settings, credentials_for(settings, system.principal))
        self._log = LogReader(self._config)
        self._mailbox = Mailbox(self._log, self.agency)
        self._catalog: PolicyFacts | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    @property
    def catalog(self) -> PolicyFacts:
        """What every agency may know, as ``shared.catalog`` said when it was first asked for."""
        if self._catalog is None:
            reader = FactsReader(self._config, SHARED_CATALOG)
            try:
                reader.catch_up()
            finally:
                reader.close()
            self._catalog = reader.facts
        return self._catalog

    def file(
        self,
        case_kind: str,
        case: str,
        verb: str,
        body: Mapping[str, Any],
        head: Officer | None = None,
        *,
        seen_version: int | None = None,
        command_id: str | None = None,
        wait_seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        """File a command, signed, and give the registrar's answer to it.

        Without ``seen_version``, the one of the case that somebody decided by, it is about the
        newest that the agency was told of. With the ``command_id`` of
        an earlier try, whose answer was not waited for, nothing is done twice.

        :raises InvalidInput: there is no key or no officer, or the command is none.
        :raises Refused: the broker does not let this system write its agency's commands.
        :raises Unavailable: no answer within ``wait_seconds``; the command stands all the same.
        """
        command_id = self._await(command_id)
        if self._mailbox.answer(command_id) is None:
            if seen_version is None:
                seen = self._mailbox.latest(case_kind, case)
                seen_version = seen.case.version if seen else 0
            self._send(
                {
                    "id": command_id, "case": case, "case_kind": case_kind,
                    "seen_version": seen_version, "verb": verb,
                    "body": canonical_json(body),
                    "head": head and self._sealed(head, f"{case_kind}/{case}"),
                }
            )  # fmt: skip
            self.wait_until(lambda: self._mailbox.answer(command_id) is not None, wait_seconds)
        answer = self._mailbox.answer(command_id)
        if answer is None:
            raise Unavailable(
                "the registrar has not answered yet; the command stands",
                where=f"command {command_id} of {self.agency}",
                expected=f"an answer within {wait_seconds:g} s",
                remedy="See that the registrar runs (`sharebus status`); then give the same "
                f"command with --command {command_id}: it is answered once.",
            )
        return answer

    def record_usage(
        self, grant: str, *, purpose: str, used_by: str, first_day: date, last_day: date,
        events: int | None = None, delivery: str | None = None, remark: str | None = None,
    ) -> Answer:  # fmt: skip
        """Record what was used under a grant, on which local days (使用记录, Order 809 Art 29).

        ``used_by`` is a system or an office. No text names a person.
        """
        body = {
            "grant": grant, "purpose": purpose, "used_by": used_by, "events": events,
            "period": {"first_day": str(first_day), "last_day": str(last_day)},
            "delivery": delivery, "remark": remark,
        }  # fmt: skip
        return self._file_usage("record", body)

    def dispose(self, grant: str, *, means: str, day: date, remark: str | None = None) -> Answer:
        """Record that all that came under a grant was disposed of (销毁, 删除 …) on a local day."""
        body = {"grant": grant, "means": means, "day": str(day), "remark": remark}
        return self._file_usage("dispose", body)

    def inspect(self, entry: str, agency: str | None = None) -> Inspection:
        """Inspect, as its provider, who holds an entry and what became of it (Order 809 Art 29).

        The inspection is a command, and on record. ``agency`` narrows it to one holder.

        :raises Refused: the entry is another's, or has more grants than one inspection can hold.
        :raises Unavailable: no answer, or what it found is not told, within `ANSWER_SECONDS`.
        """
        body = {"entry": entry, "agency": agency}
        answer = self._file_usage("inspect", body)
        if answer.outcome == "refused":
            raise refusal_of(answer)
        case = answer.case
        self.wait_until(lambda: self.known("usage", case) is not None, ANSWER_SECONDS)
        told = self.known("usage", case)
        if told is None:
            raise Unavailable(
                "the inspection was decided, but is not told yet", where=f"usage {case}",
                remedy=f"Look again: sharebus usage show {case} --as {self.system}",
            )  # fmt: skip
        return read_inspection(told.case, answer.basis)

    def _file_usage(self, verb: str, body: Mapping[str, Any]) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self.file("usage", new_case_id("usage"), verb, given)

    def latest(self, case_kind: str, case: str) -> CaseVersion | None:
        """The newest version of a case that the agency was told of."""
        self._mailbox.catch_up()
        return self.known(case_kind, case)

    def known(self, case_kind: str, case: str) -> CaseVersion | None:
        """The same, of the notices that were read already."""
        return self._mailbox.latest(case_kind, case)

    def cases(self) -> Iterator[CaseVersion]:
        """The newest version of every case that the agency was told of."""
        self._mailbox.catch_up()
        return self._mailbox.cases()

    def history(self, case_kind: str, case: str) -> list[CaseVersion]:
        """Every version of a case that the agency was told of, the oldest first."""
        return self._mailbox.history(case_kind, case)

    def inbox(self) -> list[Task]:
        """The cases that wait for the agency; what is due first stands first."""
        return tasks_of((version.case for version in self.cases()), self.author)

    @property
    def author(self) -> Author:
        """The agency with the offices that it holds in its jurisdiction."""
        known = self.catalog.agencies.get(self.agency)
        if known is None:
            return Author(self.agency, "")
        return Author(known.id, known.jurisdiction, frozenset(known.offices))

    def wait_until(self, is_met: Callable[[], bool], wait_seconds: float | None = None) -> bool:
        """Read notices until something is so; whether it came in time. None waits for ever."""
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        while True:
            self._mailbox.catch_up()
            if is_met():
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)

    def _await(self, command_id: str | None) -> str:
        if command_id is None:
            command_id = str(uuid.uuid4())
        else:  # its answer may be among the notices that were read past
            self._mailbox = Mailbox(self._log, self.agency)
        self._mailbox.expect(command_id)
        self._mailbox.catch_up()
        return command_id

    def _send(self, record: Mapping[str, Any]) -> None:
        if self._key is None:
            raise InvalidInput("this desk has no key to sign with", expected="a private key")
        officer = self._acting(f"{record['case_kind']}/{record['case']}")
        unsigned = read_command({**record, "officer": officer, "signature": None})
        signed = sign(
            self.agency, unsigned, key=self._key.id, algorithm=self._key.algorithm,
            private_key=self._key.secret,
        )  # fmt: skip
        schema_ids = self.catalog.schemas.get(command_type().subject, {})
        if not schema_ids:
            raise Unavailable(
                "the platform's own schemas are not published yet", where=SHARED_CATALOG,
                expected=command_type().subject, remedy="Try again when the enforcer has run.",
            )  # fmt: skip
        value = command_type().encode(max(schema_ids), command_record(signed))
        producer = Producer(producer_config(self._config), logger=librdkafka_log)
        address = str(self._config["bootstrap.servers"])
        outbox = Outbox(producer, commands_topic(self.agency), address)
        try:
            outbox.send(f"{signed.case_kind}/{signed.case}".encode(), value, [], 0)
            outbox.flush()
        finally:
            producer.purge()

    def _sealed(self, officer: Officer, case: str) -> dict[str, Any]:
        """The title is the office's; the name is for those whom the agency gives the key."""
        return {"name": self._case_keys.seal(officer.name, case), "title": officer.title}

    def _acting(self, case: str) -> dict[str, Any]:
        if self._officer is not None:
            return self._sealed(self._officer, case)
        known = self.catalog.agencies.get(self.agency)
        if known is None:
            raise InvalidInput(
                "a command names the officer who gives it", where=self.agency,
                expected="an officer: none is on record in the catalog",
            )  # fmt: skip
        return known.officer.model_dump()  # the contact that every agency knows
