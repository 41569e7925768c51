"""What is told of the ends of logs: nothing older than the question, and an outage where nobody says it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError

from shop_core.errors import Unavailable
from shop_core.kafka import end_offsets as log_ends
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.end_offsets import LogEnds


class Broker:
    """A client over ends by partition that a test moves."""

    def __init__(self) -> None:
        self.ends = {("t", 0): 5, ("t", 1): 0, ("other", 0): 9}
        self.asked = 0

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.ends}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {partition for known, partition in self.ends if known == topic}

    def end_offsets(self, places: list[TopicPartition], timeout_ms: int) -> dict[TopicPartition, int]:
        self.asked += 1
        return {place: self.ends[(place.topic, place.partition)] for place in places}

    def close(self, **_: Any) -> None:
        """Nothing is open."""


class Ends(LogEnds):
    """Over a broker in memory, None for one that is away."""

    def __init__(self, broker: Broker | None) -> None:
        super().__init__(KafkaConnection("127.0.0.1:1"), ["t", "hidden"])
        self.broker, self.tries = broker, 0

    def _connect(self) -> Any:
        self.tries += 1
        if self.broker is None:
            raise KafkaConnectionError(KafkaConnection("127.0.0.1:1"))
        return self.broker


def ended(ends: LogEnds) -> bool:
    """Whether its thread came to an end."""
    ends.close()
    assert ends._thread is not None
    ends._thread.join(10)
    return not ends._thread.is_alive()


def test_without_a_broker_it_is_an_outage_and_it_is_left_alone_for_a_while() -> None:
    ends = Ends(None)
    for _ in range(3):
        with pytest.raises(Unavailable):
            ends.of("t", 0)
    assert ends.tries == 1 and ended(ends)


def test_each_who_asks_is_told_what_was_said_after_they_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    ends = Ends(broker)
    assert ends.of("t", 0) == 5
    broker.ends["t", 0] = 6
    assert ends.of("t", 0) == 6 and ends.all("t") == {0: 6, 1: 0}
    assert ends.of("t", 7) is None
    for topic in ("hidden", "other"):  # one that this user may not see, and one that is not followed
        with pytest.raises(Unavailable):
            ends.of(topic, 0)
    broker.ends["t", 7] = 1
    monkeypatch.setattr(log_ends, "NEW_SECONDS", 0.0)
    assert ends.of("t", 7) == 1, "a new partition"
    assert ended(ends)


def test_however_many_ask_the_broker_is_asked_at_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    ends = Ends(broker)
    assert ends.of("t", 0) == 5 and broker.asked == 1
    monkeypatch.setattr(log_ends, "BETWEEN_SECONDS", 0.2)
    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: (ends.of("t", 0), ends.of("t", 1)), range(20))) == {(5, 0)}
    assert broker.asked <= 3, "twenty who asked twice are two questions"
    assert ended(ends)
