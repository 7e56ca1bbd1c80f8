"""A view is right at every offset: compacted, it equals its policy applied to ``accepted``.

Random histories and random policies, against a model that is written without the gate's code. The
gate dies at random points and is made again from the log.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharebus.consumers.oversight.reconciliation import Books, reconcile
from sharebus.governance.grant import Grant
from sharebus.governance.rule import Outcome
from sharebus.governance.view import view_of_grant
from sharebus.schemas import cloudevent as ce
from sharebus.schemas import topic as topics
from sharebus.schemas.entity_key import split_entity_key
from sharebus.schemas.record import audit_batch
from sharebus.stream_apps.gate import fill
from sharebus.stream_apps.gate.fill import is_filling
from sharebus.stream_apps.gate.release import Output

from . import case
from .memory_gate import MemoryGate
from .memory_log import MemoryLog
from .view_model import State, Told, decode, model, passes, told, view_key

CODES = ["CANARY-code-1", "CANARY-code-2", "CANARY|code\\3"]
DISTRICTS = ["CANARY-district-1", "CANARY-district-2"]
NAMES = ["CANARY-name-1", "CANARY-name-2"]
PHONES = [None, "CANARY-phone-1"]
DOMAINS: Mapping[str, list[Any]] = {
    "code": CODES, "district": DISTRICTS, "name": NAMES, "phone": PHONES,
}  # fmt: skip
FIELDS = [field for field in case.FIELDS if field["name"] in (*DOMAINS, "capital")]
KEYS = [("code",), ("district", "code")]

Step = tuple[str, Any]
Policy = tuple[frozenset[str], tuple[dict[str, Any], ...]]

rows = st.fixed_dictionaries({name: st.sampled_from(domain) for name, domain in DOMAINS.items()})
steps = st.one_of(
    *[st.tuples(st.just("upsert"), rows)] * 6,
    *[st.tuples(st.just("delete"), rows)] * 2,
    st.tuples(st.just("refused"), rows),
    st.tuples(st.sampled_from(["again", "id reused"]), st.integers(0, 30)),
    st.tuples(st.just("commit"), st.none()),
    st.tuples(st.just("die"), st.sampled_from(["undecided", "uncommitted", "committed"])),
    st.tuples(st.sampled_from(["grant", "compact"]), st.none()),
    st.tuples(st.just("revoke or grant again"), st.integers(0, 3)),
)


@st.composite
def condition(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(list(DOMAINS)))
    texts = [text for text in DOMAINS[name] if text is not None]
    some = st.lists(st.sampled_from(texts), min_size=1, max_size=2, unique=True)
    if draw(st.booleans()):
        return {"field": name, "one_of": draw(some)}
    cut = draw(st.integers(1, len(texts[0])))
    return {"field": name, "starts_with": [text[:cut] for text in draw(some)]}


fields = st.sets(st.sampled_from([field["name"] for field in FIELDS]), min_size=1)
policies = st.tuples(fields.map(frozenset), st.lists(condition(), max_size=2).map(tuple))


class World:
    """The entry, its provider and its gate, and everything that was ever written."""

    def __init__(self, path: Path, key_fields: tuple[str, ...], shared: bool) -> None:
        changes: Any = {"key_fields": key_fields, "avro_schema": case.schema(FIELDS)}
        self.entry = (case.unconditional if shared else case.entry)("persons", **changes)
        self.log = MemoryLog()
        self.grants: list[Grant] = []
        self.gate = MemoryGate(self.log, self.entry, case.facts_of(self.entry), path)
        self.accepted: State = {}
        self.states: dict[str, State] = {}
        self.expected: list[Outcome] = []
        self._payloads: dict[bytes, Any] = {}

    def add_grant(self, policy: Policy) -> None:
        names, conditions = policy
        number = len(self.grants)
        grant = case.grant(f"g-{number}", "persons", sorted(names), conditions=conditions)
        self.grants.append(grant)
        self.gate.learn(case.facts_of(self.entry, *self.grants))

    def revoke_or_grant_again(self, number: int) -> None:
        grant = self.grants[number % len(self.grants)]
        changed = grant.model_copy(update={"revoked": not grant.revoked})
        self.grants[number % len(self.grants)] = changed
        self.gate.learn(case.facts_of(self.entry, *self.grants))

    def fill(self) -> None:
        """Until every view is live."""
        self.gate.attach()
        while is_filling(self.gate.lane):
            self.transact()

    def compact(self) -> None:
        """A month goes by: what was being filled is filled, and the traces of deletions vanish."""
        self.fill()
        self.log.compact(self.gate.plan.accepted_topic)

    def play(self, step: Step) -> None:
        """Let happen what a step says."""
        match step:
            case "commit", _:
                self.transact()
            case "die", "undecided":
                self.gate.crash()
            case "die", "uncommitted":
                self.gate.decide()
                self.gate.crash()
            case "die", _:
                self.transact(key_sets=False)
                self.gate.crash()
            case "compact", _:
                self.compact()
            case "revoke or grant again", number:
                self.revoke_or_grant_again(number)
            case _:
                self.send(step)

    def send(self, step: Step) -> None:
        """Append to ingress, and write down what must become of it."""
        kind, content = step
        sent = self.log.of(self.gate.ingress)
        if kind in ("again", "id reused"):
            if not sent:
                return
            record = sent[content % len(sent)]
            key, value, headers = record.key(), record.value(), record.headers()
            if kind == "id reused":
                value = (value or b"") + b"\0"
        else:
            row = {**content, "capital": 1.0}
            texts = [
                row[name].replace("\\", "\\\\").replace("|", "\\|")
                for name in self.entry.key_fields
            ]
            key = "|".join(texts).encode()
            deleted = kind == "delete"
            value = None if deleted else case.value_under(FIELDS, row)
            event_type = ce.TYPE_DELETED if deleted else ce.TYPE_UPSERTED
            # An id in which the provider repeats the key, as providers do.
            event_id = key.decode().replace("\\", "/") + f"/{len(sent)}"
            headers = case.headers(event_id, event_type=event_type)
            if kind == "refused":
                value = (value or b"") + b"\0"
        self.log.append(self.gate.ingress, key, value, headers=headers, time_ms=case.NOON_MS)
        self.expected.append(self._judge(kind, key, value, headers))

    def _judge(self, kind: str, key: Any, value: Any, headers: Any) -> Outcome:
        event_id = dict(headers)[ce.ID]
        known = self._payloads.get(event_id)
        if known is not None:
            return Outcome.DUPLICATE if known == (key, value) else Outcome.REFUSED
        if kind in ("refused", "id reused") or (value is not None and value[-1:] == b"\0"):
            return Outcome.REFUSED
        self._payloads[event_id] = (key, value)
        return Outcome.ACCEPTED

    def transact(self, *, key_sets: bool = True) -> None:
        filled, decision = self.gate.decide()
        views = [told(self.entry, grant) for grant in self.grants]
        for output in filled:
            self._take(views, output)
        self._check(views)
        for output in decision.outputs:
            if output[0] == self.gate.plan.accepted_topic:
                self._check(views)
            self._take(views, output)
        self._check(views)
        self.gate.commit(decision, key_sets=key_sets)

    def _take(self, views: list[Told], output: Output) -> None:
        topic, key, value, _, headers = output
        assert key is not None
        if topic == self.gate.plan.accepted_topic:
            if value is None:
                self.accepted.pop(key, None)
            else:
                self.accepted[key] = decode(value, FIELDS, {*DOMAINS, "capital"})
        for view in views:
            if view.topic != topic or view.topic == self.gate.plan.accepted_topic:
                continue
            self._check_bytes(view, key, value, headers)
            state = self.states.setdefault(topic, {})
            if value is None:
                assert key in state or self._is_deletion_told_by_key(view, key)
                state.pop(key, None)
            else:
                state[key] = decode(value, FIELDS, view.grant.fields)
            break

    def _is_deletion_told_by_key(self, view: Told, key: bytes) -> bool:
        """Whether a tombstone of what the view does not hold is one that cannot be avoided.

        A view that needs no key set learns of a live deletion by the key alone, and cannot know
        that the provider deletes what never was, or what it has deleted before.
        """
        conditions = view.grant.row_filter.all if view.grant.row_filter else ()
        decided = self.log.offsets.get((self.gate.ingress, 0), 0)
        if not {condition.field for condition in conditions} <= set(view.key_fields):
            return False
        return any(
            record.value() is None
            and view_key(view, deleted := record.key() or b"") == key
            and passes(
                view.grant, dict(zip(view.key_fields, split_entity_key(deleted), strict=True))
            )
            for record in self.log.of(self.gate.ingress)[decided:]
        )

    def _check_bytes(self, view: Told, key: bytes, value: bytes | None, headers: Any) -> None:
        told = b"\0".join([key, value or b"", *(content for _, content in headers)])
        withheld = set(DOMAINS) - set(view.grant.fields)
        if view.secret is None:
            withheld -= set(view.key_fields)
        for name in withheld:
            for canary in DOMAINS[name]:
                if canary is not None:
                    assert canary.encode() not in told
                    assert canary.replace("\\", "/").encode() not in told

    def _check(self, views: list[Told]) -> None:
        for view in views:
            state = self.gate.lane.views.get(view_of_grant(self.entry, view.grant).name)
            if state is not None and state.live:
                assert self.states.get(view.topic, {}) == model(view, self.accepted)

    def books(self) -> Books:
        books = Books()
        books.ingress[self.gate.ingress, 0] = [x.offset() for x in self.log.of(self.gate.ingress)]
        for (topic, partition), records in self.log.appended.items():
            if topic.startswith(("accepted.", "shared.", "view.")):
                counts = books.written.setdefault(topic, Counter())
                for record in records:
                    counts[case.DIGEST.record(record.key() or b"", record.value())] += 1
            assert partition == 0
        for record in self.log.of(topics.AUDIT):
            value = record.value() or b""
            books.batches.append((audit_batch().decode(value), value))
        return books


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filling takes several transactions, so that it can be interrupted."""
    monkeypatch.setattr(fill, "CHUNK_RECORDS", 3)


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=100,
)
@given(
    key_fields=st.sampled_from(KEYS),
    shared=st.booleans(),
    first=st.lists(policies, min_size=1, max_size=3),
    later=st.lists(policies, min_size=1, max_size=2),
    history=st.lists(steps, min_size=20, max_size=60),
)
def test_view_at_every_prefix_equals_its_policy_applied_to_accepted(
    tmp_path_factory: pytest.TempPathFactory,
    key_fields: tuple[str, ...],
    shared: bool,
    first: list[Policy],
    later: list[Policy],
    history: list[Step],
) -> None:
    world = World(tmp_path_factory.mktemp("key-sets") / "keys.sqlite", key_fields, shared)
    waiting = list(later)
    for policy in first:
        world.add_grant(policy)
    for step in history:
        if step[0] != "grant":
            world.play(step)
        elif waiting:
            world.add_grant(waiting.pop())
    world.transact()
    world.fill()
    assert all(state.live for state in world.gate.lane.views.values())
    books = world.books()
    assert reconcile(books) == []
    outcomes = [
        line["outcome"]
        for batch, _ in books.batches
        if batch["source_topic"] == world.gate.ingress
        for line in batch["lines"]
    ]
    assert outcomes == world.expected
