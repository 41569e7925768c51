"""Where the log of a topic ends: asked over a connection of its own, by whoever has no consumer at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import consumer

ASK_MS = 4000


class Ends:
    """Connects when first asked. One caller at a time: the client is not made for several threads."""

    def __init__(self, kafka: KafkaConnection, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._lock = threading.Lock()
        self._client: KafkaConsumer | None = None

    def committed(self, partitions: Iterable[int]) -> dict[int, int]:
        """For each partition the offset after its last committed record; `Unavailable` where Kafka does not tell it."""
        wanted = [TopicPartition(self._topic, partition) for partition in partitions]
        if not wanted:
            return {}
        with self._lock:
            try:
                if self._client is None:
                    self._client, _ = consumer(self._kafka, client_id="shop-ends", bootstrap_timeout_ms=ASK_MS)
                ends = self._client.end_offsets(wanted, timeout_ms=ASK_MS)
            except KafkaError as error:
                self._drop()
                raise self._kafka.unavailable(type(error).__name__, "does not tell its offsets") from error
        return {tp.partition: end for tp, end in ends.items()}

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close(autocommit=False, timeout_ms=1000)
