"""Finds an event and tells its way: by receipt one record is read, with what it was sent again for and as. By another
id no index helps, so the newest records are looked through, bounded in number and time."""

from __future__ import annotations

import time
from collections.abc import Callable

from shop_core.errors import Unavailable
from shop_core.events import TOPICS
from shop_core.events.envelope import OUR_SOURCE, Message
from shop_core.events.receipts import Receipt, UnknownReceipt
from shop_core.events.trace_context import request_of, trace_of
from shop_core.following.fates import Fate
from shop_core.following.steps import instant, known_as, sent_for, text, traced
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.newest import Newest, newest
from shop_core.kafka.topic_reader import TopicReader, topic_log
from shop_core.responses.traces import LookedAt, Trace

MOST_LOOKED = 20_000
SLICE = 4_000
SECONDS = 2.0
# What one request makes comes to the log in far less.
APART_MS = 60_000
MOST_SHOWN = 20
LONGEST_CHAIN = 10
FateOf = Callable[[str], Fate]
Wanted = Callable[[Message], bool]


def by_receipt(kafka: KafkaConnection, fate_of: FateOf, receipt: str) -> Trace:
    """The event, after those that it was sent again for and before those that it was sent again as."""
    topic, partition, offset = Receipt.parse(receipt, list(TOPICS))
    with topic_log(kafka, topic) as log:
        end = log.ends().get(partition)
        if end is None:
            raise UnknownReceipt(f"names a partition that {topic} does not have")
        if end <= offset:
            raise UnknownReceipt(f"is not there: the log of {topic}-{partition} ends at offset {end}")
        found = chain(receipt, lambda each: _record(log, each), fate_of)
    return Trace([traced(each, message, fate) for each, (message, fate) in found.items()], 0, None)


def chain(
    receipt: str, record: Callable[[str], Message | None], fate_of: FateOf
) -> dict[str, tuple[Message | None, Fate]]:
    """By receipt, oldest first: the event and all that it was sent again for or as, as far as is known."""
    found = {receipt: (record(receipt), fate_of(receipt))}
    first: Message | None = found[receipt][0]
    while first and (before := sent_for(first)) and before not in found and len(found) < LONGEST_CHAIN:
        found = {before: (record(before), fate_of(before))} | found
        first = found[before][0]
    last = found[receipt][1].successor
    topic = Receipt.of(receipt).topic
    while last and Receipt.of(last).topic == topic and last not in found and len(found) < LONGEST_CHAIN:
        found[last] = (record(last), fate_of(last))
        last = found[last][1].successor
    return found


def _record(log: TopicReader, receipt: str) -> Message | None:
    """None for one that left the log, or that can't be read."""
    try:
        return log.one(*Receipt.of(receipt).place)
    except Unavailable:  # of its own bytes; where Kafka is away, the client says so by other names
        return None


def by_id(id: str) -> Wanted:
    """Events that are known by it."""

    def wanted(message: Message) -> bool:
        headers = dict(message.headers)
        source, own = (text(headers.get(name) or b"") for name in ("ce_source", "ce_id"))
        return own == id if source == OUR_SOURCE else known_as(source, own) == id

    return wanted


def by_request(id: str) -> Wanted:
    """Events of a request, by its X-Request-Id or by the id of its trace."""
    return lambda message: id in (request_of(message.headers), trace_of(message.headers))


def search(kafka: KafkaConnection, fate_of: FateOf, wanted: Wanted) -> Trace:
    """Those of the newest events that are wanted, and how far was looked."""
    with newest(kafka, TOPICS) as log:
        found = look(log, wanted, time.monotonic() + SECONDS)
        looked = LookedAt(log.looked, _since(log), log.whole, log.unread)
    found.sort(key=lambda message: (message.timestamp, message.receipt))
    shown = [traced(each.receipt, each, fate_of(each.receipt)) for each in found[-MOST_SHOWN:]]
    return Trace(shown, len(found) - len(shown), looked)


def look(log: Newest, wanted: Wanted, deadline: float) -> list[Message]:
    """Backwards until all is looked through that may belong to what was found, or until it is enough."""
    found: list[Message] = []
    while log.older and log.looked < MOST_LOOKED and time.monotonic() < deadline:
        found += filter(wanted, log.back(SLICE, deadline))
        since = log.since()
        if found and since is not None and since < min(each.timestamp for each in found) - APART_MS:
            break
    return found


def _since(log: Newest) -> str | None:
    since = log.since()
    return None if since is None else instant(since)
