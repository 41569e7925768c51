"""The records of one publish on their way: what is in flight on which client, and what became of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from shop_core.errors import RecordRefused, ShopError, Unavailable
from shop_core.events.envelope import Record
from shop_core.kafka.producer_port import MISSING_AFTER_SECONDS, Client, NoAck, NotYetKnown, Unwritten, check_record

STALLED_AFTER = 0.5
AGAIN_AFTER_SECONDS = 0.1
Aside = Callable[[], AbstractContextManager[object]]
Outcome = str | ShopError  # a receipt, or why there is none


@dataclass
class Link:
    """One Kafka client and what is in flight on it; late acks of a link that was given up change nothing."""

    client: Client
    connect: Callable[[], Client]
    in_flight: int = 0
    progress: float = field(default_factory=time.monotonic)
    acked: float = float("-inf")
    _lone: Client | None = None
    _lone_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stalled(self) -> bool:
        return self.in_flight > 0 and time.monotonic() - self.progress > STALLED_AFTER

    def open(self, count: int) -> None:
        """`count` records are on their way; needs the publisher's lock, as `settle` does."""
        if self.in_flight == 0:
            self.progress = time.monotonic()
        self.in_flight += count

    def settle(self, acked: bool) -> None:
        self.in_flight -= 1
        self.progress = time.monotonic()
        if acked:
            self.acked = self.progress

    @contextmanager
    def lone(self, timeout: float) -> Iterator[Client]:
        """A second client, of one caller at a time: whoever sends record by record has each in a batch of its own."""
        if not self._lone_lock.acquire(timeout=max(0.0, timeout)):
            raise Unavailable("others are still sending what was refused in company")
        try:
            self._lone = self._lone or self.connect()
            yield self._lone
        finally:
            self._lone_lock.release()

    def abandon(self) -> None:
        for client in (self.client, self._lone):
            if client is not None:
                client.abandon()

    def close(self, timeout: float) -> None:
        for client in (self.client, self._lone):
            if client is not None:
                client.close(timeout)


class Batch:
    """Hands records to a client and gathers what its threads tell of each. `lock` is the publisher's, which is told
    when nothing is in flight any more; the records count as in flight from the start."""

    def __init__(self, lock: threading.Condition, link: Link, records: Sequence[Record]) -> None:
        self.started = time.monotonic()
        self._lock = lock
        self._link = link
        self._records = records
        self._outcomes: list[Outcome | None] = [None] * len(records)
        self._in_flight = set(range(len(records)))
        self._handed_over: set[int] = set()
        self._done = threading.Event()

    def deliver(self, timeout: float, aside: Aside = nullcontext) -> list[Outcome]:
        """What became of each record within `timeout` seconds; nothing that concerns one of them is raised. Once the
        broker stalls, the rest of the wait is `aside`."""
        deadline = self.started + timeout
        for index in range(len(self._records)):
            self._send(index, self._link.client)
        self._wait(min(deadline, self.started + STALLED_AFTER))
        if not self._done.is_set():
            with aside():
                self._wait(deadline)
        if self._left(Unwritten):
            self._send_to_new_topics(deadline)
            self._send_alone(deadline)
        return [self._last_word(index) for index in range(len(self._records))]

    def release(self) -> None:
        """Forget what was never handed over, where the caller was interrupted."""
        for index in self._in_flight - self._handed_over:
            self._settle(index, Unavailable("the sender was interrupted"))

    def _wait(self, deadline: float) -> None:
        self._done.wait(max(0.0, deadline - time.monotonic()))

    def _send(self, index: int, client: Client) -> None:
        record = self._records[index]
        outcome: Outcome | None = None
        try:
            check_record(record)
            client.send(record, partial(self._settle, index), partial(self._settle, index))
            self._handed_over.add(index)
        except ShopError as error:
            outcome = error
        except Exception as error:  # whatever the client can't take is this record's fault, and no other's
            outcome = RecordRefused(str(record.topic), f"{type(error).__name__}: {error}")
        if outcome is not None:
            self._settle(index, outcome)

    def _settle(self, index: int, outcome: Outcome) -> None:
        with self._lock:
            if index not in self._in_flight:
                return
            self._in_flight.discard(index)
            self._outcomes[index] = outcome
            self._link.settle(isinstance(outcome, str))
            if self._link.in_flight == 0:
                self._lock.notify_all()
            if not self._in_flight:
                self._done.set()

    def _send_to_new_topics(self, deadline: float) -> None:
        """A leader may hear of a topic a moment after it was made: again, as long as that may be."""
        enough = time.monotonic() + MISSING_AFTER_SECONDS
        while (again := self._left(NotYetKnown)) and time.monotonic() < min(enough, deadline):
            time.sleep(AGAIN_AFTER_SECONDS)  # nothing tells when the leader knows
            self._reopen(again)
            for index in again:
                self._send(index, self._link.client)
            self._wait(deadline)
        self._judge(self._left(NotYetKnown))

    def _send_alone(self, deadline: float) -> None:
        """What was refused in a batch with others is sent again one by one, and judged by itself."""
        if not (again := self._left(Unwritten)):
            return
        try:
            with self._link.lone(deadline - time.monotonic()) as client:
                for index in again:
                    if time.monotonic() >= deadline:
                        raise Unavailable("there was no time to send it in a batch of its own")
                    self._reopen([index])
                    self._send(index, client)
                    self._wait(deadline)
                    self._judge([index])
        except Unavailable as error:
            for index in self._left(Unwritten):
                self._outcomes[index] = error

    def _judge(self, indexes: Sequence[int]) -> None:
        for index in indexes:
            if isinstance(outcome := self._outcomes[index], Unwritten):
                self._outcomes[index] = outcome.verdict

    def _left(self, kind: type[Unwritten]) -> list[int]:
        return [index for index, outcome in enumerate(self._outcomes) if isinstance(outcome, kind)]

    def _reopen(self, indexes: Sequence[int]) -> None:
        with self._lock:
            self._done.clear()
            self._in_flight.update(indexes)
            self._handed_over.difference_update(indexes)
            self._link.open(len(indexes))
            for index in indexes:
                self._outcomes[index] = None

    def _last_word(self, index: int) -> Outcome:
        """What is told of a record; what comes later changes nothing."""
        return self._outcomes[index] or NoAck("no ack in time")
