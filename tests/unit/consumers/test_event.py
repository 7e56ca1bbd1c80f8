import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharebus import InvalidInput, Unavailable
from sharebus.consumers.event import Event, event_of
from sharebus.consumers.row_decoder import RowDecoder

EVENT: dict[str, Any] = {
    "kind": "upserted", "key": ("330203",), "key_bytes": b"330203", "row": {"code": "330203"},
    "event_id": "e1", "source": "/systems/agency.mapping.register",
    "time": "2026-11-22T08:00:00+08:00", "data_period": "2026-11", "delivery": "d1",
    "corrects": None, "topic": "shared.divisions", "partition": 0, "offset": 7, "schema_id": 1,
}  # fmt: skip


class FakeMessage:
    """What :func:`event_of` asks of a confluent_kafka message, which cannot be made in Python."""

    def __init__(self, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self._parts = key, value, headers

    def key(self) -> bytes:
        return self._parts[0]

    def value(self) -> bytes | None:
        return self._parts[1]

    def headers(self) -> list[tuple[str, bytes]]:
        return self._parts[2]

    def topic(self) -> str:
        return "view.divisions.v-1"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 11


def read(key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> Event:
    decoder = RowDecoder(lambda schema_id: {"type": "record", "name": "R", "fields": []})
    return event_of(FakeMessage(key, value, headers), decoder)  # type: ignore[arg-type]


def test_event_of_a_tombstone_is_a_deletion_without_row_and_schema() -> None:
    event = read(b"330203", None, [("ce_id", b"e1"), ("ce_corrects", b"e0")])
    assert (event.kind, event.row, event.schema_id) == ("deleted", None, None)
    assert (event.event_id, event.corrects) == ("e1", "e0")
    assert (event.topic, event.partition, event.offset) == ("view.divisions.v-1", 3, 11)


def test_event_of_an_empty_record_is_not_a_deletion() -> None:
    event = read(b"330203", b"\0\0\0\0\1", [])
    assert (event.kind, event.row, event.schema_id) == ("upserted", {}, 1)


def test_key_of_several_fields_is_split_into_its_texts() -> None:
    assert read(b"330203|a\\|b", None, []).key == ("330203", "a|b")


def test_attribute_without_header_is_empty_and_corrects_is_none() -> None:
    event = read(b"k", None, [])
    assert (event.event_id, event.source, event.data_period, event.corrects) == ("", "", "", None)


def test_event_that_does_not_decode_names_its_place() -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(b"k", b"junk", [])
    assert refusal.value.where == "view.divisions.v-1 partition 3 offset 11"


def test_event_whose_schema_cannot_be_had_is_unavailable() -> None:
    def find_schema(schema_id: int) -> dict[str, Any]:
        raise Unavailable("the registry is down")

    message: Any = FakeMessage(b"k", b"\0\0\0\0\1", [])
    with pytest.raises(Unavailable):
        event_of(message, RowDecoder(find_schema))


def test_json_of_python_values_is_their_text() -> None:
    row = {
        "day": date(2026, 11, 22),
        "instant": datetime(2026, 11, 22, 8, tzinfo=UTC),
        "amount": Decimal("1.50"),
        "id": UUID(int=1),
        "photo": b"\x00\xff",
        "nested": {"days": [date(2026, 1, 1)]},
    }
    assert json.loads(Event(**{**EVENT, "row": row}).to_json())["row"] == {
        "day": "2026-11-22",
        "instant": "2026-11-22T08:00:00+00:00",
        "amount": "1.50",
        "id": "00000000-0000-0000-0000-000000000001",
        "photo": "AP8=",
        "nested": {"days": ["2026-01-01"]},
    }


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_of_any_text_is_one_line_that_gives_the_text_back(text: str) -> None:
    line = Event(**{**EVENT, "row": {"name": text}}).to_json()
    assert "\n" not in line
    assert json.loads(line.encode().decode())["row"] == {"name": text}


def test_json_shows_han_characters_as_they_are() -> None:
    # U+20BB7 is outside the basic plane, U+E000 for private use.
    assert "𠮷" in Event(**{**EVENT, "row": {"name": "海曙𠮷"}}).to_json()
