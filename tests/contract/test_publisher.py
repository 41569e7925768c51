"""What every Publisher keeps to: the one on Kafka, and the fake that tests use in its place."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from kafka.errors import TopicAlreadyExistsError

from shop_core.errors import Outage
from shop_core.events.envelope import Record
from shop_core.kafka.admin import admin
from shop_core.kafka.clients import CLIENTS
from shop_core.kafka.publisher import KafkaPublisher, Publisher
from shop_core.testing import MemoryPublisher

TOPIC = "contract.publisher"  # of this test alone, so that no consumer and no other test sees its records


def record(key: str) -> Record:
    return Record(TOPIC, key.encode(), b"{}", (("content-type", b"application/json"),))


@pytest.fixture(params=["memory", "python", "native"])
def any_publisher(request: pytest.FixtureRequest) -> Iterator[Publisher]:
    if request.param == "memory":
        yield MemoryPublisher()
    else:
        bootstrap = request.getfixturevalue("platform").bootstrap
        with admin(bootstrap) as client, suppress(TopicAlreadyExistsError):
            client.create_topics({TOPIC: {"num_partitions": 12, "replication_factor": 1}})
        kafka = KafkaPublisher(bootstrap, client=request.param)
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


def test_both_clients_place_a_key_in_the_same_partition(platform: Any) -> None:
    keys = [uuid.uuid4().hex for _ in range(24)]
    placed = []
    for client in CLIENTS:
        publisher = KafkaPublisher(platform.bootstrap, client=client)
        assert publisher.connected(10)
        receipts = publisher.publish([record(key) for key in keys])
        publisher.close()
        placed.append([receipt.rsplit("-", 2)[1] for receipt in receipts])
    assert placed[0] == placed[1]
    assert len(set(placed[0])) > 1


def test_a_publisher_without_a_broker_refuses_at_once_and_closes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        publisher = KafkaPublisher(f"127.0.0.1:{free.getsockname()[1]}", client="native")
        with pytest.raises(Outage, match="not connected to Kafka"):
            publisher.publish([record("nobody")])
        with pytest.raises(Outage):
            publisher.check()
        publisher.close()
