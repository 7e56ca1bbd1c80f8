"""What one change asks for is what the whole would ask for, as far as the change concerns it."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus.governance.agency import Agency
from sharebus.governance.facts import AnyFact, RegisteredSchema
from sharebus.stream_apps.enforcer.concern import concerned_by
from sharebus.stream_apps.enforcer.desired import (
    DesiredBroker,
    DesiredState,
    desired_broker,
    is_of_platform,
)
from sharebus.stream_apps.enforcer.difference import (
    LiveState,
    Plan,
    difference,
    difference_within,
)
from sharebus.stream_apps.enforcer.rights import AccessRule

from .enforcer_case import CONDITIONAL, NOT_SHARED, MakeEntry, MakeGrant, as_live, facts_of

SHARED = {"class": "unconditional"}
_quiet = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _fact(
    draw: st.DrawFn, agencies: tuple[Agency, ...], make_entry: MakeEntry, make_grant: MakeGrant
) -> AnyFact:
    entry_id = draw(st.sampled_from(["shops", "alleys"]))
    kind = draw(st.sampled_from(["agency", "entry", "grant", "schema"]))
    if kind == "agency":
        agency = draw(st.sampled_from(agencies))
        return agency.model_copy(update={"suspended": draw(st.booleans())})
    if kind == "entry":
        return make_entry(
            id=entry_id,
            sharing=draw(st.sampled_from([SHARED, CONDITIONAL, NOT_SHARED])),
            retired=draw(st.booleans()),
        )
    if kind == "grant":
        fields = draw(st.sampled_from([["code"], ["code", "owner"]]))
        return make_grant(
            f"grant-{entry_id}", entry=entry_id, fields=fields, revoked=draw(st.booleans())
        )
    return RegisteredSchema(
        subject=f"ingress.{entry_id}-value",
        schema_id=draw(st.integers(1, 3)),
        avro_schema=make_entry().avro_schema,
        withdrawn=draw(st.booleans()),
    )


def _restricted(plan: Plan, names: set[str], rules: frozenset[AccessRule]) -> Plan:
    """The steps of a plan that are about some topics and rules, in one order."""
    subjects = {f"{name}-value" for name in names}
    return Plan(
        revoke=tuple(sorted(rule for rule in plan.revoke if rule in rules)),
        create=tuple(
            sorted((topic for topic in plan.create if topic.name in names), key=lambda t: t.name)
        ),
        alter=tuple(change for change in plan.alter if change.topic in names),
        register=tuple(sorted(schema for schema in plan.register if schema.subject in subjects)),
        allow=tuple(sorted(rule for rule in plan.allow if rule in rules)),
        conflicts=tuple(sorted(one for one in plan.conflicts if one.topic in names)),
    )


@_quiet
@given(data=st.data())
def test_steps_of_a_change_are_those_of_the_whole_that_concern_it(
    data: st.DataObject,
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    today: date,
) -> None:
    state = DesiredState()
    facts = facts_of(*agencies, make_entry(), make_entry(id="alleys"))
    live = as_live(state.of(facts, today))
    version = len(list(facts))
    for _ in range(data.draw(st.integers(1, 3))):
        changes = [
            _fact(data.draw, agencies, make_entry, make_grant)
            for _ in range(data.draw(st.integers(1, 3)))
        ]
        for change in changes:
            version += 1
            facts.apply(change, version)
        live = _with_holes(data.draw, live)
        before, after = state.changed(facts, concerned_by(facts, changes), today)
        plan = difference_within(before, after, live)
        whole = difference(desired_broker(facts, today), live)
        names = {topic.name for topic in (*before.topics, *after.topics)}
        rules = before.rules | after.rules
        assert _restricted(plan, names, rules) == _restricted(whole, names, rules)
        steps = [len(_restricted(plan, names, rules)[field]) for field in range(len(plan))]
        assert steps == [len(field) for field in plan]
        live = live.after(plan, dict.fromkeys(plan.register, 1))


@_quiet
@given(data=st.data())
def test_what_a_change_does_not_concern_follows_as_before(
    data: st.DataObject,
    agencies: tuple[Agency, ...],
    make_entry: MakeEntry,
    make_grant: MakeGrant,
    today: date,
) -> None:
    state = DesiredState()
    facts = facts_of(*agencies, make_entry(), make_entry(id="alleys"))
    whole = state.of(facts, today)
    for version in range(9, 13):
        change = _fact(data.draw, agencies, make_entry, make_grant)
        facts.apply(change, version)
        before, after = state.changed(facts, concerned_by(facts, [change]), today)
        now = desired_broker(facts, today)
        assert now.rules == (whole.rules - before.rules) | after.rules
        assert set(_names(now)) == (set(_names(whole)) - set(_names(before))) | set(_names(after))
        assert set(now.schemas) == (set(whole.schemas) - set(before.schemas)) | set(after.schemas)
        assert state.of(facts, today) == now
        whole = now


def _names(desired: DesiredBroker) -> list[str]:
    return [topic.name for topic in desired.topics]


def _with_holes(draw: st.DrawFn, live: LiveState) -> LiveState:
    """A broker that lost topics and rights; without the platform's own topics there is no bus."""
    topics = sorted(name for name in live.topics if not is_of_platform(name))
    rules = sorted(live.rules)
    gone = draw(st.sets(st.sampled_from(topics), max_size=2))
    taken = draw(st.sets(st.sampled_from(rules), max_size=2))
    return LiveState(
        {name: topic for name, topic in live.topics.items() if name not in gone},
        live.rules - taken,
        live.schema_ids,
    )
