"""Events out: a publish returns only after the broker's ack (acks=all, idempotent), or raises within its time limit.

The client has no memory bound of its own, so the sends in flight are bounded here; when the broker stalls, new sends
are refused at once while half of the bound still waits, so that a dead broker never takes every request thread.
A Kafka client does not survive a fork: make one publisher in each worker, after the fork.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from shop_core.errors import Outage
from shop_core.events.envelope import Record
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


class KafkaPublisher:
    """`Publisher` on kafka-python. `ack_timeout` in seconds; `max_in_flight` in records."""

    def __init__(
        self, bootstrap: str, *, ack_timeout: float = 4.0, max_in_flight: int = 4096, waiting: int = 8
    ) -> None:
        self._bootstrap = bootstrap
        self._ack_timeout = ack_timeout
        self._max_in_flight = max_in_flight
        self._waiting = waiting
        self._lock = threading.Lock()
        self._in_flight = 0
        self._callers = 0
        self._progress = time.monotonic()
        self._producer: KafkaProducer | None = None
        self._closing = threading.Event()
        self._connected = threading.Event()
        threading.Thread(target=self._connect, name="kafka-connect", daemon=True).start()

    def connected(self, timeout: float) -> bool:
        """Whether the first connection was made, waiting at most `timeout` seconds for it."""
        return self._connected.wait(timeout)

    def publish(self, records: Sequence[Record]) -> list[str]:
        producer = self._admit(len(records))
        batch = _Batch(self, len(records))
        sent = 0
        try:
            for index, record in enumerate(records):
                future = producer.send(record.topic, key=record.key, value=record.value, headers=list(record.headers))
                sent += 1
                future.add_callback(batch.acked, index).add_errback(batch.failed, index)
            receipts = batch.wait(self._ack_timeout)
            metrics.PRODUCE_ACKS.labels(records[0].topic, "acked").inc(len(records))
            return receipts
        except (KafkaError, Outage) as error:
            metrics.PRODUCE_ACKS.labels(records[0].topic, "failed").inc(len(records))
            if isinstance(error, Outage):
                raise
            raise Outage(f"Kafka did not take the event ({type(error).__name__})") from error
        finally:
            self._leave(len(records) - sent)
            metrics.PRODUCE_SECONDS.labels(records[0].topic).observe(time.monotonic() - batch.started)

    def check(self) -> None:
        if self._producer is None or self._stalled():
            raise Outage(f"no answer from Kafka at {self._bootstrap}")
        for address in self._bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                socket.create_connection((host, int(port)), timeout=0.5).close()
                return
            except OSError:
                continue
        raise Outage(f"no connection to Kafka at {self._bootstrap}")

    def close(self) -> None:
        self._closing.set()
        if self._producer is not None:
            self._producer.close(timeout=self._ack_timeout)

    def settle(self, acked: bool) -> None:
        """One record in flight came to its end, from the client's network thread."""
        with self._lock:
            self._in_flight -= 1
            if acked:
                self._progress = time.monotonic()

    def _admit(self, count: int) -> KafkaProducer:
        with self._lock:
            producer = self._producer
            if self._in_flight == 0 and self._callers == 0:
                self._progress = time.monotonic()
            full = self._in_flight + count > self._max_in_flight
            if producer is None or full or (self._stalled() and self._callers >= self._waiting):
                refusal = "not connected to Kafka yet" if producer is None else "Kafka is not acknowledging events"
                metrics.PRODUCE_ACKS.labels("-", "refused").inc(count)
                raise Outage(refusal)
            self._in_flight += count
            self._callers += 1
        return producer

    def _leave(self, unsent: int) -> None:
        with self._lock:
            self._callers -= 1
            self._in_flight -= unsent
            metrics.IN_FLIGHT.set(self._in_flight)

    def _stalled(self) -> bool:
        return self._in_flight > 0 and time.monotonic() - self._progress > STALLED_AFTER

    def _connect(self) -> None:
        """Connect in the background, so that the service starts, and says what is missing, without a broker."""
        while not self._closing.is_set():
            try:
                self._producer = KafkaProducer(
                    bootstrap_servers=self._bootstrap.split(","),
                    client_id="cm-server",
                    acks="all",
                    enable_idempotence=True,
                    allow_auto_create_topics=False,
                    linger_ms=5,  # requests in flight together share a batch
                    metrics_enabled=False,  # ours are in shop_core.telemetry
                    bootstrap_timeout_ms=3000,
                    max_block_ms=int(self._ack_timeout * 500),
                    request_timeout_ms=int(self._ack_timeout * 900),
                    delivery_timeout_ms=int(self._ack_timeout * 1000),
                    reconnect_backoff_max_ms=1000,
                    max_request_size=2 * 1024 * 1024,
                )
                self._connected.set()
                return
            except (KafkaError, OSError) as error:
                log.warning("kafka_unreachable", extra={"servers": self._bootstrap, "error": str(error)})
                self._closing.wait(1.0)


class _Batch:
    """The acks of one publish, gathered from the client's network thread."""

    def __init__(self, publisher: KafkaPublisher, count: int) -> None:
        self.started = time.monotonic()
        self._publisher = publisher
        self._receipts: list[str | None] = [None] * count
        self._left = count
        self._error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def acked(self, index: int, metadata: Any) -> None:
        self._receipts[index] = f"{metadata.topic}-{metadata.partition}-{metadata.offset}"
        self._settle(True)

    def failed(self, index: int, error: BaseException) -> None:
        self._error = error
        self._settle(False)

    def wait(self, timeout: float) -> list[str]:
        if not self._done.acquire(timeout=timeout):
            raise Outage("Kafka did not acknowledge the event in time")
        if self._error is not None:
            raise Outage(f"Kafka did not take the event ({type(self._error).__name__})") from self._error
        return [receipt for receipt in self._receipts if receipt is not None]

    def _settle(self, acked: bool) -> None:
        self._publisher.settle(acked)
        self._left -= 1  # only the client's one network thread comes here
        if self._left == 0:
            self._done.release()
