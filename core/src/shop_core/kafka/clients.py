"""The two Kafka producer clients behind one small port: kafka-python, and confluent-kafka (the extra `native`).

Both place a key by murmur2, so that a service may change its client without moving an entity to another partition.
A client does not survive a fork.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from kafka import KafkaProducer
from kafka.errors import KafkaError

from shop_core.errors import ConfigError, Outage
from shop_core.events.envelope import Record
from shop_core.kafka import security

CLIENT_ID = "cm-server"
LINGER_MS = 5  # requests in flight together share a batch
CONNECT_SECONDS = 3.0
MAX_REQUEST_BYTES = 2 * 1024 * 1024
Acked = Callable[[str], None]
Failed = Callable[[BaseException], None]


class Client(Protocol):
    """A connected producer with acks=all and idempotence; each method raises `Outage` where the broker fails it."""

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        """Hand over `record`; later `acked(receipt)` or `failed(error)` is called once, from another thread."""

    def close(self, timeout: float) -> None:
        """Flush for at most `timeout` seconds, then close."""

    def abandon(self) -> None:
        """Close at once and drop what is not sent: it must not reach the log after a successor's events."""


class PythonClient:
    """kafka-python. Connects, or raises `Outage`."""

    def __init__(self, bootstrap: str, ack_timeout: float) -> None:
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap.split(","),
                client_id=CLIENT_ID,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=LINGER_MS,
                metrics_enabled=False,  # ours are in shop_core.telemetry
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                max_block_ms=int(ack_timeout * 500),
                request_timeout_ms=int(ack_timeout * 900),
                delivery_timeout_ms=int(ack_timeout * 1000),
                reconnect_backoff_max_ms=1000,
                max_request_size=MAX_REQUEST_BYTES,
                **security.options(),
            )
        except (KafkaError, OSError) as error:
            raise unreachable(error) from error

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        def succeeded(place: Any) -> None:
            acked(f"{place.topic}-{place.partition}-{place.offset}")

        try:
            # This client knows no header without a value: it sends an empty one.
            headers = [(name, value or b"") for name, value in headers_of(record)]
            future = self._producer.send(record.topic, key=record.key, value=record.value, headers=headers)
        except KafkaError as error:
            raise Outage(f"{type(error).__name__}: {error}") from error
        future.add_callback(succeeded).add_errback(failed)

    def close(self, timeout: float) -> None:
        with suppress(KafkaError):  # what could not be flushed was answered 503
            self._producer.close(timeout=timeout)

    def abandon(self) -> None:
        # The public `close` flushes first, which raises while anything is in flight, and leaves the sender running.
        self._producer._sender.force_close()
        with suppress(KafkaError):
            self._producer.close(timeout=0)


class NativeClient:
    """confluent-kafka (librdkafka): about half of the CPU time of an acked request. Connects, or raises `Outage`."""

    def __init__(self, bootstrap: str, ack_timeout: float) -> None:
        self._kafka = native_module()
        said: deque[str] = deque(maxlen=1)  # why there is no connection, which the exception leaves out

        def note(error: Any) -> None:
            if error.code() != self._kafka.KafkaError._ALL_BROKERS_DOWN:
                said.append(error.str())

        try:
            self._producer = self._kafka.Producer(native_options(bootstrap, ack_timeout) | {"error_cb": note})
            self._connect()
        except self._kafka.KafkaException as error:
            raise unreachable(said[0] if said else error.args[0].str()) from error
        self._done = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-acks", daemon=True)
        self._poller.start()

    def send(self, record: Record, acked: Acked, failed: Failed) -> None:
        def told(error: Any, message: Any) -> None:
            if error is not None:
                failed(self._kafka.KafkaException(error))
            else:
                acked(f"{message.topic()}-{message.partition()}-{message.offset()}")

        try:
            self._producer.produce(
                record.topic, key=record.key, value=record.value, headers=headers_of(record), on_delivery=told
            )
        except (self._kafka.KafkaException, BufferError) as error:
            raise Outage(f"{type(error).__name__}: {error}") from error

    def close(self, timeout: float) -> None:
        self._producer.flush(timeout)
        self._done.set()

    def abandon(self) -> None:
        self._producer.purge(in_queue=True, in_flight=True)
        self._done.set()

    def _connect(self) -> None:
        try:
            self._producer.list_topics(timeout=CONNECT_SECONDS)
        except self._kafka.KafkaException:
            self._producer.poll(0)  # lets it say why
            raise

    def _poll(self) -> None:
        while not self._done.is_set():
            self._producer.poll(0.1)


def headers_of(record: Record) -> list[tuple[str, bytes | None]]:
    """The headers with names that are UTF-8, as Kafka has them; what is not is escaped."""
    return [(name.encode(errors="backslashreplace").decode(), value) for name, value in record.headers]


def unreachable(said: object) -> Outage:
    """Why there is no connection, by the client's own words and what they leave out."""
    return Outage(f"it does not answer ({said}){security.doubt()}")


def native_options(bootstrap: str, ack_timeout: float) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "client.id": CLIENT_ID,
        "acks": "all",
        "enable.idempotence": True,
        "allow.auto.create.topics": False,
        "partitioner": "murmur2_random",
        "linger.ms": LINGER_MS,
        "request.timeout.ms": int(ack_timeout * 900),
        "message.timeout.ms": int(ack_timeout * 1000),
        "reconnect.backoff.max.ms": 1000,
        "message.max.bytes": MAX_REQUEST_BYTES,
        "log_level": 0,
    } | security.native_options()


def native_module() -> Any:
    """The confluent_kafka module, or a sentence that says how to get it."""
    try:
        import confluent_kafka  # an extra: only who chose it has it installed
    except ImportError:
        raise ConfigError(
            "KAFKA_CLIENT is native, but confluent-kafka is not installed: install it or choose python."
        ) from None
    return confluent_kafka


CLIENTS: dict[str, Callable[[str, float], Client]] = {"python": PythonClient, "native": NativeClient}
