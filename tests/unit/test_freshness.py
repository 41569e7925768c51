"""Of which moment an answer tells: never of a later one than what is stored allows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from cm_api.http.freshness import Freshness, TopicSample, topic_sample
from shop_core.errors import Unavailable
from shop_core.events.envelope import TopicPartition, moment_of
from shop_core.mongo.positions import Stored

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
EARLIER, LONG_AGO = NOW - timedelta(minutes=1), NOW - timedelta(days=9)
TOPIC = "t"


def at(offset: int, event_time: datetime | None = LONG_AGO) -> Stored:
    return Stored(offset, (), event_time=event_time)


@pytest.mark.parametrize(
    ("ends", "stored", "told"),
    [
        ({0: 5, 1: 0}, {0: at(5), 1: at(0, None)}, NOW),
        ({0: 5, 1: 0}, {0: at(5)}, NOW),  # of an empty partition there is no position
        ({0: 5}, {0: at(6)}, NOW),  # what came after the first question
        ({0: 6, 1: 9}, {0: at(5, EARLIER), 1: at(9)}, EARLIER),
        ({0: 6, 1: 9}, {0: at(5, EARLIER), 1: at(8)}, LONG_AGO),
        ({0: 6}, {0: at(5, NOW + timedelta(days=1))}, NOW),  # a record may be of a clock that is ahead
        ({0: 6}, {0: at(5, None)}, None),
        ({0: 6}, {}, None),
        ({}, {0: at(5)}, None),
    ],
)  # fmt: skip
def test_a_read_model_tells_of_the_moment_that_its_positions_allow(
    ends: dict[int, int], stored: dict[int, Stored], told: datetime | None
) -> None:
    assert topic_sample(NOW, ends, stored).as_of == told


def test_what_was_told_stays_true_until_positions_go_back() -> None:
    last = TopicSample({0: 5, 1: 3}, EARLIER)
    assert topic_sample(NOW, {0: 6, 1: 3}, {0: at(5), 1: at(3)}, last).as_of == EARLIER
    assert topic_sample(NOW, {0: 6, 1: 3}, {0: at(5), 1: at(2)}, last).as_of == LONG_AGO


class Log:
    """Ends and positions that a test sets; `away` is Kafka's."""

    def __init__(self) -> None:
        self.end, self.stored, self.away, self.asked = 1, 1, False, 0

    def every(self) -> Mapping[TopicPartition, int]:
        self.asked += 1
        if self.away:
            raise Unavailable("no answer")
        return {(TOPIC, 0): self.end}

    def positions(self, topic: str) -> Mapping[int, Stored]:
        return {0: at(self.stored)}


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def freshness(log: Log) -> Iterator[Freshness]:
    made = Freshness(log, log.positions, [TOPIC])
    yield made
    made.close()


def now_told(freshness: Freshness) -> datetime | None:
    return freshness.of_read([TOPIC], time.monotonic())


def test_the_first_who_reads_is_told(freshness: Freshness) -> None:
    before = datetime.now(UTC)
    assert now_told(freshness) is None
    freshness.want()
    told = now_told(freshness)
    assert told is not None and before <= told <= datetime.now(UTC)
    assert freshness.of_read([TOPIC], time.monotonic() - 60) is None, "memory of a minute ago was not looked at"
    assert freshness.of_offsets(TOPIC, {0: 1}) == told and freshness.of_offsets(TOPIC, {0: 0}) is None


def test_it_stands_still_while_the_consumer_does_and_while_kafka_is_away(freshness: Freshness, log: Log) -> None:
    freshness.want()
    told = now_told(freshness)
    assert told is not None
    log.end = 2
    assert _next(freshness, log) == told
    log.stored = 2
    assert _next(freshness, log) > told
    log.away = True
    late = _next(freshness, log)
    assert _next(freshness, log) == late


def _next(freshness: Freshness, log: Log) -> datetime:
    """What is told after a sample that began after the change: the third question from now follows it."""
    wanted, deadline = log.asked + 3, time.monotonic() + 30
    while log.asked < wanted:
        assert time.monotonic() < deadline, "no sample is taken"
        time.sleep(0.02)
    found = now_told(freshness)
    assert found is not None
    return found


@pytest.mark.parametrize("timestamp", [-1, -5, 2**62, 253_402_300_800_000])
def test_a_record_whose_time_no_calendar_has_has_none(timestamp: int) -> None:
    assert moment_of(timestamp) is None
    assert moment_of(253_402_300_799_999) == datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)
