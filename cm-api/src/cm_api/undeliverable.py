"""The way to the dead-letter topic: rejections are recorded in the transaction, then sent from there, at least once.

A crash between the two sends a record again; it carries its source, by which readers of the DLQ tell it is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from shop_core.events.envelope import Domain, Record
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import Document, Rejections

SWEEP_SECONDS = 5.0


class Undeliverable:
    """Sends this domain's pending rejections to its DLQ; the publisher is made when the first one is needed."""

    def __init__(self, domain: Domain, bootstrap: str, rejections: Rejections) -> None:
        self._domain = domain
        self._bootstrap = bootstrap
        self._rejections = rejections
        self._publisher: KafkaPublisher | None = None
        self._next = 0.0

    def soon(self) -> None:
        """There is something to send: don't wait for the next sweep."""
        self._next = 0.0

    def deliver(self, partitions: Iterable[int]) -> None:
        """Send what is pending of `partitions`, if a sweep is due; `Outage` leaves it pending when Kafka is away."""
        if time.monotonic() < self._next:
            return
        while pending := self._rejections.pending(self._domain.topic, partitions):
            self._ready().publish([to_record(self._domain, doc) for doc in pending])
            self._rejections.sent([doc["_id"] for doc in pending])
        self._next = time.monotonic() + SWEEP_SECONDS

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()

    def _ready(self) -> KafkaPublisher:
        if self._publisher is None:
            self._publisher = KafkaPublisher(self._bootstrap)
            self._publisher.connected(5.0)
        return self._publisher


def to_record(domain: Domain, doc: Document) -> Record:
    """The message as it was, plus where it came from and why it was refused."""
    raw = doc["raw"]
    source = {
        "dlq_reason": doc["reason"],
        "dlq_topic": doc["topic"],
        "dlq_partition": str(doc["partition"]),
        "dlq_offset": str(doc["offset"]),
        "dlq_time": datetime.now(UTC).isoformat(),
    }
    headers = [(name, value) for name, value in raw["headers"]]
    headers += [(name, text.encode()) for name, text in source.items()]
    return Record(domain.dlq, raw["key"], raw["value"], tuple(headers))
