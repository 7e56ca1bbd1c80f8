"""A catalog entry for the tests of this folder."""

from typing import Any

import pytest

from sharebus.governance.entry import CatalogEntry

FIELDS: list[dict[str, Any]] = [
    {"name": "code", "type": "string"},
    {"name": "name", "type": ["null", "string"]},
    {"name": "count", "type": "long"},
]


def make_entry(**changes: Any) -> CatalogEntry:
    """Three fields; ``code`` has a content check that refuses, ``name`` one that flags."""
    origin = {"kind": "collected", "basis": "示例法"}
    checks = {
        "code": [{"name": "control_characters", "on_failure": "refuse"}],
        "name": [{"name": "control_characters", "on_failure": "flag"}],
    }
    fields = changes.pop("fields", FIELDS)
    document: dict[str, Any] = {
        "id": "sample",
        "name": "示例",
        "scope": "示例",
        "jurisdiction": "330000",
        "avro_schema": {"type": "record", "name": "Sample", "fields": fields},
        "key_fields": ["code"],
        "data_items": [
            {
                "field": field["name"],
                "name": field["name"],
                "origin": origin,
                "checks": checks.get(field["name"], []),
            }
            for field in fields
        ],
        "sharing": {"class": "unconditional"},
        "provider": {
            "agency": "agency-a",
            "system": "register",
            "officer": {"name": "甲", "title": "专员"},
        },
        "update": {"frequency": "daily", "deadline": "每日"},
        "database": {"kind": "base", "domain": "示例"},
        "partitions": 3,
    }
    return CatalogEntry.model_validate({**document, **changes})


@pytest.fixture(scope="session")
def entry() -> CatalogEntry:
    return make_entry()
