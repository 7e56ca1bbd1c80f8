"""What the gate refused: read by the agency alone, corrected, and sent again as a new event."""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from confluent_kafka import Message
from fastavro import parse_schema, schemaless_reader

from sharebus import InvalidInput
from sharebus.governance.data_period import is_valid_period
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.rule import RULE_TITLES, Rule
from sharebus.governance.schema_lint import plain_schema
from sharebus.infra.log_reader import LogReader
from sharebus.producers.cell_values import compile_cells
from sharebus.producers.event import EventEncoder, StoredRow
from sharebus.producers.provider import Provider
from sharebus.producers.receipt import WAIT_SECONDS, Receipt
from sharebus.producers.row_check import RowCheck
from sharebus.producers.scalar_values import Mismatch
from sharebus.producers.source_rows import shorten
from sharebus.schemas import cloudevent
from sharebus.schemas.framing import FRAME, FRAME_BYTES, MAGIC
from sharebus.schemas.topic import ingress_topic, quarantine_topic, value_subject

# Every quarantine topic has one partition.
_POSITION: Final = re.compile(r"0/([0-9]{1,18})")
_EVENT_ID: Final = re.compile(r"[!-~]+")
_ID_CHARS: Final = 24


@dataclass(frozen=True, slots=True)
class RefusedSummary:
    """A record of ``quarantine.<agency>``, without its value.

    ``position`` is ``<partition>/<offset>`` in that topic; ``source`` the same in the entry's
    ingress topic; ``rule`` and ``place`` say why; ``length_bytes`` is that of the original value.
    """

    position: str
    refused_ms: int
    entry: str
    rule: str
    place: str
    source: str
    length_bytes: int
    is_truncated: bool
    event_id: str
    event_type: str
    data_period: str
    delivery: str

    @property
    def reason(self) -> str:
        """The rule, the place, and what the rule says."""
        title = RULE_TITLES.get(Rule(self.rule)) if self.rule in set(Rule) else None
        place = f" ({self.place})" if self.place else ""
        return f"{self.rule}{place}: {title or 'no such rule is known here'}"


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """A record of quarantine with its bytes.

    ``row`` is there if they decode, in stored values (a date is a number of days);
    ``readable_row`` is the same in Python's own types, where they have room for it.
    """

    summary: RefusedSummary
    key: bytes
    value: bytes | None
    headers: dict[str, bytes]
    row: StoredRow | None
    readable_row: StoredRow | None


def list_refused(
    log: LogReader, agency: str, count_max: int, wanted: Callable[[RefusedSummary], bool]
) -> list[RefusedSummary]:
    """The latest ``count_max`` refused events that are ``wanted``, oldest first.

    :raises Unavailable: quarantine cannot be read.
    """
    topic = quarantine_topic(agency)
    latest: deque[RefusedSummary] = deque(maxlen=count_max)

    def take(message: Message) -> None:
        summary = _summary(message)
        if wanted(summary):
            latest.append(summary)

    low, _ = log.bounds(topic, 0)
    log.read(topic, 0, low, take)
    return list(latest)


def refused_of(provider: Provider, receipt: Receipt, count_max: int) -> list[RefusedSummary]:
    """The latest events of a delivery in quarantine; also those that its receipt cannot count.

    An event with a bad header, such as the time of a clock that is ahead, is counted for no
    delivery: the gate does not believe the header that names it.

    :raises Unavailable: quarantine cannot be read.
    """
    whose = (receipt.entry, receipt.delivery)
    return list_refused(
        provider.log,
        provider.system.agency,
        count_max,
        lambda refused: (refused.entry, refused.delivery) == whose,
    )


def find_refused(log: LogReader, agency: str, position: str, facts: PolicyFacts) -> RefusedEvent:
    """One refused event.

    :raises InvalidInput: there is none at the position.
    """
    topic = quarantine_topic(agency)
    match = _POSITION.fullmatch(position)
    messages: list[Message] = []
    if match is not None:
        offset = int(match[1])
        low, end = log.bounds(topic, 0)
        if low <= offset < end:
            log.read(topic, 0, offset, messages.append, count_max=1)
    if not messages or _position(messages[0]) != position:
        raise InvalidInput(
            "there is no refused event at this position",
            expected="<partition>/<offset>, as `sharebus quarantine list` shows it",
            found=position,
        )
    message = messages[0]
    summary = _summary(message)
    value = message.value()
    row = readable_row = None
    avro_schema = None if summary.is_truncated else _schema_of(value, summary.entry, facts)
    if value is not None and avro_schema is not None:
        row = _decode(value, plain_schema(avro_schema))
        readable_row = _decode(value, avro_schema) or row
    headers = _headers(message)
    return RefusedEvent(summary, message.key() or b"", value, headers, row, readable_row)


def resubmit(
    provider: Provider,
    event: RefusedEvent,
    changes: Mapping[str, str],
    period: str | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> Receipt:
    """Send a refused event again, corrected, as a new event in a delivery of its own.

    ``changes`` are texts as in a CSV cell. The new event names the old one in ``ce_corrects`` and
    has the same data period, unless ``period`` is given, which an event without a valid one needs.
    Its id follows from what is sent: doing the same twice changes nothing.

    :raises InvalidInput: fields are missing, unknown or still wrong.
    """
    summary = event.summary
    period = period or summary.data_period
    if not is_valid_period(period):
        raise InvalidInput(
            "the refused event has no valid data period (数据期)",
            found=shorten(period),
            remedy="Give one with --period.",
        )
    key, value = _corrected(provider.encoder, event, changes)
    content = b"\n".join([summary.position.encode(), key, value or b"deleted"])
    digest = hashlib.sha256(content).hexdigest()[:_ID_CHARS]
    corrects = summary.event_id[: cloudevent.ID_CHARS_MAX]
    delivery = provider.delivery(period, f"{period}-resubmit-{digest}")
    delivery.send(
        key,
        value,
        event_id=f"resubmit-{digest}",
        corrects=corrects if _EVENT_ID.fullmatch(corrects) else None,
    )
    return delivery.close(wait_seconds)


def _corrected(
    encoder: EventEncoder, event: RefusedEvent, changes: Mapping[str, str]
) -> tuple[bytes, bytes | None]:
    is_deletion = event.summary.event_type == cloudevent.TYPE_DELETED and event.value is None
    if is_deletion and not changes:
        return event.key, None
    fields = encoder.entry.field_names
    stored = {name: value for name, value in (event.row or {}).items() if name in fields}
    cells = compile_cells(encoder.entry.avro_schema)
    for name, text in changes.items():
        if name not in cells:
            raise InvalidInput(f"'{name}' cannot be set", expected=", ".join(cells), where="--set")
        try:
            stored[name] = cells[name](text)
        except Mismatch as mismatch:
            raise InvalidInput(
                f"'{name}' cannot have this value",
                where="--set",
                expected=mismatch.expected,
                found=shorten(text),
            ) from None
    missing = [name for name in fields if name not in stored]
    if missing:
        raise InvalidInput(
            "the refused event cannot be read whole",
            found=f"no {', '.join(missing)}",
            remedy="Give every missing field with --set FIELD=VALUE.",
        )
    checked = RowCheck(encoder, "jsonl").check_stored(stored, [])
    if checked.key is None or checked.value is None:
        raise InvalidInput(
            "the event would be refused again",
            found="; ".join(map(str, checked.problems)),
            remedy="Correct it with --set FIELD=VALUE.",
        )
    return checked.key, checked.value


def _schema_of(value: bytes | None, entry: str, facts: PolicyFacts) -> dict[str, Any] | None:
    if value is None or len(value) < FRAME_BYTES or value[0] != MAGIC:
        return None
    _, schema_id = FRAME.unpack_from(value)
    return facts.schemas.get(value_subject(ingress_topic(entry)), {}).get(schema_id)


def _decode(value: bytes, avro_schema: dict[str, Any]) -> StoredRow | None:
    try:
        row: Any = schemaless_reader(BytesIO(value[FRAME_BYTES:]), parse_schema(avro_schema), None)
    except Exception:  # what wrong bytes raise is not a closed list (measured)
        return None
    return row if isinstance(row, dict) else None


def _position(message: Message) -> str:
    return f"{message.partition()}/{message.offset()}"


def _headers(message: Message) -> dict[str, bytes]:
    headers: Any = message.headers() or ()
    return {name: content if isinstance(content, bytes) else b"" for name, content in headers}


def _summary(message: Message) -> RefusedSummary:
    headers = _headers(message)

    def text(name: str) -> str:
        return headers.get(name, b"").decode("utf-8", "replace")

    return RefusedSummary(
        position=_position(message),
        refused_ms=message.timestamp()[1],
        entry=text("sharebus_entry"),
        rule=text("sharebus_rule"),
        place=text("sharebus_place"),
        source=f"{text('sharebus_partition')}/{text('sharebus_offset')}",
        length_bytes=int(text("sharebus_length") or 0),
        is_truncated=text("sharebus_truncated") == "true",
        event_id=text(cloudevent.ID),
        event_type=text(cloudevent.TYPE),
        data_period=text(cloudevent.DATA_PERIOD),
        delivery=text(cloudevent.DELIVERY),
    )
