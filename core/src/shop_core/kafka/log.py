"""Reading a topic outside any group: for rebuilds, people's tools and tests, never for a service's work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.errors import Outage
from shop_core.events.envelope import Message
from shop_core.kafka import security

BATCH = 2000


class TopicLog:
    """One topic from its beginning on. Offsets are by partition; reading goes on where it stopped."""

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._tps = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(self._tps)
        consumer.seek_to_beginning(*self._tps)

    def starts(self) -> dict[int, int]:
        return {tp.partition: offset for tp, offset in self._consumer.beginning_offsets(self._tps).items()}

    def ends(self) -> dict[int, int]:
        return {tp.partition: offset for tp, offset in self._consumer.end_offsets(self._tps).items()}

    def at(self) -> dict[int, int]:
        """The next offset of each partition."""
        return {tp.partition: self._consumer.position(tp) for tp in self._tps}

    def read(self, until: Mapping[int, int]) -> Iterator[list[Message]]:
        """Batches in the order of each partition, up to and without `until`; a partition not named is left alone."""
        open_ = {tp for tp in self._tps if self._consumer.position(tp) < until.get(tp.partition, 0)}
        while open_:
            self._consumer.pause(*(set(self._tps) - open_))
            self._consumer.resume(*open_)
            batch: list[Message] = []
            for tp, records in self._consumer.poll(timeout_ms=500, max_records=BATCH).items():
                batch += [
                    Message(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers or ()))
                    for r in records
                    if r.offset < until[tp.partition]
                ]
                if self._consumer.position(tp) >= until[tp.partition]:
                    self._consumer.seek(tp, until[tp.partition])
                    open_.discard(tp)
            if batch:
                yield batch


@contextmanager
def topic_log(bootstrap: str, topic: str) -> Iterator[TopicLog]:
    """`topic`, read while the block lasts; `Outage` when Kafka doesn't answer."""
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
        yield TopicLog(consumer, topic)
    except KafkaError as error:
        raise Outage(f"reading {topic} failed ({type(error).__name__})") from error
    finally:
        consumer.close()


def read_all(bootstrap: str, topic: str) -> list[Message]:
    """Every message that `topic` holds now, by partition and offset; `Outage` when Kafka doesn't answer."""
    with topic_log(bootstrap, topic) as log:
        return [message for batch in log.read(log.ends()) for message in batch]
