"""The provider SDK: one system sends the change events of one catalog entry."""

import uuid
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import Producer

from sharebus import InvalidInput, Refused, Unavailable
from sharebus.governance.data_period import parse_period
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.identity import SystemName, parse_system
from sharebus.infra.credentials import client_config, credentials_for
from sharebus.infra.facts_reader import FactsReader
from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.infra.log_reader import LogReader
from sharebus.infra.settings import Settings, load_settings
from sharebus.producers.delivery import Channel, Delivery, SentBefore
from sharebus.producers.event import EventEncoder
from sharebus.producers.outbox import Outbox, producer_config
from sharebus.producers.receipt import WAIT_SECONDS, Receipt, ReceiptReader
from sharebus.schemas.cloudevent import source_of
from sharebus.schemas.record import DELIVERY_CLOSED_SUBJECT
from sharebus.schemas.topic import SHARED_CATALOG, ingress_topic, value_subject

_ID_CHARS: Final = 12


class Provider:
    """Sends the events of ``entry`` as ``system`` (``<agency>.<system>``); use it as a context::

        with Provider("divisions-a", "zj-natural.exchange") as provider:
            with provider.delivery(period="2026-11") as delivery:
                delivery.upsert({"code": "330102", "name": "上城区", "level": "county"})
                delivery.delete("330103")
            print(delivery.receipt)

    It needs the broker alone: catalog and schemas are read from ``shared.catalog``, as they are
    when it is made. Memory is bounded: sending waits while the queue to the broker is full.

    :raises InvalidInput: there is no such entry, or there are no credentials.
    :raises Refused: the system does not provide the entry, or the entry is not shared.
    :raises Unavailable: the broker does not answer.
    """

    def __init__(self, entry: str, system: str, settings: Settings | None = None) -> None:
        self.system = parse_system(system)
        settings = settings or load_settings()
        self._config = client_config(settings, credentials_for(settings, self.system.principal))
        self.facts = _read_catalog(self._config)
        self.entry = _entry_of(self.facts, entry, self.system)
        self.log = LogReader(self._config)
        self._producer = Producer(producer_config(self._config), logger=librdkafka_log)
        self.encoder = EventEncoder(self.entry, _schema_id_of(self.facts, self.entry))
        self._channel = Channel(
            encoder=self.encoder,
            outbox=Outbox(
                self._producer, ingress_topic(entry), str(self._config["bootstrap.servers"])
            ),
            source=source_of(self.system.principal),
            closing_schema_id=_closing_schema_id(self.facts),
            open_receipts=lambda from_start: self.receipts(from_start=from_start),
        )

    @property
    def confirmed_count(self) -> int:
        """Records, closings included, that the broker has confirmed."""
        return self._channel.outbox.confirmed_count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._channel.outbox.flush()
        finally:
            self._producer.purge()
            self.log.close()

    def delivery(
        self,
        period: str,
        delivery_id: str | None = None,
        *,
        sent_before: SentBefore | None = None,
    ) -> Delivery:
        """A delivery for a data period (数据期) such as ``2026-11``, ``2026-W47``, ``2026-11-22``.

        Without ``delivery_id`` the delivery gets an id that no other has. With the id of one that
        an earlier run left open, give your own event ids, and ``sent_before``.
        """
        if delivery_id is None:
            delivery_id = f"{parse_period(period)}-{uuid.uuid4().hex[:_ID_CHARS]}"
        return Delivery(self._channel, period, delivery_id, sent_before)

    def no_change(
        self, period: str, wait_seconds: float = WAIT_SECONDS, *, delivery_id: str | None = None
    ) -> Receipt:
        """State that nothing changed in a data period.

        Stating it again, in a delivery of the same id, changes nothing and is answered again.
        Without ``delivery_id`` the id follows from the period.
        """
        delivery_id = delivery_id or f"{parse_period(period)}-no-change"
        return self.delivery(period, delivery_id).close(wait_seconds, no_change=True)

    def receipts(self, *, from_start: bool = False) -> ReceiptReader:
        """A reader of the receipts of this entry, those from now on or all that are kept."""
        agency = self.system.agency
        return ReceiptReader(self.log, agency, self.entry.id, from_start=from_start)


def _read_catalog(config: dict[str, Any]) -> PolicyFacts:
    reader = FactsReader(config, topic=SHARED_CATALOG)
    try:
        reader.catch_up()
    finally:
        reader.close()
    return reader.facts


def _entry_of(facts: PolicyFacts, name: str, system: SystemName) -> CatalogEntry:
    if name in facts.not_shared:
        listing = facts.not_shared[name]
        raise Refused(
            f"entry '{name}' is not shared (不予共享); nobody can publish it",
            where=f"{listing.basis.instrument}, Art {listing.basis.article}",
        )
    entry = facts.entries.get(name)
    if entry is None:
        raise InvalidInput(
            f"there is no catalog entry '{name}'",
            expected=", ".join(sorted(facts.entries)) or "a published entry",
            remedy="Was it applied? `sharebus catalog apply PATH` publishes it.",
        )
    provider = facts.provider_of(entry)
    if provider != system:
        raise Refused(
            f"{system} does not provide entry '{name}'",
            expected=f"{provider}, as the catalog says",
            found=str(system),
        )
    if entry.suspended:
        raise Refused(f"entry '{name}' is suspended; the gate would refuse every event")
    return entry


def _schema_id_of(facts: PolicyFacts, entry: CatalogEntry) -> int:
    registered = facts.schemas.get(value_subject(ingress_topic(entry.id)), {})
    for schema_id in sorted(registered, reverse=True):
        if registered[schema_id] == entry.avro_schema:
            return schema_id
    raise Unavailable(
        f"the schema of entry '{entry.id}' is not published yet",
        remedy="Try again when `sharebus catalog apply` has ended.",
    )


def _closing_schema_id(facts: PolicyFacts) -> int:
    registered = facts.schemas.get(DELIVERY_CLOSED_SUBJECT, {})
    if not registered:
        raise Unavailable(
            "the platform's own schemas are not published yet",
            where=SHARED_CATALOG,
            expected=DELIVERY_CLOSED_SUBJECT,
            remedy="Try again when `sharebus catalog apply` has ended.",
        )
    return max(registered)
