"""Where a consumer stands in each of its partitions, and how it comes to stand there.

On assignment it seeks to the stored position. No position: the start of the log. A topic made anew (other id): the
start again. A position that the log no longer reaches: on from the log's first offset, with an alert, never silently.
Behind the last event the position follows over transactions' markers and compacted records, so that the lag ends at 0.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence

from cm_api.pipeline.blocked_partitions import BlockedPartitions
from shop_core.events.envelope import Domain, Message, TopicPartition
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.group_consumer import GroupConsumer
from shop_core.kafka.topics import topic_ids
from shop_core.mongo import client
from shop_core.mongo.client import Database, Document
from shop_core.mongo.event_counts import EventCounts
from shop_core.mongo.positions import Move, Position, Positions
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
Moves = dict[TopicPartition, Move]
COMMIT_SECONDS = 15.0


class PartitionPositions:
    """The positions of one group member, in memory as the database knows them."""

    def __init__(self, domain: Domain, kafka: KafkaConnection, reader: GroupConsumer, db: Database[Document]) -> None:
        self.positions = Positions(db, domain.group)
        self.blocked_partitions = BlockedPartitions(domain, self.positions)
        self.replaced = threading.Event()
        """Set where somebody saw that the topic has another id than the positions."""
        self._db = db
        self._domain = domain
        self._kafka = kafka
        self._reader = reader
        self._at: dict[TopicPartition, Position] = {}
        self._last: dict[TopicPartition, Position] = {}  # before `invalidate`: an outage's lag is counted from it
        self._committed = 0.0
        self.topic_id = ""

    def seek_new(self) -> bool:
        """Seek every newly assigned partition, and drop what was revoked.

        Return True if the committed offset must be sent again. After a failed commit Kafka would otherwise report a
        phantom lag, and KEDA would not scale to zero until the next event.
        """
        mine = self._reader.assigned
        for topic, partition in (self._at.keys() | self._last.keys()) - mine:
            self._at.pop((topic, partition), None)
            self._last.pop((topic, partition), None)
        if self.replaced.is_set():
            self.replaced.clear()
            log.warning("topic_recreated", extra={"topic": self._domain.topic})
            self.invalidate()
        sought = self._reader.unpositioned & mine
        self._seek(sought)
        self._reader.unpositioned |= self.blocked_partitions.look(self._reader.unreadable, self._at)
        due = time.monotonic() - self._committed > COMMIT_SECONDS
        if due or sought:
            self._committed = time.monotonic()
        return due or bool(sought)

    def invalidate(self) -> None:
        """Stop reading and ask the database again for every position."""
        self._last = self._at or self._last
        self._at = {}
        self._reader.unpositioned |= self._reader.assigned
        self._reader.pause()

    def expects(self, message: Message) -> bool:
        """Whether a polled message is the next of a partition that is still ours, sought, and not behind."""
        at = self._at.get((message.topic, message.partition))
        return at is not None and message.offset >= at.offset

    def moves(self, messages: Sequence[Message]) -> Moves:
        """For each partition of a batch: the position it stands on, and the offset after its last message."""
        last = {(m.topic, m.partition): m for m in messages}
        return {tp: Move(self._at[tp], m.offset + 1, event_time=m.time) for tp, m in last.items()}

    def advance(self, moves: Moves) -> None:
        self._at = self._at | {tp: Position(move.end, move.old.topic_id) for tp, move in moves.items()}

    def follow(self) -> bool:
        """Move behind what holds no event: everything polled before is applied. Whether there was such a thing."""
        moves = {
            tp: Move(at, end, EventCounts(empty=end - at.offset))
            for tp, at in self._at.items()
            if tp not in self._reader.unpositioned and (end := self._reader.at(tp)) > at.offset
        }
        if moves:
            client.in_transaction(self._db, lambda session: self.positions.move(session, moves))
            self.advance(moves)
        return bool(moves)

    def offsets(self) -> Mapping[TopicPartition, int]:
        return {tp: at.offset for tp, at in self._at.items()}

    def known(self) -> Mapping[TopicPartition, int]:
        """Where each partition of ours stands, or stood when an outage began; may be asked by another thread."""
        return {tp: at.offset for tp, at in (self._at or self._last).items()}

    def _seek(self, partitions: set[TopicPartition]) -> None:
        if not partitions:
            return
        self.topic_id = topic_ids(self._kafka, [self._domain.topic]).get(self._domain.topic, "")
        stored = self.positions.load(partitions)
        bounds = self._reader.bounds(partitions)
        for tp in partitions:
            at = self._start(tp, stored.get(tp), *bounds[tp])
            self._at = self._at | {tp: at}
            self._reader.seek({tp: at.offset})
        log.info("partitions_sought", extra={"offsets": {p[1]: self._at[p].offset for p in sorted(partitions)}})

    def _start(self, tp: TopicPartition, stored: Position | None, first: int, end: int) -> Position:
        """The position to read on from; whatever differs from the stored one is written before it is used."""
        if stored and stored.topic_id == self.topic_id and first <= stored.offset <= end:
            return stored
        anew = stored is None or stored.topic_id != self.topic_id
        if stored is None or anew:
            # Offset 0, not `first`: a log that already lost its start is a gap as well, and is seen as one.
            stored = Position(0, self.topic_id)
        at = Position(min(max(stored.offset, first), end), self.topic_id)
        if at.offset != stored.offset:
            missing = abs(at.offset - stored.offset)
            metrics.GAPS.labels(tp[0], str(tp[1])).inc(missing)
            log.error("log_gap", extra={"topic": tp[0], "partition": tp[1], "position": stored.offset,
                                        "log": [first, end], "events": missing})  # fmt: skip
        self._put(tp, at, stored, anew)
        return at

    def _put(self, tp: TopicPartition, at: Position, stored: Position, anew: bool) -> None:
        """Where the log is shorter than it was, what was counted is not in it: nobody knows what is."""
        if anew:
            self.positions.put(tp, at, EventCounts(gone=at.offset))
        elif at.offset >= stored.offset:
            self.positions.put_behind_gap(tp, at, at.offset - stored.offset)
        else:
            self.positions.put(tp, at, EventCounts(moved=at.offset))
