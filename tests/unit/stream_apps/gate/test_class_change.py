"""An entry changes its class: what was accepted moves to another topic, and nothing is lost or old.

Random histories over both classes, with a gate that dies at random points; the sweep stands for the
enforcer, which deletes the topic that was left once everything is moved.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus import InvalidInput
from sharebus.consumers.oversight.reconciliation import reconcile
from sharebus.governance.facts import PolicyFacts, RegisteredSchema
from sharebus.governance.rule import Outcome
from sharebus.schemas import topic as topics
from sharebus.stream_apps.gate import fill

from . import case
from .memory_gate import MemoryGate
from .memory_log import MemoryLog
from .test_view_property import DOMAINS, FIELDS, Policy, State, Step, World, policies, steps
from .view_model import decode

CONDITIONAL = {"class": "conditional", "conditions": "依法履职需要"}
UNCONDITIONAL = {"class": "unconditional"}
ALL_FIELDS = {*DOMAINS, "capital"}


class Changing(World):
    """A world whose entry changes between the classes; it begins unconditional, with one copy."""

    left: str | None = None
    """The topic that took what was accepted under the class before, as long as it stands."""

    def change_class(self) -> None:
        """As a revision does; while a change is under way the rules refuse another one."""
        if self.left is not None:
            return
        self.left = topics.accepted_topic(self.entry)
        sharing = CONDITIONAL if self.entry.shares_one_copy else UNCONDITIONAL
        document = {**self.entry.model_dump(by_alias=True), "sharing": sharing}
        self.entry = type(self.entry).model_validate(document)
        self.gate.learn(self.facts())

    def facts(self) -> PolicyFacts:
        facts = case.facts_of(self.entry, *self.grants)
        if self.left:
            subject, schema = topics.value_subject(self.left), self.entry.avro_schema
            standing = RegisteredSchema(subject=subject, schema_id=11, avro_schema=schema)
            facts.apply(standing, facts.version)
        return facts

    def add_grant(self, policy: Policy) -> None:
        super().add_grant(policy)
        self.gate.learn(self.facts())

    def revoke_or_grant_again(self, number: int) -> None:
        super().revoke_or_grant_again(number)
        self.gate.learn(self.facts())

    def sweep(self) -> None:
        """Delete the topic that was left, if the log says that everything in it is moved."""
        self.gate.crash()
        self.gate.attach()
        if self.left and self.gate.lane.accepted_topic in ("", topics.accepted_topic(self.entry)):
            self.log.of(self.left).clear()
            self.log.ends.pop((self.left, 0), None)
            self.log.epochs[self.left] = f"epoch {len(self.expected)} of {self.left}"
            self.states.pop(self.left, None)
            self.left = None
            self.gate.learn(self.facts())

    def truth(self) -> State:
        """The latest row of each entity, as accepted events alone tell it."""
        state: State = {}
        sent = self.log.of(self.gate.ingress)
        for record, outcome in zip(sent, self.expected, strict=True):
            if outcome == Outcome.ACCEPTED:
                key, value = record.key() or b"", record.value()
                state.pop(key, None)
                if value is not None:
                    state[key] = decode(value, FIELDS, ALL_FIELDS)
        return state

    def accepted_rows(self) -> State:
        """What the topic of what is accepted comes to."""
        state: State = {}
        for record in self.log.of(topics.accepted_topic(self.entry)):
            key, value = record.key() or b"", record.value()
            state.pop(key, None)
            if value is not None:
                state[key] = decode(value, FIELDS, ALL_FIELDS)
        return state


class_changes = st.tuples(st.sampled_from(["change class", "change class", "sweep"]), st.none())


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A move takes several transactions, so that it can be interrupted."""
    monkeypatch.setattr(fill, "CHUNK_RECORDS", 3)


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=60,
)
@given(
    granted=st.lists(policies, min_size=1, max_size=2),
    history=st.lists(st.one_of(steps, steps, steps, class_changes), min_size=20, max_size=60),
)
def test_class_that_changes_loses_no_row_and_brings_back_no_old_one(
    tmp_path_factory: pytest.TempPathFactory, granted: list[Policy], history: list[Step]
) -> None:
    world = Changing(tmp_path_factory.mktemp("key-sets") / "keys.sqlite", ("code",), shared=True)
    for policy in granted:
        world.add_grant(policy)
    for step in history:
        match step:
            case "grant", _:
                world.transact()
            case "change class", _:
                world.change_class()
            case "sweep", _:
                world.sweep()
            case _:
                world.play(step)
    world.fill()  # what is moved
    world.fill()  # the views from there
    world.transact()
    assert world.accepted_rows() == world.truth()
    assert all(state.live for state in world.gate.lane.views.values())
    assert reconcile(world.books()) == []


@pytest.fixture
def gate(tmp_path: Path) -> MemoryGate:
    """A gate that has accepted seven rows of an unconditional entry, one of them deleted."""
    entry = case.unconditional()
    gate = MemoryGate(MemoryLog(), entry, case.facts_of(entry), tmp_path / "keys.sqlite")
    for number in range(7):
        send(gate, case.upsert(number, case.row(f"k{number}")))
    send(gate, case.delete(7, "k3"))
    gate.transact()
    return gate


def send(gate: MemoryGate, arrival: Any) -> None:
    _, time_ms, key, value, headers = arrival
    gate.log.append(gate.ingress, key, value, headers=headers, time_ms=time_ms)


def made_conditional(gate: MemoryGate, *standing: str) -> PolicyFacts:
    """The facts after the entry became conditional; the topics ``standing`` have their schemas."""
    document = {**gate.entry.model_dump(by_alias=True), "sharing": CONDITIONAL}
    facts = case.facts_of(type(gate.entry).model_validate(document))
    for topic in standing:
        subject, schema = topics.value_subject(topic), gate.entry.avro_schema
        fact = RegisteredSchema(subject=subject, schema_id=11, avro_schema=schema)
        facts.apply(fact, facts.version)
    return facts


def test_events_wait_until_what_was_accepted_is_moved(gate: MemoryGate) -> None:
    gate.learn(made_conditional(gate, "shared.divisions"))
    send(gate, case.upsert(8, case.row("k8")))
    lengths = []
    while not lengths or gate.lane.is_moving:
        gate.transact()
        lengths.append(len(gate.log.of("accepted.divisions")))
        assert gate.lane.next_offset == 8
    assert lengths == [3, 6, 8]
    gate.transact()
    assert [record.key() for record in gate.log.of("accepted.divisions")][-2:] == [b"k3", b"k8"]
    assert len(gate.log.of("shared.divisions")) == 8


def test_move_goes_on_where_it_was_after_a_crash(gate: MemoryGate) -> None:
    gate.learn(made_conditional(gate, "shared.divisions"))
    gate.transact()
    gate.decide()
    gate.crash()
    gate.attach()
    while gate.lane.is_moving:
        gate.transact()
    keys = [record.key() for record in gate.log.of("accepted.divisions")]
    assert keys == [record.key() for record in gate.log.of("shared.divisions")]


def test_what_was_accepted_and_is_gone_is_not_passed_over(gate: MemoryGate) -> None:
    gate.learn(made_conditional(gate))
    with pytest.raises(InvalidInput, match="gone") as refused:
        gate.attach()
    assert refused.value.where == "entry divisions, partition 0"


def test_lines_of_a_move_name_both_topics(gate: MemoryGate) -> None:
    gate.learn(made_conditional(gate, "shared.divisions"))
    gate.decide()
    assert gate._copied.topic == "shared.divisions"
    assert {line["route"] for line in gate._copied.lines} == {("accepted.divisions",)}
    assert [line["offset"] for line in gate._copied.lines] == [0, 1, 2]
