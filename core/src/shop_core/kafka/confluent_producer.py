"""confluent-kafka (librdkafka), the extra `native`: about half of the CPU time of an acked request."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from shop_core.errors import ConfigError, RecordRefused, ShopError, Unavailable
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
    Unwritten,
    headers_of,
    unreachable,
)
from shop_core.kafka.refusals import NOT_THERE, REFUSALS, refusal

# What the client finds out by itself, as the broker would say it.
OWN_CODES = {"_UNKNOWN_TOPIC": NOT_THERE, "_UNKNOWN_PARTITION": NOT_THERE}


class NativeClient:
    """Connects, or raises `Unavailable`."""

    def __init__(self, kafka: KafkaConnection, ack_timeout: float) -> None:
        self._module = native_module()
        said: deque[str] = deque(maxlen=1)  # why there is no connection, which the exception leaves out

        def note(error: Any) -> None:
            if error.code() != self._module.KafkaError._ALL_BROKERS_DOWN:
                said.append(error.str())

        try:
            self._producer = self._module.Producer(native_options(kafka, ack_timeout) | {"error_cb": note})
            self._connect()
        except self._module.KafkaException as error:
            raise unreachable(kafka, said[0] if said else error.args[0].str()) from error
        self._done = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-acks", daemon=True)
        self._poller.start()

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        def told(error: Any, message: Any) -> None:
            if error is not None:
                failed(in_company(verdict(record.topic, error)))
            else:
                acked(str(Receipt(message.topic(), message.partition(), message.offset())))

        chosen = {} if record.partition is None else {"partition": record.partition}
        try:
            self._producer.produce(
                record.topic, key=record.key, value=record.value, headers=headers_of(record), on_delivery=told, **chosen
            )
        except BufferError as error:
            raise Unavailable(f"the client's queue is full ({error})") from error
        except self._module.KafkaException as error:
            raise verdict(record.topic, error.args[0]) from error

    def partitions(self, topics: Sequence[str], timeout: float) -> dict[str, int]:
        counts = {}
        for topic in topics:
            try:
                found = self._producer.list_topics(topic, timeout=timeout / len(topics)).topics[topic]
            except self._module.KafkaException as error:
                raise verdict(topic, error.args[0]) from error
            if found.error is not None:
                raise verdict(topic, found.error)
            counts[topic] = len(found.partitions)
        return counts

    def close(self, timeout: float) -> None:
        self._producer.flush(timeout)
        self._done.set()

    def abandon(self) -> None:
        self._producer.purge(in_queue=True, in_flight=True)
        self._done.set()

    def _connect(self) -> None:
        try:
            self._producer.list_topics(timeout=CONNECT_SECONDS)
        except self._module.KafkaException:
            self._producer.poll(0)  # lets it say why
            raise

    def _poll(self) -> None:
        while not self._done.is_set():
            self._producer.poll(0.1)
        self._producer.poll(0)  # what was purged is told as well


def verdict(topic: str, error: Any) -> ShopError:
    """What librdkafka's `error` means for a record of `topic`."""
    name = error.name()
    if name == "_INVALID_DIFFERENT_RECORD":
        return Unwritten(Unavailable(f"a record of the same batch was refused ({error.str()})"))
    if name == "_QUEUE_FULL":
        return Unavailable(f"the client's queue is full ({error.str()})")
    code = OWN_CODES.get(name, error.code())
    return refusal(topic, code) if code in REFUSALS else NoAck(f"{name}: {error.str()}")


def in_company(error: ShopError) -> ShopError:
    """The broker takes or refuses a batch, of which this client does not tell the guilty from the rest."""
    return Unwritten(error) if isinstance(error, RecordRefused) else error


def native_options(kafka: KafkaConnection, ack_timeout: float) -> dict[str, Any]:
    return {
        "client.id": CLIENT_ID,
        "acks": "all",
        "enable.idempotence": True,
        "allow.auto.create.topics": False,
        "partitioner": "murmur2_random",
        # A broker takes a connection's requests one by one: what waits here for its turn shares a batch meanwhile.
        "linger.ms": 0,
        "max.in.flight.requests.per.connection": 1,
        "request.timeout.ms": int(ack_timeout * 900),
        "message.timeout.ms": int(ack_timeout * 1000),
        "topic.metadata.propagation.max.ms": int(MISSING_AFTER_SECONDS * 1000),
        "reconnect.backoff.max.ms": 1000,
        "message.max.bytes": MAX_REQUEST_BYTES,
        "log_level": 0,
    } | kafka.native_options()


def native_module() -> Any:
    """The confluent_kafka module, or a sentence that says how to get it."""
    try:
        import confluent_kafka  # an extra: only who chose it has it installed
    except ImportError:
        raise ConfigError(
            "KAFKA_CLIENT is native, but confluent-kafka is not installed: install it or choose python."
        ) from None
    return confluent_kafka
