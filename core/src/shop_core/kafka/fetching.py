"""kafka-python's fetcher with each partition's fault kept to that partition, and with bounded memory.

As it comes, an exception while records are unpacked leaves the whole consumer turning in a loop, a partition that was
paused may never be read again, a broker that is silent makes `poll` spin, and one poll may hold as many bytes as its
records have. No other module reaches into the
client's private parts; tests/contract/test_fetching.py tells when another version has them elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import NoError, OffsetOutOfRangeError, TopicAuthorizationFailedError, for_code

from shop_core.events.envelope import Message
from shop_core.kafka.codecs import OpenedBatches
from shop_core.kafka.connection import KafkaConnection

POLL_BYTES = 8 * 1024 * 1024  # of keys, values and headers in one poll, or one record that is larger
SHORTEST_WAIT = 0.1
PASSING_SECONDS = 10.0  # a leader that is being elected is no fault yet
# Passed to the client itself: only what is committed is read, and nothing is decided by the client.
OPTIONS: Mapping[str, Any] = {
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,
    "isolation_level": "read_committed",
    "reconnect_backoff_max_ms": 1000,
}


@dataclass(frozen=True)
class Unreadable:
    """Where a partition can't be read on: `offset` is the next one wanted, `end` the one after the batch at fault, None
    where even its header can't be trusted."""

    topic: str
    partition: int
    offset: int
    end: int | None
    reason: str


@dataclass
class Faults:
    """What the fetcher met since it was asked last, and how many bytes its poll may give yet (`room`)."""

    room: int = POLL_BYTES
    _unreadable: dict[TopicPartition, Unreadable] = field(default_factory=dict)
    _failing: dict[TopicPartition, tuple[float, Unreadable]] = field(default_factory=dict)

    def note(self, tp: TopicPartition, offset: int, end: int | None, error: BaseException) -> None:
        """The bytes that came can't be read."""
        self._unreadable[tp] = Unreadable(tp.topic, tp.partition, offset, end, f"{type(error).__name__}: {error}"[:300])

    def answered(self, tp: TopicPartition, offset: int, code: int) -> None:
        """The broker answered a fetch with an error code, or with none."""
        error = for_code(code)
        if error is NoError:
            self._failing.pop(tp, None)
        elif tp not in self._failing:
            reason = f"the broker answers {error.__name__}"
            self._failing[tp] = time.monotonic(), Unreadable(tp.topic, tp.partition, offset, None, reason)

    def taken(self) -> dict[TopicPartition, Unreadable]:
        """What could not be read since the last call."""
        taken, self._unreadable = self._unreadable, {}
        return taken

    def lasting(self) -> list[Unreadable]:
        """The partitions that the broker has not handed out for a while; the client itself asks again."""
        now = time.monotonic()
        return [fault for since, fault in self._failing.values() if now - since > PASSING_SECONDS]

    def forget(self, tp: TopicPartition) -> None:
        self._unreadable.pop(tp, None)
        self._failing.pop(tp, None)


def consumer(kafka: KafkaConnection, **options: Any) -> tuple[KafkaConsumer, Faults]:
    """A connected client that reads committed records only; raises what kafka-python raises."""
    made = KafkaConsumer(**{**OPTIONS, **kafka.options(), **options})
    faults = Faults()
    _keep_apart(made._fetcher, faults)
    if made._coordinator is not None:
        _wait_at_least(made._coordinator)
    return made, faults


def to_message(record: Any) -> Message:
    """A record of the client's in our own words."""
    headers = tuple(record.headers or ())
    return Message(record.topic, record.partition, record.offset, record.key, record.value, headers, record.timestamp)


def position_of(client: KafkaConsumer, tp: TopicPartition) -> int:
    """The next offset that a poll would give, without asking anybody; 0 where there is none yet."""
    state = client._subscription.assignment.get(tp)
    return 0 if state is None or state.position is None else int(state.position.offset)


def _keep_apart(fetcher: Fetcher, faults: Faults) -> None:
    parse, drain, append = fetcher._parse_fetched_data, fetcher.fetched_records, fetcher._append

    def records(fetch_offset: int, tp: TopicPartition, batches: Any, **options: Any) -> _Records:
        return _Records(faults, fetch_offset, tp, batches, **options)

    def parsed(fetch: Any) -> Any:
        tp = fetch.topic_partition
        faults.answered(tp, fetch.fetched_offset, fetch.partition_data.error_code)
        try:
            return parse(fetch)
        except (OffsetOutOfRangeError, TopicAuthorizationFailedError):
            raise
        # Whatever the bytes made the client raise concerns this partition only.
        except Exception as error:
            faults.note(tp, fetch.fetched_offset, None, error)
            return None

    def drained(*arguments: Any, **options: Any) -> Any:
        faults.room = POLL_BYTES
        # What was put aside while its partition was paused comes back only into a place that is empty. Without this one
        # whose records are used up keeps it, and the other partition is never fetched again.
        if not fetcher._next_partition_records:
            fetcher._next_partition_records = None
        return drain(*arguments, **options)

    def appended(found: Any, part: Any, most: int, update_offsets: bool) -> int:
        """How many records were added; as many as are wanted, which ends the poll, where its bytes are used up."""
        count: int = append(found, part, most, update_offsets)
        return count if faults.room > 0 else most

    fetcher.PartitionRecords = records
    fetcher._parse_fetched_data = parsed
    fetcher.fetched_records = drained
    fetcher._append = appended


def _wait_at_least(coordinator: Any) -> None:
    """A heartbeat that is overdue makes the client's wait zero, and its loop spin until the broker answers."""
    asked = coordinator.time_to_next_poll
    coordinator.time_to_next_poll = lambda: max(SHORTEST_WAIT, asked())


class _Records(Fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of one partition's fetch; what can't be unpacked is noted instead of raised."""

    def __init__(self, faults: Faults, fetch_offset: int, tp: TopicPartition, batches: Any, **options: Any) -> None:
        self._faults = faults
        self._batches = OpenedBatches(batches)
        super().__init__(fetch_offset, tp, self._batches, **options)

    def take(self, n: int | None = None) -> list[Any]:
        taken: list[Any] = []
        try:
            for record in islice(self.record_iterator, n):
                taken.append(record)
                self._faults.room -= _size(record)
                if self._faults.room <= 0:
                    break
        # A codec's, a checksum's, a bound's: whichever it is, this partition can't be read on from here.
        except Exception as error:
            self._faults.note(self.topic_partition, self.next_fetch_offset, self._batches.end, error)
            self.drain()
        return taken


def _size(record: Any) -> int:
    sizes = (record.serialized_key_size, record.serialized_value_size, record.serialized_header_size)
    return sum(size for size in sizes if size > 0)
