"""The two Kafka producer clients by name: kafka-python, and confluent-kafka (the extra `native`); `auto` is the second
where it is installed.

Both place a key by murmur2, so that a service may change its client without moving an entity to another partition.
A client does not survive a fork.
"""

from __future__ import annotations

from typing import Protocol

from shop_core.errors import ConfigError
from shop_core.kafka.confluent_producer import NativeClient, native_module
from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.kafka_python_producer import PythonClient
from shop_core.kafka.producer_port import Client

AUTO = "auto"


class ClientFactory(Protocol):
    """Connects a client, or raises `Unavailable`."""

    def __call__(self, kafka: KafkaConnection, ack_timeout: float) -> Client:
        """`ack_timeout` in seconds."""


CLIENTS: dict[str, ClientFactory] = {"python": PythonClient, "native": NativeClient}


def choose(name: str) -> str:
    """The name in `CLIENTS` that `name` or `auto` stands for here; `ConfigError` where that one is not installed."""
    if name == "native":
        native_module()
    if name != AUTO:
        return name
    try:
        native_module()
    except ConfigError:
        return "python"
    return "native"
