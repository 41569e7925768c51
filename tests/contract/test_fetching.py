"""What `shop_core.kafka.fetching` holds kafka-python to, on the real broker: a partition's fault stays in it, only what
is committed is read, and a poll holds a bounded number of bytes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from kafka import TopicPartition

from shop_core.kafka.codecs import MOST_BYTES
from shop_core.kafka.fetching import POLL_BYTES, consumer
from shop_core.kafka.group_consumer import GroupConsumer
from shop_core.kafka.topic_reader import topic_log
from shop_core.kafka.topics import admin

if TYPE_CHECKING:
    from tests.conftest import Platform


@pytest.fixture
def topic(platform: Platform) -> Iterator[str]:
    """A topic of two partitions that is gone afterwards."""
    name = f"fetching-{uuid.uuid4().hex[:8]}"
    with admin(platform.kafka) as client:
        client.create_topics({name: {"num_partitions": 2, "replication_factor": 1, "configs": {}}})
    yield name
    with admin(platform.kafka) as client:
        client.delete_topics([name])


@pytest.fixture
def read(platform: Platform, topic: str) -> Iterator[Callable[[], list[Any]]]:
    """Polls a reader that stands at the start of each partition; `read.reader` is the reader."""
    reader = GroupConsumer(platform.kafka, topic, topic, session_ms=6000)

    def poll() -> list[Any]:
        found = reader.poll(0.5)
        reader.seek(dict.fromkeys(reader.unpositioned & reader.assigned, 0))
        return found

    poll.reader = reader  # type: ignore[attr-defined]
    yield poll
    reader.close()


def send(platform: Platform, topic: str, partition: int, *values: bytes, **options: Any) -> None:
    producer = Producer({"bootstrap.servers": platform.bootstrap, "linger.ms": 100} | options)
    failed: list[Any] = []
    for value in values:
        producer.produce(topic, value=value, partition=partition, on_delivery=lambda error, _: failed.append(error))
    assert producer.flush(60) == 0
    assert not any(failed), failed


def test_a_batch_that_cannot_be_opened_holds_its_own_partition_only(
    platform: Platform, topic: str, read: Any, until: Callable[..., None]
) -> None:
    send(platform, topic, 0, b"before")
    large = {"compression.type": "gzip", "message.max.bytes": 100_000_000, "queue.buffering.max.kbytes": 200_000}
    send(platform, topic, 0, bytes(MOST_BYTES + 1), **large)
    send(platform, topic, 0, b"behind")
    send(platform, topic, 1, b"beside 1")
    found: list[bytes] = []

    def has(*values: bytes) -> bool:
        found.extend(message.value for message in read())
        return set(values) <= set(found)

    until(lambda: has(b"before", b"beside 1"), "what can be read is read")
    until(lambda: (topic, 0) in read.reader.unreadable or read(), "the partition is told")
    fault = read.reader.unreadable[(topic, 0)]
    assert (fault.offset, fault.end) == (1, 2)
    assert "BatchTooLarge" in fault.reason
    send(platform, topic, 1, b"beside 2")
    until(lambda: has(b"beside 2"), "the other partition goes on")
    assert b"behind" not in found

    read.reader.seek({(topic, 0): 2})
    until(lambda: has(b"behind"), "behind the batch it is read on")
    read()
    assert read.reader.unreadable == {}


def test_a_partition_that_was_paused_with_records_in_hand_goes_on(
    platform: Platform, topic: str, until: Callable[..., None]
) -> None:
    for partition in (0, 1):
        send(platform, topic, partition, *(b"%d-%d" % (partition, number) for number in range(20)))
    client, _ = consumer(platform.kafka, auto_offset_reset="earliest")
    first, second = (TopicPartition(topic, partition) for partition in (0, 1))
    found: list[bytes] = []

    def has(count: int, records: int = 100) -> bool:
        polled = client.poll(timeout_ms=500, max_records=records)
        found.extend(record.value for each in polled.values() for record in each)
        return len(found) >= count

    try:
        client.assign([first, second])
        client.pause(second)
        until(lambda: has(5, 5), "a part of the first is read, and the rest is in hand")
        for stops, goes_on in ((first, second), (second, first)):
            client.pause(stops)
            client.resume(goes_on)
            until(lambda goes_on=goes_on: has(0) and client.position(goes_on) == 20, "the other one is read to its end")
    finally:
        client.close()
    assert len(found) == len(set(found)) == 40


def test_one_poll_holds_a_bounded_number_of_bytes(
    platform: Platform, topic: str, read: Any, until: Callable[..., None]
) -> None:
    values = [b"%d" % number + b"x" * 900_000 for number in range(12)]
    for value in values:
        send(platform, topic, 0, value, **{"compression.type": "zstd"})
    found: list[bytes] = []

    def all_of_them() -> bool:
        batch = [message.value for message in read()]
        assert sum(map(len, batch)) < POLL_BYTES + 1_000_000
        found.extend(batch)
        return len(found) == len(values)

    until(all_of_them, "everything is read")
    assert found == values


def test_only_what_is_committed_is_read_and_the_position_follows_the_markers(
    platform: Platform, topic: str, read: Any, until: Callable[..., None]
) -> None:
    producer = Producer({"bootstrap.servers": platform.bootstrap, "transactional.id": topic})
    producer.init_transactions()
    for value, end in ((b"aborted", producer.abort_transaction), (b"committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value=value, partition=0)
        producer.flush()
        end()
    send(platform, topic, 0, b"plain")
    producer.begin_transaction()
    producer.produce(topic, value=b"open", partition=0)
    producer.flush()
    found: list[bytes] = []

    def at(offset: int) -> bool:
        found.extend(message.value for message in read())
        return bool(read.reader.at((topic, 0)) == offset)

    until(lambda: at(5), "what stands before the open transaction is read")
    assert found == [b"committed", b"plain"]
    assert read.reader.bounds([(topic, 0)]) == {(topic, 0): (0, 5)}
    producer.commit_transaction()
    until(lambda: at(7), "the position stands behind the last marker")
    assert found == [b"committed", b"plain", b"open"]
    with topic_log(platform.kafka, topic) as log:
        assert [message.value for batch in log.read(log.ends()) for message in batch] == found
