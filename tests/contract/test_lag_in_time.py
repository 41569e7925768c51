"""How long the oldest event has waited, on the real broker: by the record's own time, wherever the position stands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest
from confluent_kafka import Producer
from kafka.errors import KafkaConnectionError

from cm_api.pipeline.health import Health
from cm_api.pipeline.lag import LagMonitor
from cm_api.pipeline.partitions import PartitionPositions
from shop_core.errors import Unavailable
from shop_core.events.envelope import Domain, TopicPartition
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.record_times import RecordTimes
from shop_core.kafka.topics import admin
from shop_core.telemetry import metrics

if TYPE_CHECKING:
    from tests.conftest import Platform

HOUR = 3600


@pytest.fixture(scope="module")
def topic(platform: Platform) -> Iterator[str]:
    """Partition 0 holds records of two hours ago, one hour ago and now; partition 1 holds none."""
    name = f"lag-{uuid.uuid4().hex[:8]}"
    with admin(platform.kafka) as client:
        client.create_topics({name: {"num_partitions": 2, "replication_factor": 1, "configs": {}}})
    producer = Producer({"bootstrap.servers": platform.bootstrap})
    for ago in (2 * HOUR, HOUR, 0):
        producer.produce(name, value=b"{}", partition=0, timestamp=int((time.time() - ago) * 1000))
    assert producer.flush(60) == 0
    yield name
    with admin(platform.kafka) as client:
        client.delete_topics([name])


@dataclass
class Stands:
    """Positions of a consumer that nothing moves but the test."""

    at: dict[TopicPartition, int]
    topic_id: str = ""

    def known(self) -> dict[TopicPartition, int]:
        return self.at


def test_a_record_is_told_by_its_own_time_and_where_there_is_none_nothing_is(platform: Platform, topic: str) -> None:
    times = RecordTimes(platform.kafka, topic)
    assert times.at({}) == {}
    ago = [time.time() - times.at({0: offset, 1: 0})[0] for offset in (1, 0, 2)]
    assert [round(seconds / HOUR) for seconds in ago] == [1, 2, 0]
    assert times.at({0: 3}) == {}
    times.close()


class Away(RecordTimes):
    """Over a broker that does not answer."""

    def _connect(self) -> Any:
        raise KafkaConnectionError("nobody")


def test_a_broker_that_is_away_is_an_outage() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not give a record's time \(KafkaConnectionError\)"):
        Away(KafkaConnection("127.0.0.1:1"), "nothing").at({0: 0})


def test_the_lag_in_time_grows_while_nothing_is_stored_and_ends_with_it(platform: Platform, topic: str) -> None:
    stands = Stands({(topic, 0): 1, (topic, 1): 0})
    domain = Domain("lag", topic, {}, {}, {})
    monitor = LagMonitor(domain, platform.kafka, cast(PartitionPositions, stands), Health())

    def told(partition: int) -> float:
        monitor.look()
        return float(metrics.LAG_SECONDS.labels(topic, str(partition))._value.get())

    first = told(0)
    assert round(first / HOUR) == 1 and told(0) > first and told(1) == 0
    stands.at[topic, 0] = 2
    assert told(0) < HOUR / 2
    stands.at[topic, 0] = 3
    assert told(0) == 0
    stands.at[topic, 0] = 0
    assert round(told(0) / HOUR) == 2
    del stands.at[topic, 0]
    assert told(0) == 0, "its new owner tells it"
    monitor.close()
