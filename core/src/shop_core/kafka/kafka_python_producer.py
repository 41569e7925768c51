"""kafka-python as a producer, and what it needs so that a record that is refused stays the only one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer, errors
from kafka.errors import KafkaError

from shop_core.errors import ShopError, Unavailable
from shop_core.events.envelope import Record
from shop_core.events.receipts import Receipt
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.producer_port import (
    CLIENT_ID,
    CONNECT_SECONDS,
    MAX_REQUEST_BYTES,
    MISSING_AFTER_SECONDS,
    Acked,
    Failed,
    NoAck,
    NotYetKnown,
    Unwritten,
    headers_of,
    unreachable,
)
from shop_core.kafka.refusals import NOT_THERE, REFUSALS, refusal
from shop_core.kafka.topics import topic_ids

ASK_MS = 1500


class PythonClient:
    """Connects, or raises `Unavailable`."""

    def __init__(self, kafka: KafkaConnection, ack_timeout: float) -> None:
        try:
            self._producer = KafkaProducer(
                client_id=CLIENT_ID,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=0,  # while a partition's batch is in flight, its next one gathers
                metrics_enabled=False,  # ours are in shop_core.telemetry
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                max_block_ms=int(MISSING_AFTER_SECONDS * 1000),
                request_timeout_ms=int(ack_timeout * 900),
                delivery_timeout_ms=int(ack_timeout * 1000),
                reconnect_backoff_max_ms=1000,
                max_request_size=MAX_REQUEST_BYTES,
                **kafka.options(),
            )
        except (KafkaError, OSError) as error:
            raise unreachable(kafka, error) from error
        self._kafka = kafka
        spare_the_others(self._producer)
        self._missing = _Missing()

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        def succeeded(place: Any) -> None:
            acked(str(Receipt(place.topic, place.partition, place.offset)))

        # What this client knows no null of is sent empty: a header's value, and the value where there is no key.
        headers = [(name, value or b"") for name, value in headers_of(record)]
        value = b"" if record.key is None and record.value is None else record.value
        future = self._hand_over(record.topic, value, record.key, headers, record.partition)
        future.add_callback(succeeded).add_errback(lambda error: failed(verdict(record.topic, error)))

    def partitions(self, topics: Sequence[str], timeout: float) -> dict[str, int]:
        deadline = time.monotonic() + timeout
        for topic in topics:
            try:
                self._producer.partitions_for(topic)  # from then on, the client's questions are about this one as well
            except KafkaError as error:
                raise verdict(topic, error) from error
        # A question that is on its way was put before this one; what it is told may be older.
        for _ in range(2):
            told = threading.Event()
            self._producer._metadata.request_update().add_both(lambda *_, told=told: told.set())
            if not told.wait(max(0.0, deadline - time.monotonic())):
                raise NoAck(f"no metadata of {topics} from Kafka in time")
        return {topic: len(self._producer._metadata.partitions_for_topic(topic) or ()) for topic in topics}

    def close(self, timeout: float) -> None:
        with suppress(KafkaError):  # what could not be flushed was answered 503
            self._producer.close(timeout=timeout)

    def abandon(self) -> None:
        # The public `close` flushes first, which raises while anything is in flight, and leaves the sender running.
        self._producer._sender.force_close()
        with suppress(KafkaError):
            self._producer.close(timeout=0)

    def _hand_over(self, topic: str, value: Any, key: Any, headers: Any, partition: int | None) -> Any:
        """The client's `send`, which waits in the caller's thread for a topic that it does not know."""
        if self._missing.is_known_to_be(topic):
            raise refusal(topic, NOT_THERE)
        metadata = self._producer._metadata
        try:
            future = self._producer.send(topic, value, key, headers, partition)
        except errors.KafkaTimeoutError as error:
            # The client asks ten times a second for a topic once it was named, as long as it lives.
            metadata._manager.call_soon(metadata._topics.discard, topic)
            # A slow answer is not a missing topic: only what the broker itself does not know is told as missing.
            if topic_ids(self._kafka, [topic], ASK_MS):
                raise NotYetKnown(Unavailable(f"no metadata of {topic} from Kafka in time")) from error
            self._missing.note(topic)
            raise refusal(topic, NOT_THERE) from error
        except KafkaError as error:
            raise verdict(topic, error) from error
        except ValueError as error:
            if partition is None:
                raise
            raise refusal(topic, NOT_THERE) from error  # it knows the topic, and that the topic has no such partition
        self._missing.forget(topic)
        return future


class _Missing:
    """The topics that were missing a moment ago: one caller at a time waits to see whether one is there now."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, topic: str) -> None:
        with self._lock:
            self._until[topic] = time.monotonic() + MISSING_AFTER_SECONDS

    def forget(self, topic: str) -> None:
        if topic in self._until:
            with self._lock:
                self._until.pop(topic, None)

    def is_known_to_be(self, topic: str) -> bool:
        """Whether to refuse at once; the one who is told no asks for all, who are refused meanwhile."""
        if topic not in self._until:
            return False
        with self._lock:
            now = time.monotonic()
            if self._until.get(topic, 0.0) > now:
                return True
            self._until[topic] = now + MISSING_AFTER_SECONDS
            return False


def verdict(topic: str, error: BaseException) -> ShopError:
    """What kafka-python's `error` means for a record of `topic`."""
    if type(error) is KafkaError and "part of a batch" in str(error):  # a neighbour of the bad record
        return Unwritten(Unavailable(str(error)))
    if not _refuses(error):
        return NoAck(f"{type(error).__name__}: {error}")
    found = refusal(topic, error.errno)  # type: ignore[attr-defined]
    return NotYetKnown(found) if isinstance(error, errors.UnknownTopicOrPartitionError) else found


def _refuses(error: Any) -> bool:
    """Whether this error, or kind of errors, is what a broker says before it writes anything of a batch."""
    return getattr(error, "errno", None) in REFUSALS


def spare_the_others(producer: Any) -> None:
    """Let a refused batch fail alone, as it does in other clients.

    As it comes, an idempotent kafka-python takes any refusal for fatal, and fails everything from then on. A batch
    whose topic is gone it keeps until it expires, and then resets its producer id, which loses what it drained for
    other partitions in that round. Partitions have one batch in flight each, so that a batch that was not written can
    give its sequence numbers back.
    """
    manager, sender = producer._transaction_manager, producer._sender
    classify, may_retry = manager.classify_batch_error, sender._can_retry

    def classify_refused(error: Any, batch: Any, log_start_offset: int = -1) -> Any:
        if not _refuses(error):
            return classify(error, batch, log_start_offset=log_start_offset)
        if manager.producer_id_and_epoch.match(batch):
            manager.set_sequence_number(batch.topic_partition, batch.base_sequence)
        return manager.ERROR_CLASS_RETRIABLE  # by now it means: fail this batch, change nothing else

    manager.classify_batch_error = classify_refused
    sender._can_retry = lambda batch, kind: not _refuses(kind) and may_retry(batch, kind)
