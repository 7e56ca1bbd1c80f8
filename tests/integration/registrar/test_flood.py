"""Ten thousand commands at once, most of them bad: each gets one answer, and others do not wait."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sharebus.consumers.oversight.replay import read_written, replay
from sharebus.schemas import topic as topics
from sharebus.schemas.command import BODY_BYTES_MAX, command_record
from sharebus.schemas.record import command
from sharebus.stream_apps.registrar.turns import PORTION_MAX

from ..app_process import wait_until
from ..world import SUBSCRIBER
from .hall import TERM, Given, Hall

pytestmark = pytest.mark.integration

FLOOD = 10_000
LONG = 20
FORGED_MS = 978_307_200_000
"""The beginning of 2001, which a client says is now."""


class Flood:
    """What a subscriber throws at the registrar, and what of it may come through."""

    def __init__(self, hall: Hall, entry: Any) -> None:
        self.hall = hall
        self.entry = entry
        self.accepted: list[Given] = []
        self.refused: list[Given] = []
        self.garbage = 0
        self.repeats: Counter[str] = Counter()
        self.standing = hall.request(entry, "flood-standing")
        self.accepted.append(self.standing)

    def give(self, case_id: str, verb: str, kind: str = "request", **how: Any) -> Given:
        body = how.pop("body", {})
        return self.hall.give(self.hall.subscriber, kind, case_id, verb, body, **how)

    def submit(self, case_id: str, **how: Any) -> Given:
        body = {
            "entry": self.entry.id, "system": f"{self.hall.subscriber}.{SUBSCRIBER}",
            "fields": ["code"], "legal_basis": "税收征收管理法", "scenario": "核对",
            "scope": "全市", "mode": "subscribe", "term": TERM,
        }  # fmt: skip
        return self.give(case_id, "submit", body=body, **how)

    def pour(self) -> None:
        """Everything at once; ``FLOOD`` commands."""
        steps = itertools.cycle(self.kinds())
        for number in range(FLOOD - LONG):
            next(steps)(f"flood-{number}")
        for number in range(LONG):
            long = {"reason": "长" * BODY_BYTES_MAX}
            self.unread(self.give(f"long-{number}", "propose", "change", body=long))
        self.hall.flush()

    def kinds(self) -> Iterator[Any]:
        standing = self.standing.command
        yield lambda case: self.accepted.append(self.submit(case))
        yield lambda case: self.repeat(standing)
        yield lambda case: self.refused.append(self.submit(case, signed_by=b"x" * 32))
        # Whose it is not: another's to decide, another's entry, another's topic.
        yield lambda case: self.refused.append(
            self.give(standing.case, "accept", body={"accepted_fields": ["code"]}, seen=1)
        )
        yield lambda case: self.refused.append(
            self.give(case, "propose", "change", body={"entry": self.entry.id, "action": "retire"})
        )
        yield self.foreign
        # Stale, contradictory, out of order.
        yield lambda case: self.refused.append(self.give(standing.case, "withdraw", seen=7))
        yield lambda case: self.refused.append(self.submit(standing.case))
        yield lambda case: self.refused.append(self.give(case, "withdraw", seen=1))
        yield self.unreadable

    def repeat(self, given: Any) -> None:
        self.repeats[given.id] += 1
        value = command().encode(1, command_record(given))
        # Its time is said to be long ago: the broker's clock counts.
        self.hall.producer(self.hall.subscriber).produce(
            topics.commands_topic(self.hall.subscriber), value, b"case", 0, timestamp=FORGED_MS
        )

    def foreign(self, case: str) -> None:
        signed_by = self.hall.keys[self.hall.provider]
        self.refused.append(self.submit(case, signed_by=signed_by))

    def unreadable(self, case: str) -> None:
        self.garbage += 1
        self.hall.write(self.hall.subscriber, case.encode())

    def unread(self, _: Given) -> None:
        self.garbage += 1


def test_each_of_ten_thousand_commands_is_answered_once_and_holds_up_nobody(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    flood = Flood(hall, entry)
    hall.answer(flood.standing)
    before = hall.world.facts_now()
    in_force = (dict(before.grants), dict(before.entries), dict(before.agencies))
    started_ms = time.time_ns() // 1_000_000
    hall.registrar.kill()
    flood.pour()
    # What another asks for comes when all of that waits.
    modest = hall.give(
        hall.provider, "request", flood.standing.command.case, "accept",
        {"accepted_fields": ["code"]}, seen=1,
    )  # fmt: skip
    hall.flush()
    started = time.monotonic()
    hall.registrar.start()
    print(f"started after {time.monotonic() - started:.1f} s")
    assert hall.answer(modest)["outcome"] == "accepted"
    print(f"modest after {time.monotonic() - started:.1f} s")

    flooded = topics.commands_topic(hall.subscriber)

    def decided() -> list[tuple[str, dict[str, Any]]]:
        hall.registrar.tend()
        return [
            (batch["source_topic"], line)
            for batch, _ in hall.world.audit()
            if batch["kind"] == "command" and batch["decided_ms"] >= started_ms
            for line in batch["lines"]
            if not line["place"].startswith("grant/")
        ]

    def all_decided() -> bool:
        return sum(topic == flooded for topic, _ in decided()) >= FLOOD

    wait_until(all_decided, f"{FLOOD} commands are decided")
    print(f"all after {time.monotonic() - started:.1f} s")
    order = [topic for topic, _ in decided()]
    assert order.index(topics.commands_topic(hall.provider)) <= PORTION_MAX

    malformed = [line for _, line in decided() if line["rule"] == "command.malformed"]
    assert len(malformed) == flood.garbage
    answers = hall.answers(hall.subscriber)
    for given in flood.refused:
        (answer,) = answers[given.command.id]
        assert answer["outcome"] == "refused"
        assert answer["problem"]
        assert answer["expected"] or answer["found"]
    for given in flood.accepted:
        first, *again = answers[given.command.id]
        assert len(again) == flood.repeats[given.command.id]
        assert first["outcome"] == "accepted"
        assert first["decided_ms"] > started_ms - 60_000
    print(f"answers after {time.monotonic() - started:.1f} s")
    cases = hall.cases(hall.subscriber)
    ours = {case for kind, case in cases if kind == "request" and case.startswith("flood-")}
    assert ours == {given.command.case for given in flood.accepted}
    after = hall.world.facts_now()
    granted = after.grants.pop(flood.standing.command.case)
    assert granted.fields == ("code",)
    assert (after.grants, after.entries, after.agencies) == in_force
    print(f"checked after {time.monotonic() - started:.1f} s")
    assert replay(read_written(hall.world.admin_config, hall.world.digest)) == []
    print(f"replayed after {time.monotonic() - started:.1f} s")
