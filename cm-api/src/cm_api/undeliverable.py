"""The way to the dead-letter topic: rejections are recorded in the transaction, then sent from there, at least once.

A crash between the two sends a record again; it carries its source, by which readers of the DLQ tell it is the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from cm_api.sweep import Sweep
from shop_core.events.envelope import Domain, Record
from shop_core.mongo import Document, Rejections


def undeliverable(domain: Domain, bootstrap: str, rejections: Rejections) -> Sweep:
    """Sends this domain's pending rejections to its DLQ."""
    return Sweep(domain.topic, bootstrap, rejections, partial(to_record, domain))


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
