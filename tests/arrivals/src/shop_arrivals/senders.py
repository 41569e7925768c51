"""Two real clients, librdkafka and Java's, told in the same words.

`send` what is drawn, `end` the group, later `release` what was left open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shop_arrivals.acks import Acks
from shop_arrivals.draws import Client
from shop_arrivals.java_client import Java
from shop_arrivals.rdkafka import Librdkafka
from shop_arrivals.records import Foreign


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
