"""The reference of the latency bench: the gate's transaction without the gate's work.

Copies every record of some topics to two topics each, and commits in transactions, as the gate
touches ``accepted`` and a view. Settings in ``BENCH_SETTINGS``; runs until it is ended.
"""

import json
import os

from confluent_kafka import Consumer, TopicPartition

from sharebus.stream_apps.gate.clients import consumer_config
from sharebus.stream_apps.gate.intake import BATCH_RECORDS_MAX, IDLE_SECONDS, LINGER_SECONDS
from sharebus.stream_apps.transaction import transactional_producer


def main() -> None:
    """Consume, produce twice, commit."""
    settings = json.loads(os.environ["BENCH_SETTINGS"])
    targets: dict[str, list[str]] = settings["targets"]
    config = consumer_config(settings["client"], 6_000)
    consumer = Consumer({**config, "group.id": "bench-copy"})
    consumer.assign([TopicPartition(topic, 0, 0) for topic in targets])
    producer = transactional_producer(settings["client"], "bench-copy")
    producer.init_transactions(30)
    while True:
        messages = consumer.consume(1, IDLE_SECONDS)
        if not messages:
            continue
        messages += consumer.consume(BATCH_RECORDS_MAX - 1, LINGER_SECONDS)
        ends: dict[str, int] = {}
        producer.begin_transaction()
        for message in messages:
            topic, offset = message.topic() or "", message.offset() or 0
            for target in targets[topic]:
                producer.produce(
                    target, message.value(), message.key(), 0, headers=message.headers()
                )
            ends[topic] = offset + 1
        offsets = [TopicPartition(topic, 0, end) for topic, end in ends.items()]
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()


if __name__ == "__main__":
    main()
