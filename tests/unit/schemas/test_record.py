"""The platform's own records: what their schemas say, and that they come back as they were."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.schemas.canonical import canonical_json
from sharebus.schemas.framing import FRAME_BYTES, frame
from sharebus.schemas.record import PlatformRecord, delivery_closed, platform_records, progress

RECORDS = {record.name: record for record in platform_records()}
each_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
_INTEGERS = {"int": 31, "long": 63}


def values_of(avro_type: Any, named: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
    named = {} if named is None else named
    if isinstance(avro_type, list):
        return st.one_of(*[values_of(branch, named) for branch in avro_type])
    if isinstance(avro_type, dict) and isinstance(avro_type["type"], dict):
        avro_type = avro_type["type"]
    avro_type = named.get(avro_type, avro_type) if isinstance(avro_type, str) else avro_type
    if isinstance(avro_type, dict) and "name" in avro_type:
        named[avro_type["name"]] = avro_type
    kind = avro_type if isinstance(avro_type, str) else avro_type["type"]
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "int" | "long":
            limit = 1 << _INTEGERS[kind]
            return st.integers(-limit, limit - 1)
        case "string":
            return st.text(max_size=10)
        case "bytes":
            return st.binary(max_size=20)
        case "enum":
            return st.sampled_from(avro_type["symbols"])
        case "array":
            return st.lists(values_of(avro_type["items"], named), max_size=3)
        case "record":
            fields = {
                field["name"]: values_of(field["type"], named) for field in avro_type["fields"]
            }
            return st.fixed_dictionaries(fields)
    raise AssertionError(kind)


def named_types(avro_type: Any) -> Iterator[dict[str, Any]]:
    if isinstance(avro_type, list):
        for branch in avro_type:
            yield from named_types(branch)
    elif isinstance(avro_type, dict):
        if avro_type["type"] in ("record", "enum"):
            yield avro_type
        yield from named_types(avro_type.get("items"))
        for field in avro_type.get("fields", ()):
            yield from named_types(field["type"])


@given(data=st.data(), schema_id=st.integers(0, 2**32 - 1))
def test_record_comes_back_as_it_was(data: st.DataObject, schema_id: int) -> None:
    record = data.draw(st.sampled_from(list(RECORDS.values())))
    content = data.draw(values_of(record.avro_schema))
    encoded = record.encode(schema_id, content)
    assert record.decode(encoded) == content
    assert encoded[:FRAME_BYTES] == frame(schema_id, b"")


@each_record
@pytest.mark.parametrize("value", [b"", b"\0\0\0\0", b"\1\0\0\0\1\0", b"\0\0\0\0\1\xff"])
def test_decode_of_what_is_no_such_record_is_refused(record: PlatformRecord, value: bytes) -> None:
    with pytest.raises(InvalidInput, match=record.name):
        record.decode(value)


def test_decode_cut_short_is_refused() -> None:
    content = {
        "events_in_partition": 1, "events_total": 1, "partition_count": 1, "no_change": False,
    }  # fmt: skip
    with pytest.raises(InvalidInput):
        delivery_closed().decode(delivery_closed().encode(1, content)[:-1])


@each_record
def test_schema_file_is_sound_avro_with_a_purpose(record: PlatformRecord) -> None:
    schema = record.avro_schema
    fastavro.parse_schema(json.loads(json.dumps(schema)))
    assert schema["namespace"] == "sharebus"
    assert record.name == "".join(
        f"_{char.lower()}" if char.isupper() else char for char in schema["name"]
    ).removeprefix("_")
    assert len(schema["doc"]) > 20
    names = [found["name"] for found in named_types(schema)]
    assert len(set(names)) == len(names)


@each_record
def test_schema_file_states_the_unit_of_every_time(record: PlatformRecord) -> None:
    for found in named_types(record.avro_schema):
        for field in found.get("fields", ()):
            assert not field["name"].endswith(("_time", "_at", "_timestamp"))


def test_every_schema_file_belongs_to_one_record_and_subject() -> None:
    found = {file.name for file in files("sharebus.schemas").joinpath("avro").iterdir()}
    assert found == {f"{name}.avsc" for name in RECORDS}
    assert len({record.subject for record in RECORDS.values()}) == len(RECORDS)


def test_progress_has_one_branch() -> None:
    writer = {"writer": "gate-0", "next_sequence": 1, "last_sha256": b"x"}
    record = progress().decode(progress().encode(0, {"writer": writer}))
    assert {name: branch for name, branch in record.items() if branch} == {"writer": writer}


@given(
    document=st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=5),
    data=st.data(),
)
def test_canonical_json_is_one_text_whatever_the_order_of_keys(
    document: dict[str, Any], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(document.items()))))
    assert canonical_json(shuffled) == canonical_json(document)
    assert json.loads(canonical_json(document)) == document
