"""The way of derived events to their topics: recorded in the transaction, sent from there afterwards, at least once.

A crash between the two sends an event again, under the same id and with the same sequence number, by which its readers
tell. Those of one key go out in the order of their numbers, because the owner of one partition sends them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cm_api.batch_result import Derived
from cm_api.pipeline.relay import Relay, Route
from shop_core.events.envelope import Domain, Headers, Record, to_record
from shop_core.events.receipts import Receipt
from shop_core.events.trace_context import handed_on
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo.client import Document
from shop_core.mongo.pending_events import PendingEvents
from shop_core.telemetry import metrics

_NAMESPACE = uuid.UUID("0b7f6f0e-55a5-5f6e-9a51-3a3f3d0f6f5c")


def outbox(domain: Domain, pending: PendingEvents, connect: Callable[[], KafkaPublisher]) -> Relay:
    """Sends what this domain's consumer derived."""
    told = metrics.DERIVED.labels(domain.name).inc
    return Relay(Route(domain.topic, "derived_event_undeliverable", to_records, told), pending, connect)


def to_pending(derived: Derived, source_headers: Headers = ()) -> Document:
    """The document that waits to be sent; its id is the same however often the source is applied. It belongs to the
    trace of its source, whose headers tell it."""
    id = f"{derived.topic}/{derived.key}/{derived.sequence}"
    source, partition, offset = Receipt.of(derived.receipt)
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
        "partition": partition,
        "order": f"{offset:018d}-{derived.sequence:012d}",
        "topic": record.topic,
        "key": record.key,
        "value": record.value,
        "headers": [[name, value] for name, value in (*record.headers, *handed_on(source_headers))],
    }


def to_records(doc: Document) -> Iterator[Record]:
    headers: Headers = tuple((name, value) for name, value in doc["headers"])
    yield Record(doc["topic"], doc["key"], doc["value"], headers)
