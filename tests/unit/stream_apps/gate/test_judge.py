"""Every rule of the judge, each raised by one minimal bad input; and what passes."""

from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from sharebus.governance.rule import RULE_TITLES, Rule
from sharebus.governance.schema_lint import lint_schema
from sharebus.schemas import cloudevent as ce
from sharebus.schemas.framing import frame
from sharebus.schemas.partition import partition_of
from sharebus.stream_apps.gate import judge
from sharebus.stream_apps.gate.judge import Refusal

from . import case

UNION = ["null", "string"]
NAMES = {"type": "array", "items": "string"}
LEVEL = {"type": "enum", "name": "Level", "symbols": ["low", "high"]}
DAY = {"type": "int", "logicalType": "date"}
READER = judge.reader_of(case.schema())
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}


def read(avro_type: Any, body: bytes) -> Any:
    """Read a record with the one field ``f``."""
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": avro_type}]}
    return judge.read_value(frame(1, body), 1, judge.reader_of(schema)).row["f"]


def avro(avro_type: Any, content: Any) -> bytes:
    out = BytesIO()
    schemaless_writer(out, parse_schema(avro_type), content)
    return out.getvalue()


def open_envelope(headers: Any, tolerance_ms: int = 0, cache: Any = None) -> judge.Envelope:
    return judge.open_envelope(
        headers,
        case.SOURCE.encode(),
        case.NOON_MS,
        tolerance_ms,
        {} if cache is None else cache,
    )


def headers_with(**changes: bytes | None) -> list[tuple[str, Any]]:
    """Sound headers, some of them with another value."""
    by_name = {name.removeprefix("ce_"): name for name, _ in case.headers()}
    replaced = {by_name[short]: content for short, content in changes.items()}
    return [(name, replaced.get(name, content)) for name, content in case.headers()]


def without(name: str) -> list[tuple[str, bytes]]:
    return [header for header in case.headers() if header[0] != name]


BAD_HEADERS: dict[str, tuple[Rule, str, Any]] = {
    "a header name that is not UTF-8": (Rule.HEADER_INVALID, "header name", judge.NOT_TEXT),
    "no headers at all": (Rule.HEADER_MISSING, ce.SPEC, None),
    **{f"without {name}": (Rule.HEADER_MISSING, name, without(name)) for name in ce.REQUIRED},
    **{
        f"{name} twice": (Rule.HEADER_DUPLICATE, name, [*case.headers(), (name, b"1.0")])
        for name in ce.REQUIRED
    },
    "corrects twice": (
        Rule.HEADER_DUPLICATE, ce.CORRECTS,
        [*case.headers(), (ce.CORRECTS, b"a"), (ce.CORRECTS, b"a")],
    ),
    "sixty thousand headers": (
        Rule.HEADER_TOO_MANY, "60007 headers", case.headers() + [("x", b"")] * 60_000,
    ),
    "one header too many": (
        Rule.HEADER_TOO_MANY, "33 headers", case.headers() + [("x", b"")] * 26,
    ),
    "version 0.3": (Rule.HEADER_INVALID, ce.SPEC, headers_with(specversion=b"0.3")),
    "null version": (Rule.HEADER_INVALID, ce.SPEC, headers_with(specversion=None)),
    "another agency's source": (
        Rule.HEADER_FORGED, ce.SOURCE, headers_with(source=b"/systems/agency.tax.levy"),
    ),
    "null source": (Rule.HEADER_FORGED, ce.SOURCE, headers_with(source=None)),
    "unknown type": (Rule.HEADER_INVALID, ce.TYPE, headers_with(type=b"sharebus.record.renamed")),
    "null type": (Rule.HEADER_INVALID, ce.TYPE, headers_with(type=None)),
    "empty id": (Rule.HEADER_INVALID, ce.ID, headers_with(id=b"")),
    "null id": (Rule.HEADER_INVALID, ce.ID, headers_with(id=None)),
    "id with a space": (Rule.HEADER_INVALID, ce.ID, headers_with(id=b"a b")),
    "id with a line break at its end": (Rule.HEADER_INVALID, ce.ID, headers_with(id=b"a\n")),
    "id of 129 characters": (Rule.HEADER_INVALID, ce.ID, headers_with(id=b"a" * 129)),
    "id in Chinese": (Rule.HEADER_INVALID, ce.ID, headers_with(id="事件".encode())),
    "period of no kind": (Rule.HEADER_INVALID, ce.DATA_PERIOD, headers_with(dataperiod=b"2026-13")),
    "period not in UTF-8": (Rule.HEADER_INVALID, ce.DATA_PERIOD, headers_with(dataperiod=b"\xff")),
    "null period": (Rule.HEADER_INVALID, ce.DATA_PERIOD, headers_with(dataperiod=None)),
    "a megabyte of period": (
        Rule.HEADER_INVALID, ce.DATA_PERIOD, headers_with(dataperiod=b"2" * 1_000_000),
    ),
    "empty delivery": (Rule.HEADER_INVALID, ce.DELIVERY, headers_with(delivery=b"")),
    "delivery with a slash": (Rule.HEADER_INVALID, ce.DELIVERY, headers_with(delivery=b"a/b")),
    "delivery of 65 characters": (
        Rule.HEADER_INVALID, ce.DELIVERY, headers_with(delivery=b"a" * 65),
    ),
    "null delivery": (Rule.HEADER_INVALID, ce.DELIVERY, headers_with(delivery=None)),
    "null time": (Rule.HEADER_INVALID, ce.TIME, headers_with(time=None)),
    "time without an offset": (
        Rule.HEADER_INVALID, ce.TIME, headers_with(time=b"2026-11-22T08:00:00"),
    ),
    "30 February": (Rule.HEADER_INVALID, ce.TIME, headers_with(time=b"2026-02-30T08:00:00Z")),
    "time with Arabic-Indic digits": (
        Rule.HEADER_INVALID, ce.TIME, headers_with(time="٢٠٢٦-11-22T08:00:00Z".encode()),
    ),
    "a millisecond in the future": (
        Rule.TIME_FUTURE, ce.TIME, headers_with(time=b"2026-11-22T04:00:00.001Z"),
    ),
    "the future in another offset": (
        Rule.TIME_FUTURE, ce.TIME, headers_with(time=b"2026-11-22T11:00:00+06:59"),
    ),
    "year 9999": (Rule.TIME_FUTURE, ce.TIME, headers_with(time=b"9999-12-31T23:59:59Z")),
    "null correction": (
        Rule.HEADER_INVALID, ce.CORRECTS, [*case.headers(), (ce.CORRECTS, None)],
    ),
    "correction of no id": (
        Rule.HEADER_INVALID, ce.CORRECTS, [*case.headers(), (ce.CORRECTS, b"a b")],
    ),
    "content type of 5 kB": (
        Rule.HEADER_INVALID, ce.CORRECTS, [*case.headers(), (ce.CORRECTS, b"a" * 5000)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "headers"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_open_envelope_bad_headers_are_refused_by_their_rule(
    rule: Rule, place: str, headers: Any
) -> None:
    with pytest.raises(Refusal) as refused:
        open_envelope(headers)
    assert (refused.value.rule, refused.value.place) == (rule, place)


@given(headers=st.permutations(case.headers()))
def test_open_envelope_order_of_headers_does_not_matter(headers: list[tuple[str, bytes]]) -> None:
    envelope = open_envelope(headers)
    assert envelope[:3] == (b"e-1", ce.TYPE_UPSERTED.encode(), (case.PERIOD, case.DELIVERY))
    assert envelope.headers == headers


def test_open_envelope_passes_headers_by_allow_list() -> None:
    wanted = [*case.headers(), (ce.CORRECTS, b"e-0")]
    others = [("__value_schema_id", b"11"), ("traceparent", b"00-1"), ("x", b"a"), ("x", b"b")]
    assert open_envelope(others + wanted).headers == wanted


@pytest.mark.parametrize(
    "time",
    [
        b"2026-11-22T04:00:00Z",
        b"2026-11-22T12:00:00+08:00",
        b"2026-11-22T03:59:59.999999999Z",
        b"1949-10-01T15:00:00+08:00",
        b"0001-01-01T00:00:00+14:00",
    ],
)
def test_open_envelope_time_not_after_the_append_time_passes(time: bytes) -> None:
    open_envelope(headers_with(time=time))


def test_open_envelope_clock_ahead_passes_within_the_tolerance_alone() -> None:
    ahead = headers_with(time=b"2026-11-22T04:05:00Z")
    open_envelope(ahead, tolerance_ms=300_000)
    with pytest.raises(Refusal):
        open_envelope(ahead, tolerance_ms=299_999)


def test_open_envelope_cache_never_lets_other_values_pass() -> None:
    cache: dict[Any, Any] = {}
    open_envelope(case.headers(), cache=cache)
    for rule, place, headers in BAD_HEADERS.values():
        with pytest.raises(Refusal) as refused:
            open_envelope(headers, cache=cache)
        assert (refused.value.rule, refused.value.place) == (rule, place)


def test_open_envelope_cache_is_bounded() -> None:
    cache: dict[Any, Any] = {}
    for number in range(judge.CACHED_MAX * 2 + 1):
        open_envelope(headers_with(delivery=b"d-%d" % number), cache=cache)
    assert len(cache) <= judge.CACHED_MAX


def test_open_envelope_cache_is_of_its_source() -> None:
    cache: dict[Any, Any] = {}
    open_envelope(case.headers(), cache=cache)
    with pytest.raises(Refusal, match=Rule.HEADER_FORGED):
        judge.open_envelope(case.headers(), b"/systems/agency.x.y", case.NOON_MS, 0, cache)


BAD_KEYS: dict[str, tuple[Rule, str, bytes | None]] = {
    "null key": (Rule.KEY_MISSING, "", None),
    "empty key": (Rule.KEY_MISSING, "", b""),
    "key of 1025 bytes": (Rule.RECORD_TOO_LARGE, "key", b"k" * 1025),
}


@pytest.mark.parametrize(("rule", "place", "key"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_check_key_bad_key_is_refused_by_its_rule(
    rule: Rule, place: str, key: bytes | None
) -> None:
    with pytest.raises(Refusal) as refused:
        judge.check_key(key, 0, 1)
    assert (refused.value.rule, refused.value.place) == (rule, place)


@given(key=st.binary(min_size=1, max_size=40), count=st.integers(2, 64))
def test_check_key_passes_in_exactly_one_partition(key: bytes, count: int) -> None:
    passed = []
    for partition in range(count):
        try:
            judge.check_key(key, partition, count)
            passed.append(partition)
        except Refusal as refusal:
            assert refusal.rule is Rule.KEY_PARTITION  # noqa: PT017 - most raise, one must not
    assert passed == [partition_of(key, count)]


BAD_FRAMES: dict[str, tuple[Rule, str, bytes, Any]] = {
    "empty value": (Rule.FRAME_EMPTY, "0 bytes", b"", None),
    "frame without a body": (Rule.FRAME_EMPTY, "5 bytes", frame(1, b""), None),
    "magic byte 1": (Rule.FRAME_MAGIC, "byte 0", b"\1" + frame(1, b"x")[1:], None),
    "JSON instead of Avro": (Rule.FRAME_MAGIC, "byte 0", b'{"code": "1"}', None),
    **{
        f"{name} says {claim!r}": (
            Rule.HEADER_CONTRADICTS, name, frame(1, b"x"), [*case.headers(), (name, claim)],
        )
        for name, claim in [
            ("__value_schema_id", b"2"),
            ("__value_schema_id", (2).to_bytes(4, "big")),
            ("__key_schema_id", b"2"),
            ("ce_dataschema", b"https://registry.invalid/schemas/ids/2"),
            ("ce_dataschema", b"https://registry.invalid/schemas/ids/11"),
            ("schema-id", b""),
            ("schema_id", None),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize(("rule", "place", "value", "headers"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_schema_id_of_bad_frame_is_refused_by_its_rule(
    rule: Rule, place: str, value: bytes, headers: Any
) -> None:
    with pytest.raises(Refusal) as refused:
        judge.schema_id_of(value, headers)
    assert (refused.value.rule, refused.value.place) == (rule, place)


@pytest.mark.parametrize(
    "claim", [b"11", (11).to_bytes(4, "big"), b"https://registry.invalid/schemas/ids/11"]
)
def test_schema_id_of_header_that_agrees_passes(claim: bytes) -> None:
    headers = [*case.headers(), ("ce_dataschema", claim)]
    assert judge.schema_id_of(frame(11, b"x"), headers) == 11


@given(schema_id=st.integers(0, 2**32 - 1), body=st.binary(min_size=1))
def test_schema_id_of_gives_the_id_that_was_framed(schema_id: int, body: bytes) -> None:
    assert judge.schema_id_of(frame(schema_id, body), case.headers()) == schema_id


UNDECODABLE, NOT_CANONICAL, OUT_OF_RANGE = (
    Rule.VALUE_UNDECODABLE, Rule.VALUE_NOT_CANONICAL, Rule.VALUE_OUT_OF_RANGE,
)  # fmt: skip
HUNDRED_MEGABYTES = avro("long", 100_000_000)
BAD_VALUES: dict[str, tuple[Rule, Any, bytes]] = {
    "truncated string": (UNDECODABLE, "string", avro("string", "abcdef")[:-1]),
    "truncated double": (UNDECODABLE, "double", avro("double", 1.5)[:-1]),
    "varint without an end": (UNDECODABLE, "int", b"\x80"),
    "length prefix of 100 MB": (UNDECODABLE, "string", HUNDRED_MEGABYTES + b"x"),
    "length prefix of 8 EB": (UNDECODABLE, "bytes", avro("long", 2**63 - 1) + b"x"),
    "negative length": (UNDECODABLE, "string", avro("long", -2) + b"x"),
    "array of 100 million strings": (UNDECODABLE, NAMES, HUNDRED_MEGABYTES + b"\0"),
    "invalid UTF-8": (UNDECODABLE, "string", avro("bytes", b"\xff\xfe")),
    "UTF-8 of a surrogate": (UNDECODABLE, "string", avro("bytes", b"\xed\xa0\x80")),
    "overlong UTF-8": (UNDECODABLE, "string", avro("bytes", b"\xc0\xaf")),
    "enum index beyond the last": (UNDECODABLE, LEVEL, avro("long", 2)),
    "enum index -3": (UNDECODABLE, LEVEL, avro("long", -3)),
    "enum index -1": (UNDECODABLE, LEVEL, avro("long", -1)),
    "union index beyond the last": (UNDECODABLE, UNION, avro("long", 2) + avro("string", "a")),
    "union index -1": (UNDECODABLE, UNION, avro("long", -1) + avro("string", "a")),
    "trailing byte": (NOT_CANONICAL, "string", avro("string", "a") + b"\0"),
    "overlong varint": (NOT_CANONICAL, "int", b"\x82\x80\x00"),
    "boolean 2": (NOT_CANONICAL, "boolean", b"\2"),
    "int of 33 bits": (UNDECODABLE, "int", avro("long", 2**31)),
    "long of 70 bits": (UNDECODABLE, "long", b"\xff" * 9 + b"\x03"),
    "negative block count": (
        NOT_CANONICAL, NAMES, avro("long", -1) + avro("long", 2) + avro("string", "a") + b"\0",
    ),
    "items in two blocks": (NOT_CANONICAL, NAMES, (b"\2" + avro("string", "a")) * 2 + b"\0"),
    "map with a key twice": (
        NOT_CANONICAL, {"type": "map", "values": "int"}, b"\4" + (b"\2a" + b"\2") * 2 + b"\0",
    ),
    "NaN": (OUT_OF_RANGE, "double", avro("double", float("nan"))),
    "infinity": (OUT_OF_RANGE, "float", avro("float", float("-inf"))),
    "NaN in a union": (OUT_OF_RANGE, ["null", "double"], b"\2" + avro("double", float("nan"))),
    "date beyond the year 9999": (OUT_OF_RANGE, DAY, avro("int", 2_932_897)),
    "decimal of five digits": (OUT_OF_RANGE, DECIMAL, avro("bytes", (10_000).to_bytes(2, "big"))),
    "decimal not in its shortest form": (OUT_OF_RANGE, DECIMAL, avro("bytes", b"\0\1")),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "avro_type", "body"), BAD_VALUES.values(), ids=BAD_VALUES)
def test_read_value_bad_value_is_refused_by_its_rule(
    rule: Rule, avro_type: Any, body: bytes
) -> None:
    with pytest.raises(Refusal) as refused:
        read(avro_type, body)
    assert refused.value.rule is rule


def test_read_value_refusal_never_tells_a_value() -> None:
    canary = "身份证330203199001011234"
    for avro_type, body in [
        ("string", avro("string", canary) + b"\0"),
        ("string", avro("string", canary)[:-1]),
        ("string", avro("bytes", canary.encode() + b"\xff")),
    ]:
        with pytest.raises(Refusal) as refused:
            read(avro_type, body)
        assert canary not in str(refused.value)
        assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    ["", "a|b\\c", "line\nbreak", "\0", "㐀𠮷䶮", "\ue000\U000f0000", "\u202eabc", "é" + "e\u0301"],
)
def test_read_value_text_survives_byte_for_byte(text: str) -> None:
    assert read("string", avro("string", text)) == text


@given(body=st.binary(max_size=60))
def test_read_value_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        payload = judge.read_value(frame(1, body), 1, READER)
    except Refusal as refusal:
        assert refusal.rule in (UNDECODABLE, NOT_CANONICAL, OUT_OF_RANGE)  # noqa: PT017
    else:
        assert case.body(payload.row) == body


@given(position=st.integers(0, 200), flip=st.integers(1, 255))
def test_read_value_flipped_byte_is_never_read_as_the_same_row(position: int, flip: int) -> None:
    sound = case.body(case.row(phone="13800000000", former_names=["a", "b"]))
    changed = bytearray(sound)
    changed[position % len(sound)] ^= flip
    try:
        payload = judge.read_value(frame(1, bytes(changed)), 1, READER)
    except Refusal:
        return
    assert case.body(payload.row) == bytes(changed) != sound


@pytest.mark.parametrize(
    "avro_type",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}},
        ["null", "R"],
    ],
    ids=["array of nulls", "array of empty records", "recursive"],
)
def test_reader_of_a_schema_that_could_harm_it_is_refused_at_registration(avro_type: Any) -> None:
    fields = [{"name": "f", "type": avro_type}]
    assert lint_schema({"type": "record", "name": "R", "fields": fields})


def test_every_rule_has_a_title_and_place_is_bounded() -> None:
    assert set(RULE_TITLES) == set(Rule)
    assert len(Refusal(Rule.HEADER_INVALID, "x" * 1000).place) == judge.PLACE_CHARS_MAX
