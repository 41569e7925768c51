"""Events in: one member of a consumer group that never decides by itself where to read.

Automatic commits and resets are off. A partition given to this member is paused until its owner has sought it to the
position that the database knows; Kafka's committed offset only follows, for KEDA and tools. A partition that can't be
read on is paused alone and tried again now and then, while the others go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from kafka import TopicPartition as KafkaTopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, KafkaTimeoutError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from shop_core.errors import Unavailable
from shop_core.events.envelope import Message, TopicPartition
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import Unreadable, consumer, position_of, to_message

log = logging.getLogger(__name__)
TRY_AGAIN_SECONDS = 8.0


class OffsetsUnavailable(Unavailable):
    """Kafka did not answer in time for the offsets of partitions."""


class GroupConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """A cooperative group member for one topic. `unpositioned` holds the partitions that wait for a `seek`."""

    def __init__(
        self, kafka: KafkaConnection, topic: str, group: str, *, batch: int = 2000, session_ms: int = 10_000
    ) -> None:
        self.unpositioned: set[TopicPartition] = set()
        self._broken: dict[TopicPartition, Unreadable] = {}
        self._try_again = 0.0
        self._batch = batch
        try:
            self._consumer, self._faults = consumer(
                kafka,
                client_id=group,
                group_id=group,
                auto_offset_reset="none",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                max_poll_records=batch,
                max_partition_fetch_bytes=1024 * 1024,
                fetch_max_bytes=8 * 1024 * 1024,
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=min(2_000, session_ms // 4),
                metadata_max_age_ms=30_000,
                bootstrap_timeout_ms=5000,
            )
            self._consumer.subscribe([topic], listener=self)
        except KafkaError as error:
            raise kafka.unavailable(type(error).__name__) from error

    def on_partitions_assigned(self, assigned: Iterable[KafkaTopicPartition]) -> None:
        fresh = list(assigned)
        self.unpositioned |= {(tp.topic, tp.partition) for tp in fresh}
        for tp in fresh:
            # Any fetch position at all, or the client raises before the owner can seek; paused, so nothing is read.
            self._consumer.seek(tp, 0)
        self._consumer.pause(*fresh)
        log.info("partitions_assigned", extra={"partitions": sorted(tp.partition for tp in fresh)})

    def on_partitions_revoked(self, revoked: Iterable[KafkaTopicPartition]) -> None:
        for tp in revoked:
            self.unpositioned.discard((tp.topic, tp.partition))
            self._broken.pop((tp.topic, tp.partition), None)
            self._faults.forget(tp)
        log.info("partitions_revoked", extra={"partitions": sorted(tp.partition for tp in revoked)})

    def on_partitions_lost(self, lost: Iterable[KafkaTopicPartition]) -> None:
        self.on_partitions_revoked(lost)

    @property
    def assigned(self) -> set[TopicPartition]:
        return {(tp.topic, tp.partition) for tp in self._consumer.assignment()}

    @property
    def unreadable(self) -> dict[TopicPartition, Unreadable]:
        """The partitions of ours whose bytes can't be read, or that the broker does not hand out."""
        refused = {(fault.topic, fault.partition): fault for fault in self._faults.lasting()}
        return {tp: fault for tp, fault in (refused | self._broken).items() if tp in self.assigned}

    def poll(self, timeout: float) -> list[Message]:
        """At most one batch, in offset order within each partition; `timeout` in seconds."""
        self._resume_broken()
        try:
            polled = self._consumer.poll(timeout_ms=int(timeout * 1000), max_records=self._batch)
        except OffsetOutOfRangeError:
            self.unpositioned |= self.assigned
            return []
        except KafkaError as error:
            raise Unavailable(f"reading from Kafka failed ({type(error).__name__}: {error})") from error
        self._note_broken()
        return [to_message(r) for records in polled.values() for r in records]

    def at(self, tp: TopicPartition) -> int:
        """The next offset that a poll would give: behind what was polled, and behind markers and compacted records."""
        return position_of(self._consumer, KafkaTopicPartition(*tp))

    def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Read on from `offsets`, and resume those partitions."""
        mine = self.assigned
        for tp, offset in offsets.items():
            if tp in mine:
                self._consumer.seek(KafkaTopicPartition(*tp), offset)
                self._consumer.resume(KafkaTopicPartition(*tp))
                self.unpositioned.discard(tp)

    def pause(self) -> None:
        """Stop fetching, stay in the group."""
        self._consumer.pause(*self._consumer.assignment())

    def bounds(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """First offset of each partition's log, and the one after the last committed record."""
        tps = [KafkaTopicPartition(*tp) for tp in partitions]
        try:
            first, last = self._consumer.beginning_offsets(tps), self._consumer.end_offsets(tps)
        except KafkaError as error:
            # Kafka's own refusal would meet a new client too; only silence may be this client's fault.
            kind = OffsetsUnavailable if isinstance(error, KafkaTimeoutError) else Unavailable
            raise kind(f"Kafka does not tell its offsets ({type(error).__name__})") from error
        return {(tp.topic, tp.partition): (first[tp], last[tp]) for tp in tps}

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool = False) -> None:
        """Let Kafka's committed offset follow the positions; a failure is only logged, the next commit carries on."""
        following = {KafkaTopicPartition(*tp): OffsetAndMetadata(offset, "", -1) for tp, offset in offsets.items()}
        try:
            if wait:
                self._consumer.commit(following, timeout_ms=3000)
            else:
                self._consumer.commit_async(following)
        except KafkaError as error:
            log.warning("offset_commit_failed", extra={"error": str(error)})

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False, timeout_ms=5000)

    def _resume_broken(self) -> None:
        """Ask again for what could not be read: the cause may be gone."""
        if self._broken and time.monotonic() >= self._try_again:
            self._try_again = time.monotonic() + TRY_AGAIN_SECONDS
            for tp in self._broken.keys() - self.unpositioned:
                self._consumer.resume(KafkaTopicPartition(*tp))

    def _note_broken(self) -> None:
        """Pause what can't be read on; forget what stands elsewhere by now."""
        self._broken = {
            tp: fault for tp, fault in self._broken.items() if tp in self.assigned and self.at(tp) == fault.offset
        }
        for tp, fault in self._faults.taken().items():
            # One poll may meet the old bytes, fetched before, and behind them the good ones: then it has read on.
            if tp in self._consumer.assignment() and self.at((tp.topic, tp.partition)) == fault.offset:
                if not self._broken:
                    self._try_again = time.monotonic() + TRY_AGAIN_SECONDS
                self._consumer.pause(tp)
                self._broken[(tp.topic, tp.partition)] = fault
