from datetime import date
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.schema_lint import plain_schema
from sharebus.producers.event import EventEncoder
from sharebus.producers.scalar_values import Mismatch
from sharebus.schemas.entity_key import compile_entity_key
from sharebus.schemas.framing import FRAME_BYTES, frame
from sharebus.schemas.partition import partition_of

from .conftest import make_entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ROW = {"code": "330102", "name": "上城区", "count": 3}


@settings(deadline=None)
@given(
    code=TEXTS.filter(lambda text: 0 < len(text.encode()) < 200),
    name=st.none() | TEXTS,
    count=st.integers(-(2**63), 2**63 - 1),
)
def test_encoded_row_is_the_one_encoding_of_its_content(
    entry: CatalogEntry, code: str, name: str | None, count: int
) -> None:
    encoder = EventEncoder(entry, schema_id=7)
    row = {"code": code, "name": name, "count": count}
    stored = encoder.stored(row)
    key, value = encoder.key(stored), encoder.value(stored)
    plain = parse_schema(plain_schema(entry.avro_schema))
    decoded = schemaless_reader(BytesIO(value[FRAME_BYTES:]), plain, None)
    again = BytesIO()
    schemaless_writer(again, plain, decoded)
    assert decoded == row
    assert value == frame(7, again.getvalue())
    assert key == compile_entity_key(entry.key_fields)(row)
    assert encoder.partition(key) == partition_of(key, 3)


def test_composite_key_is_made_of_a_row_that_has_more() -> None:
    entry = make_entry(key_fields=["code", "count"])
    encoder = EventEncoder(entry, 1)
    assert encoder.key_of({"code": "a|b", "count": 2, "other": 1}) == b"a\\|b|2"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"code": "1", "name": None}, "count"),
        ({**ROW, "extra": 1}, "extra"),
        ({**ROW, "count": 1.5}, "1.5"),
        ({**ROW, "name": date(2026, 1, 1)}, "datetime.date"),
    ],
)
def test_row_that_is_none_of_the_entry_is_refused(
    entry: CatalogEntry, row: dict[str, Any], found: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        EventEncoder(entry, 1).stored(row)
    assert found in refused.value.found


@pytest.mark.parametrize("code", ["", "x" * 1025])
def test_key_that_cannot_name_an_entity_is_refused(entry: CatalogEntry, code: str) -> None:
    with pytest.raises(Mismatch, match="names the entity"):
        EventEncoder(entry, 1).key({"code": code})


def test_event_larger_than_the_entry_allows_is_refused() -> None:
    encoder = EventEncoder(make_entry(event_bytes_max=100), 1)
    row = {"code": "1", "name": "x" * 89, "count": 0}
    assert len(encoder.value(encoder.stored(row))) <= 100
    with pytest.raises(Mismatch, match="at most 100 bytes"):
        encoder.value(encoder.stored({**row, "name": "x" * 95}))
