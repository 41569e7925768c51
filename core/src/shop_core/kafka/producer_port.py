"""The port of a producer client, and what may become of a record that was handed to one.

Each failure says whom it concerns. `Refused`: this record or its topic, so nobody else. `Unwritten`: for certain not
in the log, and perhaps by no fault of its own. `NoAck`: nobody knows, so the client itself is in doubt. Any other
`Unavailable`: the client has no room or no connection just now.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from shop_core.errors import RecordRefused, RecordTooLarge, ShopError, TopicRefused, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.connection import KafkaConnection

CLIENT_ID = "cm-server"
CONNECT_SECONDS = 3.0
# Leaders learn of a new topic a moment after it is made: only what is unknown for so long is missing.
MISSING_AFTER_SECONDS = 1.0
MAX_REQUEST_BYTES = 2 * 1024 * 1024
_TOPIC = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9._-]{1,249}")
Acked = Callable[[str], None]
Failed = Callable[[ShopError], None]


class NoAck(Unavailable):
    """No answer came in time, or the connection was lost: the record may be in the log, or get there late."""


class Unwritten(Unavailable):
    """The record is not in the log, and whether by its own fault is open: worth sending once more, by a client that
    sends nothing else. `verdict` is what it comes to where that does not help."""

    def __init__(self, verdict: ShopError) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


class NotYetKnown(Unwritten):
    """The leader does not know the topic: it is missing, or new."""


class Client(Protocol):
    """A connected producer with acks=all and idempotence. What finds nothing in flight is sent at once, and what comes
    meanwhile shares the next batch: no record waits for company.

    A header without a value is sent as null, or as empty where the client knows no null; so is the value of a record
    that has no key either.
    """

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        """Hand over `record`; later `acked(receipt)` or `failed(error)` is called once, from any thread.

        May raise instead: then neither is called, and nothing is on its way.
        """

    def partitions(self, topics: Sequence[str], timeout: float) -> dict[str, int]:
        """How many partitions each topic has, by what the broker says to a question put from now on. `ShopError` where
        there is no such topic, or no answer in time."""

    def close(self, timeout: float) -> None:
        """Flush for at most `timeout` seconds, then close."""

    def abandon(self) -> None:
        """Close at once and drop what is not sent: it must not reach the log after a successor's events."""


def is_topic(name: str) -> bool:
    """Whether Kafka allows a topic of this name."""
    return _TOPIC.fullmatch(name) is not None


def check_record(record: Record) -> None:
    """Raise `Refused` for what no client may be given: some of it ends a client, or its process."""
    if not isinstance(record.topic, str) or not is_topic(record.topic):
        raise TopicRefused(repr(record.topic)[:80], "this is no name of a topic")
    parts = [("key", record.key), ("value", record.value), *record.headers]
    for name, part in parts:
        if not isinstance(name, str):
            raise RecordRefused(record.topic, f"a header's name is {type(name).__name__} instead of text")
        if part is not None and not isinstance(part, bytes):
            raise RecordRefused(record.topic, f"{name[:80]} is {type(part).__name__} instead of bytes")
    size = sum(len(part or b"") for _, part in parts) + sum(len(name) for name, _ in record.headers)
    if size > MAX_REQUEST_BYTES:
        raise RecordTooLarge(record.topic, f"it has {size} bytes, more than {MAX_REQUEST_BYTES}")


def headers_of(record: Record) -> list[tuple[str, bytes | None]]:
    """The headers with names that are UTF-8, as Kafka has them; what is not is escaped."""
    return [(name.encode(errors="backslashreplace").decode(), value) for name, value in record.headers]


def unreachable(kafka: KafkaConnection, said: object) -> Unavailable:
    """Why there is no connection, by the client's own words and what they leave out."""
    return Unavailable(f"it does not answer ({said}){kafka.login_hint()}")
