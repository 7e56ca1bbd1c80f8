"""A batch of commands is decided in as many transactions as their length asks for, in order."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from sharebus.schemas.filed_command import Arrival, Judged
from sharebus.schemas.topic import commands_topic
from sharebus.stream_apps.registrar import record
from sharebus.stream_apps.registrar.intake import Position
from sharebus.stream_apps.registrar.loop import TRANSACTION_BYTES_MAX, RegistrarLoop
from sharebus.stream_apps.registrar.record import bytes_of

from .memory_registrar import MemoryRegistrar


class Transactions:
    """Stands for what the loop writes by; ``held`` are the commands of each transaction."""

    def __init__(self) -> None:
        self.held: list[list[Judged]] = []

    def write_commands(self, judged: list[Judged], _epochs: Any) -> None:
        self.held.append(judged)


@pytest.mark.parametrize(("chars", "is_one"), [(10, True), (240_000, False)])
def test_each_command_is_decided_once_and_no_transaction_is_too_long(
    registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch, chars: int, is_one: bool
) -> None:
    ids = [
        registrar.give("market", "change", f"c-{number}", "propose", entry="open",
                       action="retire", reason=os.urandom(chars // 2).hex())
        for number in range(30)
    ]  # fmt: skip
    topic = commands_topic("market")
    left = [
        Arrival(topic, kept.offset(), kept.timestamp()[1], kept.value() or b"")
        for kept in registrar.broker.topics[topic]
    ]
    transactions = Transactions()
    deciding = RegistrarLoop.__new__(RegistrarLoop)
    monkeypatch.setattr(deciding, "_instant_ms", 0, raising=False)
    monkeypatch.setattr(deciding, "_positions", {topic: Position("epoch", 0)}, raising=False)
    in_hand = SimpleNamespace(take=lambda *_: None, release=lambda: None, suspect=None)
    monkeypatch.setattr(deciding, "_in_hand", in_hand, raising=False)
    monkeypatch.setattr(deciding, "_begin", lambda _version: transactions)
    monkeypatch.setattr(deciding, "_commit", lambda *_: None)
    monkeypatch.setattr(deciding, "_tell", lambda _judged: None)
    while left:
        left = deciding._decide(registrar.docket, left)
    assert [each.command.id for held in transactions.held for each in held if each.command] == ids
    assert deciding._positions == {topic: Position("epoch", 30)}
    assert (len(transactions.held) == 1) is is_one
    for held in transactions.held:
        assert sum(bytes_of(each.outcome) for each in held[:-1]) <= TRANSACTION_BYTES_MAX


def test_command_whose_outcome_cannot_be_written_is_still_in_hand(
    registrar: MemoryRegistrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar.give("market", "change", "c-1", "propose", entry="open", action="retire", reason="x")
    topic = commands_topic("market")
    [kept] = registrar.broker.topics[topic]
    arrival = Arrival(topic, kept.offset(), kept.timestamp()[1], kept.value() or b"")
    held: list[Any] = []
    in_hand = SimpleNamespace(
        take=lambda *taken: held.append(taken), release=held.clear, suspect=None
    )
    deciding = RegistrarLoop.__new__(RegistrarLoop)
    monkeypatch.setattr(deciding, "_instant_ms", 0, raising=False)
    monkeypatch.setattr(deciding, "_in_hand", in_hand, raising=False)

    def unwritable(_: Any) -> int:
        raise ValueError("no text for this")

    monkeypatch.setattr(record, "bytes_of", unwritable)
    with pytest.raises(ValueError, match="no text"):
        deciding._decide(registrar.docket, [arrival])
    assert held == [(topic, 0, arrival.offset, arrival.offset + 1)]
