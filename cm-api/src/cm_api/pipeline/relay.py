"""From a collection to Kafka, beside the intake: what a transaction recorded is sent afterwards, at least once.

In a thread of its own: whatever Kafka says to one of these records, or does not say, no event waits for it. A record
that can't be sent waits alone, longer each time, while those behind it go out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shop_core.errors import RecordTooLarge, ShopError, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.publisher import KafkaPublisher
from shop_core.mongo.client import Document

log = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0
LONGEST_PAUSE = 300.0


class Waiting(Protocol):
    """The collection of what is still to be sent."""

    def pending(self, topic: str, partitions: Iterable[int], but: Sequence[str] = ()) -> list[Document]:
        """The next documents that `partitions` of `topic` gave rise to, but those in `but`; none when all is sent."""

    def sent(self, ids: Sequence[str]) -> None:
        """They are in Kafka."""


@dataclass(frozen=True)
class Route:
    """What is sent: `to_records` makes of a document the records to try in turn, `event` names a failure in the log,
    `told` hears how many went out and `waits` how many could not."""

    topic: str
    event: str
    to_records: Callable[[Document], Iterator[Record]]
    told: Callable[[int], object] = lambda count: None
    waits: Callable[[int], object] = lambda count: None


@dataclass
class _Held:
    """A document that could not be sent: how often, and when it is tried again."""

    failures: int = 0
    again: float = 0.0

    def failed(self) -> None:
        self.again = time.monotonic() + min(SWEEP_SECONDS * 2**self.failures, LONGEST_PAUSE)
        self.failures += 1


class Relay:
    """Sends what waits; the publisher is made when the first document is there."""

    def __init__(self, route: Route, waiting: Waiting, connect: Callable[[], KafkaPublisher]) -> None:
        self._route = route
        self._waiting = waiting
        self._connect = connect
        self._publisher: KafkaPublisher | None = None
        self._partitions: tuple[int, ...] = ()
        self._held: dict[str, _Held] = {}
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=route.event, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def soon(self) -> None:
        """There is something to send: don't wait for the next sweep."""
        self._wake.set()

    def own(self, partitions: Iterable[int]) -> None:
        """Send for these partitions from now on: another consumer sends for the others."""
        self._partitions = tuple(sorted(partitions))

    def close(self) -> None:
        """End after the record in hand."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)
        if self._publisher is not None:
            self._publisher.close()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(SWEEP_SECONDS)
            self._wake.clear()
            try:
                self.deliver()
            except ShopError as error:  # Kafka or the database is away: all of it waits for the next sweep
                log.warning("sweep_failed", extra={"sweep": self._route.event, "error": str(error)})
            except Exception:  # a fault of ours must not end the thread
                log.exception("sweep_failed", extra={"sweep": self._route.event})

    def deliver(self) -> None:
        """One sweep: send all that is pending and due; `Unavailable` leaves it pending when Kafka is away."""
        pending: Sequence[Document] = ()
        try:
            while not self._closing and self._partitions:
                now = time.monotonic()
                waiting = [id for id, held in self._held.items() if held.again > now]
                pending = self._waiting.pending(self._route.topic, self._partitions, waiting)
                if not pending or self._send(pending) == len(pending):
                    pending = ()
                    break  # where none of them could be sent, the topic is at fault rather than they
        finally:
            self._route.waits(len(self._held.keys() | {document["_id"] for document in pending}))

    def _send(self, documents: Sequence[Document]) -> int:
        """How many could not be sent. `Unavailable` where Kafka does not answer, for those that it did not answer."""
        tries = {document["_id"]: self._route.to_records(document) for document in documents}
        first = {id: record for id, each in tries.items() if (record := self._next(id, each)) is not None}
        outcomes = self._ready().publish_each(list(first.values()))
        sent, away = [], None
        for id, outcome in zip(first, outcomes, strict=True):
            while isinstance(outcome, RecordTooLarge) and (smaller := self._next(id, tries[id])) is not None:
                [outcome] = self._ready().publish_each([smaller])
            if isinstance(outcome, str):
                sent.append(id)
            elif isinstance(outcome, Unavailable):
                away = outcome
            else:
                self._hold(id, outcome)
        self._waiting.sent(sent)
        for id in sent:
            self._held.pop(id, None)
        self._route.told(len(sent))
        if away is not None:
            raise away
        return len(documents) - len(sent)

    def _next(self, id: str, tries: Iterator[Record]) -> Record | None:
        """The next record to try; None, and the document held, where it can't be made one."""
        try:
            return next(tries, None)
        # Whatever a document holds: it waits alone.
        except Exception as error:
            self._hold(id, error)
            return None

    def _hold(self, id: str, fault: Exception) -> None:
        """Try this one again later, and say so."""
        held = self._held.setdefault(id, _Held())
        held.failed()
        extra = {"receipt": id, "error": f"{type(fault).__name__}: {fault}"[:300], "failures": held.failures}
        log.error(self._route.event, extra=extra)

    def _ready(self) -> KafkaPublisher:
        if self._publisher is None:
            self._publisher = self._connect()
            self._publisher.connected(5.0)
        return self._publisher
