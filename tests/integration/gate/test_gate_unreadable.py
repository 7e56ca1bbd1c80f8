"""Records that the gate's own client cannot read: passed over by position, and others flow.

They come last: each later start of the gate passes over them again.
"""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from sharebus.governance.rule import Rule
from sharebus.schemas import topic as topics

from ...unit.stream_apps.gate import case
from ..world import World

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("count", "value_bytes"), [(1, 104_857_600), (150, 1_000_000)], ids=["one record", "a batch"]
)
def test_compression_bomb_is_passed_over_by_position(
    world: World, count: int, value_bytes: int
) -> None:
    entry = world.entry()
    world.apply(entry)
    before = world.upsert(entry, case.row("before"))
    world.flush()
    bomber = world.producer(
        **{
            "compression.type": "zstd", "message.max.bytes": 1_000_000_000,
            "batch.size": 1_000_000_000, "linger.ms": 60_000,
            "queue.buffering.max.kbytes": 2_000_000,
        }
    )  # fmt: skip
    zeros = bytes(value_bytes)
    bombs = [
        world.send(entry, b"b", zeros, world.headers(f"bomb-{number}"), producer=bomber)
        for number in range(count)
    ]
    bomber.flush(60)
    after = world.upsert(entry, case.row("after"))
    lines = world.decided(entry)
    assert [bomb.error for bomb in bombs] == [None] * count
    assert [line["offset"] for line in lines] == list(range(count + 2))
    assert {world.line_of(entry, bomb)["rule"] for bomb in bombs} == {Rule.RECORD_UNREADABLE}
    for event in (before, after):
        assert world.line_of(entry, event)["outcome"] == "accepted"
    assert len(world.quarantined(entry.id)) == count
    # A restart reads the ids of the last events again, bombs among them.
    world.gate.stop()
    world.gate.start()
    late = world.upsert(entry, case.row("late"))
    world.decided(entry)
    assert world.line_of(entry, late)["outcome"] == "accepted"


class NoText(str):
    """A header name whose bytes are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


async def send_batch(world: World, entry: Any, *headers: tuple[str, bytes]) -> None:
    """Send one record through aiokafka, whose batches can be made by hand."""
    config: Any = world.broker.client_config(world.principal())
    producer = AIOKafkaProducer(
        bootstrap_servers=config["bootstrap.servers"],
        security_protocol=config["security.protocol"],
        sasl_mechanism=config["sasl.mechanism"],
        sasl_plain_username=config["sasl.username"],
        sasl_plain_password=config["sasl.password"],
    )
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0,
            batch_size=100_000,
        )  # fmt: skip
        value = world.value(entry, case.row("a"))
        batch.append(timestamp=None, key=b"a", value=value, headers=list(headers))
        topic = topics.ingress_topic(entry.id)
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()


def test_header_name_that_is_no_text_is_refused(world: World) -> None:
    entry = world.entry()
    world.apply(entry)
    asyncio.run(send_batch(world, entry, *world.headers("e"), (NoText("x"), b"")))
    after = world.upsert(entry, case.row("after"))
    lines = world.decided(entry)
    assert [(line["rule"], line["place"]) for line in lines] == [
        (Rule.HEADER_INVALID, "header name"), ("", ""),
    ]  # fmt: skip
    assert world.line_of(entry, after)["outcome"] == "accepted"
