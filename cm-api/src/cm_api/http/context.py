"""What the query routes are given: the database, the cache, and the wait for a receipt (read your own writes)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import request

from cm_api.http.freshness import read_from_now_on
from cm_api.http.paging import Cache
from cm_api.http.shared_cache import SharedCache
from cm_api.http.stored_positions import StoredPositions
from shop_core.errors import FieldFault, InvalidInput, MalformedRequest, PreconditionFailed, Unavailable
from shop_core.events import TOPICS
from shop_core.events.envelope import Domain
from shop_core.events.receipts import Receipt, UnknownReceipt
from shop_core.http.app import aside
from shop_core.kafka.topic_follower import Listener
from shop_core.mongo.client import Database, Document
from shop_core.mongo.positions import Positions, Stored
from shop_core.mongo.rejections import Rejections

AFTER_SECONDS = 5.0
POLL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16)
CHECKED_POLL = 3


class Ends(Protocol):
    """How far topics reach: `shop_core.kafka.end_offsets.LogEnds`. Both raise `Unavailable`
    where Kafka does not say it."""

    def of(self, topic: str, partition: int) -> int | None: ...

    def all(self, topic: str) -> Mapping[int, int]: ...


SKIPPED = "it could not be read, and an operator let the consumers go past it"


def rejected(receipt: str, reason: str, status: int) -> dict[str, Any]:
    """The state of an event that was not applied, and won't be."""
    return {"receipt": receipt, "state": "rejected", "reason": reason, "status": status}


@dataclass
class Context:
    """One per process. `waiters` bounds the requests that may wait at once, so that others find a thread.

    `follow` lets a room hear of every change of a topic, `ends` asks Kafka how far topics reach.
    """

    db: Database[Document]
    waiters: threading.BoundedSemaphore
    follow: Callable[[Listener], None]
    cache: Cache = field(default_factory=Cache)
    shared: SharedCache | None = None
    ends: Ends | None = None
    _seen: dict[str, dict[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _positions: StoredPositions = field(init=False)

    def __post_init__(self) -> None:
        self._positions = StoredPositions(self.db)

    def stored(self, topic: str) -> Mapping[int, Stored]:
        """Every known position of `topic` by partition."""
        return self._positions.now(topic)

    def state(self, receipt: str, *, check: bool = True, waits: bool = False) -> dict[str, Any]:
        """`accepted`, `stored` or `rejected` with its reason, from the position and the rejections.

        What is not stored yet must be in the log, unless it is not to be checked; `UnknownReceipt` where it is not. Who
        waits and will ask again shares what the database said a moment ago.
        """
        topic, partition, offset = Receipt.parse(receipt, list(TOPICS))
        positions = self._positions.lately(topic) if waits else self._positions.now(topic)
        at = positions.get(partition)
        if at is None or at.offset <= offset:
            if check:
                self._check_in_log(topic, partition, offset, known=not positions or at is not None)
            return {"receipt": receipt, "state": "accepted", "reason": None, "status": 202}
        if refused := Rejections(self.db).find(receipt):
            return rejected(receipt, refused["reason"], refused["status"])
        if any(skip.holds(offset) for skip in at.skipped):
            return rejected(receipt, SKIPPED, 500)
        self.cache.freshen()
        self._saw(topic, partition, offset + 1)
        return {"receipt": receipt, "state": "stored", "reason": None, "status": 200}

    def _check_in_log(self, topic: str, partition: int, offset: int, *, known: bool) -> None:
        """`known`: the partition may exist by all that the database says. While Kafka is away, that is believed."""
        try:
            if self.ends is None:
                raise Unavailable("nobody tells how far topics reach")
            end = self.ends.of(topic, partition)
        except Unavailable:
            end = offset + 1 if known else None
        if end is None:
            raise UnknownReceipt(f"names a partition that {topic} does not have")
        if end <= offset:
            raise UnknownReceipt(
                f"names an event that is not there: the log of {topic}-{partition} ends at offset {end}"
            )

    def caught_up(self, domain: Domain) -> bool:
        """Whether the read model has all that was in the log when this was asked; not where that can't be told."""
        try:
            ends = self.ends.all(domain.topic) if self.ends else {}
        except Unavailable:
            return False
        at = Positions(self.db, domain.group).topic(domain.topic)
        return bool(ends) and all(at.get(partition, 0) >= end for partition, end in ends.items())

    def seen(self, topic: str) -> Mapping[int, int]:
        """How far `topic` is stored by the receipts that this process was asked about, by partition."""
        with self._lock:
            return dict(self._seen.get(topic, {}))

    def _saw(self, topic: str, partition: int, end: int) -> None:
        with self._lock:
            ends = self._seen.setdefault(topic, {})
            ends[partition] = max(end, ends.get(partition, 0))

    def wait(self, receipt: str, seconds: float) -> dict[str, Any]:
        """The state once it is settled, or as it is after `seconds`; at once when too many wait already."""
        deadline = time.monotonic() + seconds
        # Most are stored within a few polls, and Kafka is asked about the others only, once.
        state = self.state(receipt, check=seconds <= 0, waits=seconds > 0)
        if seconds <= 0 or state["state"] != "accepted":
            return state
        if not self.waiters.acquire(blocking=False):
            return self.state(receipt)
        try:
            with aside():
                return self._settled(receipt, state, deadline)
        finally:
            self.waiters.release()

    def _settled(self, receipt: str, state: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Ask until it is settled or the time is over, ever less often."""
        polls = 0
        while state["state"] == "accepted" and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, POLL_SECONDS[min(polls, len(POLL_SECONDS) - 1)]))
            polls += 1
            state = self.state(receipt, check=polls == CHECKED_POLL, waits=True)
        return self.state(receipt) if state["state"] == "accepted" and polls < CHECKED_POLL else state

    def await_after(self) -> None:
        """Hold the request until the read model has `?after=`; 412 when it hasn't within five seconds."""
        receipt = request.args.get("after")
        if receipt is None:
            return
        try:
            state = self.wait(receipt, AFTER_SECONDS)
        except InvalidInput as error:
            raise MalformedRequest(FieldFault("after", error.faults[0].detail)) from None
        if state["state"] == "accepted":
            raise PreconditionFailed(FieldFault("after", "is not in the read model yet: ask again"))
        read_from_now_on()
