"""The two Kafka producer clients by name: kafka-python, and confluent-kafka (the extra `native`).

Both place a key by murmur2, so that a service may change its client without moving an entity to another partition.
A client does not survive a fork.
"""

from __future__ import annotations

from typing import Protocol

from shop_core.kafka.confluent_producer import NativeClient, native_module
from shop_core.kafka.kafka_python_producer import PythonClient
from shop_core.kafka.producer_port import LINGER_MS, Client

__all__ = ["CLIENTS", "native_module"]


class ClientFactory(Protocol):
    """Connects a client, or raises `Unavailable`."""

    def __call__(self, bootstrap: str, ack_timeout: float, linger_ms: int = LINGER_MS) -> Client:
        """`ack_timeout` in seconds; `linger_ms` is how long a batch waits for more records."""


CLIENTS: dict[str, ClientFactory] = {"python": PythonClient, "native": NativeClient}
