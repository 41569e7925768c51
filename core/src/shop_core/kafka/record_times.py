"""When the record at a place of a topic came: for whoever tells how long the oldest has waited. Reads over a connection
of its own, which is made when first asked."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from shop_core.kafka.connection import KafkaConnection
from shop_core.kafka.fetching import Faults, consumer

CONNECT_MS = 4000
READ_SECONDS = 2.0


class RecordTimes:
    """For one thread. One batch of each place is read, whatever lies behind it."""

    def __init__(self, kafka: KafkaConnection, topic: str) -> None:
        self._kafka, self._topic = kafka, topic
        self._client: tuple[KafkaConsumer, Faults] | None = None

    def at(self, places: Mapping[int, int]) -> dict[int, float]:
        """By partition the time, in seconds since 1970, of the first committed record at or behind an offset. Left out
        is what can't be read there; `Unavailable` where Kafka does not answer."""
        if not places:
            return {}
        try:
            self._client = self._client or self._connect()
            return self._read(*self._client, places)
        except KafkaError as error:
            self.close()
            raise self._kafka.unavailable(type(error).__name__, "does not give a record's time") from error

    def _connect(self) -> tuple[KafkaConsumer, Faults]:
        # Of a batch that is larger Kafka sends the first all the same.
        options = {"client_id": "shop-times", "max_partition_fetch_bytes": 1, "auto_offset_reset": "earliest"}
        return consumer(self._kafka, bootstrap_timeout_ms=CONNECT_MS, **options)

    def _read(self, client: KafkaConsumer, faults: Faults, places: Mapping[int, int]) -> dict[int, float]:
        open_ = {TopicPartition(self._topic, partition): offset for partition, offset in places.items()}
        found: dict[int, float] = {}
        client.assign(list(open_))
        client.resume(*open_)
        for tp, offset in open_.items():
            client.seek(tp, offset)
        until = time.monotonic() + READ_SECONDS
        while len(found) < len(places) and time.monotonic() < until:
            for tp, records in client.poll(timeout_ms=200).items():
                found[tp.partition] = records[0].timestamp / 1000
                client.pause(tp)
            for tp in faults.taken():
                client.pause(tp)
        return found

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client[0].close(autocommit=False, timeout_ms=1000)
