"""A provider, a reader and an entry, through the same functions as in production.

Documents are merged into facts, facts give rights and schemas, schemas are registered, the gate
compiles its plan and decides events, and what a system sees is searched for in the bytes of the
topics that its rights let it read. Every value of a row is a canary: it stands nowhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sharebus.governance.agency import Agency
from sharebus.governance.collection import Collection
from sharebus.governance.entry import CatalogEntry
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.grant import Grant
from sharebus.governance.takeover import merged_facts
from sharebus.schemas import topic as topics
from sharebus.schemas.framing import frame
from sharebus.schemas.record import delivery_closed
from sharebus.stream_apps.enforcer.desired import DesiredBroker
from sharebus.stream_apps.gate.lane import Lane
from sharebus.stream_apps.gate.plan import ViewPlan, compile_plan
from sharebus.stream_apps.gate.release import Output, ViewState

from ..stream_apps.gate import case

BEGIN, FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2026, 6, 1), date(2026, 6, 30)
BEFORE, DURING, AFTER = date(2026, 5, 31), date(2026, 6, 15), date(2026, 7, 1)
SYSTEM, OTHER_SYSTEM = "tax.levy", "health.desk"
IN_HAISHU = {"field": "district", "starts_with": ["330203"]}
SCHEMA_IDS_FROM = 100
Row = Mapping[str, str]


def agency(name: str, code: str, system: str, role: str, **changes: Any) -> Agency:
    systems = [{"id": system, "name": system, "roles": [role]}]
    return case.agency(name, **{"code": code, "systems": systems, **changes})


def provider(**changes: Any) -> Agency:
    return agency(case.AGENCY, "TEST-MARKET", case.SYSTEM, "provider", **changes)


def reader(**changes: Any) -> Agency:
    return agency("tax", "TEST-TAX", "levy", "subscriber", **changes)


def other_reader(**changes: Any) -> Agency:
    return agency("health", "TEST-HEALTH", "desk", "subscriber", **changes)


def sharing(kind: str) -> dict[str, Any]:
    """The class, in a word: ``open``, ``closed`` to the reader's agency, and the other two."""
    return {
        "open": {"class": "unconditional"},
        "closed": {"class": "unconditional", "agencies": ["health"]},
        "conditional": {"class": "conditional", "conditions": "仅供履行职责"},
        "not_shared": {
            "class": "not_shared",
            "basis": {"instrument": "示例法", "version": "2020", "article": 5},
        },
    }[kind]


def entry(
    kind: str = "conditional",
    fields: Sequence[str] = ("code", "district", "name"),
    marks: Mapping[str, str] | None = None,
    **changes: Any,
) -> CatalogEntry:
    """An entry of string fields; the first is its key, unless changed."""
    document = case.entry(
        "persons",
        avro_schema=case.schema({"name": name, "type": "string"} for name in fields),
        key_fields=changes.pop("key_fields", (fields[0],)),
        marked=(),
        sharing=sharing(kind),
        **changes,
    )
    items = [
        item.model_dump() | {"mark": (marks or {}).get(item.field, "none")}
        for item in document.data_items
    ]
    return CatalogEntry.model_validate(document.model_dump(by_alias=True) | {"data_items": items})


def grant(fields: Iterable[str], grant_id: str = "g-1", **changes: Any) -> Grant:
    term = {"first_day": FIRST_DAY, "last_day": LAST_DAY}
    return case.grant(grant_id, "persons", fields, **{"term": term, "agreement": None, **changes})


def facts_of(*documents: Agency | CatalogEntry | Grant) -> PolicyFacts:
    """What an application of the documents puts in force."""
    return applied(PolicyFacts(), documents, BEGIN)


def applied(
    in_force: PolicyFacts, documents: Iterable[Agency | CatalogEntry | Grant], today: date
) -> PolicyFacts:
    given = list(documents)
    collection = Collection(
        tuple(each for each in given if isinstance(each, Agency)),
        tuple(each for each in given if isinstance(each, CatalogEntry)),
        tuple(each for each in given if isinstance(each, Grant)),
    )
    return merged_facts(in_force, collection, today)


def register(facts: PolicyFacts, desired: DesiredBroker) -> None:
    """As the registry and the enforcer do: each schema that is not there gets the next id."""
    number = SCHEMA_IDS_FROM + sum(map(len, facts.schemas.values()))
    for subject, text in desired.schemas:
        schema = _registered(subject, number, text)
        if schema.avro_schema not in facts.schemas.get(subject, {}).values():
            facts.apply(schema, facts.version)
            number += 1


@cache
def _registered(subject: str, schema_id: int, text: str) -> RegisteredSchema:
    return RegisteredSchema.model_validate_json(
        f'{{"subject":"{subject}","schema_id":{schema_id},"avro_schema":{text}}}'
    )


def event(number: int, row: Row, schema_id: int, key_fields: Sequence[str]) -> Any:
    """An upsert whose id repeats the key, as providers' ids do."""
    key = "|".join(row[name] for name in key_fields)
    value = frame(schema_id, case.body(row, _parsed(tuple(row))))
    headers = case.headers(f"{key}/{number}")
    return number, case.NOON_MS, key.encode(), value, headers


@cache
def _parsed(names: tuple[str, ...]) -> Any:
    return case.parsed([{"name": name, "type": "string"} for name in names])


def lane_of(views: Iterable[ViewPlan]) -> Lane:
    lane = Lane("persons", 0, "epoch-1", case.DIGEST, None)
    key_set: Any = set
    lane.views = {
        view.name: ViewState(True, 0, key_set() if view.passes_key is None else None)
        for view in views
    }
    return lane


class Released(NamedTuple):
    """What the gate wrote for some rows."""

    outputs: tuple[Output, ...]
    lines: tuple[Any, ...]

    def told(self, topic: str) -> bytes:
        """Everything that a reader of the topic can see."""
        parts = [
            b"\0".join([key or b"", value or b"", *(content for _, content in headers)])
            for name, key, value, _, headers in self.outputs
            if name == topic
        ]
        return b"\0".join(parts)


def decide(facts: PolicyFacts, rows: Sequence[Row]) -> Released:
    """The gate's decision of one event for each row; an entry that is not shared has no ingress."""
    entry = facts.entries["persons"]
    ids = facts.schemas.get(topics.value_subject(topics.ingress_topic(entry.id)), {})
    if not ids:
        return Released((), ())
    events = [event(number, row, max(ids), entry.key_fields) for number, row in enumerate(rows)]
    # As the gate's policy: what is not to be shared any more has no plan.
    is_shared = entry.sharing_class != "not_shared"
    plan = compile_plan(facts, entry, case.VIEW_KEY) if is_shared else None
    decision = lane_of(plan.views if plan else ()).decide(plan, events)
    return Released(tuple(decision.outputs), tuple(decision.lines))


def readable(desired: DesiredBroker, system: str) -> set[str]:
    """The topics that a system may read."""
    principal = f"User:agency.{system}"
    return {
        rule.name
        for rule in desired.rules
        if (rule.principal, rule.operation, rule.resource) == (principal, "READ", "TOPIC")
    }


def seen(released: Released, topic_names: Iterable[str], canaries: Iterable[str]) -> set[str]:
    """The canaries that stand in these topics."""
    told = b"\0".join(released.told(name) for name in topic_names)
    return {canary for canary in canaries if canary.encode() in told}


def registered_closing() -> RegisteredSchema:
    record = delivery_closed()
    return RegisteredSchema(
        subject=record.subject, schema_id=case.CLOSING_ID, avro_schema=record.avro_schema
    )
