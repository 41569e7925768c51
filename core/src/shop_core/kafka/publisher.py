"""Events out: a publish returns only after the broker's ack (acks=all, idempotent), or raises within its time limit.

The client has no memory bound of its own, so the sends in flight are bounded here; when the broker stalls, new sends
are refused at once while half of the threads still wait, so that a dead broker never takes every request thread.
A client that let an ack time out is replaced: after an expired idempotent batch it may stay silent. What else fails
concerns one record or topic, and is told to its sender alone.
A Kafka client does not survive a fork: make one publisher in each worker, after the fork.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import Protocol

from shop_core.errors import Refused, ShopError, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.producer_port import Client, NoAck, is_topic
from shop_core.kafka.producers import CLIENTS
from shop_core.kafka.publish_batch import Aside, Batch, Link, Outcome
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
RECONNECT_SECONDS = 0.2  # for so long a new send waits for the successor of a client that was dropped
METADATA_SECONDS = 1.0
REPLACE_EVERY_SECONDS = 10.0  # a client that answers others


class Publisher(Protocol):
    """The port by which services publish; `shop_core.testing.MemoryPublisher` is its fake."""

    def publish(self, records: Sequence[Record]) -> list[str]:
        """The receipts of `records`, all acked. Raises `Refused` where Kafka would refuse one of them again, else
        `Unavailable` when one of them is not known to be in the log; the others may be there."""

    def publish_each(self, records: Sequence[Record]) -> list[Outcome]:
        """For each record its receipt, or the `Refused` or `Unavailable` that befell it alone. Raises `Unavailable`
        only where nothing was sent at all."""

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has now, those that were added a moment ago too. `ShopError` where Kafka does
        not say it."""

    def check(self) -> None:
        """Raise `Unavailable` when the broker can't be reached."""

    def close(self) -> None:
        """Flush and close within the ack timeout."""


class KafkaPublisher:
    """`Publisher` on Kafka. `ack_timeout` in seconds; `max_in_flight` in records; `waiting` in callers; `client` is a
    name in `CLIENTS`; who waits for a broker that stalls does so in `aside`, so that others get their answer."""

    def __init__(
        self,
        kafka: KafkaConnection,
        *,
        ack_timeout: float = 4.0,
        max_in_flight: int = 4096,
        waiting: int = 8,
        client: str = "python",
        aside: Aside = nullcontext,
    ) -> None:
        self._make_client = CLIENTS[client]
        self._kafka = kafka
        self._ack_timeout = ack_timeout
        self._max_in_flight = max_in_flight
        self._waiting = waiting
        self._aside = aside
        self._lock = threading.Condition(threading.Lock())
        self._callers = 0
        self._link: Link | None = None
        self._linked_until = float("-inf")
        self._replaced_at = float("-inf")
        self._closing = threading.Event()
        self._connected = threading.Event()
        threading.Thread(target=self._connect, name="kafka-connect", daemon=True).start()

    def connected(self, timeout: float) -> bool:
        """Whether the first connection was made, waiting at most `timeout` seconds for it."""
        return self._connected.wait(timeout)

    @property
    def in_flight(self) -> int:
        """Records that were handed to the client and of which nothing is known yet."""
        link = self._link
        return link.in_flight if link is not None else 0

    def publish(self, records: Sequence[Record]) -> list[str]:
        return receipts_of(self.publish_each(records))

    def publish_each(self, records: Sequence[Record]) -> list[Outcome]:
        if not records:
            return []
        link = self._admit(len(records))
        batch = Batch(self._lock, link, records)
        try:
            outcomes = batch.deliver(self._ack_timeout, self._aside)
        finally:
            batch.release()
            with self._lock:
                self._callers -= 1
            metrics.IN_FLIGHT.set(self.in_flight)
            metrics.PRODUCE_SECONDS.labels(label_of(records[0].topic)).observe(time.monotonic() - batch.started)
        account(records, outcomes)
        if any(isinstance(outcome, NoAck) for outcome in outcomes):
            self._give_up(link)
        return outcomes

    def partitions(self, topics: Sequence[str]) -> dict[str, int]:
        link = self._link
        if link is None or link.stalled:
            raise Unavailable("not connected to Kafka")
        found = link.client.partitions(topics, METADATA_SECONDS)
        if unknown := [topic for topic, count in found.items() if count < 1]:
            raise Unavailable(f"Kafka says nothing of the partitions of {unknown}")
        return found

    def check(self) -> None:
        link = self._link
        if link is None or link.stalled:
            raise Unavailable(f"no answer from Kafka at {self._kafka}")
        for address in self._kafka.addresses:
            host, _, port = address.rpartition(":")
            with suppress(OSError):
                socket.create_connection((host, int(port)), timeout=0.5).close()
                return
        raise Unavailable(f"no connection to Kafka at {self._kafka}")

    def close(self) -> None:
        self._closing.set()
        if self._link is not None:
            self._link.close(self._ack_timeout)

    def _admit(self, count: int) -> Link:
        """The link to send on, with `count` records added to what is in flight; `Unavailable` where that can't be."""
        with self._lock:
            self._callers += 1
            link = self._find_link()
            full = link is None or link.in_flight + count > self._max_in_flight
            if link is None or full or (link.stalled and self._callers > self._waiting):
                self._callers -= 1
                metrics.PRODUCE_ACKS.labels("-", "refused").inc(count)
                raise Unavailable("not connected to Kafka" if link is None else "Kafka is not acknowledging events")
            link.open(count)
        return link

    def _find_link(self) -> Link | None:
        """The link; a few callers wait a moment for one where the last was dropped just now. Needs the lock."""
        if self._link is None and self._callers <= self._waiting:
            patience = self._linked_until + RECONNECT_SECONDS - time.monotonic()
            self._lock.wait_for(lambda: self._link is not None or self._closing.is_set(), max(0.0, patience))
        return self._link

    def _give_up(self, link: Link) -> None:
        """Replace a client that left an ack out, unless another caller did so already.

        Where it acks others meanwhile the broker is there: then it serves on until its successor is connected.
        """
        now = time.monotonic()
        with self._lock:
            serves = now - link.acked < self._ack_timeout / 2
            if self._link is not link or (serves and now - self._replaced_at < REPLACE_EVERY_SECONDS):
                return
            self._replaced_at = now
            if not serves:
                self._link, self._linked_until = None, now
        log.warning("kafka_link_dropped", extra={"servers": str(self._kafka), "in_flight": link.in_flight})
        threading.Thread(target=self._replace, args=(link,), name="kafka-connect", daemon=True).start()

    def _replace(self, link: Link) -> None:
        """Connect anew, then let those who still wait on `link` have what is left of their time."""
        until = time.monotonic() + self._ack_timeout
        self._connect()
        with self._lock:
            self._lock.wait_for(lambda: link.in_flight == 0, max(0.0, until - time.monotonic()))
        link.abandon()

    def _client(self) -> Client:
        return self._make_client(self._kafka, self._ack_timeout)

    def _connect(self) -> None:
        """Connect in the background, so that the service starts, and says what is missing, without a broker."""
        while not self._closing.is_set():
            try:
                link = Link(self._client(), self._client)
            # A file that is away, as while a Secret is swapped, is waited for like the broker.
            except Exception as error:
                log.warning("kafka_unreachable", extra={"servers": str(self._kafka), "error": str(error)})
                self._closing.wait(0.5)
                continue
            with self._lock:
                self._link = link
                self._lock.notify_all()
            self._connected.set()
            return


def receipts_of(outcomes: Sequence[Outcome]) -> list[str]:
    """The receipts, where each outcome is one; else the error that a caller should know first."""
    faults = [outcome for outcome in outcomes if isinstance(outcome, ShopError)]
    for fault in sorted(faults, key=lambda fault: not isinstance(fault, Refused)):
        if isinstance(fault, Unavailable):
            raise Unavailable(f"Kafka did not take the event ({fault})") from fault
        raise fault
    return [outcome for outcome in outcomes if isinstance(outcome, str)]


def label_of(topic: object) -> str:
    """A topic as a metric's label: what can't be one would break the exposition of all metrics."""
    return topic if isinstance(topic, str) and is_topic(topic) else "-"


def account(records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
    """Count what became of the records, and say once what was refused and why."""
    acked = Counter(record.topic for record, outcome in zip(records, outcomes, strict=True) if type(outcome) is str)
    for topic, count in acked.items():
        metrics.PRODUCE_ACKS.labels(topic, "acked").inc(count)
    if len(records) == sum(acked.values()):
        return
    told: set[tuple[str, str]] = set()
    for record, outcome in zip(records, outcomes, strict=True):
        if isinstance(outcome, Refused):
            metrics.PRODUCE_ACKS.labels(label_of(record.topic), "rejected").inc()
            told.add((outcome.topic, outcome.cause))
        elif isinstance(outcome, Unavailable):
            metrics.PRODUCE_ACKS.labels(label_of(record.topic), "failed").inc()
    for topic, cause in sorted(told):
        log.error("record_refused", extra={"topic": topic, "error": cause})
