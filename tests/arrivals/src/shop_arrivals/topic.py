"""What a topic says: its committed records, read by librdkafka, so that none of the shop's own code is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

READ_SECONDS = 60.0


@dataclass(frozen=True)
class Committed:
    """One committed record of the log."""

    topic: str
    partition: int
    offset: int
    headers: tuple[tuple[str, bytes | None], ...]
    value_digest: str
    size: int

    @property
    def receipt(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    def header(self, name: str) -> bytes | None:
        """The last value under this name."""
        return next((value for found, value in reversed(self.headers) if found == name), None)


class Topic:
    """Reads on from where it stopped. `ends` is how far it got in each partition, control records counted."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.name = name
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "arrivals",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        })  # fmt: skip
        self.ends = dict.fromkeys(self._partitions(), 0)
        self._consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in self.ends])

    def read(self) -> list[Committed]:
        """What was committed since the last time, up to the end of each partition as it is now."""
        found: list[Committed] = []
        wanted = {partition: self.end(partition) for partition in self.ends}
        while any(self.ends[partition] < end for partition, end in wanted.items()):
            message = self._consumer.poll(READ_SECONDS)
            assert message is not None, f"{self.name} can't be read up to {wanted}: {self.ends}"
            error = message.error()
            if error is None:
                found.append(_committed(message))
                self.ends[message.partition()] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self.ends[message.partition()] = max(self.ends[message.partition()], message.offset())
            else:
                raise AssertionError(f"{self.name} can't be read: {error}")
        return found

    def end(self, partition: int) -> int:
        """The next offset of a partition."""
        return int(self._consumer.get_watermark_offsets(TopicPartition(self.name, partition), READ_SECONDS)[1])

    def close(self) -> None:
        self._consumer.close()

    def _partitions(self) -> list[int]:
        return sorted(self._consumer.list_topics(self.name, READ_SECONDS).topics[self.name].partitions)


def _committed(message: Any) -> Committed:
    value = message.value()
    return Committed(
        message.topic(),
        message.partition(),
        message.offset(),
        tuple(message.headers() or ()),
        hashlib.sha256(value or b"").hexdigest(),
        len(value or b""),
    )


def source_of(letter: Committed) -> str:
    """The receipt of the record that a dead letter is about."""
    parts = [letter.header(f"dlq_{name}") or b"?" for name in ("topic", "partition", "offset")]
    return b"-".join(parts).decode(errors="replace")


@contextmanager
def read_topic(bootstrap: str, name: str) -> Iterator[list[Committed]]:
    """All that is committed now."""
    topic = Topic(bootstrap, name)
    try:
        yield topic.read()
    finally:
        topic.close()


def group_lag(bootstrap: str, topic: Topic, group: str) -> dict[int, int]:
    """What the broker says that a group has still to read, by partition; those that are done are missing."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = [TopicPartition(topic.name, partition) for partition in topic.ends]
    future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group]
    committed = {place.partition: max(0, place.offset) for place in future.result(READ_SECONDS).topic_partitions}
    behind = {partition: topic.end(partition) - committed.get(partition, 0) for partition in topic.ends}
    return {partition: lag for partition, lag in behind.items() if lag}
