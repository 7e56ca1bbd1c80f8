"""A catalog entry with its policy, and events for it: what the tests of the gate begin with."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any

from fastavro import parse_schema, schemaless_writer

from sharebus.governance.agency import Agency
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.grant import Grant
from sharebus.governance.schema_lint import plain_schema
from sharebus.governance.view import view_schema, views_of
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.audit_digest import AuditDigest
from sharebus.schemas.framing import frame
from sharebus.schemas.record import delivery_closed
from sharebus.stream_apps.gate.lane import Arrival, Lane
from sharebus.stream_apps.gate.plan import EntryPlan, compile_plan
from sharebus.stream_apps.gate.release import ViewState

AGENCY, SYSTEM = "market", "register"
SOURCE = f"/systems/agency.{AGENCY}.{SYSTEM}"
SCHEMA_ID, CLOSING_ID, FOREIGN_ID, UNKNOWN_ID = 11, 7, 12, 99
VIEW_KEY = bytes(32)
NOON_MS = 1_795_320_000_000  # 2026-11-22T04:00:00Z
TIME = "2026-11-22T08:00:00+08:00"
PERIOD, DELIVERY = "2026-11", "d-1"
SUBSCRIBER = "tax.levy"
DIGEST = AuditDigest(bytes(range(32)))

FIELDS: list[dict[str, Any]] = [
    {"name": "code", "type": "string"},
    {"name": "district", "type": "string"},
    {"name": "name", "type": "string"},
    {"name": "phone", "type": ["null", "string"]},
    {"name": "capital", "type": "double"},
    {"name": "founded", "type": {"type": "int", "logicalType": "date"}},
    {
        "name": "status",
        "type": {"type": "enum", "name": "Status", "symbols": ["active", "revoked"]},
    },
    {"name": "former_names", "type": {"type": "array", "items": "string"}},
]
FIELD_NAMES = tuple(field["name"] for field in FIELDS)
MARKED = ("phone",)


def schema(fields: Iterable[Mapping[str, Any]] = FIELDS) -> dict[str, Any]:
    return {"type": "record", "name": "LegalPerson", "fields": list(fields)}


def agency(agency_id: str = AGENCY, *, code: str = "11330200MB1234567K", **changes: Any) -> Agency:
    return Agency.model_validate(
        {
            "id": agency_id,
            "code": code,
            "name": "市场监督管理局",
            "jurisdiction": "330200",
            "officer": {"name": "王某", "title": "处长"},
            "systems": [{"id": SYSTEM, "name": "登记系统", "roles": ["provider"]}],
            **changes,
        }
    )


def subscriber() -> Agency:
    systems = [{"id": "levy", "name": "征管系统", "roles": ["subscriber"]}]
    return agency("tax", code="11330200MB7654321K", systems=systems)


def entry(entry_id: str = "legal-persons", **changes: Any) -> CatalogEntry:
    """A conditional entry keyed by ``code``, with one personal field, unless changed."""
    avro_schema = changes.pop("avro_schema", schema())
    marked = changes.pop("marked", MARKED)
    checks = changes.pop("checks", {})
    items = [
        {
            "field": field["name"],
            "name": field["name"],
            "mark": "personal" if field["name"] in marked else "none",
            "origin": {"kind": "collected", "basis": "市场主体登记管理条例"},
            "checks": checks.get(field["name"], []),
        }
        for field in avro_schema["fields"]
    ]
    document = {
        "id": entry_id,
        "name": "法人基础信息",
        "scope": "全市法人",
        "jurisdiction": "330200",
        "avro_schema": avro_schema,
        "data_items": items,
        "key_fields": ["code"],
        "sharing": {"class": "conditional", "conditions": "依法履职需要"},
        "provider": {
            "agency": AGENCY,
            "system": SYSTEM,
            "officer": {"name": "王某", "title": "处长"},
        },
        "update": {"frequency": "daily", "deadline": "次日"},
        "database": {"kind": "base", "domain": "法人"},
        **changes,
    }
    return CatalogEntry.model_validate(document)


def unconditional(entry_id: str = "divisions", **changes: Any) -> CatalogEntry:
    """An entry that shares one copy: unconditional, without marked fields."""
    return entry(entry_id, sharing={"class": "unconditional"}, marked=(), **changes)


def grant(
    grant_id: str,
    entry_id: str = "legal-persons",
    fields: Iterable[str] = FIELD_NAMES,
    system: str = SUBSCRIBER,
    **changes: Any,
) -> Grant:
    """A grant; ``conditions`` make its row filter."""
    conditions = changes.pop("conditions", None)
    return Grant.model_validate(
        {
            "id": grant_id,
            "entry": entry_id,
            "system": system,
            "fields": list(fields),
            "row_filter": {"all": conditions} if conditions else None,
            "purpose": {"legal_basis": "税收征收管理法", "scenario": "征管", "scope": "本市"},
            "term": {"first_day": date(2026, 1, 1), "last_day": date(2099, 12, 31)},
            "agreement": "安全保密协议",
            **changes,
        }
    )


def facts_of(entry: CatalogEntry, *grants: Grant, provider: Agency | None = None) -> PolicyFacts:
    """What is in force when one entry, its provider and its grants are."""
    facts = PolicyFacts()
    ingress = topics.value_subject(topics.ingress_topic(entry.id))
    registered = [
        *(
            RegisteredSchema(subject=subject, schema_id=SCHEMA_ID, avro_schema=entry.avro_schema)
            for subject in (ingress, topics.value_subject(topics.accepted_topic(entry)))
        ),
        RegisteredSchema(
            subject=delivery_closed().subject,
            schema_id=CLOSING_ID,
            avro_schema=delivery_closed().avro_schema,
        ),
        RegisteredSchema(
            subject="ingress.another-value", schema_id=FOREIGN_ID, avro_schema=schema(FIELDS[:1])
        ),
    ]
    for number, view in enumerate(views_of(entry, grants)):
        subject = topics.value_subject(topics.view_topic(entry.id, view.name))
        released = view_schema(entry.avro_schema, view.fields)
        registered.append(
            RegisteredSchema(subject=subject, schema_id=100 + number, avro_schema=released)
        )
    for version, fact in enumerate([*registered, provider or agency(), *grants, entry]):
        facts.apply(fact, version)
    return facts


def plan_of(entry: CatalogEntry, *grants: Grant, provider: Agency | None = None) -> EntryPlan:
    return compile_plan(facts_of(entry, *grants, provider=provider), entry, VIEW_KEY)


def row(code: str = "91330200MA2000000X", **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "district": "330203",
        "name": "宁波示例科技有限公司",
        "phone": None,
        "capital": 1000.0,
        "founded": 18_000,
        "status": "active",
        "former_names": [],
        **changes,
    }


@cache
def _writer_schema() -> Any:
    return parse_schema(plain_schema(schema()))


def body(content: Mapping[str, Any], parsed: Any = None) -> bytes:
    """Avro bytes without a frame."""
    out = BytesIO()
    schemaless_writer(out, parsed or _writer_schema(), content)
    return out.getvalue()


def value(content: Mapping[str, Any], schema_id: int = SCHEMA_ID) -> bytes:
    return frame(schema_id, body(content))


def parsed(fields: Iterable[Mapping[str, Any]]) -> Any:
    """A schema of these fields, for ``body``."""
    return parse_schema(plain_schema(schema(fields)))


def value_under(fields: Iterable[Mapping[str, Any]], content: Mapping[str, Any]) -> bytes:
    """Framed value under the schema of these fields."""
    return frame(SCHEMA_ID, body(content, parsed(fields)))


def headers(
    event_id: str = "e-1",
    *,
    event_type: str = ce.TYPE_UPSERTED,
    time: str = TIME,
    source: str = SOURCE,
    period: str = PERIOD,
    delivery: str = DELIVERY,
) -> ce.Headers:
    return ce.change_headers(
        event_id=event_id,
        source=source,
        event_type=event_type,
        time=time,
        data_period=period,
        delivery=delivery,
    )


def upsert(
    offset: int, content: Mapping[str, Any], event_id: str | None = None, **header: Any
) -> Arrival:
    key = str(content["code"]).encode()
    return (offset, NOON_MS, key, value(content), headers(event_id or f"e-{offset}", **header))


def delete(offset: int, code: str, event_id: str | None = None, **header: Any) -> Arrival:
    header = {"event_type": ce.TYPE_DELETED, **header}
    return (offset, NOON_MS, code.encode(), None, headers(event_id or f"e-{offset}", **header))


def closing(
    offset: int, events: int, *, no_change: bool = False, partition_count: int = 1, **header: Any
) -> Arrival:
    record = {
        "events_in_partition": events,
        "events_total": events,
        "partition_count": partition_count,
        "no_change": no_change,
    }
    header = {"event_type": ce.TYPE_DELIVERY_CLOSED, **header}
    sent = delivery_closed().encode(CLOSING_ID, record)
    return (offset, NOON_MS, b"d", sent, headers(f"c-{offset}", **header))


def lane_of(plan: EntryPlan, partition: int = 0, progress: Any = None) -> Lane:
    """A lane whose views are live and need no key set."""
    lane = Lane(plan.entry.id, partition, "epoch-1", DIGEST, progress)
    lane.views = {view.name: ViewState(True, 0, None) for view in plan.views}
    return lane
