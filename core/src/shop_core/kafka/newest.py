"""The newest records of several topics, read backwards: for a person who looks for one of which no place is known.

Slice by slice, each whole from where it begins to where the one before it began, so that it can be told how far was
looked. What can't be read is left out, and named.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from shop_core.events.envelope import Message
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import Faults, position_of, to_message
from shop_core.kafka.topic_reader import connected

ASK_MS = 2000
BATCH = 2000


class Newest:
    """`looked` counts the records that were read, `unread` names the partitions that could not be read through."""

    def __init__(self, client: KafkaConsumer, faults: Faults, topics: Iterable[str]) -> None:
        self.looked = 0
        self.unread: list[str] = []
        self._consumer, self._faults = client, faults
        tps = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in sorted(client.partitions_for_topic(topic) or ())
        ]
        client.assign(tps)
        self._starts = client.beginning_offsets(tps, timeout_ms=ASK_MS) if tps else {}
        self._low = client.end_offsets(tps, timeout_ms=ASK_MS) if tps else {}
        self._since: dict[TopicPartition, int] = {}

    @property
    def older(self) -> list[TopicPartition]:
        """The partitions that hold records before those that were read."""
        return [tp for tp, low in self._low.items() if low > self._starts[tp]]

    @property
    def whole(self) -> bool:
        """Everything that the topics hold was read."""
        return not self.older and not self.unread

    def since(self) -> int | None:
        """The time, in milliseconds since 1970, from which on nothing was missed; None where there is no older record,
        or none by which it can be told."""
        known = [self._since.get(tp) for tp in self.older]
        return max((at for at in known if at is not None), default=None) if None not in known else None

    def back(self, count: int, deadline: float) -> list[Message]:
        """About the next `count` records before those that were read; fewer at the beginning, and where the time of
        `deadline` (of the monotonic clock) comes before. None at all where there is nothing older."""
        older = self.older
        each = max(1, count // max(1, len(older)))
        ends = {tp: self._low[tp] for tp in older}
        begins = {tp: max(self._starts[tp], end - each) for tp, end in ends.items()}
        for tp, begin in begins.items():
            self._consumer.seek(tp, begin)
        found: list[Message] = []
        open_ = set(older)
        while open_ and time.monotonic() < deadline:
            self._consumer.pause(*(set(self._starts) - open_))
            self._consumer.resume(*open_)
            for tp, records in self._consumer.poll(timeout_ms=200, max_records=BATCH).items():
                some = [r for r in records if r.offset < ends[tp]]
                found += map(to_message, some)
                self._note(tp, [r.timestamp for r in some])
            self._leave_out()
            for tp in [tp for tp in open_ if tp not in self._low or position_of(self._consumer, tp) >= ends[tp]]:
                open_.discard(tp)
                if tp in self._low:
                    self._low[tp] = begins[tp]
        self.looked += len(found)
        return found

    def _note(self, tp: TopicPartition, times: list[int]) -> None:
        if times:
            self._since[tp] = min([*times, self._since.get(tp, times[0])])

    def _leave_out(self) -> None:
        for tp in self._faults.taken():
            self._low.pop(tp, None)
            self.unread.append(f"{tp.topic}-{tp.partition}")


@contextmanager
def newest(kafka: KafkaConnection, topics: Iterable[str]) -> Iterator[Newest]:
    """The records of `topics`, while the block lasts; `Unavailable` when Kafka doesn't answer."""
    with connected(kafka, "the newest records", ASK_MS) as (client, faults):
        yield Newest(client, faults, topics)
