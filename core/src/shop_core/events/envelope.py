"""CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_*` headers, the data as JSON in the value.

A record is what goes to Kafka, an `Event` is what came back decoded. Whoever adds an event type adds a frozen struct
to the module of its domain; nothing in here knows a domain.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from shop_core.errors import FieldFault, InvalidInput
from shop_core.events.fields import check_text
from shop_core.events.instants import check_not_ahead, format_instant, parse_instant
from shop_core.events.reading import decode_json, encode_json
from shop_core.events.receipts import Receipt

SPEC_VERSION = "1.0"
REDRIVEN = "ce_redriven"
COPIES = "ce_copies"
# Whoever says that it was said so much earlier than it came is taken at their word; below, the log's order counts.
BELATED = timedelta(minutes=1)
OUR_SOURCE = "/scalable-shop/cm-server"
LONGEST_SOURCE = 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_TIMESTAMP = 253_402_300_799_999  # the year 9999: whoever writes a record may give it any time
_IDENTITIES = uuid.UUID("3d4a3a5e-3a86-5a0f-9d7c-51d1f3a1f0c2")
Headers = tuple[tuple[str, bytes | None], ...]  # Kafka allows a header without a value
TopicPartition = tuple[str, int]  # as a plain tuple: who decodes events needs no client


class EventData(Protocol):
    """The data of one event type: a frozen msgspec struct that can check itself."""

    def check(self, came: datetime | None = None) -> None:
        """Raise `InvalidInput` where a rule that the schema can't express is broken."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record on its way to Kafka; `partition` where the key is not to choose it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One record as it was read, with its place in the log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = -1
    """The record's own time in Kafka, in milliseconds since 1970."""

    @property
    def receipt(self) -> str:
        return str(Receipt(self.topic, self.partition, self.offset))

    @property
    def time(self) -> datetime | None:
        """The record's own time in Kafka, None where it has none, or one that no calendar has."""
        return moment_of(self.timestamp)


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded event. `id` is its identity, made of CloudEvents source and id; `digest` tells two bodies under one
    identity apart (sha-256, hex).

    `may_repeat` events may be in the log more than once: a client or a person may have sent one again under its id.
    `everywhere`: it is one of the copies that stand in every partition of the topic. `belated`: it was said earlier
    than its place in the log has it; `redriven` is then the receipt that it had, where a person sent it again.
    """

    id: str
    type: str
    time: datetime
    digest: str
    data: Any
    receipt: str
    may_repeat: bool = False
    everywhere: bool = False
    belated: bool = False
    redriven: str = ""

    @property
    def place(self) -> tuple[int, int]:
        """(partition, offset)."""
        return Receipt.of(self.receipt).place


@dataclass(frozen=True)
class Domain:
    """One domain's place on the pipeline. `events` maps a CloudEvents type to its data struct.

    `derived` maps each topic that this domain's consumer writes for other services to its events; `topic_config` is
    what the domain's own topic needs other than the broker's defaults. `keyed_by` is the field that is the records'
    key, by which they keep their order; an erasure is by its user in every domain.
    """

    name: str
    topic: str
    events: Mapping[str, type[Any]]
    derived: Mapping[str, Mapping[str, type[Any]]] = field(default_factory=dict)
    topic_config: Mapping[str, str] = field(default_factory=dict)
    keyed_by: str = "userid"

    @property
    def dlq(self) -> str:
        return f"{self.topic}.dlq"

    @property
    def group(self) -> str:
        return f"cm-api-{self.name}"

    def type_of(self, data: Any) -> str:
        """The CloudEvents type of an event of this domain with such data."""
        return next(name for name, struct in self.events.items() if struct is type(data))


def moment_of(timestamp: int) -> datetime | None:
    """A record's time, given in milliseconds since 1970; None for none, and for one that no calendar has."""
    return EPOCH + timedelta(milliseconds=timestamp) if 0 <= timestamp <= LAST_TIMESTAMP else None


def digest_of(body: bytes) -> str:
    """What two requests under one Idempotency-Key are compared by."""
    return hashlib.sha256(body).hexdigest()[:32]


def encode(
    domain: Domain, type_: str, data: Any, *, key: str, id: str, time: datetime, digest: str | None = None
) -> Record:
    """The record of one event. `digest` is given where the client named the event by an Idempotency-Key."""
    return to_record(domain.topic, type_, data, key=key, id=id, time=time, digest=digest)


def copies(record: Record, partitions: int) -> list[Record]:
    """`record` once for each partition: what is about all of them at once, each holds at its place in their log."""
    headers = (*record.headers, (COPIES, str(partitions).encode()))
    return [replace(record, headers=headers, partition=partition) for partition in range(partitions)]


def to_record(
    topic: str,
    type_: str,
    data: Any,
    *,
    key: str,
    id: str,
    time: datetime,
    digest: str | None = None,
    source: str = OUR_SOURCE,
) -> Record:
    """The record of one event on any topic; `source` says who made it."""
    headers = [
        ("ce_id", id.encode()),
        ("ce_type", type_.encode()),
        ("ce_source", source.encode()),
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_time", format_instant(time).encode()),
        ("content-type", b"application/json"),
    ]
    if digest is not None:
        headers.append(("ce_digest", digest.encode()))
    return Record(topic, key.encode(), encode_json(data), tuple(headers))


def decode(domain: Domain, message: Message) -> Event:
    """The event in `message`, or `InvalidInput` that says which header or field is at fault."""
    attributes = {name: _text(name, raw) for name, raw in message.headers if name.startswith("ce_")}
    if (version := _need(attributes, "ce_specversion")) != SPEC_VERSION:
        raise InvalidInput(FieldFault("ce_specversion", f"{version!r} is not known, expected {SPEC_VERSION}"))
    type_ = _need(attributes, "ce_type")
    struct = domain.events.get(type_)
    if struct is None:
        raise InvalidInput(FieldFault("ce_type", f"{type_[:80]!r} is not an event of {domain.topic}"))
    if message.value is None:
        raise InvalidInput(FieldFault("value", "is empty"))
    time = parse_instant("ce_time", _need(attributes, "ce_time"))
    came = arrived(time, message.time)
    data = decode_json(message.value, struct, came)
    return Event(
        id=identity(_need(attributes, "ce_source"), check_text("ce_id", _need(attributes, "ce_id"))),
        type=type_,
        time=time,
        digest=attributes.get("ce_digest") or digest_of(message.value),
        data=data,
        receipt=message.receipt,
        may_repeat="ce_digest" in attributes or REDRIVEN in attributes,
        everywhere=COPIES in attributes,
        belated=REDRIVEN in attributes or came - time > BELATED,
        redriven=attributes.get(REDRIVEN, ""),
    )


def identity(source: str, id: str) -> str:
    """What an event is known by: CloudEvents 1.0 makes an id unique only together with its source.

    An id that cm-server made is its own identity, so that what was stored under it keeps its name.
    """
    if not 1 <= len(source) <= LONGEST_SOURCE:
        raise InvalidInput(FieldFault("ce_source", f"must have 1 to {LONGEST_SOURCE} characters"))
    return id if source == OUR_SOURCE else str(uuid.uuid5(_IDENTITIES, f"{source}\n{id}"))


def arrived(time: datetime, recorded: datetime | None) -> datetime:
    """When an event came, which moments in it may not lie a day after: by the time of its record (which a broker holds
    against its clock), without one by its own. By what is in the log alone, so that a replay judges alike."""
    if recorded is None:
        return time
    check_not_ahead("ce_time", time, recorded)
    return recorded


def _need(attributes: Mapping[str, str], name: str) -> str:
    if name not in attributes:
        raise InvalidInput(FieldFault(name, "header is missing"))
    return attributes[name]


def _text(name: str, raw: bytes | None) -> str:
    try:
        return (raw or b"").decode()
    except UnicodeDecodeError:
        raise InvalidInput(FieldFault(name, "header is not UTF-8")) from None
