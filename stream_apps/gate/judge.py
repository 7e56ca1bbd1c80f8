"""Accepts or refuses one event: headers, frame, schema, value, key. Pure; no state, no clock.

The order of the checks is the order in which a reader trusts less and less: first what the broker
vouches for (topic, partition, append time), then headers, then bytes, then content.
"""

import re
import struct
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sharebus.governance.data_period import is_valid_period
from sharebus.governance.rule import Rule
from sharebus.governance.schema_lint import (
    ValueCheck,
    compile_value_check,
    nothing_to_check,
    plain_schema,
)
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.avro_reader import (
    Bounds,
    Malformed,
    NotCanonical,
    Read,
    Row,
    compile_reader,
)
from sharebus.schemas.framing import FRAME, FRAME_BYTES, MAGIC
from sharebus.schemas.partition import partition_of

KEY_BYTES_MAX: Final = 1024
HEADER_BYTES_MAX: Final = 4096
PLACE_CHARS_MAX: Final = 64

HeaderList = list[tuple[str, bytes]]
NOT_TEXT: Final[HeaderList] = [("not-utf-8", b"")]
"""Stands for headers with a name that is not UTF-8, which no client can give us."""
DeliveryName = tuple[str, str]
"""Data period and delivery id."""
EnvelopeCache = dict[tuple[bytes, ...], DeliveryName]
"""Header values that were found sound together; what differs in every event is not among them."""
CACHED_MAX: Final = 1024

_EVENT_ID: Final = re.compile(rb"[!-~]{1,%d}" % ce.ID_CHARS_MAX)
_DELIVERY: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,%d}" % (ce.DELIVERY_CHARS_MAX - 1))
_TIME: Final = re.compile(
    rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
_SCHEMA_HEADERS: Final = frozenset(
    {"__value_schema_id", "__key_schema_id", "ce_dataschema", "schema-id", "schema_id"}
)


class Refusal(Exception):
    """The event is refused: by which rule, and where (a header, a field, a byte; never a value)."""

    def __init__(self, rule: Rule, place: str = "") -> None:
        super().__init__(rule, place)
        self.rule = rule
        self.place = place[:PLACE_CHARS_MAX]


class Envelope(NamedTuple):
    """What the headers of a sound event say."""

    event_id: bytes
    event_type: bytes
    delivery: DeliveryName
    headers: HeaderList
    """The headers that pass by the allow-list, in the order they came."""


class Reader(NamedTuple):
    """How values under one schema id are read.

    ``read`` knows no logical types: the gate compares bytes, it does not convert. ``check_value``
    finds what it lets through: NaN, dates out of range.
    """

    read: Read
    check_value: ValueCheck | None


class Payload(NamedTuple):
    """A sound value: decoded, as it came, and where each top-level field lies in it."""

    row: Row
    value: bytes
    bounds: Bounds
    schema_id: int


def reader_of(avro_schema: Mapping[str, Any]) -> Reader:
    """The reader of one schema, which has passed the lint."""
    check = compile_value_check(avro_schema)
    read = compile_reader(plain_schema(avro_schema))
    return Reader(read, None if check is nothing_to_check else check)


_UPSERTED: Final = ce.TYPE_UPSERTED.encode()
_DELETED: Final = ce.TYPE_DELETED.encode()
_CLOSED: Final = ce.TYPE_DELIVERY_CLOSED.encode()
_TYPES: Final = frozenset({_UPSERTED, _DELETED, _CLOSED})
_REQUIRED: Final = frozenset(ce.REQUIRED)
_PASSING: Final = _REQUIRED | frozenset(ce.OPTIONAL)


def open_envelope(
    headers: HeaderList | None,
    source: bytes,
    ingress_ms: int,
    future_tolerance_ms: int,
    cache: EnvelopeCache,
) -> Envelope:
    """Check the CloudEvents headers.

    ``source`` is what ``ce_source`` must be: identity is the topic, and a header that claims
    another is a forgery. A change may not be dated later than the broker received it, within the
    entry's tolerance for clocks that differ. ``cache`` spares the checks of what
    is alike in most events.

    :raises Refusal: by the first ``header.*`` or ``time.*`` rule that fails.
    """
    headers = headers or []
    if len(headers) > ce.HEADERS_MAX:
        raise Refusal(Rule.HEADER_TOO_MANY, f"{len(headers)} headers")
    named = dict(headers)
    try:
        spec, event_id, claimed = named[ce.SPEC], named[ce.ID], named[ce.SOURCE]
        event_type, time = named[ce.TYPE], named[ce.TIME]
        period, delivery = named[ce.DATA_PERIOD], named[ce.DELIVERY]
    except KeyError as missing:
        if headers is NOT_TEXT:
            raise Refusal(Rule.HEADER_INVALID, "header name") from None
        raise Refusal(Rule.HEADER_MISSING, missing.args[0]) from None
    if len(named) != len(headers):
        _refuse_duplicates(headers)
    repeated = (source, spec, claimed, event_type, period, delivery)
    name = cache.get(repeated)
    if name is None:
        name = _check_repeated(*repeated)
        if len(cache) >= CACHED_MAX:
            cache.clear()
        cache[repeated] = name
    if event_id is None or not _EVENT_ID.fullmatch(event_id):
        raise Refusal(Rule.HEADER_INVALID, ce.ID)
    if _time_ms(time) > ingress_ms + future_tolerance_ms:
        raise Refusal(Rule.TIME_FUTURE, ce.TIME)
    if len(named) != len(_REQUIRED):
        headers = _passing(headers)
    return Envelope(event_id, event_type, name, headers)


def _check_repeated(
    source: bytes,
    spec: bytes | None,
    claimed: bytes | None,
    event_type: bytes | None,
    period: bytes | None,
    delivery: bytes | None,
) -> DeliveryName:
    """Check the headers that are alike in most events of a delivery."""
    if spec != b"1.0":
        raise Refusal(Rule.HEADER_INVALID, ce.SPEC)
    if claimed != source:
        raise Refusal(Rule.HEADER_FORGED, ce.SOURCE)
    if event_type not in _TYPES:
        raise Refusal(Rule.HEADER_INVALID, ce.TYPE)
    if delivery is None or not _DELIVERY.fullmatch(delivery):
        raise Refusal(Rule.HEADER_INVALID, ce.DELIVERY)
    if period is None or not is_valid_period(period.decode("latin-1")):
        raise Refusal(Rule.HEADER_INVALID, ce.DATA_PERIOD)
    return period.decode(), delivery.decode()


def _refuse_duplicates(headers: HeaderList) -> None:
    seen: set[str] = set()
    for name, _ in headers:
        if name in seen and name in _PASSING:
            raise Refusal(Rule.HEADER_DUPLICATE, name)
        seen.add(name)


def _passing(headers: HeaderList) -> HeaderList:
    passing = [(name, value) for name, value in headers if name in _PASSING]
    for name, value in passing:
        if value is None or len(value) > HEADER_BYTES_MAX:
            raise Refusal(Rule.HEADER_INVALID, name)
        if name == ce.CORRECTS and not _EVENT_ID.fullmatch(value):
            raise Refusal(Rule.HEADER_INVALID, name)
    return passing


def _time_ms(time: bytes | None) -> int:
    if time is None or not _TIME.fullmatch(time):
        raise Refusal(Rule.HEADER_INVALID, ce.TIME)
    try:
        return int(datetime.fromisoformat(time.decode()).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Refusal(Rule.HEADER_INVALID, ce.TIME) from None


def check_key(key: bytes | None, partition: int, partition_count: int) -> bytes:
    """The key, if the record has one and lies in its key's partition.

    :raises Refusal: by ``key.missing``, ``record.too_large`` or ``key.partition``.
    """
    if not key:
        raise Refusal(Rule.KEY_MISSING)
    if len(key) > KEY_BYTES_MAX:
        raise Refusal(Rule.RECORD_TOO_LARGE, "key")
    if partition_count > 1 and partition_of(key, partition_count) != partition:
        raise Refusal(Rule.KEY_PARTITION)
    return key


def schema_id_of(value: bytes, headers: HeaderList | None) -> int:
    """The schema id in the payload's prefix, which no header may contradict.

    :raises Refusal: by ``frame.*`` or ``header.contradicts``.
    """
    if len(value) <= FRAME_BYTES:
        raise Refusal(Rule.FRAME_EMPTY, f"{len(value)} bytes")
    magic, schema_id = FRAME.unpack_from(value)
    if magic != MAGIC:
        raise Refusal(Rule.FRAME_MAGIC, "byte 0")
    if headers is not None and len(headers) != len(_REQUIRED):
        for name, claim in headers:
            if name in _SCHEMA_HEADERS and not _names_schema(claim, schema_id):
                raise Refusal(Rule.HEADER_CONTRADICTS, name)
    return int(schema_id)


def _names_schema(claim: bytes | None, schema_id: int) -> bool:
    if claim is None:
        return False
    text = str(schema_id).encode()
    return claim in (text, schema_id.to_bytes(4, "big")) or claim.endswith(b"/ids/" + text)


def read_value(value: bytes, schema_id: int, reader: Reader) -> Payload:
    """Decode a framed value, which must be the one encoding of its content.

    :raises Refusal: by ``value.*``.
    """
    try:
        row, bounds = reader.read(value, FRAME_BYTES)
    except NotCanonical as problem:
        raise Refusal(Rule.VALUE_NOT_CANONICAL, str(problem)) from None
    except Malformed as problem:
        raise Refusal(Rule.VALUE_UNDECODABLE, str(problem)) from None
    except (IndexError, struct.error):
        raise Refusal(Rule.VALUE_UNDECODABLE, "the bytes end too soon") from None
    except UnicodeDecodeError:
        raise Refusal(Rule.VALUE_UNDECODABLE, "not UTF-8") from None
    if reader.check_value is not None:
        problem_found = reader.check_value(row)
        if problem_found is not None:
            raise Refusal(Rule.VALUE_OUT_OF_RANGE, problem_found[0])
    return Payload(row, value, bounds, schema_id)
