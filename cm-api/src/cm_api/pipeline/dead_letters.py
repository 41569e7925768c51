"""The way to the dead-letter topic: rejections are recorded in the transaction, then sent from there, at least once.

A crash between the two sends a record again; it carries its source, by which readers of the DLQ tell it is the same.
What is larger than the database or the DLQ takes is kept cut, with its true length and SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial

from cm_api.batch_result import Code, Refusal
from cm_api.pipeline.relay import Relay, Route
from shop_core.events.envelope import Domain, Headers, Message, Record
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo.client import Document
from shop_core.mongo.rejections import Rejections
from shop_core.telemetry import metrics

# What is kept of one message. Kafka's default limit of a record is 1 MiB on the wire; what is larger was compressed.
MOST_VALUE = 1_200_000
MOST_KEY = 100_000
MOST_HEADERS = 300_000
# The DLQ may take less than that: each is tried in turn.
SMALLER = (256 * 1024, 16 * 1024, 0)
# A rejection is kept with the HTTP status that its receipt is answered with: cm-api of the last release reads it so.
STATUSES: Mapping[Code, int] = {"invalid": 422, "not_found": 404, "conflict": 409, "failed": 500}


def dead_letters(domain: Domain, rejections: Rejections, connect: Callable[[], KafkaPublisher]) -> Relay:
    """Sends this domain's pending rejections to its DLQ."""
    waits = metrics.DEAD_LETTERS_WAITING.labels(domain.name).set
    route = Route(domain.topic, "dead_letter_undeliverable", partial(to_records, domain), waits=waits)
    return Relay(route, rejections, connect)


def to_rejection(message: Message, refusal: Refusal) -> Document:
    """The document of one refusal; `raw` is what goes to the DLQ, and leaves the database once it is there."""
    raw, cut = kept(message.key, message.value, message.headers)
    return {
        "_id": refusal.receipt,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "reason": printable(refusal.reason),
        "status": STATUSES[refusal.code],
        "class": refusal.kind,
        "at": datetime.now(UTC),
        "dlq": "pending",
        "raw": raw | {"cut": cut},
    }


def kept(key: bytes | None, value: bytes | None, headers: Headers) -> tuple[Document, Document]:
    """What is kept of a message, and for each part that is cut its true length and hash."""
    cut: Document = {}
    names = [name.encode(errors="backslashreplace") for name, _ in headers]
    size = sum(len(name) + len(value or b"") for name, (_, value) in zip(names, headers, strict=True))
    raw: Document = {
        "key": shortened("key", key, MOST_KEY, cut),
        "value": shortened("value", value, MOST_VALUE, cut),
        "headers": [[name.decode(), value] for name, (_, value) in zip(names, headers, strict=True)],
    }
    if size > MOST_HEADERS:
        whole = b"".join(name + b"\0" + (value or b"") for name, (_, value) in zip(names, headers, strict=True))
        cut["headers"] = described(whole)
        raw["headers"] = list(_fitting(raw["headers"], MOST_HEADERS))
    return raw, cut


def shortened(part: str, content: bytes | None, most: int, cut: Document) -> bytes | None:
    """`content`, at most `most` bytes of it; what it was is noted in `cut`."""
    if content is None or len(content) <= most:
        return content
    cut.setdefault(part, described(content))
    return content[:most]


def described(content: bytes) -> Document:
    return {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def to_records(domain: Domain, doc: Document) -> Iterator[Record]:
    """The message as it was, plus where it came from and why it was refused; then with less and less of it."""
    raw = doc["raw"]
    yield _record(domain, doc, raw["value"], raw.get("cut", {}))
    for most in SMALLER:
        cut = dict(raw.get("cut", {}))
        yield _record(domain, doc, shortened("value", raw["value"], most, cut), cut)
    yield _record(domain, doc | {"raw": raw | {"headers": []}}, b"", _without_headers(raw))


def _record(domain: Domain, doc: Document, value: bytes | None, cut: Document) -> Record:
    source = {
        "dlq_reason": doc["reason"],
        "dlq_class": doc.get("class", "rejected"),
        "dlq_topic": doc["topic"],
        "dlq_partition": str(doc["partition"]),
        "dlq_offset": str(doc["offset"]),
        "dlq_time": datetime.now(UTC).isoformat(),
    }
    if cut:
        source["dlq_cut"] = ",".join(sorted(cut))
        for part, was in sorted(cut.items()):
            source |= {f"dlq_{part}_length": str(was["length"]), f"dlq_{part}_sha256": was["sha256"]}
    headers = [(name, value) for name, value in doc["raw"]["headers"]]
    headers += [(name, text.encode()) for name, text in source.items()]
    return Record(domain.dlq, doc["raw"]["key"], value, tuple(headers))


def _without_headers(raw: Document) -> Document:
    """What is cut where not even the headers fit."""
    cut = dict(raw.get("cut", {}))
    shortened("value", raw["value"], 0, cut)
    names = b"".join(name.encode() + b"\0" + (value or b"") for name, value in raw["headers"])
    cut.setdefault("headers", described(names))
    return cut


def _fitting(headers: list[list[object]], most: int) -> Iterator[list[object]]:
    """The first headers that fit: CloudEvents' own usually stand there."""
    for name, value in headers:
        most -= len(str(name).encode()) + (len(value) if isinstance(value, bytes) else 0)
        if most >= 0:
            yield [name, value]


def printable(text: str) -> str:
    """`text` as UTF-8 can hold it: a reason may quote what can't be encoded."""
    return text.encode(errors="backslashreplace").decode()
