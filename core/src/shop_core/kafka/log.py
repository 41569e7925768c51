"""Reading a whole topic once, outside any group: for people's tools and for tests, never for a service's work."""

from __future__ import annotations

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.errors import Outage
from shop_core.events.envelope import Message
from shop_core.kafka import security


def read_all(bootstrap: str, topic: str) -> list[Message]:
    """Every message that `topic` holds now, by partition and offset; `Outage` when Kafka doesn't answer."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=5000,
            **security.options(),
        )
    except KafkaError as error:
        raise Outage(f"Kafka at {bootstrap} does not answer ({type(error).__name__})") from error
    try:
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        messages: list[Message] = []
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                messages += [
                    Message(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers or ())) for r in records
                ]
        return messages
    except KafkaError as error:
        raise Outage(f"reading {topic} failed ({type(error).__name__})") from error
    finally:
        consumer.close()
