"""The topics as they are: every record by partition and offset, read by a client of our own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2

ERASED = "shop.user.erased.v1"
PARTITIONS = 12  # of every topic here


@dataclass(frozen=True)
class Record:
    """One command. `digest` tells two of one id apart."""

    topic: str
    partition: int
    offset: int
    type: str
    id: str
    digest: str
    named: bool
    time: str
    data: dict[str, Any]

    @property
    def receipt(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    @property
    def user(self) -> str:
        return str(self.data.get("userid") or self.data.get("user") or "")


def read(bootstrap: str, topic: str) -> list[list[Record]]:
    """The records of each partition, in their order."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        consumer.seek_to_beginning(*places)
        found: dict[int, list[Record]] = {place.partition: [] for place in places}
        while any(consumer.position(place) < ends[place] for place in places):
            for place, raws in consumer.poll(timeout_ms=500).items():
                found[place.partition] += [to_record(raw) for raw in raws]
        return list(found.values())
    finally:
        consumer.close()


def to_record(raw: Any) -> Record:
    headers = {name: (value or b"").decode() for name, value in raw.headers}
    digest = headers.get("ce_digest") or hashlib.sha256(raw.value).hexdigest()
    return Record(
        raw.topic, raw.partition, raw.offset, headers["ce_type"], headers["ce_id"], digest, "ce_digest" in headers,
        headers["ce_time"], json.loads(raw.value),
    )  # fmt: skip


def partition_of(key: str) -> int:
    """Where the records of a key are, by Kafka's own rule."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % PARTITIONS


def in_order(partitions: list[list[Record]]) -> Iterator[Record]:
    """One partition after the other: between them there is no order, so any must do."""
    for records in partitions:
        yield from records
