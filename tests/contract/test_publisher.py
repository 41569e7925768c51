"""What every Publisher keeps to: the one on Kafka, and the fake that tests use in its place."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher, Publisher
from shop_core.testing import MemoryPublisher

TOPIC = "shop.purchases.dlq"  # nothing consumes it, so these records stay out of every read model


def record(key: str) -> Record:
    return Record(TOPIC, key.encode(), b"{}", (("dlq_topic", b"contract"),))


@pytest.fixture(params=["memory", "kafka"])
def any_publisher(request: pytest.FixtureRequest) -> Iterator[Publisher]:
    if request.param == "memory":
        yield MemoryPublisher()
    else:
        kafka = KafkaPublisher(request.getfixturevalue("platform").bootstrap)
        assert kafka.connected(10)
        yield kafka
        kafka.close()


def test_receipts_come_in_the_order_of_the_records_and_name_their_topic(any_publisher: Publisher) -> None:
    receipts = any_publisher.publish([record(uuid.uuid4().hex) for _ in range(20)])
    assert len(set(receipts)) == 20
    assert {receipt.rsplit("-", 2)[0] for receipt in receipts} == {TOPIC}


def test_one_key_stays_in_one_partition_in_order(any_publisher: Publisher) -> None:
    receipts = [any_publisher.publish([record("one")])[0] for _ in range(5)]
    places = [tuple(map(int, receipt.rsplit("-", 2)[1:])) for receipt in receipts]
    assert len({partition for partition, _ in places}) == 1
    assert places == sorted(set(places))


def test_a_healthy_publisher_passes_its_check(any_publisher: Publisher) -> None:
    any_publisher.publish([record("check")])
    any_publisher.check()
