"""Small documents of a catalog, to be changed in the one place that a test is about."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.grant import Grant

TODAY = date(2026, 11, 22)


def agency_document(agency_id: str, **systems: list[str]) -> dict[str, Any]:
    return {
        "kind": "agency",
        "id": agency_id,
        "code": f"TEST-{agency_id.upper()}",
        "name": f"示例机关 {agency_id}",
        "jurisdiction": "330200",
        "officer": {"name": "示例", "title": "专员"},
        "systems": [
            {"id": name.replace("_", "-"), "name": name, "roles": roles}
            for name, roles in systems.items()
        ],
    }


def entry_document(entry_id: str = "shops", **changes: Any) -> dict[str, Any]:
    marks = changes.pop("marks", {})
    schema = changes.pop(
        "avro_schema",
        {
            "type": "record",
            "name": "Shop",
            "namespace": "test",
            "fields": [
                {"name": "code", "type": "string"},
                {"name": "owner", "type": ["null", "string"], "default": None},
                {"name": "district", "type": "string"},
                {"name": "size", "type": "double"},
            ],
        },
    )
    return {
        "kind": "entry",
        "id": entry_id,
        "name": "商店",
        "scope": "示例",
        "jurisdiction": "330200",
        "avro_schema": schema,
        "key_fields": ["code"],
        "data_items": [
            {
                "field": field["name"],
                "name": field["name"],
                "mark": marks.get(field["name"], "none"),
                "origin": {"kind": "collected", "basis": "示例办法"},
            }
            for field in schema["fields"]
        ],
        "sharing": {"class": "unconditional"},
        "provider": {
            "agency": "bureau",
            "system": "sender",
            "officer": {"name": "示例", "title": "专员"},
        },
        "update": {"frequency": "daily", "deadline": "次日9时前"},
        "database": {"kind": "specialised", "domain": "示例"},
        **changes,
    }


CONDITIONAL = {"class": "conditional", "conditions": "仅供履行职责"}
NOT_SHARED = {
    "class": "not_shared",
    "basis": {"instrument": "示例法", "version": "2020", "article": 5},
}


def grant_document(grant_id: str = "tax-shops", **changes: Any) -> dict[str, Any]:
    return {
        "kind": "grant",
        "id": grant_id,
        "entry": "shops",
        "system": "tax.levy",
        "fields": ["code", "district"],
        "purpose": {"legal_basis": "示例法", "scenario": "核对", "scope": "全部"},
        "term": {"first_day": "2026-01-01", "last_day": "2026-12-31"},
        **changes,
    }


@pytest.fixture
def today() -> date:
    return TODAY


@pytest.fixture
def agencies() -> tuple[Agency, ...]:
    """A bureau that provides (and has a second system that reads), and a tax office that reads."""
    return (
        Agency.model_validate(agency_document("bureau", sender=["provider"], desk=["subscriber"])),
        Agency.model_validate(agency_document("tax", levy=["subscriber"])),
    )


@pytest.fixture
def make_entry() -> Callable[..., CatalogEntry]:
    """``make_entry(id="shops", marks={field: mark}, **changes)``."""

    def make(entry_id: str = "shops", **changes: Any) -> CatalogEntry:
        return CatalogEntry.model_validate(entry_document(entry_id, **changes))

    return make


@pytest.fixture
def make_grant() -> Callable[..., Grant]:
    """``make_grant(id="tax-shops", **changes)``."""

    def make(grant_id: str = "tax-shops", **changes: Any) -> Grant:
        return Grant.model_validate(grant_document(grant_id, **changes))

    return make
