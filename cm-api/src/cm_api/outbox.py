"""The way of derived events to their topics: recorded in the transaction, sent from there afterwards, at least once.

A crash between the two sends an event again, under the same id and with the same sequence number, by which its readers
tell. Those of one key go out in the order of their numbers, because the owner of one partition sends them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

from cm_api.outcome import Derived
from shop_core.events.envelope import Domain, Headers, Record, to_record
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo import Document, PendingEvents
from shop_core.telemetry import metrics

SWEEP_SECONDS = 5.0
_NAMESPACE = uuid.UUID("0b7f6f0e-55a5-5f6e-9a51-3a3f3d0f6f5c")


class Outbox:
    """Sends what this domain's consumer derived; the publisher is made when the first event is there."""

    def __init__(self, domain: Domain, bootstrap: str, pending: PendingEvents) -> None:
        self._domain = domain
        self._bootstrap = bootstrap
        self._pending = pending
        self._publisher: KafkaPublisher | None = None
        self._next = 0.0

    def soon(self) -> None:
        """There is something to send: don't wait for the next sweep."""
        self._next = 0.0

    def deliver(self, partitions: Iterable[int]) -> None:
        """Send what is pending of `partitions`, if a sweep is due; `Outage` leaves it pending when Kafka is away."""
        if not self._domain.derived or time.monotonic() < self._next:
            return
        mine = list(partitions)
        while pending := self._pending.next(self._domain.topic, mine):
            self._ready().publish([record_of(doc) for doc in pending])
            self._pending.sent([doc["_id"] for doc in pending])
            metrics.DERIVED.labels(self._domain.name).inc(len(pending))
        self._next = time.monotonic() + SWEEP_SECONDS

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()

    def _ready(self) -> KafkaPublisher:
        if self._publisher is None:
            self._publisher = KafkaPublisher(self._bootstrap)
            self._publisher.connected(5.0)
        return self._publisher


def to_pending(derived: Derived) -> Document:
    """The document that waits to be sent; its id is the same however often the source is applied."""
    id = f"{derived.topic}/{derived.key}/{derived.sequence}"
    source, partition, offset = derived.receipt.rsplit("-", 2)
    record = to_record(
        derived.topic,
        derived.type,
        derived.data,
        key=derived.key,
        id=str(uuid.uuid5(_NAMESPACE, id)),
        time=datetime.now(UTC),
        source="/scalable-shop/cm-api",
    )
    return {
        "_id": id,
        "source": source,
        "partition": int(partition),
        "order": f"{int(offset):018d}-{derived.sequence:012d}",
        "topic": record.topic,
        "key": record.key,
        "value": record.value,
        "headers": [[name, value] for name, value in record.headers],
    }


def record_of(doc: Document) -> Record:
    headers: Headers = tuple((name, value) for name, value in doc["headers"])
    return Record(doc["topic"], doc["key"], doc["value"], headers)
