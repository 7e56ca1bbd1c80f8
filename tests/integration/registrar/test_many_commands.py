"""Commands in great number or of great length, at once: each is answered, and nothing stops."""

import os

import pytest

from sharebus.schemas.command import BODY_BYTES_MAX, command_record
from sharebus.schemas.record import command

from ..app_process import wait_until
from .hall import Hall

pytestmark = pytest.mark.integration

REPEATED = 2_000


def test_many_repeated_commands_at_once_are_answered_each_and_decided_once(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    given = hall.request(entry, "req-flood")
    value = command().encode(1, command_record(given.command))
    for _ in range(REPEATED):
        hall.write(given.agency, value)
    hall.flush()
    ours = given.command.id

    def all_answered() -> bool:
        hall.registrar.tend()
        return len(hall.answers(given.agency).get(ours, ())) == REPEATED + 1

    wait_until(all_answered, f"{REPEATED} repeated commands are answered", seconds=60)
    assert len(hall.cases(given.agency)["request", "req-flood"]) == 1


def test_fifty_commands_of_the_greatest_length_at_once_are_answered(hall: Hall) -> None:
    entry = hall.entry()
    hall.world.apply(entry)
    long = [
        hall.give(
            hall.provider, "change", f"long-{number}", "propose",
            {"entry": entry.id, "action": "retire", "reason": os.urandom(120_000).hex()},
        )
        for number in range(50)
    ]  # fmt: skip
    assert BODY_BYTES_MAX > 240_100
    pid = hall.registrar.pid
    hall.answer(long[-1])
    answers = hall.answers(hall.provider)
    outcomes = [answer["outcome"] for given in long for answer in answers[given.command.id]]
    assert outcomes == ["accepted"] * len(long)
    # In one go: a transaction that takes too long ends the process, and comes again as long.
    assert hall.registrar.pid == pid
