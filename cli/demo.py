"""``sharebus demo``: the whole bus on real input, once around, with the books balanced."""

import csv
import random
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from confluent_kafka import KafkaError, KafkaException, Producer

from sharebus import NumbersDisagree, Refused
from sharebus.cli.apps import platform_apps
from sharebus.cli.demo_log import signed_log
from sharebus.cli.demo_report import Received, Sent, Story, Turned, print_story
from sharebus.cli.output import print_json, print_note
from sharebus.consumers.oversight.books import read_books
from sharebus.consumers.oversight.reconciliation import reconcile
from sharebus.consumers.subscription import Subscription
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import parse_system
from sharebus.governance.view import view_of_grant
from sharebus.infra.audit_key import audit_digest
from sharebus.infra.catalog_files import load_catalog_files
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.enrolment import enrol, save_password
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.settings import PORT_SETTINGS, Settings, load_settings
from sharebus.infra.supervisor import Supervisor
from sharebus.producers.provider import Provider
from sharebus.producers.publication import PublishOptions, publish_file
from sharebus.schemas.topic import ingress_topic, view_topic
from sharebus.stream_apps.enforcer.apply import apply_catalog

MONTH: Final = "2026-11"
QUARTER: Final = "2026-Q4"
DIVISIONS_A: Final = ("divisions-a", "zj-civil-affairs.divisions", "divisions/edition-a.csv")
DIVISIONS_B: Final = ("divisions-b", "zj-planning.geography", "divisions/edition-b.csv")
LEGAL_PERSONS: Final = ("legal-persons", "nb-market-regulation.registration", "legal-persons.csv")
NOT_SHARED: Final = ("statistical-survey", "nb-statistics.survey")
SUBSCRIBERS: Final = ("nb-tax.levy", "nb-haishu-district.services", "nb-statistics.analysis")
READ_SECONDS_MAX: Final = 30.0
WRITE_SECONDS_MAX: Final = 15.0


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("demo", epilog="Example:  sharebus demo --json")(_demo)


def _demo(
    folder: Annotated[
        Path, typer.Option("--from", help="Folder with catalog/ and data/.", metavar="DIR")
    ] = Path("demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the bus once around on real input: provide, decide, receive, audit, reconcile.

    Starts its own broker, registry and apps on free ports with a fresh data directory, and stops
    them. Exit code 7 when the numbers do not add up.
    """
    story = run_demo(folder, lambda step: print_note(f"· {step}"))
    if as_json:
        print_json(story.to_json())
    else:
        print_story(story)
    if story.problems:
        raise NumbersDisagree("the demo's numbers do not add up", found="; ".join(story.problems))


def run_demo(folder: Path, tell: Callable[[str], None]) -> Story:
    """The demo; ``tell`` hears of each step."""
    settings = _fresh_settings()
    apps = platform_apps(settings)
    tell("starting Apache Kafka, Apicurio Registry and the gate")
    with Supervisor(settings, apps, before_apps=lambda: _prepare(settings, folder, tell)):
        stage = _Stage(settings, folder / "data", Story())
        tell("providers publish")
        stage.publish_divisions(DIVISIONS_A)
        stage.publish_divisions(DIVISIONS_B)
        stage.publish_legal_persons()
        tell("a system tries to publish what is not to be shared (不予共享)")
        stage.try_not_shared()
        tell("subscribers read what they may")
        stage.receive_all()
        tell("oversight reconciles the audit with every topic")
        stage.reconcile()
    return stage.story


def _fresh_settings() -> Settings:
    data_dir = load_settings().data_dir.parent / "demo"
    with suppress(FileNotFoundError):
        shutil.rmtree(data_dir)
    ports = dict(zip(PORT_SETTINGS, free_ports(len(PORT_SETTINGS)), strict=True))
    return load_settings(data_dir=data_dir, embedded=True, **ports)


def free_ports(count: int) -> list[int]:
    """Ports that are free now, below the range from which the system gives ports to clients."""
    found: list[int] = []
    with ExitStack() as stack:
        # At random, so that two that look at the same moment hardly choose the same.
        for port in random.sample(range(20_000, 32_000), 500):
            server = stack.enter_context(socket.socket())
            with suppress(OSError):
                server.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise Refused("no free ports", expected=f"{count} between 20000 and 32000")


def _prepare(settings: Settings, folder: Path, tell: Callable[[str], None]) -> None:
    tell("applying the catalog and enrolling six agencies' systems")
    apply_catalog(settings, load_catalog_files(folder / "catalog"))
    names = [system for _, system, _ in (DIVISIONS_A, DIVISIONS_B, LEGAL_PERSONS)]
    names += [NOT_SHARED[1], *SUBSCRIBERS]
    for system, password in enrol(settings, [parse_system(name) for name in names]).items():
        save_password(settings, system, password)


@dataclass
class _Stage:
    settings: Settings
    data: Path
    story: Story
    _facts: PolicyFacts | None = field(default=None)

    @property
    def facts(self) -> PolicyFacts:
        if self._facts is None:
            config = client_config(self.settings, credentials_for(self.settings, "admin"))
            reader = FactsReader(config)
            reader.catch_up()
            reader.close()
            self._facts = reader.facts
        return self._facts

    def publish_divisions(self, what: tuple[str, str, str]) -> None:
        entry, system, file = what
        with Provider(entry, system, self.settings) as provider:
            report = publish_file(
                provider, self.data / file, PublishOptions(period=QUARTER), _no_progress
            )
            self._sent(entry, system, report.receipt)

    def publish_legal_persons(self) -> None:
        """Good rows by the SDK; then, past its checks, three events that the gate must refuse."""
        entry, system, file = LEGAL_PERSONS
        with Provider(entry, system, self.settings) as provider:
            options = PublishOptions(period=MONTH)
            report = publish_file(provider, self.data / file, options, _no_progress)
            self._sent(entry, system, report.receipt)
            with provider.delivery(MONTH) as delivery:
                first = self._rows(file)[0]
                row = {**first, "registered_capital_yuan": int(first["registered_capital_yuan"])}
                delivery.upsert({**row, "uscc": first["uscc"][:-1] + "I"})  # I is no check digit
                delivery.upsert({**row, "district": "999999"})
                delivery.send(first["uscc"].encode(), b"not Avro at all")
            self._sent(entry, system, delivery.receipt)

    def _sent(self, entry: str, system: str, receipt: Any) -> None:
        self.story.sent.append(
            Sent(
                entry,
                system,
                receipt.declared,
                receipt.accepted,
                receipt.refused,
                receipt.duplicate,
                receipt.outcome,
            )
        )

    def _rows(self, file: str) -> list[dict[str, str]]:
        with (self.data / file).open(encoding="utf-8-sig", newline="") as rows:
            return list(csv.DictReader(rows))

    def try_not_shared(self) -> None:
        entry, system = NOT_SHARED
        principal = parse_system(system).principal
        config = client_config(self.settings, credentials_for(self.settings, principal))
        answers: list[KafkaError | None] = []
        producer = Producer(config, logger=librdkafka_log)
        with suppress(KafkaException):
            producer.produce(
                ingress_topic(entry), b"secret", b"1", on_delivery=lambda e, _: answers.append(e)
            )
            producer.flush(WRITE_SECONDS_MAX)
        error = answers[0] if answers else None
        if error is None:
            self.story.problems.append(f"{system} was not refused for {entry}")
        else:
            self.story.turned.append(Turned(f"{system} writes {entry}", "broker", error.name()))

    def receive_all(self) -> None:
        facts = self.facts
        for entry_id, _, file in (DIVISIONS_A, DIVISIONS_B, LEGAL_PERSONS):
            entry = facts.entries[entry_id]
            rows = self._rows(file)
            for system in SUBSCRIBERS:
                grants = [g for g in facts.grants_of(entry_id) if g.system == system]
                if not grants:
                    self._must_be_refused(entry_id, system)
                for grant in grants:
                    view = view_of_grant(entry, grant)
                    expected = sum(_passes(grant.row_filter, row) for row in rows)
                    got, keys = self._receive(entry_id, system, view.fields, expected)
                    withheld = [n for n in entry.field_names if n not in view.fields]
                    self.story.received.append(
                        Received(
                            entry_id,
                            system,
                            view_topic(entry_id, view.name),
                            got,
                            expected,
                            len(rows) - expected,
                            withheld,
                            view.has_pseudonym_key,
                        )
                    )
                    if not got == expected == keys:
                        self.story.problems.append(
                            f"{system} got {got} events of {keys} entities of {entry_id}, "
                            f"expected {expected}"
                        )

    def _receive(
        self, entry: str, system: str, fields: tuple[str, ...], expected: int
    ) -> tuple[int, int]:
        """Events and distinct entities received; rows must have exactly the released fields."""
        count, keys = 0, set()
        deadline = time.monotonic() + READ_SECONDS_MAX
        with Subscription(entry, system, self.settings, from_start=True) as subscription:
            while count < expected and time.monotonic() < deadline:
                for event in subscription.until_end():
                    count += 1
                    keys.add(event.key_bytes)
                    if event.row is None or tuple(event.row) != fields:
                        self.story.problems.append(f"{system} got other fields than granted")
        return count, len(keys)

    def _must_be_refused(self, entry: str, system: str) -> None:
        try:
            with Subscription(entry, system, self.settings, from_start=True) as subscription:
                next(iter(subscription.until_end()), None)
        except Refused:
            self.story.turned.append(Turned(f"{system} reads {entry}", "broker", "no grant"))
        else:
            self.story.problems.append(f"{system} may read {entry} without a grant")

    def reconcile(self) -> None:
        config = client_config(self.settings, credentials_for(self.settings, "admin"))
        entries = [entry for entry, _, _ in (DIVISIONS_A, DIVISIONS_B, LEGAL_PERSONS)]
        books = read_books(config, audit_digest(self.settings), entries)
        self.story.take_audit(books)
        self.story.log = signed_log(self.settings, config)
        self.story.problems += [
            f"{d.where}: expected {d.expected}, found {d.found}" for d in reconcile(books)
        ]


def _passes(row_filter: Any, row: dict[str, str]) -> bool:
    """The filter, read independently of the gate's own compilation."""
    if row_filter is None:
        return True
    return all(row[condition.field] in condition.one_of for condition in row_filter.all)


def _no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """The demo tells its steps itself."""
