"""From the fact that ends a right on, nothing is released to who lost it, not even in the moment
until the broker has followed; whoever else reads the view gets everything."""

import threading

import pytest
from confluent_kafka import Message

from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..world import SUBSCRIBER, World
from .conftest import wait_for
from .stream import PlainReader
from .test_revocation_gate import neighbour

pytestmark = pytest.mark.integration
BEFORE, AFTER = 50, 50
"""Events that flow before the right ends, and after."""


@pytest.fixture(scope="module")
def world(followed: World) -> World:
    """The world with its gate and an enforcer."""
    followed.gate.run()
    return followed


class Stream:
    """Sends a row every few milliseconds, each with a code of its own."""

    def __init__(self, world: World, entry_id: str) -> None:
        self.sent: dict[str, int] = {}
        self._world, self._entry = world, world.facts_now().entries[entry_id]
        self._world.schema_id(topics.value_subject(topics.ingress_topic(entry_id)))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        records = {}
        while not self._end.wait(0.005):
            code = f"row-{len(records)}-end"
            records[code] = self._world.upsert(self._entry, case.row(code))
            self.sent[code] = -1
        self._world.flush()
        self.sent = {code: record.offset for code, record in records.items()}

    def close(self) -> None:
        self._end.set()
        self._thread.join()


def offset_of_last(world: World, key: bytes) -> int:
    """Where the last fact of this key stands: the policy version of that decision."""
    found: list[int] = []

    def take(message: Message) -> None:
        if message.key() == key:
            found.append(message.offset() or 0)

    world.reader.read(topics.FACTS_POLICY, 0, 0, take)
    return found[-1]


def codes_in(seen: PlainReader, codes: dict[str, int]) -> set[str]:
    text = b"\n".join(seen.seen)
    return {code for code in codes if code.encode() in text}


def test_nothing_is_released_between_a_decision_and_its_effect(world: World) -> None:
    entry, other = world.entry(), f"police-moment-{world.tag}"
    grant = world.grant(entry)
    theirs = grant.model_copy(update={"id": f"{grant.id}-n", "system": f"{other}.{SUBSCRIBER}"})
    world.apply(neighbour(world, other), entry, grant, theirs)
    view = world.view_topic(entry, grant)
    login = world.broker.client_config(f"agency.{world.subscriber}.{SUBSCRIBER}")
    reader = PlainReader(login, view, 0, uncommitted=True)
    stream = Stream(world, entry.id)
    wait_for("events flow", lambda: len(codes_in(reader, stream.sent)) > BEFORE)
    world.apply(grant.model_copy(update={"revoked": True}))
    decided_at = offset_of_last(world, f"grant/{grant.id}".encode())
    sent = len(stream.sent)
    wait_for("events flow on", lambda: len(stream.sent) > sent + AFTER)
    stream.close()
    world.decided(entry)
    reader.close()

    ingress = topics.ingress_topic(entry.id)
    versions = {
        line["offset"]: batch["policy_version"]
        for batch, _ in world.audit()
        if batch["source_topic"] == ingress
        for line in batch["lines"]
    }
    after = {code for code, offset in stream.sent.items() if versions[offset] >= decided_at}
    assert len(after) > AFTER
    assert codes_in(reader, stream.sent) & after == set()
    assert {(record.key() or b"").decode() for record in world.records(view)} == set(stream.sent)
