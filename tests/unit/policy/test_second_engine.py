"""Cedar, an engine that others wrote, decides as the bus does: who sees which field of which row.

Policies and entities are made of the same facts. What the bus decides is read off the bytes.
"""

import json
from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import groupby
from typing import Any

import cedarpy
from hypothesis import given, settings
from hypothesis import strategies as st

from sharebus.governance.entry import CatalogEntry, Unconditional
from sharebus.governance.facts import PolicyFacts
from sharebus.governance.grant import Condition, Grant
from sharebus.schemas import topic as topics
from sharebus.stream_apps.enforcer.desired import desired_broker

from . import decision_table as table
from . import town
from .test_decision_table import CELLS

FIELDS = ("code", "district", "name")
ROWS = tuple(
    {"code": f"CANARY-c{place}", "district": f"{place}-CANARY", "name": f"CANARY-n{place}"}
    for place in ("330203", "330205", "330283")
)
SYSTEMS = (town.SYSTEM, town.OTHER_SYSTEM, f"{town.case.AGENCY}.{town.case.SYSTEM}")
LAW = """
permit (principal, action == Action::"send", resource)
  when { resource.provider == principal && resource.class != "not_shared" };
forbid (principal, action == Action::"see", resource)
  when { resource.retired || resource.suspended || resource.class == "not_shared" };
forbid (principal, action == Action::"see", resource) unless { principal.subscribes };
forbid (principal, action, resource) when { principal.suspended };
"""

marks = st.sampled_from(["none", "personal", "commercial_secret"])
conditions = st.lists(
    st.sampled_from(
        [
            town.IN_HAISHU,
            {"field": "district", "one_of": ["330205-CANARY", "330283-CANARY"]},
            {"field": "name", "one_of": ["CANARY-n330203"]},
            {"field": "code", "starts_with": ["CANARY-c33020"]},
        ]
    ),
    max_size=2,
)
grants = st.builds(
    town.grant,
    st.sets(st.sampled_from(FIELDS), min_size=1).map(sorted),
    conditions=conditions,
    system=st.sampled_from(SYSTEMS[:2]),
    agreement=st.sampled_from([None, "协议"]),
    revoked=st.sampled_from([False, False, True]),
    approval=st.sampled_from(["provider", "provider", "automatic", "emergency"]),
)
entries = st.builds(
    town.entry,
    st.sampled_from(["open", "closed", "conditional", "not_shared"]),
    st.just(FIELDS),
    st.fixed_dictionaries({name: marks for name in FIELDS}),
    suspended=st.sampled_from([False, False, False, True]),
    retired=st.sampled_from([False, False, False, True]),
)
halts = st.sampled_from([False, False, False, True])
days = st.sampled_from([town.BEFORE, town.FIRST_DAY, town.DURING, town.LAST_DAY, town.AFTER])


def condition_text(condition: Condition) -> str:
    attribute = f"context.row.{condition.field}"
    if condition.one_of:
        return f"{json.dumps(sorted(condition.one_of))}.contains({attribute})"
    likes = (f'{attribute} like "{prefix}*"' for prefix in sorted(condition.starts_with or ()))
    return f"({' || '.join(likes)})"


def policy(entry: CatalogEntry, grant: Grant) -> str:
    """One grant as a policy of its own."""
    row_filter = grant.row_filter.all if grant.row_filter else ()
    told = sorted({*grant.fields, *(condition.field for condition in row_filter)})
    unmarked = f"!resource.marked.containsAny({json.dumps(told)})"
    first, last = grant.term.first_day.toordinal(), grant.term.last_day.toordinal()
    reasons = [
        f"context.today >= {first} && context.today <= {last}",
        f"{json.dumps(list(grant.fields))}.contains(context.field)",
        *map(condition_text, row_filter),
    ]
    if grant.approval == "automatic":
        reasons += [unmarked, 'resource.class == "unconditional"', "principal in resource.scope"]
    elif grant.agreement is None:
        reasons.append(unmarked)
    who = f'principal == System::"{grant.system}", action == Action::"see"'
    what = f'resource == Entry::"{grant.entry}"'
    return f"permit ({who}, {what}) when {{ {' && '.join(reasons)} }};" * (not grant.revoked)


def entity(kind: str, name: str, parents: Iterable[Any] = (), **attributes: Any) -> Any:
    uid = {"type": kind, "id": name}
    return {"uid": uid, "attrs": attributes, "parents": list(parents)}


def reference(kind: str, name: str) -> Any:
    return {"__entity": {"type": kind, "id": name}}


def entities(facts: PolicyFacts, entry: CatalogEntry) -> list[Any]:
    everybody = {"type": "Agencies", "id": "all"}
    found = [entity("Agencies", "all")]
    for agency in facts.agencies.values():
        found.append(entity("Agency", agency.id, [everybody]))
        for system in agency.systems:
            found.append(
                entity(
                    "System", f"{agency.id}.{system.id}", [{"type": "Agency", "id": agency.id}],
                    suspended=agency.suspended, subscribes="subscriber" in system.roles,
                )
            )  # fmt: skip
    sharing = entry.sharing
    scope = [reference("Agencies", "all")]
    if not isinstance(sharing, Unconditional):
        scope = []
    elif sharing.agencies is not None:
        scope = [reference("Agency", name) for name in sharing.agencies]
    provider = f"{entry.provider.agency}.{entry.provider.system}"
    attributes: dict[str, Any] = {
        "class": entry.sharing_class, "marked": sorted(entry.marked_fields), "scope": scope,
        "retired": entry.retired, "provider": reference("System", provider),
        "suspended": entry.suspended or facts.agencies[entry.provider.agency].suspended,
    }  # fmt: skip
    return [*found, entity("Entry", entry.id, **attributes)]


QUESTIONS = [
    (row[field], {"field": field, "row": row}) for row in table.ROWS for field in table.FIELDS
]


@cache
def visible_values(
    policies: str, known: str, asked: tuple[tuple[str, date], ...]
) -> list[set[str]]:
    """What the table's reader may see of an entry on a day; the same question is asked once."""
    requests = [
        {
            "principal": f'System::"{town.SYSTEM}"', "action": 'Action::"see"',
            "resource": f'Entry::"{entry}"', "context": {"today": day.toordinal(), **context},
        }
        for entry, day in asked
        for _, context in QUESTIONS
    ]  # fmt: skip
    results = cedarpy.is_authorized_batch(requests, policies, known)
    assert [result.diagnostics.errors for result in results if result.diagnostics.errors] == []
    assert len(results) == len(requests)
    told = iter(result.allowed for result in results)
    return [{value for value, _ in QUESTIONS if next(told)} for _ in asked]


def test_second_engine_decides_every_cell_of_the_table_as_the_law_says() -> None:
    """The test of the table holds what the bus decides against the same law."""
    cells, wrong = 0, []
    for _, group in groupby(table.all_facts(), key=lambda facts: facts[:7]):
        # A system of an agency that has left is no fact any more.
        gone = entity("System", town.SYSTEM, suspended=False, subscribes=False)
        policies, known, asked, expected = [LAW], {town.SYSTEM: gone}, [], []
        for number, facts in enumerate(group):
            in_force, name = facts.documents(), f"persons-{number}"
            entry = in_force.entries["persons"].model_copy(update={"id": name})
            for grant in in_force.grants_of("persons"):
                policies.append(policy(entry, grant.model_copy(update={"entry": name})))
            known |= {each["uid"]["id"]: each for each in entities(in_force, entry)}
            for standing, day in facts.standings():
                asked.append((name, day))
                expected.append((facts, standing))
        found = visible_values("\n".join(policies), json.dumps([*known.values()]), tuple(asked))
        for (facts, standing), visible in zip(expected, found, strict=True):
            cells += 1
            if visible != table.law(facts, standing):
                wrong.append((facts, standing, visible))
    assert wrong == []
    assert cells == CELLS


@settings(deadline=None, max_examples=80)
@given(entry=entries, held=st.lists(grants, max_size=3), halted=st.tuples(halts, halts), day=days)
def test_second_engine_agrees_on_every_system_field_and_row(
    entry: CatalogEntry, held: list[Grant], halted: tuple[bool, bool], day: date
) -> None:
    named = [grant.model_copy(update={"id": f"g-{n}"}) for n, grant in enumerate(held)]
    agencies = (
        town.provider(suspended=halted[0]), town.reader(suspended=halted[1]), town.other_reader(),
    )  # fmt: skip
    facts = town.facts_of(*agencies, entry, *named)
    desired = desired_broker(facts, day)
    town.register(facts, desired)
    released = town.decide(facts, ROWS)
    asked, answers = [], []
    for system in SYSTEMS:
        request = {"principal": f'System::"{system}"', "resource": 'Entry::"persons"'}
        rights = [(rule.principal, rule.operation, rule.name) for rule in desired.rules]
        may_send = (f"User:agency.{system}", "WRITE", topics.ingress_topic("persons")) in rights
        asked.append({**request, "action": 'Action::"send"', "context": {}})
        answers.append(may_send)
        is_provider = system == SYSTEMS[2]  # it has its own data from nobody
        names = set() if is_provider else town.readable(desired, system)
        for row in ROWS:
            visible = town.seen(released, names, row.values())
            for field in FIELDS:
                context = {"today": day.toordinal(), "field": field, "row": row}
                asked.append({**request, "action": 'Action::"see"', "context": context})
                answers.append(row[field] in visible)
    policies = LAW + "\n".join(policy(entry, grant) for grant in facts.grants_of("persons"))
    results = cedarpy.is_authorized_batch(asked, policies, entities(facts, entry))
    assert [result.diagnostics.errors for result in results if result.diagnostics.errors] == []
    assert [result.allowed for result in results] == answers
