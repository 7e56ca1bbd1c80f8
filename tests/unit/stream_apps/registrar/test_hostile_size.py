"""What a command makes can always be written: nothing that an agency fills stops the registrar."""

import os

import pytest

from sharebus.schemas.command import BODY_BYTES_MAX, command_record
from sharebus.schemas.record import command

from .memory_registrar import MemoryRegistrar
from .test_decisions import FIVE

RECORD_BYTES_MAX = 1_048_576
"""Of the broker: a larger record fails its whole transaction, at every start again."""


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000, '{"missing":[' + "1e15," * 50_000 + "1]}", "1" * 5_000, "[]", "NaN",
        '{"missing":' + "[" * 300 + "]" * 300 + "}",
    ],
    ids=["endless", "grows", "number", "list", "no number", "deep"],
)  # fmt: skip
def test_body_that_cannot_be_read_or_grows_when_written_again_is_no_command(
    registrar: MemoryRegistrar, body: str
) -> None:
    registrar.give("tax", "request", "r-1", "submit", **FIVE)
    (judged,) = registrar.decide()
    assert judged.command is not None
    assert len(body) < BODY_BYTES_MAX
    record = {**command_record(judged.command), "body": body}
    registrar.write("tax", command().encode(1, record))
    (judged,) = registrar.decide()
    assert judged.rule == "command.malformed"


def test_case_that_grows_with_each_move_stays_shorter_than_a_record(
    registrar: MemoryRegistrar,
) -> None:
    def text() -> str:
        return os.urandom(BODY_BYTES_MAX // 2 - 40).hex()

    registrar.give("market", "change", "c-1", "propose", entry="open", action="retire",
                   reason=text())  # fmt: skip
    registrar.decide()
    for verb, field in (("comment", "opinion"), ("consult", "record")):
        registrar.give("market", "change", "c-1", verb, **{field: text()})
        registrar.decide()
    assert "too long" in registrar.answers("market")[-1]["problem"]
    lengths = [
        len(record.value() or b"")
        for records in registrar.broker.topics.values()
        for record in records
    ]
    assert BODY_BYTES_MAX < max(lengths) < RECORD_BYTES_MAX
