"""The collection `positions`: where a consumer group stands in each partition, by the database's word.

A document is {_id: group/topic/partition, offset, topicId, at}, in `eventTime` the time of the last record before the
offset, and in `counts` what became of the `counted` offsets before it (`event_counts`). `unreadable` says why a
partition stands still, and `skipped` lists what a person told the group to go past. Moves are compare-and-set on the
old offset, so a consumer that lost its partition can't write, and a person's skip makes the consumer look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from shop_core.errors import ShopError
from shop_core.events.envelope import TopicPartition
from shop_core.mongo.errors import translate_errors
from shop_core.mongo.event_counts import NOTHING, EventCounts, counts_in

Offsets = Mapping[int, int]


class PositionMoved(ShopError):
    """The database knows another position than this consumer: someone else wrote, or it lost its tail."""


@dataclass(frozen=True)
class Position:
    """Where a group stands in one partition: the next offset, and the id of the topic it counts in."""

    offset: int
    topic_id: str


@dataclass(frozen=True)
class Move:
    """From a position to the offset `end`, what became of the events between, and the time of the last record."""

    old: Position
    end: int
    counts: EventCounts = NOTHING
    event_time: datetime | None = None


@dataclass(frozen=True)
class Account:
    """A position with the counts of everything before it."""

    offset: int
    topic_id: str
    counts: EventCounts
    unreadable: str | None = None


@dataclass(frozen=True)
class Standstill:
    """A partition that can't be read on from `offset`; `end` is the offset after what can't be read, where known."""

    topic: str
    partition: int
    offset: int
    end: int | None
    reason: str


@dataclass(frozen=True)
class Skip:
    """Offsets from `start` until before `end` that a person told the group to go past."""

    start: int
    end: int
    reason: str

    def holds(self, offset: int) -> bool:
        return self.start <= offset < self.end


@dataclass(frozen=True)
class Stored:
    """A position with what a person did to it, why it can't be read on from there, when it was written last, and the
    time of the last record before it."""

    offset: int
    skipped: Sequence[Skip]
    unreadable: str | None = None
    at: datetime | None = None
    event_time: datetime | None = None


class Positions:
    """The positions of one group."""

    def __init__(self, db: Database[dict[str, Any]], group: str) -> None:
        self._positions = db["positions"]
        self._group = group

    def load(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Position]:
        """The known positions among `partitions`."""
        ids = {self._id(tp): tp for tp in partitions}
        with translate_errors():
            found = list(self._positions.find({"_id": {"$in": list(ids)}}))
        return {ids[doc["_id"]]: Position(doc["offset"], doc["topicId"]) for doc in found}

    def topic(self, topic: str, session: ClientSession | None = None) -> dict[int, int]:
        """Offset by partition of every known position of `topic`."""
        return {partition: stored.offset for partition, stored in self.stored(topic, session).items()}

    def stored(self, topic: str, session: ClientSession | None = None) -> dict[int, Stored]:
        """Every known position of `topic` by partition, with what was skipped there."""
        with translate_errors():
            found = list(self._positions.find(self._of(topic), session=session))
        return {_partition(doc): _stored(doc) for doc in found}

    def accounts(self, topic: str) -> dict[int, Account]:
        """Every known position of `topic` by partition, with what became of the events before it."""
        with translate_errors():
            found = list(self._positions.find(self._of(topic)))
        return {
            _partition(doc): Account(doc["offset"], doc["topicId"], counts_in(doc), _unreadable(doc)) for doc in found
        }

    def blocked_partitions(self, topic: str) -> list[Standstill]:
        """The partitions of `topic` that can't be read on."""
        with translate_errors():
            found = list(self._positions.find(self._of(topic) | {"unreadable": {"$exists": True}}))
        return [
            Standstill(topic, _partition(doc), each["offset"], each["end"], each["reason"])
            for doc in found
            if (each := doc["unreadable"])["offset"] == doc["offset"]
        ]

    def put(self, tp: TopicPartition, position: Position, counts: EventCounts = NOTHING) -> None:
        """Set a position outright, and count anew: a first assignment, or a topic that is another one or shorter.
        Others lose by compare-and-set."""
        self._set(tp, position, {"counted": counts.total, "counts": counts.kept()}, {})

    def put_behind_gap(self, tp: TopicPartition, position: Position, gone: int) -> None:
        """Set a position outright, behind what left the log."""
        self._set(tp, position, {}, {"$inc": EventCounts(gone=gone).increments(gone)})

    def _set(self, tp: TopicPartition, position: Position, more: Mapping[str, Any], beside: Mapping[str, Any]) -> None:
        said = {"offset": position.offset, "topicId": position.topic_id, "at": datetime.now(UTC)}
        with translate_errors():
            self._positions.update_one({"_id": self._id(tp)}, {"$set": said | dict(more), **beside}, upsert=True)

    def touch(self, session: ClientSession, topic: str) -> None:
        """Write every position as it is: of this transaction and one that moves any of them, the database lets one
        win."""
        self._positions.update_many(self._of(topic), {"$set": {"at": datetime.now(UTC)}}, session=session)

    def move(self, session: ClientSession, moves: Mapping[TopicPartition, Move]) -> None:
        """Compare-and-set each position, and count; `PositionMoved` unless every one matched."""
        now = datetime.now(UTC)
        result = self._positions.bulk_write(
            [
                UpdateOne(
                    {"_id": self._id(tp), "offset": move.old.offset, "topicId": move.old.topic_id},
                    {
                        "$set": {"offset": move.end, "at": now}
                        | ({} if move.event_time is None else {"eventTime": move.event_time}),
                        "$inc": move.counts.increments(move.end - move.old.offset),
                    },
                )
                for tp, move in moves.items()
            ],
            session=session,
        )
        if result.matched_count != len(moves):
            raise PositionMoved(f"{len(moves) - result.matched_count} of {len(moves)} positions are others'")

    def stand_still(self, standstill: Standstill) -> None:
        """Note why a partition can't be read on."""
        note = {"offset": standstill.offset, "end": standstill.end, "reason": standstill.reason}
        self._update(standstill, {"$set": {"unreadable": note | {"since": datetime.now(UTC)}}})

    def go_on(self, standstill: Standstill) -> None:
        """The partition can be read again."""
        self._update(standstill, {"$unset": {"unreadable": ""}})

    def skip(self, standstill: Standstill, end: int) -> bool:
        """Go past what can't be read, until before `end`, and keep that; False where the group stands elsewhere now."""
        kept = {"start": standstill.offset, "end": end, "reason": standstill.reason, "at": datetime.now(UTC)}
        query = {"_id": self._id((standstill.topic, standstill.partition)), "offset": standstill.offset}
        length = end - standstill.offset
        update = {
            "$set": {"offset": end},
            "$inc": EventCounts(skipped=length).increments(length),
            "$push": {"skipped": kept},
            "$unset": {"unreadable": ""},
        }
        with translate_errors():
            return self._positions.update_one(query, update).matched_count == 1

    def _update(self, standstill: Standstill, update: Mapping[str, Any]) -> None:
        with translate_errors():
            self._positions.update_one({"_id": self._id((standstill.topic, standstill.partition))}, update)

    def _of(self, topic: str) -> dict[str, Any]:
        prefix = f"{self._group}/{topic}/"
        return {"_id": {"$gte": prefix, "$lt": prefix + "~"}}

    def _id(self, tp: TopicPartition) -> str:
        topic, partition = tp
        return f"{self._group}/{topic}/{partition}"


def covers(offsets: Offsets, needed: Offsets) -> bool:
    """Whether what is at `offsets` of a topic's partitions has everything below `needed`."""
    return all(offsets.get(partition, 0) >= end for partition, end in needed.items())


def _partition(doc: Mapping[str, Any]) -> int:
    return int(doc["_id"].rpartition("/")[2])


def _stored(doc: Mapping[str, Any]) -> Stored:
    skipped = [Skip(**_plain(each)) for each in doc.get("skipped", ())]
    return Stored(doc["offset"], skipped, _unreadable(doc), doc.get("at"), doc.get("eventTime"))


def _unreadable(doc: Mapping[str, Any]) -> str | None:
    """Why it can't be read on from where it stands, None where it can."""
    said = doc.get("unreadable")
    return str(said["reason"]) if said and said["offset"] == doc["offset"] else None


def _plain(skipped: Mapping[str, Any]) -> dict[str, Any]:
    return {name: skipped[name] for name in ("start", "end", "reason")}
