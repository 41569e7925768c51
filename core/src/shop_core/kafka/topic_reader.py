"""Reading a topic outside any group: for rebuilds, people's tools and tests, never for a service's work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.errors import Unavailable
from shop_core.events.envelope import Message
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import Faults, consumer, position_of, to_message

BATCH = 2000
CONNECT_MS = 5000
Skips = Mapping[int, Mapping[int, int]]
"""By partition: from which offset to which one a person told the consumers to go."""


class TopicReader:
    """The committed records of one topic from its beginning on. Offsets are by partition; reading goes on where it
    stopped. `skips` are passed over; anything else that can't be read is an `Unavailable`."""

    def __init__(self, client: KafkaConsumer, faults: Faults, topic: str) -> None:
        self.skips: Skips = {}
        self._consumer = client
        self._faults, self._topic = faults, topic
        self._tps = [TopicPartition(topic, p) for p in sorted(client.partitions_for_topic(topic) or ())]
        client.assign(self._tps)
        client.seek_to_beginning(*self._tps)

    def starts(self) -> dict[int, int]:
        return {tp.partition: offset for tp, offset in self._consumer.beginning_offsets(self._tps).items()}

    def ends(self) -> dict[int, int]:
        return {tp.partition: offset for tp, offset in self._consumer.end_offsets(self._tps).items()}

    def at(self) -> dict[int, int]:
        """The next offset of each partition."""
        return {tp.partition: self._consumer.position(tp) for tp in self._tps}

    def go_on(self, places: Mapping[int, int]) -> None:
        """Read on from these offsets, as far as they are still in the log."""
        starts = self.starts()
        for tp in self._tps:
            self._consumer.seek(tp, max(starts[tp.partition], places.get(tp.partition, 0)))

    def one(self, partition: int, offset: int) -> Message | None:
        """The record at a place; None where there is none any more."""
        tp = TopicPartition(self._topic, partition)
        if tp not in self._tps:
            return None
        self._consumer.seek(tp, offset)
        found = next(self.read({partition: offset + 1}), [])
        return next((message for message in found if message.offset == offset), None)

    def read(self, until: Mapping[int, int]) -> Iterator[list[Message]]:
        """Batches in the order of each partition, up to and without `until`; a partition not named is left alone."""
        open_ = {tp for tp in self._tps if self._consumer.position(tp) < until.get(tp.partition, 0)}
        while open_:
            self._consumer.pause(*(set(self._tps) - open_))
            self._consumer.resume(*open_)
            polled = self._consumer.poll(timeout_ms=500, max_records=BATCH)
            batch = [to_message(r) for tp, records in polled.items() for r in records if r.offset < until[tp.partition]]
            self._pass_over()
            # Also those that gave nothing: a partition may end in a transaction's marker.
            for tp in [tp for tp in open_ if position_of(self._consumer, tp) >= until[tp.partition]]:
                self._consumer.seek(tp, until[tp.partition])
                open_.discard(tp)
            if batch:
                yield batch

    def _pass_over(self) -> None:
        """Go on behind what was skipped by hand; `Unavailable` for the rest that can't be read."""
        for tp, fault in self._faults.taken().items():
            end = self.skips.get(tp.partition, {}).get(fault.offset)
            if end is None:
                raise Unavailable(
                    f"{tp.topic}-{tp.partition} can't be read from offset {fault.offset} on: {fault.reason}"
                )
            self._consumer.seek(tp, end)


@contextmanager
def connected(kafka: KafkaConnection, what: str, timeout_ms: int) -> Iterator[tuple[KafkaConsumer, Faults]]:
    """A client outside any group while the block lasts, which reads `what`; `Unavailable` when Kafka doesn't answer."""
    try:
        client, faults = consumer(kafka, auto_offset_reset="earliest", bootstrap_timeout_ms=timeout_ms)
    except KafkaError as error:
        raise kafka.unavailable(type(error).__name__) from error
    try:
        yield client, faults
    except KafkaError as error:
        raise Unavailable(f"reading {what} failed ({type(error).__name__})") from error
    finally:
        client.close()


@contextmanager
def topic_log(kafka: KafkaConnection, topic: str) -> Iterator[TopicReader]:
    """`topic`, read while the block lasts; `Unavailable` when Kafka doesn't answer."""
    with connected(kafka, topic, CONNECT_MS) as (client, faults):
        yield TopicReader(client, faults, topic)


def read_some(kafka: KafkaConnection, topic: str, places: Iterable[tuple[int, int]]) -> list[Message]:
    """The records at these partitions and offsets; one that is not there any more is left out."""
    with topic_log(kafka, topic) as log:
        found = [log.one(partition, offset) for partition, offset in sorted(places)]
    return [message for message in found if message is not None]


def read_all(kafka: KafkaConnection, topic: str) -> list[Message]:
    """Every message that `topic` holds now, by partition and offset; `Unavailable` when Kafka doesn't answer."""
    with topic_log(kafka, topic) as log:
        return [message for batch in log.read(log.ends()) for message in batch]
