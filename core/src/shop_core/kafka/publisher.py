"""Events out: a publish returns only after the broker's ack (acks=all, idempotent), or raises within its time limit.

The client has no memory bound of its own, so the sends in flight are bounded here; when the broker stalls, new sends
are refused at once while half of the threads still wait, so that a dead broker never takes every request thread.
A client that let an ack time out is thrown away and made anew: after an expired idempotent batch it may stay silent.
A Kafka client does not survive a fork: make one publisher in each worker, after the fork.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from shop_core.errors import ConfigError, Outage
from shop_core.events.envelope import Record
from shop_core.kafka.clients import CLIENTS, Client
from shop_core.telemetry import metrics

log = logging.getLogger(__name__)
STALLED_AFTER = 0.5


class Publisher(Protocol):
    """The port by which services publish; `shop_core.testing.MemoryPublisher` is its fake."""

    def publish(self, records: Sequence[Record]) -> list[str]:
        """The receipts of `records`, all acked; raises `Outage` when any of them is not known to be in the log."""

    def check(self) -> None:
        """Raise `Outage` when the broker can't be reached."""

    def close(self) -> None:
        """Flush and close within the ack timeout."""


@dataclass
class _Link:
    """One Kafka client and what is in flight on it; late acks of a link that was given up change nothing."""

    client: Client
    in_flight: int = 0
    progress: float = field(default_factory=time.monotonic)

    @property
    def stalled(self) -> bool:
        return self.in_flight > 0 and time.monotonic() - self.progress > STALLED_AFTER


class KafkaPublisher:
    """`Publisher` on Kafka. `ack_timeout` in seconds; `max_in_flight` in records; `waiting` in callers; `client` is a
    name in `CLIENTS`."""

    def __init__(
        self,
        bootstrap: str,
        *,
        ack_timeout: float = 4.0,
        max_in_flight: int = 4096,
        waiting: int = 8,
        client: str = "python",
    ) -> None:
        self._make_client = CLIENTS[client]
        self._bootstrap = bootstrap
        self._ack_timeout = ack_timeout
        self._max_in_flight = max_in_flight
        self._waiting = waiting
        self._lock = threading.Lock()
        self._callers = 0
        self._link: _Link | None = None
        self._closing = threading.Event()
        self._connected = threading.Event()
        self._reconnect()

    def connected(self, timeout: float) -> bool:
        """Whether the first connection was made, waiting at most `timeout` seconds for it."""
        return self._connected.wait(timeout)

    def publish(self, records: Sequence[Record]) -> list[str]:
        link = self._admit(len(records))
        batch = _Batch(self._lock, link, len(records))
        topic = records[0].topic
        try:
            for record in records:
                batch.send(record)
            receipts = batch.wait(self._ack_timeout)
        except Outage as error:
            metrics.PRODUCE_ACKS.labels(topic, "failed").inc(len(records))
            self._give_up(link)
            raise Outage(f"Kafka did not take the event ({error})") from error
        finally:
            with self._lock:
                self._callers -= 1
                metrics.IN_FLIGHT.set(link.in_flight)
            metrics.PRODUCE_SECONDS.labels(topic).observe(time.monotonic() - batch.started)
        metrics.PRODUCE_ACKS.labels(topic, "acked").inc(len(records))
        return receipts

    def check(self) -> None:
        link = self._link
        if link is None or link.stalled:
            raise Outage(f"no answer from Kafka at {self._bootstrap}")
        for address in self._bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            with suppress(OSError):
                socket.create_connection((host, int(port)), timeout=0.5).close()
                return
        raise Outage(f"no connection to Kafka at {self._bootstrap}")

    def close(self) -> None:
        self._closing.set()
        if self._link is not None:
            self._link.client.close(self._ack_timeout)

    def _admit(self, count: int) -> _Link:
        """The link to send on, with `count` records added to what is in flight; `Outage` where that can't be."""
        with self._lock:
            link = self._link
            full = link is None or link.in_flight + count > self._max_in_flight
            if link is None or full or (link.stalled and self._callers >= self._waiting):
                metrics.PRODUCE_ACKS.labels("-", "refused").inc(count)
                raise Outage("not connected to Kafka" if link is None else "Kafka is not acknowledging events")
            if link.in_flight == 0:
                link.progress = time.monotonic()
            link.in_flight += count
            self._callers += 1
        return link

    def _give_up(self, link: _Link) -> None:
        """Drop a client that failed to deliver, unless another caller did so already, and connect anew."""
        with self._lock:
            if self._link is not link:
                return
            self._link = None
        log.warning("kafka_link_dropped", extra={"servers": self._bootstrap, "in_flight": link.in_flight})
        self._reconnect(link)

    def _reconnect(self, dropped: _Link | None = None) -> None:
        threading.Thread(target=self._connect, args=(dropped,), name="kafka-connect", daemon=True).start()

    def _connect(self, dropped: _Link | None) -> None:
        """Connect in the background, so that the service starts, and says what is missing, without a broker."""
        if dropped is not None:
            dropped.client.abandon()
        while not self._closing.is_set():
            try:
                self._link = _Link(self._make_client(self._bootstrap, self._ack_timeout))
                self._connected.set()
                return
            # A file that is away, as while a Secret is swapped, is waited for like the broker.
            except (Outage, ConfigError) as error:
                log.warning("kafka_unreachable", extra={"servers": self._bootstrap, "error": str(error)})
                self._closing.wait(0.5)


class _Batch:
    """The acks of one publish, gathered from the client's network thread."""

    def __init__(self, lock: threading.Lock, link: _Link, count: int) -> None:
        self.started = time.monotonic()
        self._lock = lock
        self._link = link
        self._sent = 0
        self._receipts: list[str | None] = [None] * count
        self._left = count
        self._error: BaseException | None = None
        self._done = threading.Event()

    def send(self, record: Record) -> None:
        self._link.client.send(record, partial(self._acked, self._sent), self._failed)
        self._sent += 1

    def wait(self, timeout: float) -> list[str]:
        if not self._done.wait(timeout):
            raise Outage("no ack in time")
        if self._error is not None:
            raise Outage(type(self._error).__name__) from self._error
        return [receipt for receipt in self._receipts if receipt is not None]

    def _acked(self, index: int, receipt: str) -> None:
        self._receipts[index] = receipt
        self._settle()

    def _failed(self, error: BaseException) -> None:
        self._error = error
        self._settle()

    def _settle(self) -> None:
        with self._lock:
            self._link.in_flight -= 1
            self._link.progress = time.monotonic()
            self._left -= 1
            left = self._left
        if left == 0:
            self._done.set()
