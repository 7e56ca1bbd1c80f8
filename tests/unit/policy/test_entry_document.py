"""What an entry says of itself, at the edge of what it may say and beyond."""

from typing import Any

import pytest
from pydantic import ValidationError

from sharebus.governance.entry import CatalogEntry, ContentCheck, LegalBasis, Mark, Origin

from ..stream_apps.gate import case
from . import town

TABLE = {"name": "code_table", "codes": ["1"], "on_failure": "flag"}
CONTROL = {"name": "control_characters", "on_failure": "refuse"}
REFERENCE = {
    "location": "string", "digest": "string", "size_bytes": "long", "expires_at": "string",
}  # fmt: skip


def with_types(checks: Any = (), key_fields: Any = ("code",), **types: Any) -> CatalogEntry:
    fields = [{"name": "code", "type": "string"}]
    fields += [{"name": name, "type": kind} for name, kind in types.items()]
    return case.entry(
        "persons", avro_schema=case.schema(fields), marked=(), key_fields=key_fields,
        checks={name: checks for name in types},
    )  # fmt: skip


def changed(**changes: Any) -> CatalogEntry:
    document = town.entry().model_dump(mode="json", by_alias=True, exclude_none=True)
    assert CatalogEntry.model_validate(document) == town.entry()
    return CatalogEntry.model_validate({**document, **changes})


def item(field: str = "code", **changes: Any) -> dict[str, Any]:
    origin = {"kind": "collected", "basis": "示例法"}
    return {"field": field, "name": field, "origin": origin, **changes}


ITEMS = [item("code"), item("district"), item("name")]


@pytest.mark.parametrize(
    "edge",
    [
        {"partitions": 1}, {"partitions": 64}, {"event_bytes_max": 100},
        {"event_bytes_max": 900_000}, {"future_tolerance_seconds": 0},
        {"future_tolerance_seconds": 86_400}, {"key_fields": ["district"]},
        {"key_fields": ["code", "district", "name"]},
        {"database": {"kind": "comprehensive", "domain": "法人", "major": True}},
        {"database": {"kind": "base", "domain": "法人"}},
        {"data_items": [{**each, "content_item": "firms.code"} for each in ITEMS]},
    ],
    ids=str,
)  # fmt: skip
def test_entry_may_say_this(edge: dict[str, Any]) -> None:
    changed(**edge)


@pytest.mark.parametrize(
    "wrong",
    [
        {"partitions": 0}, {"partitions": 65}, {"event_bytes_max": 99},
        {"event_bytes_max": 900_001}, {"future_tolerance_seconds": -1},
        {"future_tolerance_seconds": 86_401}, {"key_fields": []}, {"key_fields": ["code"] * 9},
        {"key_fields": ["code", "colour"]}, {"data_items": []}, {"data_items": ITEMS[:2]},
        {"data_items": [*ITEMS, item("colour")]}, {"data_items": [*ITEMS, item("code")]},
        {"avro_schema": {"type": "enum", "name": "E", "symbols": ["code"]}},
        {"avro_schema": {**town.entry().avro_schema, "type": "error"}},
        {"database": {"kind": "base", "domain": "法人", "major": True}},
        {"provision_method": "reference"},
        *({"data_items": [item("code", **each), *ITEMS[1:]]} for each in (
            {"mark": "state_secret"}, {"mark": "work_secret"}, {"origin": {"kind": "collected"}},
            {"origin": {"kind": "shared", "basis": "示例法"}}, {"content_item": "Firms"},
        )),
    ],
    ids=str,
)  # fmt: skip
def test_entry_may_not_say_this(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(**wrong)


def test_entry_says_what_its_document_leaves_out() -> None:
    left_out = town.entry().model_dump(mode="json", exclude_defaults=True)
    sharing = town.entry().sharing.model_dump(by_alias=True)
    entry = CatalogEntry.model_validate({**left_out, "sharing": sharing})
    assert entry == town.entry()
    assert (entry.kind, entry.provision_method, entry.grade) == ("entry", "event", "L1")
    assert (entry.partitions, entry.event_bytes_max) == (1, 100_000)
    assert (entry.future_tolerance_seconds, entry.suspended, entry.retired) == (300, False, False)
    assert not entry.database.major
    (first, *_) = entry.data_items
    assert (first.mark, first.content_item, first.checks) == (Mark.NONE, None, ())
    for kind, found in (("open", "unconditional"), ("conditional",) * 2, ("not_shared",) * 2):
        sharing = town.entry(kind).sharing
        assert sharing.sharing_class == found
        assert sharing.model_dump(by_alias=True)["class"] == found


@pytest.mark.parametrize("kind", ["string", "int", "long"])
def test_key_is_of_a_type_whose_text_is_its_value(kind: Any) -> None:
    with_types(number=kind, key_fields=("code", "number"))
    for other in (["null", kind], "double", {"type": kind, "logicalType": "date"}):
        with pytest.raises(ValidationError):
            with_types(number=other, key_fields=("code", "number"))


def test_checks_are_for_text() -> None:
    for kind in ("string", ["null", "string"]):
        assert with_types([CONTROL], note=kind).data_items[1].checks
    for kind in ("int", ["string", "null"], ["null", "int"]):
        with pytest.raises(ValidationError):
            with_types([CONTROL], note=kind)
        with_types(note=kind)


def test_codes_are_for_the_check_of_codes_alone() -> None:
    ContentCheck.model_validate(TABLE)
    ContentCheck.model_validate(CONTROL)
    for wrong in ({**TABLE, "codes": []}, {**TABLE, "codes": None}, {**CONTROL, "codes": ["1"]}):
        with pytest.raises(ValidationError):
            ContentCheck.model_validate(wrong)


def test_reference_names_place_digest_size_and_expiry() -> None:
    fields = [
        {"name": name, "type": kind} for name, kind in {"code": "string", **REFERENCE}.items()
    ]
    sound: Any = {"avro_schema": case.schema(fields), "marked": ()}
    case.entry("files", **sound, provision_method="reference")
    for name in REFERENCE:
        other = [{**each, "type": "int"} if each["name"] == name else each for each in fields]
        case.entry("files", **{**sound, "avro_schema": case.schema(other)})
        with pytest.raises(ValidationError):
            case.entry(
                "files", **{**sound, "avro_schema": case.schema(other)},
                provision_method="reference",
            )  # fmt: skip


def test_citation_counts_from_one() -> None:
    basis = {"instrument": "示例法", "version": "2020", "article": 1, "paragraph": 1, "item": 1}
    LegalBasis.model_validate(basis)
    for part in ("article", "paragraph", "item"):
        with pytest.raises(ValidationError):
            LegalBasis.model_validate({**basis, part: 0})


def test_origin_says_what_its_kind_asks_for() -> None:
    for sound in (
        {"kind": "collected", "basis": "示例法"}, {"kind": "shared", "entry": "persons"},
        {"kind": "derived"},
    ):  # fmt: skip
        Origin.model_validate(sound)


def test_marked_fields_are_those_with_a_mark_in_any_class() -> None:
    marks = {"code": "privacy", "name": "commercial_secret"}
    for kind in ("open", "closed", "conditional"):
        entry = town.entry(kind, marks=marks)
        assert entry.marked_fields == {"code", "name"}
        assert entry.field_names == ("code", "district", "name")
        assert not entry.shares_one_copy
    assert town.entry("open").marked_fields == frozenset()
    shares = [town.entry(kind).shares_one_copy for kind in ("open", "closed", "conditional")]
    assert shares == [True, True, False]
