"""From a collection to Kafka: what a transaction recorded is sent afterwards, in sweeps, at least once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import Document

SWEEP_SECONDS = 5.0


class Waiting(Protocol):
    """The collection of what is still to be sent."""

    def pending(self, topic: str, partitions: Iterable[int]) -> list[Document]:
        """The next documents that `partitions` of `topic` gave rise to; none when all is sent."""

    def sent(self, ids: Sequence[str]) -> None:
        """They are in Kafka."""


class Sweep:
    """Sends what waits, as `to_record` makes it; the publisher is made when the first document is there.

    `told` hears how many went out.
    """

    def __init__(
        self,
        topic: str,
        bootstrap: str,
        waiting: Waiting,
        to_record: Callable[[Document], Record],
        told: Callable[[int], object] = lambda count: None,
    ) -> None:
        self._topic = topic
        self._bootstrap = bootstrap
        self._waiting = waiting
        self._to_record = to_record
        self._told = told
        self._publisher: KafkaPublisher | None = None
        self._next = 0.0

    def soon(self) -> None:
        """There is something to send: don't wait for the next sweep."""
        self._next = 0.0

    def deliver(self, partitions: Iterable[int]) -> None:
        """Send what is pending of `partitions`, if a sweep is due; `Outage` leaves it pending when Kafka is away."""
        if time.monotonic() < self._next:
            return
        mine = list(partitions)
        while pending := self._waiting.pending(self._topic, mine):
            self._ready().publish([self._to_record(doc) for doc in pending])
            self._waiting.sent([doc["_id"] for doc in pending])
            self._told(len(pending))
        self._next = time.monotonic() + SWEEP_SECONDS

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()

    def _ready(self) -> KafkaPublisher:
        if self._publisher is None:
            self._publisher = KafkaPublisher(self._bootstrap)
            self._publisher.connected(5.0)
        return self._publisher
