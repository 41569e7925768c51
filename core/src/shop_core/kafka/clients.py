"""The two Kafka producer clients by name: kafka-python, and confluent-kafka (the extra `native`).

Both place a key by murmur2, so that a service may change its client without moving an entity to another partition.
A client does not survive a fork.
"""

from __future__ import annotations

from collections.abc import Callable

from shop_core.kafka.delivery import Client
from shop_core.kafka.native_client import NativeClient, native_module
from shop_core.kafka.python_client import PythonClient

__all__ = ["CLIENTS", "native_module"]
CLIENTS: dict[str, Callable[[str, float], Client]] = {"python": PythonClient, "native": NativeClient}
