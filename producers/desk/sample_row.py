"""A synthetic row of an entry: what its data looks like, made from the schema alone. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from sharebus.governance.entry import CatalogEntry

_BY_TYPE: Final[Mapping[str, Any]] = {
    "null": None, "boolean": True, "int": 1, "long": 1, "float": 1.5, "double": 1.5,
    "bytes": "00", "string": "示例",
}  # fmt: skip
_BY_LOGICAL_TYPE: Final[Mapping[str, Any]] = {
    "date": "2026-01-01", "time-millis": "09:00:00", "time-micros": "09:00:00",
    "timestamp-millis": "2026-01-01T09:00:00+08:00",
    "timestamp-micros": "2026-01-01T09:00:00+08:00", "decimal": "1.00",
    "uuid": "00000000-0000-4000-8000-000000000000",
}  # fmt: skip
_BY_CHECK: Final[Mapping[str, str]] = {
    "unified_social_credit_code": "91330200MA2000000A", "resident_id": "33020319900101000X",
}  # fmt: skip


def sample_row(entry: CatalogEntry) -> dict[str, Any]:
    """A row in the entry's own fields. No value is anybody's; check digits need not be right."""
    checks = {item.field: item.checks for item in entry.data_items}
    named: dict[str, Any] = {}
    row: dict[str, Any] = {}
    for field in entry.avro_schema["fields"]:
        row[field["name"]] = _sample(field["type"], named)
        for check in checks[field["name"]]:
            if check.codes:
                row[field["name"]] = min(check.codes)
            elif check.name in _BY_CHECK:
                row[field["name"]] = _BY_CHECK[check.name]
    return row


def _sample(avro_type: Any, named: dict[str, Any]) -> Any:
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return _sample(branches[0], named) if branches else None
    if isinstance(avro_type, str):
        return _BY_TYPE[avro_type] if avro_type in _BY_TYPE else named.get(avro_type)
    if avro_type.get("logicalType") in _BY_LOGICAL_TYPE:
        return _BY_LOGICAL_TYPE[avro_type["logicalType"]]
    match avro_type["type"]:
        case "record":
            # A record that holds itself ends here.
            named[avro_type["name"]] = None
            fields = avro_type["fields"]
            value: Any = {field["name"]: _sample(field["type"], named) for field in fields}
        case "enum":
            value = avro_type["symbols"][0]
        case "array":
            value = [_sample(avro_type["items"], named)]
        case "map":
            value = {"示例": _sample(avro_type["values"], named)}
        case "fixed":
            value = "00" * avro_type["size"]
        case other:
            value = _sample(other, named)
    if "name" in avro_type:
        named[avro_type["name"]] = value
    return value
