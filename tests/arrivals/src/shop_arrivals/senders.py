"""Two real clients, librdkafka and Java's, that put records into a topic with any codec and in any transaction.

Both are told in the same words: `send` what is drawn, `end` the group, later `release` what was left open.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from shop_arrivals.draws import Client, Codec, State
from shop_arrivals.records import Foreign
from shopctl.kafka_home import java

ACK_SECONDS = 30.0
LARGEST = 200_000_000
SOURCE = Path(__file__).resolve().parents[2] / "java" / "Sender.java"


@dataclass
class Acks:
    """The places of acked records by number (partition, offset), and why the broker or client took others not."""

    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)

    def receipt(self, record: Foreign) -> str | None:
        place = self.places.get(record.number)
        return None if place is None else f"{record.draw.domain.topic}-{place[0]}-{place[1]}"


class Sender(Protocol):
    """One client."""

    def send(self, record: Foreign) -> None:
        """Hand it over, by its draw's codec, state and partition."""

    def end(self) -> None:
        """Return when all is acked; transactions end as drawn, those that are open stay so."""

    def release(self) -> None:
        """Abort what was left open."""

    def close(self) -> None:
        """End the client."""


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


class Java:
    """kafka-clients in a process of its own, started once: tests/arrivals/java/Sender.java."""

    def __init__(self, bootstrap: str, run: str, acks: Acks, libs: Path, log: Path) -> None:
        self._acks = acks
        self._log = log.open("wb")
        command = [java(), "-Xmx512m", "-Dlog4j2.level=OFF", "-cp", f"{libs}/*", str(SOURCE), bootstrap, run]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8"
        )

    def send(self, record: Foreign) -> None:
        draw = record.draw
        headers = ",".join(f"{packed(name.encode())}:{packed(value)}" for name, value in record.headers)
        place = (draw.domain.topic, str(draw.partition), str(record.timestamp or "-"))
        self._tell(
            "send",
            str(record.number),
            draw.codec,
            draw.state,
            *place,
            packed(record.key),
            packed(record.value),
            headers,
        )

    def end(self) -> None:
        self._tell("end")
        self._hear("ended")

    def release(self) -> None:
        self._tell("release")
        self._hear("released")

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        self._process.stdout.close()
        self._log.close()
        assert code == 0, f"Sender.java ended with {code}; see {self._log.name}"

    def _tell(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(words) + "\n")
        self._process.stdin.flush()

    def _hear(self, last: str) -> None:
        """Note what is acked, up to the word `last`."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, *rest = line.rstrip("\n").split("\t")
            if word == last:
                return
            if word == "acked":
                self._acks.places[int(rest[0])] = (int(rest[1]), int(rest[2]))
            else:
                self._acks.refused[int(rest[0])] = rest[1]
        raise AssertionError(f"Sender.java ended; see {self._log.name}")


@dataclass
class Senders:
    """Both clients, and what became of all that they sent."""

    acks: Acks
    clients: dict[Client, Sender]

    @classmethod
    def of(cls, bootstrap: str, run: str, libs: Path, log: Path) -> Senders:
        acks = Acks()
        rdkafka = Librdkafka(bootstrap, run, acks)
        return cls(acks, {Client.LIBRDKAFKA: rdkafka, Client.JAVA: Java(bootstrap, run, acks, libs, log)})

    def send(self, records: Iterable[Foreign]) -> None:
        """Send a group: when it returns, all is acked or refused, and open transactions stand open."""
        for record in records:
            self.clients[record.draw.client].send(record)
        for client in self.clients.values():
            client.end()

    def send_one(self, record: Foreign) -> str:
        """The receipt of one record."""
        self.send([record])
        receipt = self.acks.receipt(record)
        assert receipt is not None, self.acks.refused.get(record.number)
        return receipt

    def release(self) -> None:
        for client in self.clients.values():
            client.release()

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


def packed(value: bytes | None) -> str:
    return "-" if value is None else base64.b64encode(value).decode()


def receipts_of(acks: Acks, records: Sequence[Foreign]) -> dict[str, Foreign]:
    """The acked records by receipt."""
    return {receipt: record for record in records if (receipt := acks.receipt(record)) is not None}
