"""librdkafka, by confluent-kafka, that puts records into a topic with any codec and in any transaction."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from shop_arrivals.acks import Acks
from shop_arrivals.draws import Codec, State
from shop_arrivals.records import Foreign

ACK_SECONDS = 30.0
LARGEST = 200_000_000


class Librdkafka:
    """confluent-kafka, one producer for each codec and state."""

    def __init__(self, bootstrap: str, run: str, acks: Acks) -> None:
        self._bootstrap, self._run, self._acks = bootstrap, run, acks
        self._producers: dict[tuple[Codec, State], Any] = {}
        self._begun: set[tuple[Codec, State]] = set()

    def send(self, record: Foreign) -> None:
        way = (record.draw.codec, record.draw.state)
        producer = self._producers.get(way) or self._made(way)
        if way[1] is not State.NONE and way not in self._begun:
            producer.begin_transaction()
            self._begun.add(way)

        def told(error: KafkaError | None, message: Any) -> None:
            if error is None:
                self._acks.places[record.number] = (message.partition(), message.offset())
            else:
                self._acks.refused[record.number] = error.name()

        producer.produce(
            record.draw.domain.topic, partition=record.draw.partition, key=record.key, value=record.value,
            headers=list(record.headers), timestamp=record.timestamp or 0, on_delivery=told,
        )  # fmt: skip

    def end(self) -> None:
        for way, producer in self._producers.items():
            assert producer.flush(ACK_SECONDS) == 0, f"{way} is not acked"
            if way in self._begun and way[1] is not State.OPEN:
                self._finish(way, commit=way[1] is State.COMMITTED)

    def release(self) -> None:
        for way in list(self._begun):
            self._finish(way, commit=False)

    def close(self) -> None:
        self.release()
        self._producers.clear()

    def _made(self, way: tuple[Codec, State]) -> Any:
        codec, state = way
        options: dict[str, Any] = {
            "bootstrap.servers": self._bootstrap,
            "compression.type": codec.value,
            "message.max.bytes": LARGEST,
            "linger.ms": 20,
            "log_level": 0,
        }
        if state is not State.NONE:
            options["transactional.id"] = f"c-{self._run}-{codec}-{state}"
        producer = self._producers[way] = Producer(options)
        if state is not State.NONE:
            producer.init_transactions(ACK_SECONDS)
        return producer

    def _finish(self, way: tuple[Codec, State], *, commit: bool) -> None:
        self._begun.discard(way)
        producer = self._producers[way]
        if commit:
            try:
                producer.commit_transaction(ACK_SECONDS)
                return
            except KafkaException as error:
                # A record that the broker refused: what was sent beside it is aborted, as the protocol wants it.
                assert error.args[0].txn_requires_abort(), error
        producer.abort_transaction(ACK_SECONDS)
